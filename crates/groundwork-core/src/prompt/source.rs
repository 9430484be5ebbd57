//! Sources: what the search found, neighbors joined again, numbered for citation.

use crate::ids::DocumentId;
use crate::place::{Place, Turn};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A chunk that the search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    pub document: DocumentId,
    /// The document's name as its people know it, such as `handbook.pdf`.
    pub name: String,
    pub title: Option<String>,
    pub version: u32,
    /// First and last page, counted from 1, where the format has pages.
    pub pages: Option<(u32, u32)>,
    pub place: Place,
    /// Outermost first.
    pub heading_path: Vec<String>,
    /// Characters of the document version's text.
    pub span: Range<usize>,
    /// For display and prompt: the document's own words at `span`. A later part of a table begins with the table's header, on lines of
    /// its own before them.
    pub text: String,
    pub score: f32,
}

impl Passage {
    /// Bytes of `text` before the words at `span`: those of a table's header, its line end included.
    pub fn lead(&self) -> usize {
        let chars = self.text.chars().count().saturating_sub(self.span.len());
        self.text.char_indices().nth(chars).map_or(self.text.len(), |(at, _)| at)
    }

    /// The header that stands before the words at `span`, and those words; `None` when `text` is neither.
    fn parts(&self) -> Option<(&str, &str)> {
        let (header, body) = self.text.split_at(self.lead());
        let whole = body.chars().count() == self.span.len() && (header.is_empty() || header.ends_with('\n'));
        whole.then_some((header, body))
    }
}

/// A source as it stands in the prompt: one passage, or neighbors joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The integer that citations name, from 1 in the order of the prompt.
    pub id: u32,
    pub passage: Passage,
    /// Tokens of `passage.text`.
    pub tokens: usize,
}

impl Source {
    /// First and last page of the characters `span` of the document's text, as closely as is known.
    pub fn pages_of(&self, span: &Range<usize>) -> Option<(u32, u32)> {
        self.passage.place.pages(self.passage.pages, span)
    }

    /// What a new template is tried on.
    pub(super) fn example() -> Self {
        let text = "The example's text.".to_owned();
        let document = DocumentId::example();
        Self {
            id: 1,
            tokens: 5,
            passage: Passage {
                document,
                name: "example.pdf".to_owned(),
                title: Some("An example".to_owned()),
                version: 1,
                pages: Some((3, 4)),
                place: Place::default(),
                heading_path: vec!["Part".to_owned(), "Chapter".to_owned()],
                span: 0..text.len(),
                text,
                score: 1.0,
            },
        }
    }
}

/// Joins passages of one section of one document version that overlap or stand side by side. A joined passage takes the place of the
/// best of its parts.
pub(super) fn join_neighbors(passages: &[Passage]) -> Vec<Passage> {
    let mut joined: Vec<Passage> = Vec::new();
    for passage in passages {
        let mut whole = passage.clone();
        let mut place = joined.len();
        // A passage may close the gap between two that stood apart.
        while let Some((at, grown)) = joined.iter().enumerate().find_map(|(at, other)| Some((at, join(other, &whole)?))) {
            joined.remove(at);
            place = place.min(at);
            whole = grown;
        }
        joined.insert(place, whole);
    }
    joined
}

/// The two as one, when nothing but white space lies between them. The header of a table stays where it is first, and is not repeated.
fn join(one: &Passage, other: &Passage) -> Option<Passage> {
    let same = |a: &Passage, b: &Passage| (&a.document, a.version, &a.heading_path) == (&b.document, b.version, &b.heading_path);
    if !same(one, other) {
        return None;
    }
    let (first, second) = if one.span.start <= other.span.start { (one, other) } else { (other, one) };
    first.parts()?;
    let (header, body) = second.parts()?;
    // The header ends with a line feed, which the first part lacks where it is nothing but the header.
    if !header.is_empty() && !format!("{}\n", first.text).contains(header) {
        return None;
    }
    let text = if second.span.end <= first.span.end {
        first.text.clone()
    } else if second.span.start <= first.span.end {
        let overlap = first.span.end - second.span.start;
        let rest: String = body.chars().skip(overlap).collect();
        format!("{}{rest}", first.text)
    } else {
        format!("{}{}{}", first.text, between(first, second)?, body)
    };
    Some(Passage {
        span: first.span.start..first.span.end.max(second.span.end),
        pages: match (first.pages, second.pages) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (pages, None) | (None, pages) => pages,
        },
        place: first.place.joined(&second.place, turn(first, second)),
        score: first.score.max(second.score),
        text,
        ..first.clone()
    })
}

/// Where `second` begins on another page than `first` ends on.
fn turn(first: &Passage, second: &Passage) -> Option<Turn> {
    let ((_, last), (page, _)) = (first.pages?, second.pages?);
    (page > last).then_some(Turn { at: second.span.start, page })
}

/// The white space that a cut between two chunks swallowed: blocks stand a blank line apart, rows a line, sentences a space.
fn between(first: &Passage, second: &Passage) -> Option<&'static str> {
    let is_row = |line: Option<&str>| line.is_some_and(|line| line.contains(" | "));
    match second.span.start - first.span.end {
        1 if is_row(first.text.lines().last()) || is_row(second.text.lines().next()) => Some("\n"),
        1 => Some(" "),
        2 => Some("\n\n"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "Staff have 27 days. One more after five years.\n\nÜber | 10\nUnter | 20";

    fn passage(span: Range<usize>) -> Passage {
        let text = TEXT.chars().skip(span.start).take(span.len()).collect();
        Passage {
            heading_path: Vec::new(),
            pages: Some((span.start as u32, span.end as u32)),
            score: 0.0,
            span,
            text,
            ..Source::example().passage
        }
    }

    fn joined(spans: &[Range<usize>]) -> Vec<String> {
        join_neighbors(&spans.iter().cloned().map(passage).collect::<Vec<_>>()).into_iter().map(|passage| passage.text).collect()
    }

    #[test]
    fn neighbors_become_one_and_strangers_do_not() {
        assert_eq!(joined(&[20..46, 0..19]), ["Staff have 27 days. One more after five years."]);
        assert_eq!(joined(&[48..57, 0..46]), ["Staff have 27 days. One more after five years.\n\nÜber | 10"]);
        assert_eq!(joined(&[58..68, 48..57]), ["Über | 10\nUnter | 20"]);
        assert_eq!(joined(&[0..5, 11..19]), ["Staff", "27 days."]);
        let other_version = Passage { version: 2, ..passage(6..19) };
        assert_eq!(join_neighbors(&[passage(0..8), other_version]).len(), 2);
        let other_section = Passage { heading_path: vec!["Leave".to_owned()], ..passage(6..19) };
        assert_eq!(join_neighbors(&[passage(0..8), other_section]).len(), 2);
    }

    #[test]
    fn a_passage_that_closes_a_gap_joins_all_three_in_the_best_place() {
        assert_eq!(joined(&[0..5, 30..46, 58..68, 3..31]), ["Staff have 27 days. One more after five years.", "Unter | 20"]);
        let joined = join_neighbors(&[passage(0..10), passage(5..19)]);
        assert_eq!((joined[0].span.clone(), joined[0].pages), (0..19, Some((0, 19))));
    }

    #[test]
    fn parts_of_a_table_share_the_header_that_the_first_of_them_has() {
        let with_header = |header: &str, span: Range<usize>| {
            let part = passage(span);
            Passage { text: format!("{header}{}", part.text), ..part }
        };
        let (first, last) = (48..57, 58..68);
        let texts = |passages: &[Passage]| join_neighbors(passages).into_iter().map(|whole| (whole.text, whole.span)).collect::<Vec<_>>();
        // Both were cut off the table's beginning.
        let parts = [with_header("Where | How\n", last.clone()), with_header("Where | How\n", first.clone())];
        assert_eq!(texts(&parts), [("Where | How\nÜber | 10\nUnter | 20".to_owned(), 48..68)]);
        assert_eq!(join_neighbors(&parts)[0].lead(), "Where | How\n".len());
        // The table's beginning stands before its later part.
        assert_eq!(
            texts(&[passage(first.clone()), with_header("Über | 10\n", last.clone())]),
            [("Über | 10\nUnter | 20".to_owned(), 48..68)]
        );
        // Parts of two tables.
        assert_eq!(texts(&[with_header("A | B\n", first), with_header("C | D\n", last)]).len(), 2);
        assert_eq!(passage(0..5).lead(), 0);
    }

    proptest! {
        #[test]
        fn a_joined_text_stands_in_the_document_at_its_span(cuts in prop::collection::vec((0usize..60, 1usize..30), 1..8)) {
            let length = TEXT.chars().count();
            let spans: Vec<_> = cuts.iter().map(|(start, size)| *start..(start + size).min(length)).collect();
            let passages: Vec<_> = spans.iter().cloned().map(passage).collect();
            let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            for whole in join_neighbors(&passages) {
                // What white space stood in a gap is guessed.
                let there: String = TEXT.chars().skip(whole.span.start).take(whole.span.len()).collect();
                let gaps = there.chars().zip(whole.text.chars()).filter(|(a, b)| a != b).count();
                prop_assert!(gaps <= spans.len() * 2, "{:?} {:?}", squeeze(&there), squeeze(&whole.text));
                prop_assert_eq!(there.chars().count(), whole.text.chars().count());
            }
            for span in spans {
                prop_assert!(join_neighbors(&passages).iter().any(|whole| whole.span.start <= span.start && span.end <= whole.span.end));
            }
        }
    }
}
