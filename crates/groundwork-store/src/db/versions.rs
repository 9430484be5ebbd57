//! The generation flip (a document is never half visible): a version is written beside the live one, counted, and made live by moving
//! one pointer in one transaction. What the pointer leaves behind is collected after the derived legs have forgotten it.
//!
//! The order of an ingest: `begin_version`, `write_pages`, `write_chunks` (any number of times), the derived legs take the slots and
//! commit, `publish`, the caller swaps its live bitmap by the `Flip`. Start-up: `orphans` and `discard` each; then
//! `dead_versions`, legs delete and commit, `collect`.

use super::documents::VersionFacts;
use super::knowledge_bases::Epochs;
use super::{Db, DbError};
use groundwork_core::access::Permissions;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use half::f16;
use std::ops::Range;

/// A version that is about to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVersion {
    pub knowledge_base: KnowledgeBaseId,
    pub source: String,
    pub facts: VersionFacts,
    /// For a document that is new; `None` leaves those of a known document as they are and gives a new one the default.
    pub permissions: Option<Permissions>,
}

/// A version being written, invisible until published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub knowledge_base: KnowledgeBaseId,
    pub document: DocumentId,
    pub generation: u32,
    /// The generation that was live when this draft began; `publish` fails if it no longer is.
    pub replaces: Option<u32>,
    key: i64,
}

/// One chunk with its embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct NewChunk {
    /// What is shown and cited; the keyword leg indexes it with title and heading path.
    pub text: String,
    /// Outermost first.
    pub heading_path: Vec<String>,
    /// First and last page, counted from 1, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// Characters of the document's plain text.
    pub span: Range<u32>,
    pub embedding: Embedding,
}

/// An embedding as the scan reads it and as it is rescored. All chunks of a knowledge base have the same number of dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    pub codes: Vec<i8>,
    /// What one step of a code is worth.
    pub scale: f32,
    pub vector: Vec<f16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u32,
    pub text: String,
}

/// What a publication or deletion changed in the set of live slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    pub knowledge_base: KnowledgeBaseId,
    pub document: DocumentId,
    pub added: Vec<Range<u32>>,
    pub removed: Vec<Range<u32>>,
    pub epochs: Epochs,
}

/// A version that is no longer wanted and whose slots are still taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadVersion {
    pub knowledge_base: KnowledgeBaseId,
    pub document: DocumentId,
    pub generation: u32,
    pub slots: Vec<Range<u32>>,
    key: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum BeginVersionError {
    #[error("there is no knowledge base {0}: make it first")]
    NoSuchKnowledgeBase(KnowledgeBaseId),
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(
        "the version is no longer being written: it was published, discarded or its document deleted"
    )]
    NotADraft,
    #[error(
        "the embedding has {found} dimensions and knowledge base {knowledge_base} has {expected}: embed with the model it was made with, or make a new one"
    )]
    Dimensions {
        knowledge_base: KnowledgeBaseId,
        expected: u32,
        found: u32,
    },
    #[error("knowledge base {0} is full: it has no slots left; split it")]
    NoSlots(KnowledgeBaseId),
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(
        "{found} chunks were written where {expected} were expected: the version stays unpublished; write it again"
    )]
    CountDiffers { expected: u32, found: u32 },
    #[error("another version was published meanwhile: begin again from it")]
    Superseded,
    #[error("the version is no longer being written: it was discarded or its document deleted")]
    NotADraft,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    pub async fn begin_version(&self, new: NewVersion) -> Result<Draft, BeginVersionError> {
        unimplemented!("{new:?}")
    }

    /// Writes chunks after those already written and returns their slots, in order. A slot belongs to its chunk until it is collected.
    pub async fn write_chunks(
        &self,
        draft: &Draft,
        chunks: Vec<NewChunk>,
    ) -> Result<Vec<u32>, WriteError> {
        unimplemented!("{draft:?} {chunks:?}")
    }

    pub async fn write_pages(&self, draft: &Draft, pages: Vec<Page>) -> Result<(), WriteError> {
        unimplemented!("{draft:?} {pages:?}")
    }

    /// Makes the draft the live version, durably, and queues the slots of the one it replaces.
    pub async fn publish(&self, draft: &Draft, expected_chunks: u32) -> Result<Flip, PublishError> {
        unimplemented!("{draft:?} {expected_chunks}")
    }

    /// Takes a document out of sight; `None` when there is no such live document.
    pub async fn delete_document(
        &self,
        knowledge_base: &KnowledgeBaseId,
        document: &DocumentId,
    ) -> Result<Option<Flip>, DbError> {
        unimplemented!("{knowledge_base} {document}")
    }

    /// Versions begun and neither published nor discarded. At start-up, before any ingest, these are what a crash left.
    pub async fn orphans(&self) -> Result<Vec<Draft>, DbError> {
        unimplemented!()
    }

    /// Gives a draft up; its slots are queued like those of a replaced version. Discarding twice does nothing.
    pub async fn discard(&self, draft: &Draft) -> Result<(), DbError> {
        unimplemented!("{draft:?}")
    }

    /// Versions whose slots wait to be forgotten by the derived legs.
    pub async fn dead_versions(&self) -> Result<Vec<DeadVersion>, DbError> {
        unimplemented!()
    }

    /// Really removes dead versions; their slots may be given to others from now on. Call it after the legs have durably deleted the
    /// slots and the last older snapshot is gone.
    pub async fn collect(&self, dead: Vec<DeadVersion>) -> Result<(), DbError> {
        unimplemented!("{dead:?}")
    }
}
