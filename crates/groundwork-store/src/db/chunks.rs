//! What the derived legs are made from, and what a hit is turned back into. A slot is a chunk's number within its knowledge base.

use super::knowledge_bases::Epochs;
use super::{Db, DbError};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use half::f16;
use std::ops::Range;

/// Which slots are live, in one state of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSlots {
    pub epochs: Epochs,
    /// One more than the highest slot ever given out: the length of bitmaps and of the code matrix.
    pub slots: u32,
    /// Of an embedding; `None` before the first chunk.
    pub dimensions: Option<u32>,
    pub documents: Vec<LiveDocument>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveDocument {
    pub document: DocumentId,
    pub generation: u32,
    pub slots: Vec<Range<u32>>,
}

/// Codes of consecutive slots, live or not.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeBlock {
    pub first_slot: u32,
    /// One a slot.
    pub scales: Vec<f32>,
    /// `dimensions` bytes a slot, each an i8.
    pub codes: Vec<u8>,
}

/// What the keyword leg indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkText {
    pub slot: u32,
    pub title: Option<String>,
    pub name: String,
    pub heading_path: Vec<String>,
    pub text: String,
}

/// A chunk with what a prompt and a citation need of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub slot: u32,
    /// From 0, in reading order within its version.
    pub ordinal: u32,
    pub text: String,
    pub heading_path: Vec<String>,
    pub pages: Option<(u32, u32)>,
    pub span: Range<u32>,
    pub document: DocumentId,
    pub generation: u32,
    pub source: String,
    pub name: String,
    pub title: Option<String>,
    pub media_type: String,
}

impl Db {
    /// `None` when there is no such knowledge base.
    pub async fn live_slots(
        &self,
        knowledge_base: &KnowledgeBaseId,
    ) -> Result<Option<LiveSlots>, DbError> {
        unimplemented!("{knowledge_base}")
    }

    /// At most `blocks` blocks of codes from slot `from` on, by slot. An empty answer ends the matrix.
    pub async fn codes(
        &self,
        knowledge_base: &KnowledgeBaseId,
        from: u32,
        blocks: u32,
    ) -> Result<Vec<CodeBlock>, DbError> {
        unimplemented!("{knowledge_base} {from} {blocks}")
    }

    /// At most `limit` texts from slot `from` on, by slot, live or not. An empty answer ends them.
    pub async fn texts(
        &self,
        knowledge_base: &KnowledgeBaseId,
        from: u32,
        limit: u32,
    ) -> Result<Vec<ChunkText>, DbError> {
        unimplemented!("{knowledge_base} {from} {limit}")
    }

    /// The chunks of `slots`, in their order; a slot that was collected meanwhile is left out.
    pub async fn chunks(
        &self,
        knowledge_base: &KnowledgeBaseId,
        slots: &[u32],
    ) -> Result<Vec<Chunk>, DbError> {
        unimplemented!("{knowledge_base} {slots:?}")
    }

    /// The vectors of `slots` for rescoring, in their order; a slot that was collected meanwhile is left out.
    pub async fn vectors(
        &self,
        knowledge_base: &KnowledgeBaseId,
        slots: &[u32],
    ) -> Result<Vec<(u32, Vec<f16>)>, DbError> {
        unimplemented!("{knowledge_base} {slots:?}")
    }
}
