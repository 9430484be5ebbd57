//! Tokenizers: those of hosted chat models by name, and those of local models from their `tokenizer.json`.

mod openai;
mod vocabulary;

use groundwork_core::tokens::{Tokenizer, UpperBound};
use std::sync::Arc;

pub use vocabulary::{Vocabulary, VocabularyError};

/// The tokenizer of a hosted model: exact for the families whose vocabulary is known, an upper bound for every other name. A vendor's
/// prefix (`openai/gpt-4o`) and a date or size behind the family do not matter.
pub fn for_chat_model(name: &str) -> Tokenizer {
    match openai::Family::of(name) {
        Some(family) => Arc::new(family),
        None => Arc::new(UpperBound),
    }
}
