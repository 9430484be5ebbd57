use super::*;
use crate::search::Scores;

/// The chunk `ordinal` of a document, in the section that its letter names.
fn chunk(document: &str, ordinal: u32, section: char) -> Hit {
    Hit {
        slot: ordinal,
        knowledge_base: "kb".parse().unwrap(),
        document: document.parse().unwrap(),
        source: document.to_owned(),
        name: document.to_owned(),
        title: None,
        generation: 1,
        ordinal,
        pages: None,
        place: groundwork_core::place::Place::default(),
        heading_path: vec![section.to_string()],
        span: 0..1,
        text: String::new(),
        scores: Scores::default(),
    }
}

fn document(name: &str, sections: &str) -> Vec<Hit> {
    sections.chars().zip(0..).map(|(section, ordinal)| chunk(name, ordinal, section)).collect()
}

fn around(wanted: Surroundings, hits: &[&Hit], found: &[Hit]) -> Vec<(Vec<u32>, Vec<u32>)> {
    let hits: Vec<Hit> = hits.iter().map(|&hit| hit.clone()).collect();
    let ordinals = |hits: &[Hit]| hits.iter().map(|hit| hit.ordinal).collect::<Vec<_>>();
    wanted.of(&hits, found).iter().map(|around| (ordinals(&around.neighbors), ordinals(&around.rest))).collect()
}

#[test]
fn neighbors_are_of_the_same_section_the_nearest_first_and_come_once() {
    let one = Surroundings { neighbors: 1, section: false };
    let found = document("a", "xxxxyy");
    assert_eq!(around(one, &[&found[1]], &found), [(vec![0, 2], vec![])]);
    assert_eq!(around(one, &[&found[3]], &found), [(vec![2], vec![])]);
    // What the better hit has taken, or is a hit, does not come again.
    assert_eq!(around(one, &[&found[1], &found[2], &found[4]], &found), [(vec![0], vec![]), (vec![3], vec![]), (vec![5], vec![])]);
    let two = Surroundings { neighbors: 2, section: false };
    assert_eq!(around(two, &[&found[2]], &found), [(vec![1, 3, 0], vec![])]);
}

#[test]
fn a_section_comes_whole_or_not_at_all() {
    let section = Surroundings { neighbors: 0, section: true };
    let found = document("a", "wxxxxyx");
    assert_eq!(around(section, &[&found[2]], &found), [(vec![], vec![1, 3, 4])]);
    // The section of the same name beyond another one is another one.
    assert_eq!(around(section, &[&found[6]], &found), [] as [(Vec<u32>, Vec<u32>); 0]);
    let long = document("a", &"x".repeat(40));
    let seen = &long[..20];
    assert_eq!(around(section, &[&long[2]], seen), [] as [(Vec<u32>, Vec<u32>); 0]);
    let both = Surroundings { neighbors: 1, section: true };
    assert_eq!(around(both, &[&long[2]], seen), [(vec![1, 3], vec![])]);
    assert_eq!(around(both, &[&found[2]], &found), [(vec![1, 3], vec![4])]);
}

#[test]
fn another_version_and_another_document_are_no_surroundings() {
    let wanted = Surroundings { neighbors: 2, section: true };
    let hit = chunk("a", 1, 'x');
    let older: Vec<Hit> = document("a", "xxx").into_iter().map(|hit| Hit { generation: 0, ..hit }).collect();
    let found = [older, document("b", "xxx")].concat();
    assert_eq!(around(wanted, &[&hit], &found), [] as [(Vec<u32>, Vec<u32>); 0]);
}

#[test]
fn one_chunk_more_than_is_wanted_is_looked_at() {
    let ordinals = |neighbors, section, at| Surroundings { neighbors, section }.stretch(&chunk("a", at, 'x')).ordinals;
    assert_eq!(ordinals(1, false, 5), 3..8);
    assert_eq!(ordinals(1, false, 0), 0..3);
    assert_eq!(ordinals(1, true, 20), 3..38);
    assert_eq!(ordinals(0, false, u32::MAX).end, u32::MAX);
}
