//! One file's way, in order.

use super::facts::{facts, fingerprint, pages, span};
use super::family;
use super::permissions::both;
use super::{Change, IngestError, Ingested, Inner, Parts, Upload};
use crate::chunk::{Chunk, Settings, chunk};
use crate::embed::{Embedder, Purpose};
use crate::extract::boxes::PageWords;
use crate::extract::document::Document;
use crate::index::{Entry, Family, Index, Row, Version, stamp, title_of};
use bytes::Bytes;
use groundwork_core::access::Permissions;
use groundwork_core::attributes::Attributes;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::near::Signature;
use groundwork_scan::quantize;
use groundwork_store::blobs::Sha256;
use groundwork_store::db::documents::{self, VersionFacts};
use groundwork_store::db::versions::{Draft, Embedding, NewChunk, NewVersion};
use half::f16;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// How long an ingest waits for a loading index.
pub(super) const LOADING: Duration = Duration::from_secs(600);

pub(super) async fn file(inner: &Inner, upload: Upload, first: Option<&Embedder>) -> Result<Ingested, IngestError> {
    let parts = &inner.parts;
    let size = u32::try_from(upload.bytes.len() / 1024).unwrap_or(u32::MAX).clamp(1, inner.limits.kibibytes.max(1));
    let _memory = inner.kibibytes.acquire_many(size).await;
    let _turn = inner.turns[turn(&upload) % inner.turns.len()].lock().await;
    // Before the legs are there, a draft of ours would look like one that a crash left.
    parts.index.wait(&upload.knowledge_base, Instant::now() + LOADING).await?;

    let sha256 = hash(&upload.bytes).await?;
    let fingerprint = fingerprint(&parts.embedder);
    let known = parts.db.document_by_source(&upload.knowledge_base, &upload.source).await?;
    let same_title = |known: &documents::Document| upload.title.is_none() || known.version.facts.title == upload.title;
    if let Some(known) = known.as_ref().filter(|known| is_same(known, sha256, &fingerprint, &upload.name) && same_title(known)) {
        if let Some(permissions) = upload.permissions {
            parts.db.set_permissions(&upload.knowledge_base, &known.id, permissions).await?;
        }
        set_attributes(parts, known, upload.attributes.as_ref()).await?;
        return Ok(unchanged(known));
    }

    let _place = inner.documents.acquire().await;
    tracing::trace!(source = upload.source, "reading");
    let mut extraction = parts.extractor.extract(upload.bytes.clone(), &upload.name).await?;
    extraction.document.title = upload.title.clone().or(extraction.document.title);
    let files = family::files(&upload, &extraction.attachments);
    let mut own = facts(&upload.name, upload.bytes.len(), sha256, &extraction.document, fingerprint.clone());
    let mut warnings = extraction.document.warnings.clone();
    warnings.extend(files.unread.iter().map(family::Unread::warning));
    family::note(&mut own, &warnings, &files.unread);
    let mut unfinished = Unfinished { index: &parts.index, knowledge_base: &upload.knowledge_base, drafts: Vec::new() };
    // What is read again and says the same can be found already.
    let first_of =
        |known: Option<&documents::Document>, sha256| first.filter(|_| known.is_none_or(|known| known.version.facts.sha256 != sha256));
    let whole = Piece {
        first: first_of(known.as_ref(), sha256),
        source: &upload.source,
        name: &upload.name,
        bytes: &upload.bytes,
        words: &extraction.words,
        parent: None,
        permissions: upload.permissions.clone(),
        attributes: upload.attributes.clone(),
    };
    let first = write(inner, &whole, own, extraction.document, &mut unfinished).await?;
    let (document, generation, chunks) = (first.draft.document.clone(), first.draft.generation, first.rows.len() as u32);
    let mut family = Family::from(first);
    for file in files.read {
        let sha256 = hash(&file.bytes).await?;
        let known = parts.db.document_by_source(&upload.knowledge_base, &file.source).await?;
        if let Some(known) = known.as_ref().filter(|known| is_same(known, sha256, &fingerprint, &file.name)) {
            family.kept.push(known.id.clone());
            continue;
        }
        let facts = facts(&file.name, file.bytes.len(), sha256, &file.document, fingerprint.clone());
        let piece = Piece {
            first: first_of(known.as_ref(), sha256),
            source: &file.source,
            name: &file.name,
            bytes: &file.bytes,
            words: &file.words,
            parent: Some(&document),
            permissions: None,
            attributes: None,
        };
        family.inner.push(write(inner, &piece, facts, file.document, &mut unfinished).await?);
    }
    let waiting = family.waiting();
    publish(inner, family, upload.permissions.as_ref()).await?;
    if let Some(known) = &known {
        set_attributes(parts, known, upload.attributes.as_ref()).await?;
    }
    tracing::trace!(source = upload.source, "published");
    unfinished.done();
    let change = if known.is_some() { Change::Updated } else { Change::Created };
    Ok(Ingested { document, generation, change, chunks, warnings, waiting })
}

/// Same bytes, read and embedded the same way, under the same name.
fn is_same(known: &documents::Document, sha256: Sha256, fingerprint: &str, name: &str) -> bool {
    let facts = &known.version.facts;
    facts.sha256 == sha256 && facts.fingerprint == fingerprint && facts.name == name
}

/// One document's share of an upload: the file itself, or a file inside it.
struct Piece<'a> {
    /// Makes the vectors that it is published with.
    first: Option<&'a Embedder>,
    source: &'a str,
    name: &'a str,
    bytes: &'a Bytes,
    words: &'a [PageWords],
    parent: Option<&'a DocumentId>,
    permissions: Option<Permissions>,
    attributes: Option<Attributes>,
}

/// Where others are given than a known document has.
async fn set_attributes(parts: &Parts, known: &documents::Document, given: Option<&Attributes>) -> Result<(), IngestError> {
    match given.filter(|given| **given != known.attributes) {
        Some(given) => Ok(parts.db.set_attributes(&known.knowledge_base, &known.id, given).await?),
        None => Ok(()),
    }
}

/// Gives its drafts up when an ingest fails, or is dropped on its way.
struct Unfinished<'a> {
    index: &'a Index,
    knowledge_base: &'a KnowledgeBaseId,
    drafts: Vec<Draft>,
}

impl Unfinished<'_> {
    fn done(mut self) {
        self.drafts.clear();
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        for draft in self.drafts.drain(..) {
            self.index.give_up(draft);
        }
    }
}

fn turn(upload: &Upload) -> usize {
    let mut hasher = DefaultHasher::new();
    (&upload.knowledge_base, &upload.source).hash(&mut hasher);
    hasher.finish() as usize
}

async fn hash(bytes: &Bytes) -> Result<Sha256, IngestError> {
    let bytes = bytes.clone();
    tokio::task::spawn_blocking(move || Sha256::of(&bytes)).await.map_err(|error| IngestError::Chunk(error.to_string()))
}

fn unchanged(known: &documents::Document) -> Ingested {
    Ingested {
        document: known.id.clone(),
        generation: known.version.generation,
        change: Change::Unchanged,
        chunks: known.version.chunks,
        warnings: Vec::new(),
        waiting: known.version.first_pass.iter().map(|_| (known.id.clone(), known.version.generation)).collect(),
    }
}

/// A file without a title is embedded under its name, which often is all that tells it from its like.
async fn cut(inner: &Inner, mut document: Document, name: &str) -> Result<(Document, Vec<Chunk>, Option<Signature>), IngestError> {
    let embedder = &inner.parts.embedder;
    let settings = Settings { chunk_tokens: embedder.chunk_tokens, chunk_overlap: embedder.chunk_overlap, window: embedder.window };
    let tokenizer = embedder.tokenizer.clone();
    document.title = document.title.or_else(|| title_of(name));
    let cut = tokio::task::spawn_blocking(move || {
        let chunks = chunk(&document, &settings, &tokenizer);
        let signature = Signature::of(&document.text());
        (document, chunks, signature)
    });
    cut.await.map_err(|error| IngestError::Chunk(error.to_string()))
}

/// Cuts, embeds and writes a document beside its live version. The draft comes before its original: what a draft refers to is never taken
/// for an original that nothing refers to.
async fn write(
    inner: &Inner,
    piece: &Piece<'_>,
    facts: VersionFacts,
    document: Document,
    unfinished: &mut Unfinished<'_>,
) -> Result<Version, IngestError> {
    let parts = &inner.parts;
    let (document, chunks, signature) = cut(inner, document, piece.name).await?;
    let first = piece.first.filter(|_| !chunks.is_empty());
    let new = NewVersion {
        knowledge_base: unfinished.knowledge_base.clone(),
        source: piece.source.to_owned(),
        parent: piece.parent.cloned(),
        facts,
        embedding: parts.embedder.embedding(),
        permissions: piece.permissions.clone(),
        attributes: piece.attributes.clone(),
        first_pass: first.map(Embedder::embedding),
    };
    let draft = parts.db.begin_version(new).await?;
    tracing::trace!(source = piece.source, "begun");
    unfinished.drafts.push(draft.clone());
    {
        let _kept = parts.index.keep_originals().await;
        parts.blobs.put(piece.bytes.clone()).await?;
    }
    parts.db.write_pages(&draft, pages(&document, piece.words)).await?;
    if let Some(signature) = &signature {
        parts.db.write_signature(&draft, signature).await?;
    }
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
        let embeddings = match first {
            // As much of a chunk as the fast model reads; the second pass reads all.
            Some(first) => embed(first, batch.iter().map(|chunk| first.question(&chunk.embed_text).to_owned()).collect()).await?,
            None => embed(&parts.embedder, batch.iter().map(|chunk| chunk.embed_text.clone()).collect()).await?,
        };
        let new = batch.iter().zip(&embeddings).map(|(chunk, embedding)| NewChunk {
            text: chunk.text.clone(),
            heading_path: chunk.heading_path.clone(),
            pages: chunk.pages,
            place: chunk.place.clone(),
            span: span(chunk),
            embedding: embedding.clone(),
        });
        let slots = match first {
            Some(_) => {
                let texts = batch.iter().map(|chunk| chunk.embed_text.clone());
                parts.db.write_first_pass(&draft, new.zip(texts).collect()).await?
            }
            None => parts.db.write_chunks(&draft, new.collect()).await?,
        };
        tracing::trace!(source = piece.source, chunks = slots.len(), "written");
        for ((slot, chunk), embedding) in slots.into_iter().zip(batch).zip(embeddings) {
            let heading = Entry::heading(document.title.as_deref(), piece.name, &chunk.heading_path);
            version.entries.push(Entry { slot, stamp, heading, text: chunk.text, language: chunk.place.language });
            version.rows.push(Row { slot, codes: embedding.codes, scale: embedding.scale });
        }
    }
    Ok(version)
}

/// Makes all of them live. Where a known document gets other permissions, both those before and those after hold during the change.
async fn publish(inner: &Inner, family: Family, permissions: Option<&Permissions>) -> Result<(), IngestError> {
    let Parts { db, index, .. } = &inner.parts;
    let draft = &family.first.draft;
    let (base, document) = (draft.knowledge_base.clone(), draft.document.clone());
    let before = match (permissions, draft.replaces) {
        (Some(after), Some(_)) => db.document_permissions(&base, &document).await?.filter(|before| before != after).zip(Some(after)),
        _ => None,
    };
    let Some((before, after)) = before else {
        index.publish(family).await?;
        return Ok(());
    };
    db.set_permissions(&base, &document, both(&before, after)).await?;
    match index.publish(family).await {
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

pub(super) async fn embed(embedder: &Embedder, texts: Vec<String>) -> Result<Vec<Embedding>, IngestError> {
    let expected = texts.len();
    let vectors = (embedder.run)(Purpose::Passage, texts).await?;
    let odd = vectors.iter().find(|vector| vector.len() != embedder.dimensions);
    if vectors.len() != expected || odd.is_some() {
        return Err(IngestError::Vectors {
            model: embedder.model.clone(),
            expected,
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
