//! Counting tokens: exactly where the model's tokenizer is known, by a proven upper bound where it is not.

use std::ops::Range;
use std::sync::Arc;

/// Splits a text into tokens. Implementations are handed in, because vocabularies are data that `core` does not load.
pub trait Tokenize: Send + Sync {
    /// How many tokens `text` becomes, without any the model adds around it.
    fn count(&self, text: &str) -> usize;

    /// The byte range of each token of `text`, ascending; every range lies on character boundaries.
    fn spans(&self, text: &str) -> Vec<Range<usize>>;

    /// Whether texts that whitespace keeps apart have as many tokens together as each by itself.
    fn adds_up(&self) -> bool {
        false
    }

    /// False when `count` is an upper bound and not the model's own count.
    fn is_exact(&self) -> bool {
        true
    }
}

/// A shared tokenizer.
pub type Tokenizer = Arc<dyn Tokenize>;

/// The upper bound for a model whose tokenizer is unknown: every token of a byte-level vocabulary covers at least one byte, so a text
/// of n bytes has at most n tokens.
#[derive(Debug, Clone, Copy)]
pub struct UpperBound;

impl Tokenize for UpperBound {
    fn count(&self, text: &str) -> usize {
        text.len()
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        text.char_indices().map(|(at, c)| at..at + c.len_utf8()).collect()
    }

    fn is_exact(&self) -> bool {
        false
    }
}
