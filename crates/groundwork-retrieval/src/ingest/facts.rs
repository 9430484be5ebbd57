//! What is known of a version before its chunks are written, and by what two versions count as the same.

use crate::chunk::{Chunk, language};
use crate::embed::Embedder;
use crate::extract::boxes::PageWords;
use crate::extract::document::Document;
use groundwork_store::blobs::Sha256;
use groundwork_store::db::documents::VersionFacts;
use groundwork_store::db::versions::Page;

/// Raised with every change of extraction or chunking that should read all documents again.
const READER: u32 = 5;

/// Everything that shapes the chunks of a file besides its bytes.
pub fn fingerprint(embedder: &Embedder) -> String {
    let Embedder { model, dimensions, window, chunk_tokens, chunk_overlap, .. } = embedder;
    format!("reader {READER}, chunks of {chunk_tokens}/{chunk_overlap} in {window}, {model}/{dimensions}")
}

pub(super) fn facts(name: &str, bytes: usize, sha256: Sha256, document: &Document, fingerprint: String) -> VersionFacts {
    VersionFacts {
        name: name.to_owned(),
        title: document.title.clone(),
        media_type: document.format.media_type().to_owned(),
        sha256,
        bytes: bytes as u64,
        fingerprint,
        pages: document.pages,
        metadata: serde_json::json!({
            "format": document.format.name(), "warnings": document.warnings, "author": document.author,
            "unit": document.format.unit(),
            "language": language::of(&document.text()),
        }),
    }
}

/// The pages that have any text or words.
pub(super) fn pages(document: &Document, words: &[PageWords]) -> Vec<Page> {
    let mut texts = document.page_texts();
    for page in words.iter().filter(|page| !page.words.is_empty()) {
        texts.entry(page.page).or_default();
    }
    let boxes = |number: u32| words.iter().find(|page| page.page == number && !page.words.is_empty()).map(PageWords::to_bytes);
    let page = |(number, (start, text)): (u32, (usize, String))| Page {
        number,
        start: u32::try_from(start).unwrap_or(u32::MAX),
        text,
        words: boxes(number),
    };
    texts.into_iter().map(page).collect()
}

/// The characters a chunk covers, as the store counts them.
pub(super) fn span(chunk: &Chunk) -> std::ops::Range<u32> {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    place(chunk.span.start)..place(chunk.span.end)
}
