//! A document → chunks that fit the embedding model: cut by structure and exact tokens, with the text to show apart from the text to embed.
//!
//! A section is what stands under one heading (`section`). Its text falls into units that are better not cut (`unit`): sentences, whole
//! tables, code. Units are packed into chunks (`pack`); what goes before a chunk's text when it is embedded is decided last (`embed_text`).

mod embed_text;
pub(crate) mod language;
mod pack;
mod place;
mod position;
mod section;
mod unit;

#[cfg(test)]
mod tests;

use crate::extract::document::Document;
use embed_text::Body;
use groundwork_core::place::Place;
use groundwork_core::tokens::Tokenizer;
use pack::Piece;
use position::Positions;
use section::Section;
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

/// Tokens that the model puts before and after a text.
const SPECIAL_TOKENS: usize = 2;

impl Settings {
    /// The most tokens that a body may have: the chunk's size, or less where the model reads less.
    fn body_tokens(&self) -> usize {
        self.chunk_tokens.min(self.text_tokens()).max(1)
    }

    /// The most tokens of an embedded text.
    fn text_tokens(&self) -> usize {
        self.window.saturating_sub(SPECIAL_TOKENS).max(1)
    }
}

/// A piece of a document that is found, embedded and cited as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Position in the document, from 0.
    pub ordinal: u32,
    /// The text to show and to cite: the characters `span` of the document's text. A later part of a split table begins with the table's
    /// header, which lies outside `span`.
    pub text: String,
    /// Title > heading path > body, within the model's window.
    pub embed_text: String,
    /// The headings above the chunk, outermost first.
    pub heading_path: Vec<String>,
    /// First and last page (or slide), where the format has pages.
    pub pages: Option<(u32, u32)>,
    pub place: Place,
    /// Characters (not bytes) of the document's text.
    pub span: Range<usize>,
    /// Tokens of `text`.
    pub tokens: usize,
}

/// Cuts `document` into chunks, in reading order.
pub fn chunk(document: &Document, settings: &Settings, tokenizer: &Tokenizer) -> Vec<Chunk> {
    let text = document.text();
    let mut chunks = Vec::new();
    let cutter = Cutter { document, settings, tokenizer, language: language::of(&text), text: &text, positions: Positions::new(&text) };
    for section in section::sections(&cutter) {
        for (piece, tokens) in pack::pack(&cutter, &section).into_iter().flat_map(|piece| cutter.within_window(piece)) {
            let ordinal = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
            chunks.push(cutter.finish(&section, piece, tokens, ordinal));
        }
    }
    chunks
}

/// One document being cut.
struct Cutter<'a> {
    document: &'a Document,
    settings: &'a Settings,
    tokenizer: &'a Tokenizer,
    /// Of the document as a whole: a short chunk does not tell its own.
    language: Option<&'static str>,
    /// The document's text.
    text: &'a str,
    positions: Positions<'a>,
}

impl Cutter<'_> {
    fn count(&self, text: &str) -> usize {
        self.tokenizer.count(text)
    }

    /// Units are counted one by one; where together they have more tokens than the model reads, the piece is cut once more. Each with the
    /// tokens of its span.
    fn within_window(&self, piece: Piece) -> Vec<(Piece, usize)> {
        let most = self.settings.text_tokens();
        let text = &self.text[piece.span.clone()];
        let header = piece.header.as_deref().map_or(0, |header| self.count(header) + 1);
        let tokens = self.count(text);
        if header + tokens <= most {
            return vec![(piece, tokens)];
        }
        let part = |span: Range<usize>| Piece { span: span.start + piece.span.start..span.end + piece.span.start, header: None };
        unit::fragments(self, text, most).into_iter().map(|(span, tokens)| (part(span), tokens)).collect()
    }

    fn finish(&self, section: &Section, piece: Piece, tokens: usize, ordinal: u32) -> Chunk {
        let span = self.positions.chars_before(piece.span.start)..self.positions.chars_before(piece.span.end);
        let body = &self.text[piece.span];
        let (text, tokens) = match piece.header {
            Some(header) => {
                let text = format!("{header}\n{body}");
                let tokens = self.count(&text);
                (text, tokens)
            }
            None => (body.to_owned(), tokens),
        };
        let (pages, mut place) = place::of(self.document, &self.document.blocks[section.blocks.clone()], &span);
        place.language = language::of(&text).or(self.language).map(str::to_owned);
        let title = self.document.title.as_deref();
        let body = Body { text: &text, tokens };
        let embed_text = embed_text::compose(title, &section.heading_path, body, self.settings.text_tokens(), self.tokenizer);
        Chunk { ordinal, text, embed_text, heading_path: section.heading_path.clone(), pages, place, span, tokens }
    }
}
