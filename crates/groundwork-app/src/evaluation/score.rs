//! What one answer is worth against its label.

use super::dataset::{Place, Question};
use crate::pipeline::Citation;
use groundwork_core::extractive::MARK;
use std::collections::{BTreeMap, BTreeSet};

/// How many hits and citations a reader looks at.
pub(super) const FIRST: usize = 3;

/// Whether `name`, a file or a path, is one of the labelled documents.
pub(super) fn is_document(question: &Question, name: &str) -> bool {
    question.places.iter().any(|place| is_file(place, name))
}

fn is_file(place: &Place, name: &str) -> bool {
    let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_lowercase();
    file(&place.document) == file(name)
}

/// Whether one of the first sources that the answer cites is a labelled page or section; with `next`, or the page after.
pub(super) fn is_place_cited(question: &Question, citations: &[Citation], next: bool) -> bool {
    let cited = |citation: &Citation| question.places.iter().any(|place| is_file(place, &citation.name) && is_place(place, citation, next));
    first_sources(citations).into_iter().any(cited)
}

/// The first places that the answer names, each once, as its readers see them.
pub(super) fn first_sources(citations: &[Citation]) -> Vec<&Citation> {
    let mut seen = BTreeSet::new();
    citations.iter().filter(|citation| seen.insert((citation.id, citation.pages, citation.section.last()))).take(FIRST).collect()
}

/// A citation of several pages names none of them; of the headings above a quote the last one is its section.
fn is_place(place: &Place, citation: &Citation, next: bool) -> bool {
    match (place.page, &place.section) {
        (Some(page), _) => citation.pages.is_some_and(|(first, last)| first == last && (first == page || (next && first == page + 1))),
        (None, Some(section)) => citation.section.last().is_some_and(|heading| words(heading) == words(section)),
        (None, None) => true,
    }
}

/// Whether one of the labelled answers stands in the text, apart from case, spacing and punctuation at word ends.
pub(super) fn is_contained(question: &Question, text: &str) -> bool {
    let text = words(text);
    question.answers.iter().map(|answer| words(answer)).any(|answer| !answer.is_empty() && text.windows(answer.len()).any(|w| w == answer))
}

/// Harmonic mean of precision and recall of words, against the labelled answer that fits best.
pub(super) fn token_f1(question: &Question, text: &str) -> f64 {
    let found = words(text);
    question.answers.iter().map(|answer| f1(&found, &words(answer))).fold(0.0, f64::max)
}

/// The words that stand in bold: those of a quote that answer, where somebody marked them.
pub(super) fn marked(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(MARK)?;
    rest.split_once(MARK).map(|(marked, _)| marked)
}

fn f1(found: &[String], expected: &[String]) -> f64 {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for word in expected {
        *left.entry(word).or_default() += 1;
    }
    let mut shared = 0;
    for word in found {
        if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    if shared == 0 { 0.0 } else { 2.0 * f64::from(shared) / (found.len() + expected.len()) as f64 }
}

/// Lower-case words without the punctuation around them; citation marks are no words.
fn words(text: &str) -> Vec<String> {
    let is_mark = |word: &str| word.starts_with('[') && word.trim_end_matches(['.', ',', ';']).ends_with(']');
    text.split_whitespace()
        .filter(|word| !is_mark(word))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(page: Option<u32>, section: Option<&str>, answers: &[&str]) -> Question {
        let place = |document: &str, page| Place { document: document.to_owned(), page, section: section.map(str::to_owned) };
        Question {
            id: "q".to_owned(),
            text: "?".to_owned(),
            places: vec![place("hr/leave.pdf", page)],
            answers: answers.iter().map(|&answer| answer.to_owned()).collect(),
            answerable: true,
            kind: String::new(),
        }
    }

    fn citation(id: u32, name: &str, pages: Option<(u32, u32)>, section: &[&str]) -> Citation {
        Citation {
            id,
            document: "doc_1".into(),
            name: name.into(),
            version: 1,
            pages,
            unit: "page".into(),
            sheet: None,
            section: section.iter().map(|&heading| heading.to_owned()).collect(),
            span: (0, 1),
            text: String::new(),
            supported: None,
            reason: None,
            confidence: None,
        }
    }

    #[test]
    fn only_the_right_page_of_the_right_document_is_a_hit() {
        let question = question(Some(4), None, &["x"]);
        for (cited, right, or_next) in [
            (vec![citation(1, "leave.pdf", Some((4, 4)), &[])], true, true),
            (vec![citation(1, "leave.pdf", Some((5, 5)), &[])], false, true),
            (vec![citation(1, "leave.pdf", Some((3, 5)), &[])], false, false),
            (vec![citation(1, "leave.pdf", Some((4, 5)), &[])], false, false),
            (vec![citation(1, "leave.pdf", Some((3, 3)), &[])], false, false),
            (vec![citation(1, "leave.pdf", None, &[])], false, false),
            (vec![citation(1, "other.pdf", Some((4, 4)), &[])], false, false),
            (vec![], false, false),
        ] {
            assert_eq!(is_place_cited(&question, &cited, false), right, "{cited:?}");
            assert_eq!(is_place_cited(&question, &cited, true), or_next, "{cited:?}");
        }
    }

    #[test]
    fn the_section_of_a_citation_is_the_last_heading_above_it() {
        let question = question(None, Some("Leave"), &["x"]);
        assert!(!is_place_cited(&question, &[citation(1, "leave.pdf", None, &["Leave", "Birth of a child"])], false));
        assert!(is_place_cited(&question, &[citation(1, "leave.pdf", None, &["Handbook", "Leave"])], false));
    }

    #[test]
    fn any_of_several_labelled_places_will_do() {
        let mut question = question(Some(4), None, &["x"]);
        question.places.push(Place { document: "pay.pdf".to_owned(), page: Some(9), section: None });
        assert!(is_place_cited(&question, &[citation(1, "pay.pdf", Some((9, 9)), &[])], false));
        assert!(!is_place_cited(&question, &[citation(1, "leave.pdf", Some((9, 9)), &[])], false));
        assert!(is_document(&question, "files/pay.pdf"));
    }

    #[test]
    fn only_the_first_three_places_count_and_a_repeated_one_counts_once() {
        let question = question(None, Some("Birth of a child"), &["x"]);
        let wrong = |id| citation(id, "leave.pdf", None, &["Other"]);
        let right = citation(9, "leave.pdf", None, &["Leave", "Birth of a child:"]);
        assert!(is_place_cited(&question, &[wrong(1), wrong(1), wrong(2), wrong(1), right.clone()], false));
        assert!(!is_place_cited(&question, &[wrong(1), wrong(2), wrong(3), right], false));
    }

    #[test]
    fn an_answer_is_contained_whole_or_not_at_all() {
        let question = question(None, None, &["1,800 euros", "1800 EUR"]);
        for (text, expected) in [
            ("It is 1,800 Euros. [1]", true),
            ("(1800 eur)", true),
            ("It is 11,800 euros", false),
            ("1,800 [1] euros", true),
            ("euros 1,800", false),
            ("", false),
        ] {
            assert_eq!(is_contained(&question, text), expected, "{text}");
        }
    }

    #[test]
    fn words_that_are_repeated_count_as_often_as_they_are_expected() {
        let question = question(None, None, &["two weeks"]);
        assert!((token_f1(&question, "two weeks") - 1.0).abs() < 1e-9);
        assert!((token_f1(&question, "weeks weeks") - 0.5).abs() < 1e-9);
        assert!(token_f1(&question, "nothing").abs() < 1e-9);
        assert_eq!(marked("It takes **two weeks** at most. [1]"), Some("two weeks"));
        assert_eq!(marked("2 ** 3 is eight"), None);
    }
}
