//! The answer without a chat model: the best sentences of the packed sources, quoted word for word with their citation attached.

mod choose;
mod edition;
mod question;
mod span;
mod unit;

pub use choose::choose;
pub use unit::candidates;

use std::ops::Range;

/// A piece of a source that may be quoted: a sentence, an item of a list, or a row of a table with its header.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// `Source::id`.
    pub source: u32,
    /// Bytes of `Source::text`: the header of the table that `at` is a row of.
    pub header: Option<Range<usize>>,
    /// Bytes of `Source::text`.
    pub at: Range<usize>,
    /// What to embed for the similarity with the question: the words with the title and the headings above them.
    pub text: String,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extract {
    /// Best first.
    pub quotes: Vec<Quote>,
    /// How well the best quote fits the question, 0 to 1. Below a floor that the caller knows, nothing fits and it must abstain.
    pub score: f32,
}

/// Words of a source, exactly as they stand there.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// `Source::id`.
    pub source: u32,
    pub header: Option<Range<usize>>,
    /// Bytes of `Source::text`.
    pub at: Range<usize>,
    /// The header, if there is one, on a line of its own, then the words.
    pub text: String,
    /// Bytes of `text`: the words of it that answer, where somebody marked them.
    pub marked: Option<Range<usize>>,
    pub score: f32,
}

/// Stands before and after the words of a quote that answer: Markdown's strong emphasis.
pub const MARK: &str = "**";
/// How an answer of quotes begins, so that nobody takes it for a model's own words.
pub const LABEL: &str = "Quoted word for word from the sources:";
/// The answer when there is nothing to quote.
pub const NOTHING: &str = "The sources say nothing about this.";

impl Extract {
    /// The answer in the pieces in which it is streamed: the label, then each quote as a block with its mark `[n]`.
    pub fn pieces(&self) -> Vec<String> {
        if self.quotes.is_empty() {
            return vec![NOTHING.to_owned()];
        }
        let mut pieces = vec![format!("{LABEL}\n")];
        for quote in &self.quotes {
            pieces.push("\n> ".to_owned());
            let mut text = quote.text.clone();
            if let Some(Range { start, end }) = quote.marked.clone().filter(|marked| text.get(marked.clone()).is_some()) {
                text.insert_str(end, MARK);
                text.insert_str(start, MARK);
            }
            // A bracketed number in the source's own words is no citation of ours; the joiner is not seen.
            let text = text.replace('[', "[\u{2060}").replace('\n', "\n> ");
            pieces.extend(text.split_inclusive(' ').map(str::to_owned));
            pieces.push(format!(" [{}]\n", quote.source));
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::citation::{Marks, Tally};

    #[test]
    fn pieces_make_blocks_with_one_mark_each_and_none_of_the_sources_own() {
        let quote = |source, text: &str| Quote { source, header: None, at: 0..0, text: text.to_owned(), marked: None, score: 1.0 };
        let extract = Extract { quotes: vec![quote(2, "Staff | Days\nAll | 27"), quote(1, "See note [2].")], score: 1.0 };
        let text = extract.pieces().concat();
        assert_eq!(text, "Quoted word for word from the sources:\n\n> Staff | Days\n> All | 27 [2]\n\n> See note [\u{2060}2]. [1]\n");
        let mut marks = Marks::new(2);
        assert_eq!(marks.push(&text).citations.iter().map(|one| one.id).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(marks.finish().1, Tally { valid: 2, invented: 0 });
        assert_eq!(Extract::default().pieces(), [NOTHING]);
        let marked = Quote { marked: Some(6..13), ..quote(1, "All | 27 days.") };
        assert!(Extract { quotes: vec![marked], score: 1.0 }.pieces().concat().contains("> All | **27 days**. [1]"));
    }
}
