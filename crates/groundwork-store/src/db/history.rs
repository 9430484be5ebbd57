//! Versions that were replaced and are kept, and documents that are nearly the same.

use super::documents::Document;
use super::operation::{Durability, Operation, step};
use super::value::Row;
use super::versions::{Draft, WriteError};
use super::{Db, DbError, Undone};
use crate::blobs::Sha256;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::near::Signature;

/// A version that is no longer searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    pub generation: u32,
    pub name: String,
    pub title: Option<String>,
    pub media_type: String,
    pub sha256: Sha256,
    pub bytes: u64,
    pub pages: Option<u32>,
    pub published_at: UnixMs,
    pub replaced_at: UnixMs,
}

/// Documents that are compared with one at most.
const MOST_ALIKE: u32 = 200;

impl Db {
    /// The versions of a document that were replaced and are kept, newest first.
    pub async fn kept_versions(&self, document: &DocumentId) -> Result<Vec<KeptVersion>, DbError> {
        let rows = self.read(Operation::KeptVersions, vec![document.as_str().into(), self.now()]).await?;
        rows.into_iter().map(read).collect()
    }

    /// Forgets what is kept beyond what the settings of `knowledge_base` say, or of documents that are gone. Returns the originals of what
    /// was forgotten, which may still be in use.
    pub async fn forget_versions(&self, knowledge_base: &KnowledgeBaseId) -> Result<Vec<Sha256>, DbError> {
        let steps = vec![step(Operation::ForgetVersions, vec![knowledge_base.as_str().into(), self.now()])];
        let outcomes = self.write(Durability::Later, steps).await.map_err(Undone::unexpected)?;
        let rows = outcomes.into_iter().flat_map(|outcome| outcome.rows);
        rows.map(|mut row| row.next().map(Sha256)).collect()
    }

    /// Says by what a version that is being written is alike to others.
    pub async fn write_signature(&self, draft: &Draft, signature: &Signature) -> Result<(), WriteError> {
        let mut steps = vec![draft.required(), step(Operation::PutSignature, vec![draft.no.into(), signature.to_bytes().into()])];
        steps.extend(signature.bands().map(|band| step(Operation::PutBand, vec![band.into(), draft.no.into()])));
        match self.write(Durability::Later, steps).await {
            Ok(_) => Ok(()),
            Err(Undone::Guard(_)) => Err(WriteError::NotADraft),
            Err(Undone::Db(error)) => Err(error.into()),
        }
    }

    /// The live documents of the same knowledge base that may be alike to a live one, each with how much, the most alike first.
    pub async fn near(&self, document: &Document) -> Result<Vec<(DocumentId, f32)>, DbError> {
        let parameters = vec![document.id.as_str().into(), document.version.generation.into(), MOST_ALIKE.into()];
        let mut own = None;
        let mut others = Vec::new();
        for mut row in self.read(Operation::Near, parameters).await? {
            let (id, minima): (DocumentId, Vec<u8>) = (row.name()?, row.next()?);
            match Signature::from_bytes(&minima) {
                Some(signature) if id == document.id => own = Some(signature),
                Some(signature) => others.push((id, signature)),
                None => {}
            }
        }
        let Some(own) = own else { return Ok(Vec::new()) };
        let mut near: Vec<_> = others.into_iter().map(|(id, signature)| (id, own.similarity(&signature))).collect();
        near.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        Ok(near)
    }
}

fn read(mut row: Row) -> Result<KeptVersion, DbError> {
    Ok(KeptVersion {
        generation: row.next()?,
        name: row.next()?,
        title: row.next()?,
        media_type: row.next()?,
        sha256: Sha256(row.next()?),
        bytes: row.next()?,
        pages: row.next()?,
        published_at: row.next()?,
        replaced_at: row.next()?,
    })
}
