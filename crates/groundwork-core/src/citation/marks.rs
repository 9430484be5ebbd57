//! The marks of an answer: `[1]`, `[1][2]`, `[1, 2]`, `[1-3]`, found while the text streams.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// One citation in the cleaned text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// `prompt::Source::id`.
    pub id: u32,
    /// Characters (not bytes) of the cleaned text that its mark `[n]` covers.
    pub at: Range<usize>,
}

/// What the whole answer's marks amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    pub valid: u32,
    /// Marks that named no source; they were dropped.
    pub invented: u32,
}

/// Text ready to be sent on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleaned {
    pub text: String,
    pub citations: Vec<Located>,
}

/// The streaming parser. Every mark in the cleaned text is of the form `[n]` with an id that was in the prompt; code is left alone.
#[derive(Debug, Clone)]
pub struct Marks {
    sources: u32,
}

impl Marks {
    /// A parser for an answer to a prompt with the sources 1 to `sources`.
    pub fn new(sources: u32) -> Self {
        Self { sources }
    }

    /// Takes the next piece of the answer, split anywhere, and gives what is certain by now. Only what may become a mark is held back.
    pub fn push(&mut self, delta: &str) -> Cleaned {
        unimplemented!("{} {delta}", self.sources)
    }

    /// Gives what was held back.
    pub fn finish(self) -> (Cleaned, Tally) {
        unimplemented!()
    }
}
