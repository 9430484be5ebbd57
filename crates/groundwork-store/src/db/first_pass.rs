//! Versions that are live with the vectors of a fast model, and how those of the knowledge base's own model take their place: they are
//! written beside, any number at a time, and count from the moment on that the note of the first pass is gone, all by one transaction.

use super::chunks::{CodeBlock, code_block, of_slots, slot_of, vector};
use super::drafts::{Embedding, Keys, blocks, codes_step, vector_step};
use super::knowledge_bases::EmbeddingModel;
use super::operation::{Durability, Operation, guard, step};
use super::value::Value;
use super::{Db, DbError, Undone};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId, TenantId};
use half::f16;

/// A live version that waits for its second pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPass {
    pub tenant: TenantId,
    pub knowledge_base: KnowledgeBaseId,
    pub document: DocumentId,
    pub generation: u32,
}

/// The vector that a first pass gave a chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstVector {
    pub slot: u32,
    pub embedding: EmbeddingModel,
    pub vector: Vec<f16>,
}

/// A chunk that the knowledge base's own model is yet to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unembedded {
    key: i64,
    pub text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SecondPassError {
    /// It was replaced or deleted, or its second pass is made.
    #[error("the version waits for no second pass any more")]
    NotWaiting,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// All versions that wait for their second pass, the oldest first.
    pub async fn waiting_passes(&self) -> Result<Vec<WaitingPass>, DbError> {
        let rows = self.read(Operation::WaitingPasses, vec![]).await?;
        rows.into_iter()
            .map(|mut row| {
                let (tenant, knowledge_base) = (row.name()?, row.name()?);
                Ok(WaitingPass { tenant, knowledge_base, document: row.name()?, generation: row.next()? })
            })
            .collect()
    }

    /// At most `limit` vectors of first passes from slot `from` on, by slot, live or not. An empty answer ends them.
    pub async fn first_vectors_from(&self, knowledge_base: &KnowledgeBaseId, from: u32, limit: u32) -> Result<Vec<FirstVector>, DbError> {
        let rows = self.read(Operation::FirstVectorsFrom, vec![knowledge_base.as_str().into(), from.into(), limit.into()]).await?;
        rows.into_iter()
            .map(|mut row| {
                let (slot, model, dimensions) = (slot_of(row.next()?), row.next()?, row.next()?);
                Ok(FirstVector { slot, embedding: EmbeddingModel { model, dimensions }, vector: vector(&mut row)? })
            })
            .collect()
    }

    /// The vectors that first passes gave `slots`, in their order; a slot that has none, or no longer, is left out.
    pub async fn first_vectors(&self, knowledge_base: &KnowledgeBaseId, slots: &[u32]) -> Result<Vec<(u32, Vec<f16>)>, DbError> {
        let rows = self.read(Operation::FirstVectors, of_slots(knowledge_base, slots)).await?;
        rows.into_iter().map(|mut row| Ok((slot_of(row.next()?), vector(&mut row)?))).collect()
    }

    /// At most `limit` chunks of a version that are yet to be embedded, in their order. None when it waits for no second pass.
    pub async fn unembedded(&self, document: &DocumentId, generation: u32, limit: u32) -> Result<Vec<Unembedded>, DbError> {
        let mut parameters = of_version(document, generation);
        parameters.push(limit.into());
        let rows = self.read(Operation::Unembedded, parameters).await?;
        rows.into_iter().map(|mut row| Ok(Unembedded { key: row.next()?, text: row.next()? })).collect()
    }

    /// Writes vectors of a version that waits for them, each with its chunk, all from one call of `unembedded`. Nobody sees them before
    /// `end_first_pass`, and a kill may lose the last of them. What another attempt has written meanwhile stays.
    pub async fn write_vectors(
        &self,
        document: &DocumentId,
        generation: u32,
        embedded: &[(Unembedded, Embedding)],
    ) -> Result<(), SecondPassError> {
        let Some((first, _)) = embedded.first() else { return Ok(()) };
        let mut steps = vec![
            guard(Operation::RequireFirstPass, of_version(document, generation)),
            guard(Operation::RequireUnembedded, vec![first.key.into()]),
        ];
        steps.extend(embedded.iter().map(|(chunk, embedding)| vector_step(chunk.key, embedding)));
        let runs: Vec<Keys> = embedded
            .chunk_by(|(one, _), (next, _)| one.key + 1 == next.key)
            .filter_map(|run| Some(run.first()?.0.key..run.last()?.0.key + 1))
            .collect();
        let mut at = 0;
        for keys in blocks(&runs) {
            let block = at..at + (keys.end - keys.start) as usize;
            at = block.end;
            steps.push(codes_step(&keys, embedded[block].iter().map(|(_, embedding)| embedding)));
        }
        match self.write(Durability::Later, steps).await {
            Ok(_) | Err(Undone::Guard(1)) => Ok(()),
            Err(undone) => Err(not_waiting(undone)),
        }
    }

    /// The codes of a version that waits for its second pass, as far as they are written.
    pub async fn codes_of_version(&self, document: &DocumentId, generation: u32) -> Result<Vec<CodeBlock>, DbError> {
        let rows = self.read(Operation::CodesOfVersion, of_version(document, generation)).await?;
        rows.into_iter().map(code_block).collect()
    }

    /// From now on the version has the vectors that were written beside, durably; those of the first pass are gone. Not when any is missing.
    pub async fn end_first_pass(&self, document: &DocumentId, generation: u32) -> Result<(), SecondPassError> {
        let steps = vec![
            guard(Operation::EndFirstPass, of_version(document, generation)),
            step(Operation::RemoveFirstVectors, of_version(document, generation)),
        ];
        self.write(Durability::Now, steps).await.map(drop).map_err(not_waiting)
    }
}

fn of_version(document: &DocumentId, generation: u32) -> Vec<Value> {
    vec![document.as_str().into(), generation.into()]
}

fn not_waiting(undone: Undone) -> SecondPassError {
    match undone {
        Undone::Guard(_) => SecondPassError::NotWaiting,
        Undone::Db(error) => error.into(),
    }
}
