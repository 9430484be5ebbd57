//! A file → a searchable version of a document: unchanged? → read → chunk → embed → write beside the old version → flip (invariant 3).
//!
//! Everything up to the flip is invisible, and a kill at any point leaves either the old or the new version; running again finishes the job.

use crate::embed::{EmbedError, Embedder};
use crate::extract::ReadError;
use crate::extract::sandbox::Extractor;
use crate::index::{Index, PublishError};
use bytes::Bytes;
use groundwork_core::access::Permissions;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_store::blobs::{BlobError, Blobs};
use groundwork_store::db::Db;
use groundwork_store::db::versions::{BeginVersionError, WriteError};

/// Everything an ingest touches; a cheap clone. One of them for a whole process bounds how much is in flight.
#[derive(Clone)]
pub struct Ingester {
    pub db: Db,
    pub blobs: Blobs,
    pub index: Index,
    pub extractor: Extractor,
    pub embedder: Embedder,
}

/// A file to ingest.
#[derive(Debug, Clone)]
pub struct Upload {
    pub knowledge_base: KnowledgeBaseId,
    /// Where it comes from, unique in its knowledge base: it says which document this is.
    pub source: String,
    /// What a citation shows: `handbook.pdf`. Decides the format only among those that look alike.
    pub name: String,
    pub bytes: Bytes,
    /// `None` leaves those of a known document as they are and gives a new one the default.
    pub permissions: Option<Permissions>,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingested {
    pub document: DocumentId,
    pub generation: u32,
    pub change: Change,
    pub chunks: u32,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Same bytes, read and embedded the same way: nothing was done.
    Unchanged,
    Created,
    Updated,
}

/// Why one file was not ingested. The version that was live before still is.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Embed(#[from] EmbedError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Begin(#[from] BeginVersionError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Store(#[from] groundwork_store::db::DbError),
}

impl Ingester {
    /// Ingests one file. Any number may run at once; those beyond the bound wait their turn.
    pub async fn file(&self, upload: Upload) -> Result<Ingested, IngestError> {
        let _ = upload;
        unimplemented!()
    }

    /// Takes a document out of sight, at once for every later search; false when there is no such document.
    pub async fn delete(&self, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<bool, IngestError> {
        let _ = (knowledge_base, document);
        unimplemented!()
    }
}
