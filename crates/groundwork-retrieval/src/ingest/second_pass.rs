//! The second pass: the chunks of a version that is live by a first pass are embedded by the knowledge base's own model, beside the vectors
//! that find them, and these are put in their place when they are all there. It holds nothing up: a newer version, or a deletion, ends it.

use super::run::{LOADING, embed};
use super::{IngestError, Inner};
use crate::index::SecondPass;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_store::db::first_pass::SecondPassError;
use std::time::Instant;

pub(super) async fn run(inner: &Inner, base: &KnowledgeBaseId, document: &DocumentId, generation: u32) -> Result<bool, IngestError> {
    let parts = &inner.parts;
    parts.index.wait(base, Instant::now() + LOADING).await?;
    let embedding = parts.embedder.embedding();
    // The model of a knowledge base stays what it is as long as there is any version.
    let has = parts.db.knowledge_base(base).await?.and_then(|base| base.embedding);
    if let Some(has) = has.filter(|has| *has != embedding) {
        return Err(IngestError::OtherModel { knowledge_base: base.clone(), has: has.model, given: embedding.model });
    }
    let batch = u32::try_from(inner.limits.batch.max(1)).unwrap_or(u32::MAX);
    loop {
        let chunks = parts.db.unembedded(document, generation, batch).await?;
        if chunks.is_empty() {
            break;
        }
        let texts = chunks.iter().map(|chunk| chunk.text.clone()).collect();
        let embeddings = embed(&parts.embedder, texts).await?;
        let embedded: Vec<_> = chunks.into_iter().zip(embeddings).collect();
        match parts.db.write_vectors(document, generation, &embedded).await {
            Ok(()) => tracing::trace!(%document, chunks = embedded.len(), "embedded"),
            Err(SecondPassError::NotWaiting) => return Ok(false),
            Err(SecondPassError::Db(error)) => return Err(error.into()),
        }
    }
    let ended = parts.index.end_first_pass(base, SecondPass { document: document.clone(), generation, embedding }).await?;
    Ok(ended)
}
