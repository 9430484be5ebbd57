//! The chunks of a version that is being written, and the slots they get.

use super::chunks::slot_of;
use super::operation::{Durability, Operation, Outcome, Step, guard, row_of, step};
use super::value::Value;
use super::versions::Draft;
use super::{Db, DbError, Undone};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_core::place::Place;
use half::f16;
use std::ops::Range;

/// Free ranges that one write may take, so that a much-edited knowledge base does not tear a version into crumbs.
const FREE_RANGES: u32 = 16;
/// Slots of one row of codes: large enough that a matrix loads in few reads, small enough that a row is no burden.
const BLOCK: u32 = 1024;

/// One chunk with its embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct NewChunk {
    /// What is shown and cited; the keyword leg indexes it with title and heading path.
    pub text: String,
    /// Outermost first.
    pub heading_path: Vec<String>,
    /// First and last page, counted from 1, where the format has pages.
    pub pages: Option<(u32, u32)>,
    pub place: Place,
    /// Characters of the document's plain text.
    pub span: Range<u32>,
    pub embedding: Embedding,
}

/// An embedding as the scan reads it and as it is rescored.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    pub codes: Vec<i8>,
    /// What one step of a code is worth.
    pub scale: f32,
    pub vector: Vec<f16>,
}

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the version is no longer being written: it was published, discarded or its document deleted")]
    NotADraft,
    #[error("an embedding has {found} dimensions where its model has {expected}: the embedder is at fault")]
    Dimensions { expected: u32, found: usize },
    #[error("knowledge base {0} is full: it has no slots left; split it")]
    NoSlots(KnowledgeBaseId),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Keys of consecutive slots.
pub(super) type Keys = Range<i64>;

impl Db {
    /// Writes chunks after those already written and returns their slots, in order. A slot belongs to its chunk until it is collected.
    /// The slots are durably this version's when this returns; the chunks are when it is published.
    pub async fn write_chunks(&self, draft: &Draft, chunks: Vec<NewChunk>) -> Result<Vec<u32>, WriteError> {
        self.write_with(draft, &chunks, |keys, at| {
            let block = &chunks[at];
            let vectors = keys.clone().zip(block).map(|(key, chunk)| vector_step(key, &chunk.embedding));
            let codes = codes_step(&keys, block.iter().map(|chunk| &chunk.embedding));
            vectors.chain([codes]).collect()
        })
        .await
    }

    /// The same for a version that is published with the vectors of a first pass. Each chunk comes with the text that is yet to be embedded.
    pub async fn write_first_pass(&self, draft: &Draft, chunks: Vec<(NewChunk, String)>) -> Result<Vec<u32>, WriteError> {
        let (chunks, texts): (Vec<NewChunk>, Vec<String>) = chunks.into_iter().unzip();
        self.write_with(draft, &chunks, |keys, at| {
            let vectors = keys.zip(chunks[at.clone()].iter().zip(&texts[at])).map(|(key, (chunk, text))| {
                let columns = vec![key.into(), draft.no.into(), chunk.embedding.vector_bytes().into(), text.as_str().into()];
                step(Operation::InsertFirstVector, columns)
            });
            vectors.collect()
        })
        .await
    }

    /// Writes chunks with what `steps_of` makes of each block of them: the keys that they get, and where they stand among `chunks`.
    async fn write_with(
        &self,
        draft: &Draft,
        chunks: &[NewChunk],
        steps_of: impl Fn(Keys, Range<usize>) -> Vec<Step>,
    ) -> Result<Vec<u32>, WriteError> {
        let Ok(count @ 1..) = u32::try_from(chunks.len()) else { return Ok(vec![]) };
        let dimensions = chunks.iter().flat_map(|chunk| [chunk.embedding.codes.len(), chunk.embedding.vector.len()]);
        if let Some(found) = dimensions.into_iter().find(|&found| found != draft.dimensions as usize) {
            return Err(WriteError::Dimensions { expected: draft.dimensions, found });
        }

        let (first_ordinal, ranges) = self.allocate(draft, count).await?;
        let mut steps = vec![draft.required()];
        let mut ordinals = first_ordinal..;
        let mut at = 0;
        for keys in blocks(&ranges) {
            let block = at..at + (keys.end - keys.start) as usize;
            at = block.end;
            for ((key, ordinal), chunk) in keys.clone().zip(&mut ordinals).zip(&chunks[block.clone()]) {
                steps.push(step(Operation::InsertChunk, chunk.columns(key, draft.no, ordinal)));
            }
            steps.extend(steps_of(keys, block));
        }
        match self.write(Durability::Later, steps).await {
            Ok(_) => Ok(ranges.into_iter().flatten().map(slot_of).collect()),
            Err(Undone::Guard(_)) => Err(WriteError::NotADraft),
            Err(Undone::Db(error)) => Err(error.into()),
        }
    }

    /// Gives the draft `count` slots: free ones first, then new ones. Returns the ordinal of the first chunk and the keys.
    async fn allocate(&self, draft: &Draft, count: u32) -> Result<(u32, Vec<Keys>), WriteError> {
        let mut free = vec![];
        for mut row in self.read(Operation::FreeSlots, vec![draft.knowledge_base.as_str().into(), FREE_RANGES.into()]).await? {
            free.push((row.next()?, row.next()?));
        }
        let plan = Plan::new(draft, count, &free);
        match self.write(Durability::Now, plan.steps).await {
            Ok(outcomes) => Ok(allocation(plan.taken, outcomes)?),
            Err(Undone::Guard(0)) => Err(WriteError::NotADraft),
            // Another write took a free range first, or there was none and the numbers have run out.
            Err(Undone::Guard(_)) if free.is_empty() => Err(WriteError::NoSlots(draft.knowledge_base.clone())),
            Err(Undone::Guard(_)) => self.allocate_new(draft, count).await,
            Err(Undone::Db(error)) => Err(error.into()),
        }
    }

    async fn allocate_new(&self, draft: &Draft, count: u32) -> Result<(u32, Vec<Keys>), WriteError> {
        match self.write(Durability::Now, Plan::new(draft, count, &[]).steps).await {
            Ok(outcomes) => Ok(allocation(vec![], outcomes)?),
            Err(Undone::Guard(0)) => Err(WriteError::NotADraft),
            Err(Undone::Guard(_)) => Err(WriteError::NoSlots(draft.knowledge_base.clone())),
            Err(Undone::Db(error)) => Err(error.into()),
        }
    }
}

/// The transaction that gives slots to a draft: the first step counts its chunks up, the last records new slots if any are needed.
struct Plan {
    taken: Vec<Keys>,
    steps: Vec<Step>,
}

impl Plan {
    fn new(draft: &Draft, count: u32, free: &[(i64, u32)]) -> Self {
        let mut steps = vec![guard(Operation::CountUpChunks, vec![draft.no.into(), count.into()])];
        let mut taken = vec![];
        let mut needed = count;
        for &(key, available) in free {
            let take = available.min(needed);
            if take == 0 {
                break;
            }
            steps.push(guard(Operation::TakeFreeSlots, vec![key.into(), available.into(), draft.no.into(), take.into()]));
            if take < available {
                steps.push(step(Operation::LeaveFreeSlots, vec![(key + i64::from(take)).into(), (available - take).into()]));
            }
            taken.push(key..key + i64::from(take));
            needed -= take;
        }
        if needed > 0 {
            let base: Value = draft.knowledge_base.as_str().into();
            steps.push(guard(Operation::AdvanceSlots, vec![base.clone(), needed.into()]));
            steps.push(guard(Operation::RecordSlots, vec![base, needed.into(), draft.no.into()]));
        }
        Self { taken, steps }
    }
}

/// Reads what a `Plan` returned.
fn allocation(mut keys: Vec<Keys>, mut outcomes: Vec<Outcome>) -> Result<(u32, Vec<Keys>), DbError> {
    let recorded = outcomes.pop().filter(|last| !outcomes.is_empty() && !last.rows.is_empty());
    if let Some(recorded) = recorded {
        let mut row = row_of(Some(recorded))?;
        let (first, count): (i64, i64) = (row.next()?, row.next()?);
        keys.push(first..first + count);
    }
    let first_ordinal = row_of(outcomes.into_iter().next())?.next()?;
    Ok((first_ordinal, keys))
}

/// The ranges, cut so that none is longer than a block.
pub(super) fn blocks(ranges: &[Keys]) -> impl Iterator<Item = Keys> {
    ranges.iter().flat_map(|keys| {
        let end = keys.end;
        keys.clone().step_by(BLOCK as usize).map(move |first| first..end.min(first + i64::from(BLOCK)))
    })
}

pub(super) fn vector_step(key: i64, embedding: &Embedding) -> Step {
    step(Operation::InsertVector, vec![key.into(), embedding.vector_bytes().into()])
}

pub(super) fn codes_step<'a>(keys: &Keys, block: impl Iterator<Item = &'a Embedding> + Clone) -> Step {
    let scales: Vec<u8> = block.clone().flat_map(|embedding| embedding.scale.to_le_bytes()).collect();
    let codes: Vec<u8> = block.flat_map(|embedding| embedding.codes.iter().map(|code| code.to_le_bytes()[0])).collect();
    step(Operation::InsertCodes, vec![keys.start.into(), (keys.end - keys.start).into(), scales.into(), codes.into()])
}

/// Most chunks stand on one page and say nothing more.
fn place_column(place: &Place) -> Value {
    if *place == Place::default() { Value::from(None::<&str>) } else { serde_json::to_string(place).unwrap_or_default().into() }
}

impl NewChunk {
    fn columns(&self, key: i64, version: i64, ordinal: u32) -> Vec<Value> {
        vec![
            key.into(),
            version.into(),
            ordinal.into(),
            self.text.as_str().into(),
            serde_json::Value::from(self.heading_path.clone()).to_string().into(),
            self.pages.map(|(first, _)| first).into(),
            self.pages.map(|(_, last)| last).into(),
            self.span.start.into(),
            self.span.end.into(),
            place_column(&self.place),
        ]
    }
}

impl Embedding {
    fn vector_bytes(&self) -> Vec<u8> {
        self.vector.iter().flat_map(|element| element.to_le_bytes()).collect()
    }
}
