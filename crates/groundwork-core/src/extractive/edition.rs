//! Editions: which source is an older state of another, or says of itself that it no longer holds.

use crate::prompt::{Passage, Source};

/// What a document says of itself when another has taken its place. None of them is said by the one that took it.
const RETIRED: &[&str] = &[
    "superseded by",
    "has been superseded",
    "is superseded",
    "no longer valid",
    "no longer in force",
    "not valid any more",
    "withdrawn on",
    "status: withdrawn",
    "has been withdrawn",
    "has been replaced by",
    "is obsolete",
    "status: obsolete",
    "status: superseded",
    "status: retired",
    "expired on",
    "kept for reference only",
    "nicht mehr gültig",
    "ersetzt durch",
];

/// Such words stand at a document's front; further on they speak of something else. In characters.
const FRONT: usize = 600;

/// For each source whether it is retired: a source of its document says so, or a source beside it is a later edition of the same.
pub(super) fn retired(sources: &[Source]) -> Vec<bool> {
    let says_so = |source: &Source| {
        let front: String = source.passage.text.chars().take(FRONT.saturating_sub(source.passage.span.start)).collect();
        let front = front.to_lowercase();
        RETIRED.iter().any(|phrase| front.contains(phrase))
    };
    let marked: Vec<bool> = sources.iter().map(says_so).collect();
    let same_document = |a: &Source, b: &Source| (&a.passage.document, a.passage.version) == (&b.passage.document, b.passage.version);
    let is_retired = |source: &Source| {
        let marked = sources.iter().zip(&marked).any(|(other, marked)| *marked && same_document(source, other));
        marked || sources.iter().any(|other| is_later(&other.passage, &source.passage))
    };
    sources.iter().map(is_retired).collect()
}

/// Whether the titles are the same but for a year or a version, and `one` has the later.
fn is_later(one: &Passage, other: &Passage) -> bool {
    let (Some(one), Some(other)) = (edition(one), edition(other)) else { return false };
    one.0 == other.0 && one.1 > other.1
}

/// The title without its year or version, and these.
fn edition(passage: &Passage) -> Option<(String, Vec<u32>)> {
    let stem = passage.name.rsplit_once('.').map_or(passage.name.as_str(), |(stem, _)| stem);
    let title = passage.title.as_deref().unwrap_or(stem).to_lowercase();
    let mut name = String::new();
    let mut numbers = Vec::new();
    let mut follows_version = false;
    for word in title.split(|c: char| !c.is_alphanumeric() && c != '.').filter(|word| !word.is_empty()) {
        let year = word.len() == 4 && matches!(word.parse(), Ok(1990..=2100u32));
        let version =
            word.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).or(follows_version.then_some(word));
        match version.or(year.then_some(word)).map(|digits| digits.split('.').map(str::parse::<u32>).collect::<Result<Vec<_>, _>>()) {
            Some(Ok(found)) => numbers.extend(found),
            _ => {
                name.push_str(word);
                name.push(' ');
            }
        }
        follows_version = matches!(word, "version" | "edition" | "revision" | "rev" | "release");
    }
    (!numbers.is_empty()).then_some((name, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;

    fn source(document: &str, title: &str, text: &str) -> Source {
        let passage = Passage {
            document: document.parse().unwrap(),
            name: format!("{document}.pdf"),
            title: Some(title.to_owned()),
            version: 1,
            pages: None,
            place: Place::default(),
            heading_path: Vec::new(),
            span: 0..text.chars().count(),
            text: text.to_owned(),
            score: 1.0,
        };
        Source { id: 1, tokens: 0, passage }
    }

    #[test]
    fn a_document_is_retired_when_any_part_of_it_says_so() {
        let sources = [
            source("a", "Leave rules", "Staff have 26 days."),
            source("a", "Leave rules", "Superseded by the new rules."),
            source("b", "New leave rules", "Staff have 28 days. It replaces the old rules."),
        ];
        assert_eq!(retired(&sources), [true, true, false]);
    }

    #[test]
    fn of_two_editions_the_older_is_retired_and_two_products_are_no_editions() {
        let sources = |titles: &[&str]| titles.iter().zip(["a", "b"]).map(|(title, id)| source(id, title, "")).collect::<Vec<_>>();
        assert_eq!(retired(&sources(&["Leave Policy 2026", "Leave Policy 2024"])), [false, true]);
        assert_eq!(retired(&sources(&["Procedure CP-12, Version 2", "Procedure CP-12, Version 3"])), [true, false]);
        assert_eq!(retired(&sources(&["Guide v1.9", "Guide v1.10"])), [true, false]);
        assert_eq!(retired(&sources(&["TW-200 Datasheet", "TW-210 Datasheet"])), [false, false]);
        assert_eq!(retired(&sources(&["Price List 2026", "Annual Report 2025"])), [false, false]);
    }
}
