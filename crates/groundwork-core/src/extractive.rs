//! The answer without a chat model: the best sentences of the packed sources, quoted word for word with their citation attached.

use crate::prompt::Source;
use std::ops::Range;

/// A piece of a source that may be quoted: a sentence, a list item, or a row of a table with its header.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// `Source::id`.
    pub source: u32,
    /// Bytes of `Source::text`.
    pub at: Range<usize>,
    /// What to embed for the similarity with the question: the sentence with the headings above it.
    pub text: String,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Extract {
    /// Best first.
    pub quotes: Vec<Quote>,
    /// How well the best quote fits the question, 0 to 1. Below a floor that the caller knows, nothing fits and it must abstain.
    pub score: f32,
}

/// A passage of a source, word for word.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// `Source::id`.
    pub source: u32,
    /// Bytes of `Source::text`; the quote stands there exactly.
    pub at: Range<usize>,
    pub text: String,
    pub score: f32,
}

/// Everything in `sources` that may be quoted, in their order.
pub fn candidates(sources: &[Source]) -> Vec<Candidate> {
    unimplemented!("{}", sources.len())
}

/// Chooses at most `limit` quotes. `similarities` are those of the question and each candidate's `text` (cosine), in the order of
/// `candidates`; without an embedding model `None`, then words alone decide.
pub fn choose(question: &str, sources: &[Source], candidates: &[Candidate], similarities: Option<&[f32]>, limit: usize) -> Extract {
    unimplemented!("{question} {} {} {} {limit}", sources.len(), candidates.len(), similarities.is_some())
}

impl Extract {
    /// The answer's text in the pieces in which it is streamed: a label that says these are quotes, then each quote with its mark `[n]`.
    pub fn pieces(&self) -> Vec<String> {
        unimplemented!()
    }
}
