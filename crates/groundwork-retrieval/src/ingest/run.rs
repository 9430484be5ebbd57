//! One file's way, in order.

use super::facts::{facts, fingerprint, pages, span};
use super::permissions::both;
use super::{Change, IngestError, Ingested, Inner, Parts, Upload};
use crate::chunk::{Chunk, Settings, chunk};
use crate::embed::Purpose;
use crate::extract::document::Document;
use crate::index::{Entry, Index, Row, Version, stamp, title_of};
use groundwork_core::access::Permissions;
use groundwork_scan::quantize;
use groundwork_store::blobs::Sha256;
use groundwork_store::db::documents::{self, VersionFacts};
use groundwork_store::db::versions::{Draft, Embedding, NewChunk, NewVersion};
use half::f16;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// How long an ingest waits for a loading index.
const LOADING: Duration = Duration::from_secs(600);

pub(super) async fn file(inner: &Inner, upload: Upload) -> Result<Ingested, IngestError> {
    let parts = &inner.parts;
    let size = u32::try_from(upload.bytes.len() / 1024).unwrap_or(u32::MAX).clamp(1, inner.limits.kibibytes.max(1));
    let _memory = inner.kibibytes.acquire_many(size).await;
    let _turn = inner.turns[turn(&upload) % inner.turns.len()].lock().await;
    // Before the legs are there, a draft of ours would look like one that a crash left.
    parts.index.wait(&upload.knowledge_base, Instant::now() + LOADING).await?;

    let sha256 = hash(&upload).await?;
    let fingerprint = fingerprint(&parts.embedder);
    let known = parts.db.document_by_source(&upload.knowledge_base, &upload.source).await?;
    if let Some(known) = &known {
        let facts = &known.version.facts;
        let same_title = upload.title.is_none() || facts.title == upload.title;
        if facts.sha256 == sha256 && facts.fingerprint == fingerprint && facts.name == upload.name && same_title {
            if let Some(permissions) = upload.permissions {
                parts.db.set_permissions(&upload.knowledge_base, &known.id, permissions).await?;
            }
            return Ok(unchanged(known));
        }
    }

    let _place = inner.documents.acquire().await;
    tracing::trace!(source = upload.source, "reading");
    let mut document = parts.extractor.extract(upload.bytes.clone(), &upload.name).await?.document;
    document.title = upload.title.clone().or(document.title);
    let facts = facts(&upload, sha256, &document, fingerprint);
    let warnings = document.warnings.clone();
    let (document, chunks) = cut(inner, document, &upload.name).await?;
    let draft = begin(inner, &upload, facts).await?;
    let unfinished = Unfinished { index: &parts.index, draft: Some(draft.clone()) };
    let count = write(inner, &draft, &upload, &document, chunks).await?;
    unfinished.done();
    let change = if known.is_some() { Change::Updated } else { Change::Created };
    Ok(Ingested { document: draft.document, generation: draft.generation, change, chunks: count, warnings })
}

/// Gives its draft up when an ingest fails, or is dropped on its way.
struct Unfinished<'a> {
    index: &'a Index,
    draft: Option<Draft>,
}

impl Unfinished<'_> {
    fn done(mut self) {
        self.draft = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(draft) = self.draft.take() {
            self.index.give_up(draft);
        }
    }
}

fn turn(upload: &Upload) -> usize {
    let mut hasher = DefaultHasher::new();
    (&upload.knowledge_base, &upload.source).hash(&mut hasher);
    hasher.finish() as usize
}

async fn hash(upload: &Upload) -> Result<Sha256, IngestError> {
    let bytes = upload.bytes.clone();
    tokio::task::spawn_blocking(move || Sha256::of(&bytes)).await.map_err(|error| IngestError::Chunk(error.to_string()))
}

fn unchanged(known: &documents::Document) -> Ingested {
    Ingested {
        document: known.id.clone(),
        generation: known.version.generation,
        change: Change::Unchanged,
        chunks: known.version.chunks,
        warnings: Vec::new(),
    }
}

/// A file without a title is embedded under its name, which often is all that tells it from its like.
async fn cut(inner: &Inner, mut document: Document, name: &str) -> Result<(Document, Vec<Chunk>), IngestError> {
    let embedder = &inner.parts.embedder;
    let settings = Settings { chunk_tokens: embedder.chunk_tokens, chunk_overlap: embedder.chunk_overlap, window: embedder.window };
    let tokenizer = embedder.tokenizer.clone();
    document.title = document.title.or_else(|| title_of(name));
    let cut = tokio::task::spawn_blocking(move || {
        let chunks = chunk(&document, &settings, &tokenizer);
        (document, chunks)
    });
    cut.await.map_err(|error| IngestError::Chunk(error.to_string()))
}

/// The draft comes before its original: what a draft refers to is never taken for an original that nothing refers to.
async fn begin(inner: &Inner, upload: &Upload, facts: VersionFacts) -> Result<Draft, IngestError> {
    let new = NewVersion {
        knowledge_base: upload.knowledge_base.clone(),
        source: upload.source.clone(),
        facts,
        embedding: inner.parts.embedder.embedding(),
        permissions: upload.permissions.clone(),
    };
    let draft = inner.parts.db.begin_version(new).await?;
    tracing::trace!(source = upload.source, "begun");
    Ok(draft)
}

/// Embeds and writes the chunks, then makes the version live. Returns how many chunks there are.
async fn write(inner: &Inner, draft: &Draft, upload: &Upload, document: &Document, chunks: Vec<Chunk>) -> Result<u32, IngestError> {
    let parts = &inner.parts;
    {
        let _kept = parts.index.keep_originals().await;
        parts.blobs.put(upload.bytes.clone()).await?;
    }
    parts.db.write_pages(draft, pages(document)).await?;
    let stamp = stamp(draft.document.as_str(), draft.generation);
    let mut version = Version {
        draft: draft.clone(),
        embedding: parts.embedder.embedding(),
        entries: Vec::with_capacity(chunks.len()),
        rows: Vec::with_capacity(chunks.len()),
    };
    let mut rest = chunks.into_iter();
    loop {
        let batch: Vec<Chunk> = rest.by_ref().take(inner.limits.batch.max(1)).collect();
        if batch.is_empty() {
            break;
        }
        let embeddings = embed(inner, &batch).await?;
        let new = batch.iter().zip(&embeddings).map(|(chunk, embedding)| NewChunk {
            text: chunk.text.clone(),
            heading_path: chunk.heading_path.clone(),
            pages: chunk.pages,
            span: span(chunk),
            embedding: embedding.clone(),
        });
        let slots = parts.db.write_chunks(draft, new.collect()).await?;
        tracing::trace!(source = upload.source, chunks = slots.len(), "written");
        for ((slot, chunk), embedding) in slots.into_iter().zip(batch).zip(embeddings) {
            let heading = Entry::heading(document.title.as_deref(), &upload.name, &chunk.heading_path);
            version.entries.push(Entry { slot, stamp, heading, text: chunk.text });
            version.rows.push(Row { slot, codes: embedding.codes, scale: embedding.scale });
        }
    }
    let count = version.rows.len() as u32;
    publish(inner, version, upload.permissions.as_ref()).await?;
    tracing::trace!(source = upload.source, "published");
    Ok(count)
}

/// Makes the version live. Where a known document gets other permissions, both those before and those after hold during the change.
async fn publish(inner: &Inner, version: Version, permissions: Option<&Permissions>) -> Result<(), IngestError> {
    let Parts { db, index, .. } = &inner.parts;
    let (base, document) = (version.draft.knowledge_base.clone(), version.draft.document.clone());
    let before = match (permissions, version.draft.replaces) {
        (Some(after), Some(_)) => db.document_permissions(&base, &document).await?.filter(|before| before != after).zip(Some(after)),
        _ => None,
    };
    let Some((before, after)) = before else {
        index.publish(version).await?;
        return Ok(());
    };
    db.set_permissions(&base, &document, both(&before, after)).await?;
    match index.publish(version).await {
        Ok(_) => {
            db.set_permissions(&base, &document, after.clone()).await?;
            Ok(())
        }
        Err(error) => {
            db.set_permissions(&base, &document, before).await?;
            Err(error.into())
        }
    }
}

async fn embed(inner: &Inner, chunks: &[Chunk]) -> Result<Vec<Embedding>, IngestError> {
    let embedder = &inner.parts.embedder;
    let texts = chunks.iter().map(|chunk| chunk.embed_text.clone()).collect();
    let vectors = (embedder.run)(Purpose::Passage, texts).await?;
    let odd = vectors.iter().find(|vector| vector.len() != embedder.dimensions);
    if vectors.len() != chunks.len() || odd.is_some() {
        return Err(IngestError::Vectors {
            model: embedder.model.clone(),
            expected: chunks.len(),
            found: vectors.len(),
            expected_dimensions: embedder.dimensions,
            dimensions: odd.map_or(embedder.dimensions, Vec::len),
        });
    }
    Ok(vectors.iter().map(|vector| embedding(vector)).collect())
}

fn embedding(vector: &[f32]) -> Embedding {
    let quantized = quantize(vector);
    Embedding { codes: quantized.codes, scale: quantized.scale, vector: vector.iter().copied().map(f16::from_f32).collect() }
}
