//! A file → a searchable version of a document: unchanged? → read → chunk → embed → write beside the old version → flip (invariant 3).
//!
//! Where the embedding model is slow, a fast one may go before it: the version is live with that one's vectors, and a second pass puts those of
//! the embedding model in their place.
//!
//! Everything up to the flip is invisible, and a kill at any point leaves either the old or the new version; running again finishes the job.

mod facts;
mod family;
mod permissions;
mod run;
mod second_pass;

pub use facts::fingerprint;

use crate::embed::{EmbedError, Embedder};
use crate::extract::ReadError;
use crate::extract::sandbox::Extractor;
use crate::index::{Index, LoadError, PublishError};
use bytes::Bytes;
use groundwork_core::access::Permissions;
use groundwork_core::attributes::Attributes;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_store::blobs::{BlobError, Blobs};
use groundwork_store::db::attributes::SetAttributesError;
use groundwork_store::db::permissions::SetPermissionsError;
use groundwork_store::db::versions::{BeginVersionError, WriteError};
use groundwork_store::db::{Db, DbError};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Brings files into knowledge bases; a cheap clone. One for a whole process bounds how much is in flight.
#[derive(Clone)]
pub struct Ingester(Arc<Inner>);

struct Inner {
    parts: Parts,
    documents: Semaphore,
    kibibytes: Semaphore,
    limits: Limits,
    /// Two ingests of one document follow one another: which lock a document takes goes by its hash.
    turns: [Mutex<()>; 64],
}

/// What an ingest touches.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    pub blobs: Blobs,
    pub index: Index,
    pub extractor: Extractor,
    pub embedder: Embedder,
}

/// How much is in flight at once; what comes beyond waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub documents: usize,
    /// Of files as they came. One file larger than this goes alone.
    pub kibibytes: u32,
    /// Chunks embedded by one call of the model.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { documents: 4, kibibytes: 256 * 1024, batch: 16 }
    }
}

/// A file to ingest.
#[derive(Debug, Clone)]
pub struct Upload {
    pub knowledge_base: KnowledgeBaseId,
    /// Where it comes from, unique in its knowledge base: it says which document this is.
    pub source: String,
    /// What a citation shows: `handbook.pdf`. Decides the format only among those that look alike.
    pub name: String,
    /// Wins over the title that the document has of its own.
    pub title: Option<String>,
    pub bytes: Bytes,
    /// `None` leaves those of a known document as they are and gives a new one the default.
    pub permissions: Option<Permissions>,
    /// `None` leaves those of a known document as they are; a file inside a document has the document's.
    pub attributes: Option<Attributes>,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingested {
    pub document: DocumentId,
    pub generation: u32,
    pub change: Change,
    pub chunks: u32,
    pub warnings: Vec<String>,
    /// The versions of this upload that wait for a second pass.
    pub waiting: Vec<(DocumentId, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Same bytes, read and embedded the same way: nothing was done, except that permissions were set if others were given.
    Unchanged,
    Created,
    Updated,
}

/// Why one file was not ingested. The version that was live before still is.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Embed(#[from] EmbedError),
    #[error(
        "the embedding model {model} gave {found} vectors of {dimensions} dimensions where {expected} of {expected_dimensions} were asked for"
    )]
    Vectors { model: String, expected: usize, found: usize, expected_dimensions: usize, dimensions: usize },
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Begin(#[from] BeginVersionError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Permissions(#[from] SetPermissionsError),
    #[error(transparent)]
    Attributes(#[from] SetAttributesError),
    /// Another model cannot make the second pass.
    #[error("knowledge base {knowledge_base} was made with the embedding model {has}, and {given} is in force: use that model")]
    OtherModel { knowledge_base: KnowledgeBaseId, has: String, given: String },
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("cutting the file into chunks stopped: {0}")]
    Chunk(String),
}

impl Ingester {
    pub fn new(parts: Parts, limits: Limits) -> Self {
        Self(Arc::new(Inner {
            parts,
            documents: Semaphore::new(limits.documents.max(1)),
            kibibytes: Semaphore::new(limits.kibibytes as usize),
            limits,
            turns: std::array::from_fn(|_| Mutex::new(())),
        }))
    }

    /// Ingests one file. Any number may run at once; those beyond the limits wait their turn. Dropped on its way, it leaves the old version.
    pub async fn file(&self, upload: Upload) -> Result<Ingested, IngestError> {
        run::file(&self.0, upload, None).await
    }

    /// The same, but what is new in it is found by the vectors of the fast model `first` until `second_pass` has been made.
    pub async fn first_pass(&self, upload: Upload, first: &Embedder) -> Result<Ingested, IngestError> {
        run::file(&self.0, upload, Some(first)).await
    }

    /// Embeds a version that is live by a first pass, and has it found by these vectors from then on; false when it waits for that no more.
    /// Dropped on its way, it goes on from there the next time.
    pub async fn second_pass(&self, knowledge_base: &KnowledgeBaseId, document: &DocumentId, generation: u32) -> Result<bool, IngestError> {
        second_pass::run(&self.0, knowledge_base, document, generation).await
    }

    /// Takes a document out of sight, at once for every later search; false when there is no such document.
    pub async fn delete(&self, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<bool, IngestError> {
        Ok(self.0.parts.index.delete(knowledge_base, document).await?)
    }
}
