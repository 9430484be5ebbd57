//! The generation flip (a document is never half visible): a version is written beside the live one, counted, and made live by moving
//! one pointer in one transaction. What the pointer leaves behind is collected after the derived legs have forgotten it.
//!
//! The order of an ingest: `begin_version`, `write_pages`, `write_chunks` (any number of times), the derived legs take the slots and
//! commit, `publish`, the caller swaps its live bitmap by the `Flip`. Start-up: `orphans` and `discard` each; then
//! `dead_versions`, legs delete and commit, `collect`.

pub use super::drafts::{Embedding, NewChunk, WriteError};

use super::attributes;
use super::chunks::push_slots;
use super::documents::VersionFacts;
use super::knowledge_bases::{EmbeddingModel, Epochs};
use super::operation::{Durability, Operation, Outcome, Step, guard, row_of, step};
use super::permissions::{entries, scope_name};
use super::value::Value;
use super::{Db, DbError, Undone};
use groundwork_core::access::Permissions;
use groundwork_core::attributes::Attributes;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use std::ops::Range;

/// A version that is about to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVersion {
    pub knowledge_base: KnowledgeBaseId,
    pub source: String,
    /// For a file inside a file: the document of the outermost.
    pub parent: Option<DocumentId>,
    pub facts: VersionFacts,
    /// The model that its chunks are embedded with.
    pub embedding: EmbeddingModel,
    /// For a document that was never published; a published one keeps its own, which `set_permissions` changes. `None` gives a new
    /// document those that its source had last, deleted or never published as it may be, and the default to a source that had none.
    pub permissions: Option<Permissions>,
    /// For a document that was never published, too; `None` gives it none.
    pub attributes: Option<Attributes>,
    /// The model whose vectors it is published with, where those of `embedding` come later.
    pub first_pass: Option<EmbeddingModel>,
}

/// A version being written, invisible until published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub knowledge_base: KnowledgeBaseId,
    pub document: DocumentId,
    pub generation: u32,
    /// The generation that was live when this draft began; `publish` fails if it no longer is.
    pub replaces: Option<u32>,
    pub first_pass: Option<EmbeddingModel>,
    pub(super) dimensions: u32,
    pub(super) no: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// The character of the document's text that its own begins at.
    pub start: u32,
    pub text: String,
    /// Its words with their boxes, as the reader packs them.
    pub words: Option<Vec<u8>>,
}

/// What a publication or deletion changed in the set of live slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    pub knowledge_base: KnowledgeBaseId,
    pub document: DocumentId,
    /// The generation that is live now; `None` after a deletion.
    pub generation: Option<u32>,
    pub added: Vec<Range<u32>>,
    pub removed: Vec<Range<u32>>,
    /// The model whose vectors find what was added, where it is not the knowledge base's own.
    pub first_pass: Option<EmbeddingModel>,
    pub epochs: Epochs,
}

/// A version that is no longer wanted and whose slots are still taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadVersion {
    pub knowledge_base: KnowledgeBaseId,
    pub document: DocumentId,
    pub generation: u32,
    pub slots: Vec<Range<u32>>,
    knowledge_base_no: i64,
    no: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum BeginVersionError {
    #[error("there is no knowledge base {0}: make it first")]
    NoSuchKnowledgeBase(KnowledgeBaseId),
    #[error("the place {0} belongs to a file inside another file: give this document another source")]
    OtherParent(String),
    #[error("knowledge base {knowledge_base} was made with the embedding model {} and cannot take vectors of {}: use that model, or make a new knowledge base", has.model, given.model)]
    OtherEmbedding { knowledge_base: KnowledgeBaseId, has: EmbeddingModel, given: EmbeddingModel },
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("{found} chunks were written where {expected} were expected: the version stays unpublished; write it again")]
    CountDiffers { expected: u32, found: u32 },
    #[error("another version was published meanwhile: begin again from it")]
    Superseded,
    #[error("the version is no longer being written: it was discarded or its document deleted")]
    NotADraft,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Steps that publish one draft.
const STEPS: usize = 5;

impl Db {
    pub async fn begin_version(&self, new: NewVersion) -> Result<Draft, BeginVersionError> {
        let of_source = [Value::from(new.knowledge_base.as_str()), Value::from(new.source.as_str())];
        let with = |rest: Vec<Value>| of_source.iter().cloned().chain(rest).collect::<Vec<_>>();
        let embedding = vec![new.knowledge_base.as_str().into(), new.embedding.model.as_str().into(), new.embedding.dimensions.into()];
        let document: DocumentId = self.make_id("doc")?;

        let mut steps = vec![guard(Operation::ClaimEmbedding, embedding)];
        let parent: Value = new.parent.as_ref().map(DocumentId::as_str).into();
        steps.push(step(Operation::InsertDocument, with(vec![document.as_str().into(), self.now(), parent.clone()])));
        if let Some(permissions) = &new.permissions {
            let scope = vec![scope_name(permissions.scope).into(), permissions.public.into()];
            steps.push(step(Operation::ResetUnpublishedScope, with(scope)));
            steps.push(step(Operation::ClearUnpublishedEntries, with(vec![])));
            let entry =
                |(effect, principal): (&str, &str)| step(Operation::AddUnpublishedEntry, with(vec![effect.into(), principal.into()]));
            steps.extend(entries(permissions).map(entry));
        } else {
            steps.extend([Operation::InheritScope, Operation::InheritEntries].map(|operation| step(operation, with(vec![]))));
        }
        if let Some(attributes) = &new.attributes {
            steps.push(step(Operation::SetUnpublishedAttributes, with(vec![attributes::column(attributes)])));
        }
        steps.push(step(Operation::ForgetDeleted, with(vec![])));
        let next = steps.len();
        steps.push(guard(Operation::NextGeneration, with(vec![parent])));
        steps.push(guard(Operation::InsertVersion, with(self.fact_columns(&new.facts))));
        if let Some(EmbeddingModel { model, dimensions }) = &new.first_pass {
            steps.push(guard(Operation::InsertFirstPass, with(vec![model.as_str().into(), (*dimensions).into()])));
        }

        match self.write(Durability::Later, steps).await {
            Ok(outcomes) => Ok(draft(&new, outcomes)?),
            Err(Undone::Guard(0)) => Err(self.why_not_embedded(new).await?),
            Err(Undone::Guard(step)) if step == next => Err(BeginVersionError::OtherParent(new.source)),
            Err(undone) => Err(undone.unexpected().into()),
        }
    }

    pub async fn write_pages(&self, draft: &Draft, pages: Vec<Page>) -> Result<(), WriteError> {
        let mut steps = vec![draft.required()];
        for Page { number, start, text, words } in pages {
            steps.push(step(Operation::PutPage, vec![draft.no.into(), number.into(), text.into(), start.into()]));
            steps.extend(words.map(|words| step(Operation::PutPageWords, vec![draft.no.into(), number.into(), words.into()])));
        }
        match self.write(Durability::Later, steps).await {
            Ok(_) => Ok(()),
            Err(Undone::Guard(_)) => Err(WriteError::NotADraft),
            Err(Undone::Db(error)) => Err(error.into()),
        }
    }

    /// Makes the draft the live version, durably, and queues the slots of the one it replaces.
    pub async fn publish(&self, draft: &Draft, expected_chunks: u32) -> Result<Flip, PublishError> {
        let flips = self.publish_family(&[(draft.clone(), expected_chunks)], &[]).await?;
        flips.into_iter().next().ok_or(PublishError::NotADraft)
    }

    /// Makes a document's draft and those of the files inside it live, all by one transaction, each with its number of chunks; the first is
    /// the document's own. Files inside it that are live and neither among the drafts nor `kept` go.
    pub async fn publish_family(&self, family: &[(Draft, u32)], kept: &[DocumentId]) -> Result<Vec<Flip>, PublishError> {
        let Some((first, _)) = family.first() else { return Ok(Vec::new()) };
        let mut steps = Vec::with_capacity(family.len() * STEPS + 4);
        for (draft, expected_chunks) in family {
            steps.extend([
                guard(Operation::MarkPublished, vec![draft.no.into(), (*expected_chunks).into(), self.now()]),
                step(Operation::SlotsOfLive, vec![draft.document.as_str().into()]),
                guard(Operation::MoveLivePointer, vec![draft.no.into(), draft.replaces.into()]),
                step(Operation::MarkReplaced, vec![draft.no.into()]),
                step(Operation::SlotsOfVersion, vec![draft.no.into()]),
            ]);
        }
        let stay = family.iter().map(|(draft, _)| draft.document.as_str()).chain(kept.iter().map(DocumentId::as_str));
        steps.extend(self.hide_inner(&first.document, stay.collect()));
        steps.push(guard(Operation::BumpContentEpoch, vec![first.knowledge_base.as_str().into()]));
        let outcomes = match self.write(Durability::Now, steps).await {
            Ok(outcomes) => outcomes,
            Err(Undone::Guard(step)) => {
                let (draft, expected_chunks) = family.get(step / STEPS).unwrap_or(&family[0]);
                return Err(self.why_not_published(draft, *expected_chunks).await?);
            }
            Err(Undone::Db(error)) => return Err(error.into()),
        };
        let mut outcomes = outcomes.into_iter();
        let mut changes = Vec::with_capacity(family.len());
        for (draft, _) in family {
            let removed = slots_of(outcomes.nth(1))?;
            let added = slots_of(outcomes.nth(2))?;
            changes.push((draft.document.clone(), Some(draft), added, removed));
        }
        changes.extend(hidden_inner(outcomes.next())?.into_iter().map(|(document, removed)| (document, None, vec![], removed)));
        let epochs = epochs_of(outcomes.nth(2))?;
        let flip = |(document, draft, added, removed): (_, Option<&Draft>, _, _)| Flip {
            knowledge_base: first.knowledge_base.clone(),
            document,
            generation: draft.map(|draft| draft.generation),
            added,
            removed,
            first_pass: draft.and_then(|draft| draft.first_pass.clone()),
            epochs,
        };
        Ok(changes.into_iter().map(flip).collect())
    }

    /// Takes a document and the files inside it out of sight, durably; `None` when there is no such live document.
    pub async fn delete_document(&self, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<Option<Vec<Flip>>, DbError> {
        let (base, id): (Value, Value) = (knowledge_base.as_str().into(), document.as_str().into());
        let mut steps = vec![
            step(Operation::SlotsOfLive, vec![id.clone()]),
            guard(Operation::HideDocument, vec![base.clone(), id.clone(), self.now()]),
            step(Operation::MarkHidden, vec![id]),
        ];
        steps.extend(self.hide_inner(document, vec![]));
        steps.push(guard(Operation::BumpContentEpoch, vec![base]));
        let mut outcomes = match self.write(Durability::Now, steps).await {
            Ok(outcomes) => outcomes.into_iter(),
            Err(Undone::Guard(1)) => return Ok(None),
            Err(undone) => return Err(undone.unexpected()),
        };
        let own = (document.clone(), slots_of(outcomes.next())?);
        let inner = hidden_inner(outcomes.nth(2))?;
        let epochs = epochs_of(outcomes.nth(2))?;
        let flip = |(document, removed)| Flip {
            knowledge_base: knowledge_base.clone(),
            document,
            generation: None,
            added: vec![],
            removed,
            first_pass: None,
            epochs,
        };
        Ok(Some(std::iter::once(own).chain(inner).map(flip).collect()))
    }

    /// Takes the files inside a document out of sight, but for those that stay.
    fn hide_inner(&self, document: &DocumentId, stay: Vec<&str>) -> [Step; 3] {
        let (id, stay): (Value, Value) = (document.as_str().into(), serde_json::Value::from(stay).to_string().into());
        [
            step(Operation::OtherInner, vec![id.clone(), stay.clone()]),
            step(Operation::HideOtherInner, vec![id.clone(), stay, self.now()]),
            step(Operation::MarkHiddenInner, vec![id]),
        ]
    }

    /// Versions begun and neither published nor discarded. At start-up, before any ingest, these are what a crash left.
    pub async fn orphans(&self) -> Result<Vec<Draft>, DbError> {
        let rows = self.read(Operation::Orphans, vec![]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(Draft {
                    knowledge_base: row.name()?,
                    document: row.name()?,
                    generation: row.next()?,
                    replaces: row.next()?,
                    first_pass: None,
                    dimensions: row.next()?,
                    no: row.next()?,
                })
            })
            .collect()
    }

    /// Gives a draft up; its slots are queued like those of a replaced version. A draft that is published or discarded already stays so.
    pub async fn discard(&self, draft: &Draft) -> Result<(), DbError> {
        let steps = vec![step(Operation::MarkDiscarded, vec![draft.no.into()])];
        self.write(Durability::Later, steps).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    /// Versions whose slots wait to be forgotten by the derived legs.
    pub async fn dead_versions(&self) -> Result<Vec<DeadVersion>, DbError> {
        let mut dead: Vec<DeadVersion> = vec![];
        for mut row in self.read(Operation::DeadVersions, vec![]).await? {
            let no: i64 = row.next()?;
            let version = DeadVersion {
                no,
                knowledge_base_no: row.next()?,
                knowledge_base: row.name()?,
                document: row.name()?,
                generation: row.next()?,
                slots: vec![],
            };
            if dead.last().is_none_or(|last| last.no != no) {
                dead.push(version);
            }
            if let (Some(last), Some(first)) = (dead.last_mut(), row.next::<Option<i64>>()?) {
                push_slots(&mut last.slots, first, row.next()?);
            }
        }
        Ok(dead)
    }

    /// Really removes dead versions; their slots may be given to others from now on. Call it after the legs have durably deleted the
    /// slots and the last older snapshot is gone. A version that was collected already is left alone. What the knowledge base keeps of the
    /// history goes into its table.
    pub async fn collect(&self, dead: Vec<DeadVersion>) -> Result<(), DbError> {
        for version in dead {
            match self.write(Durability::Later, version.removal(self.now())).await {
                Ok(_) | Err(Undone::Guard(_)) => {}
                Err(Undone::Db(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn fact_columns(&self, facts: &VersionFacts) -> Vec<Value> {
        let VersionFacts { name, title, media_type, sha256, bytes, fingerprint, pages, metadata } = facts;
        vec![
            name.as_str().into(),
            title.as_deref().into(),
            media_type.as_str().into(),
            sha256.0.as_slice().into(),
            (*bytes).into(),
            fingerprint.as_str().into(),
            (*pages).into(),
            metadata.into(),
            self.now(),
        ]
    }

    async fn why_not_embedded(&self, new: NewVersion) -> Result<BeginVersionError, DbError> {
        Ok(match self.knowledge_base(&new.knowledge_base).await?.and_then(|base| base.embedding) {
            Some(has) => BeginVersionError::OtherEmbedding { knowledge_base: new.knowledge_base, has, given: new.embedding },
            None => BeginVersionError::NoSuchKnowledgeBase(new.knowledge_base),
        })
    }

    async fn why_not_published(&self, draft: &Draft, expected: u32) -> Result<PublishError, DbError> {
        let Some(mut row) = self.read_one(Operation::VersionProgress, vec![draft.no.into()]).await? else {
            return Ok(PublishError::NotADraft);
        };
        let (state, deleted, found): (String, Option<i64>, u32) = (row.next()?, row.next()?, row.next()?);
        Ok(match found {
            _ if state != "writing" || deleted.is_some() => PublishError::NotADraft,
            found if found != expected => PublishError::CountDiffers { expected, found },
            _ => PublishError::Superseded,
        })
    }
}

impl Draft {
    /// Fails the transaction when the version is no longer being written.
    pub(super) fn required(&self) -> Step {
        guard(Operation::RequireDraft, vec![self.no.into()])
    }
}

impl DeadVersion {
    fn removal(&self, now: Value) -> Vec<Step> {
        let mut steps = vec![guard(Operation::RequireDead, vec![self.no.into()]), step(Operation::KeepVersion, vec![self.no.into(), now])];
        for slots in &self.slots {
            let keys = [slots.start, slots.end].map(|slot| Value::from((self.knowledge_base_no << 32) + i64::from(slot)));
            let tables = [Operation::RemoveChunks, Operation::RemoveVectors, Operation::RemoveCodes];
            steps.extend(tables.map(|operation| step(operation, keys.to_vec())));
        }
        steps.push(step(Operation::ReleaseSlots, vec![self.no.into()]));
        steps.push(step(Operation::RemoveVersion, vec![self.no.into()]));
        steps.push(step(Operation::RemoveEmptyDocument, vec![self.document.as_str().into()]));
        steps
    }
}

/// Reads what `begin_version` returned: the document's row and the version's, last in the transaction but for the note of a first pass.
fn draft(new: &NewVersion, mut outcomes: Vec<Outcome>) -> Result<Draft, DbError> {
    if new.first_pass.is_some() {
        outcomes.pop();
    }
    let (version, document) = (outcomes.pop(), outcomes.pop());
    let (mut version, mut document) = (row_of(version)?, row_of(document)?);
    Ok(Draft {
        knowledge_base: new.knowledge_base.clone(),
        document: document.name()?,
        generation: document.next()?,
        replaces: document.next()?,
        first_pass: new.first_pass.clone(),
        dimensions: new.first_pass.as_ref().unwrap_or(&new.embedding).dimensions,
        no: version.next()?,
    })
}

fn epochs_of(outcome: Option<Outcome>) -> Result<Epochs, DbError> {
    Epochs::read(&mut row_of(outcome)?)
}

/// A document that is out of sight now, and the slots it had.
type Hidden = (DocumentId, Vec<Range<u32>>);

/// Documents that were taken out of sight with the one that they are inside of, each with its slots.
fn hidden_inner(outcome: Option<Outcome>) -> Result<Vec<Hidden>, DbError> {
    let mut hidden: Vec<Hidden> = vec![];
    for mut row in outcome.map(|outcome| outcome.rows).unwrap_or_default() {
        let document: DocumentId = row.name()?;
        if hidden.last().is_none_or(|(last, _)| *last != document) {
            hidden.push((document, vec![]));
        }
        if let (Some((_, slots)), Some(key)) = (hidden.last_mut(), row.next::<Option<i64>>()?) {
            push_slots(slots, key, row.next()?);
        }
    }
    Ok(hidden)
}

/// Ranges of slots from rows of (key, count), ascending.
fn slots_of(outcome: Option<Outcome>) -> Result<Vec<Range<u32>>, DbError> {
    let mut slots = vec![];
    for mut row in outcome.map(|outcome| outcome.rows).unwrap_or_default() {
        push_slots(&mut slots, row.next()?, row.next()?);
    }
    Ok(slots)
}
