//! What the derived legs are made from, and what a hit is turned back into. A slot is a chunk's number within its knowledge base.

use super::knowledge_bases::Epochs;
use super::operation::Operation;
use super::value::{Row, Value};
use super::{Db, DbError};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::place::Place;
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
    /// ISO 639-3 code, where it is known.
    pub language: Option<String>,
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
    pub place: Place,
    pub span: Range<u32>,
    pub document: DocumentId,
    pub generation: u32,
    pub source: String,
    pub name: String,
    pub title: Option<String>,
    pub media_type: String,
}

/// Chunks of one version of a document, by their place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    pub document: DocumentId,
    pub generation: u32,
    pub ordinals: Range<u32>,
}

impl Db {
    /// `None` when there is no such knowledge base.
    pub async fn live_slots(&self, knowledge_base: &KnowledgeBaseId) -> Result<Option<LiveSlots>, DbError> {
        let id: Value = knowledge_base.as_str().into();
        let mut answers = self.snapshot(vec![(Operation::SlotSummary, vec![id.clone()]), (Operation::LiveSlots, vec![id])]).await?;
        let Some(mut summary) = answers.next().unwrap_or_default().pop() else { return Ok(None) };
        let epochs = Epochs::read(&mut summary)?;
        let (slots, dimensions) = (summary.next()?, summary.next()?);

        let rows = answers.next().unwrap_or_default();
        let mut documents: Vec<LiveDocument> = Vec::with_capacity(rows.len());
        for mut row in rows {
            let (document, generation): (String, u32) = (row.next()?, row.next()?);
            if documents.last().is_none_or(|last| last.document.as_str() != document) {
                documents.push(LiveDocument { document: row.parse(&document)?, generation, slots: vec![] });
            }
            if let (Some(last), Some(first)) = (documents.last_mut(), row.next::<Option<i64>>()?) {
                push_slots(&mut last.slots, first, row.next()?);
            }
        }
        Ok(Some(LiveSlots { epochs, slots, dimensions, documents }))
    }

    /// At most `blocks` blocks of codes from slot `from` on, by slot; blocks begin where a write began, so continue from the end of the
    /// last. An empty answer ends the matrix.
    pub async fn codes(&self, knowledge_base: &KnowledgeBaseId, from: u32, blocks: u32) -> Result<Vec<CodeBlock>, DbError> {
        let rows = self.read(Operation::Codes, vec![knowledge_base.as_str().into(), from.into(), blocks.into()]).await?;
        rows.into_iter().map(code_block).collect()
    }

    /// At most `limit` texts from slot `from` on, by slot, live or not. An empty answer ends them.
    pub async fn texts(&self, knowledge_base: &KnowledgeBaseId, from: u32, limit: u32) -> Result<Vec<ChunkText>, DbError> {
        let rows = self.read(Operation::Texts, vec![knowledge_base.as_str().into(), from.into(), limit.into()]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(ChunkText {
                    slot: slot_of(row.next()?),
                    title: row.next()?,
                    name: row.next()?,
                    heading_path: row.json()?,
                    text: row.next()?,
                    language: place(&row.next()?).language,
                })
            })
            .collect()
    }

    /// The chunks of `slots`, in their order; a slot that was collected meanwhile is left out.
    pub async fn chunks(&self, knowledge_base: &KnowledgeBaseId, slots: &[u32]) -> Result<Vec<Chunk>, DbError> {
        let rows = self.read(Operation::Chunks, of_slots(knowledge_base, slots)).await?;
        rows.into_iter().map(read).collect()
    }

    /// The chunks of `stretches`, one stretch after the other, each in reading order. Of a version that is gone there are none.
    pub async fn chunks_of(&self, knowledge_base: &KnowledgeBaseId, stretches: &[Stretch]) -> Result<Vec<Chunk>, DbError> {
        let stretch = |stretch: &Stretch| {
            let Stretch { document, generation, ordinals } = stretch;
            serde_json::json!([document.as_str(), generation, ordinals.start, ordinals.end])
        };
        let stretches = serde_json::Value::from_iter(stretches.iter().map(stretch)).to_string();
        let rows = self.read(Operation::ChunksOf, vec![knowledge_base.as_str().into(), stretches.into()]).await?;
        rows.into_iter().map(read).collect()
    }

    /// The vectors of `slots` for rescoring, in their order; a slot that was collected meanwhile is left out.
    pub async fn vectors(&self, knowledge_base: &KnowledgeBaseId, slots: &[u32]) -> Result<Vec<(u32, Vec<f16>)>, DbError> {
        let rows = self.read(Operation::Vectors, of_slots(knowledge_base, slots)).await?;
        rows.into_iter().map(|mut row| Ok((slot_of(row.next()?), vector(&mut row)?))).collect()
    }
}

pub(super) fn code_block(mut row: Row) -> Result<CodeBlock, DbError> {
    let first_slot = slot_of(row.next()?);
    let scales: Vec<u8> = row.next()?;
    let scales = scales.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Ok(CodeBlock { first_slot, scales, codes: row.next()? })
}

pub(super) fn vector(row: &mut Row) -> Result<Vec<f16>, DbError> {
    let bytes: Vec<u8> = row.next()?;
    Ok(bytes.as_chunks().0.iter().map(|&bytes| f16::from_le_bytes(bytes)).collect())
}

pub(super) fn of_slots(knowledge_base: &KnowledgeBaseId, slots: &[u32]) -> Vec<Value> {
    vec![knowledge_base.as_str().into(), serde_json::Value::from(slots).to_string().into()]
}

fn read(mut row: Row) -> Result<Chunk, DbError> {
    Ok(Chunk {
        slot: slot_of(row.next()?),
        ordinal: row.next()?,
        text: row.next()?,
        heading_path: row.json()?,
        pages: row.next::<Option<u32>>()?.zip(row.next()?),
        span: row.next()?..row.next()?,
        place: place(&row.next::<Option<String>>()?),
        document: row.name()?,
        generation: row.next()?,
        source: row.next()?,
        name: row.next()?,
        title: row.next()?,
        media_type: row.next()?,
    })
}

/// A place that cannot be read says nothing.
fn place(column: &Option<String>) -> Place {
    column.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Adds `count` slots from `key` on; ranges that touch become one.
pub(super) fn push_slots(slots: &mut Vec<Range<u32>>, key: i64, count: u32) {
    let first = slot_of(key);
    let end = first.saturating_add(count);
    match slots.last_mut() {
        Some(last) if last.end == first => last.end = end,
        _ => slots.push(first..end),
    }
}

/// The slot of a chunk's key, which is (number of the knowledge base << 32) | slot.
pub(super) fn slot_of(key: i64) -> u32 {
    (key & 0xffff_ffff) as u32
}
