//! What is known of a version before its chunks are written, and by what two versions count as the same.

use super::Upload;
use crate::chunk::Chunk;
use crate::embed::Embedder;
use crate::extract::document::Document;
use groundwork_store::blobs::Sha256;
use groundwork_store::db::documents::VersionFacts;
use groundwork_store::db::versions::Page;
use std::collections::BTreeMap;

/// Raised with every change of extraction or chunking that should read all documents again.
const READER: u32 = 2;

/// Everything that shapes the chunks of a file besides its bytes.
pub(super) fn fingerprint(embedder: &Embedder) -> String {
    let Embedder { model, dimensions, window, chunk_tokens, chunk_overlap, .. } = embedder;
    format!("reader {READER}, chunks of {chunk_tokens}/{chunk_overlap} in {window}, {model}/{dimensions}")
}

pub(super) fn facts(upload: &Upload, sha256: Sha256, document: &Document, fingerprint: String) -> VersionFacts {
    VersionFacts {
        name: upload.name.clone(),
        title: document.title.clone(),
        media_type: document.format.media_type().to_owned(),
        sha256,
        bytes: upload.bytes.len() as u64,
        fingerprint,
        pages: document.pages,
        metadata: serde_json::json!({ "format": document.format.name(), "warnings": document.warnings }),
    }
}

/// The text of each page that has any; a document without pages is one page. A block that runs over several stands on its first.
pub(super) fn pages(document: &Document) -> Vec<Page> {
    let mut pages: BTreeMap<u32, String> = BTreeMap::new();
    for block in &document.blocks {
        let first = block.pages.map_or(1, |(first, _)| first);
        let text = pages.entry(first).or_default();
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&block.text);
    }
    pages.into_iter().map(|(number, text)| Page { number, text }).collect()
}

/// The characters a chunk covers, as the store counts them.
pub(super) fn span(chunk: &Chunk) -> std::ops::Range<u32> {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    place(chunk.span.start)..place(chunk.span.end)
}
