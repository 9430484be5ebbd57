//! A document → chunks that fit the embedding model: cut by structure and exact tokens, with the text to show apart from the text to embed.

use crate::extract::document::Document;
use groundwork_core::tokens::Tokenizer;
use std::ops::Range;

/// What the embedding model asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Tokens of one chunk's body.
    pub chunk_tokens: usize,
    /// Tokens that the next chunk of the same section repeats.
    pub chunk_overlap: usize,
    /// The most tokens of one text that the model reads, special tokens included.
    pub window: usize,
}

/// A piece of a document that is found, embedded and cited as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Position in the document, from 0.
    pub ordinal: u32,
    /// The text to show and to cite: exactly the characters `span` of the document's text.
    pub text: String,
    /// Title > heading path > body, within the model's window.
    pub embed_text: String,
    /// The headings above the chunk, outermost first.
    pub heading_path: Vec<String>,
    /// First and last page (or slide), where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// Characters (not bytes) of the document's text.
    pub span: Range<usize>,
    /// Tokens of `text`.
    pub tokens: usize,
}

/// Cuts `document` into chunks, in reading order.
pub fn chunk(_document: &Document, _settings: &Settings, _tokenizer: &Tokenizer) -> Vec<Chunk> {
    Vec::new()
}
