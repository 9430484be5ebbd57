//! Knowledge bases: sets of documents that are searched together, with one embedding model each.

use super::{Db, DbError};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{KnowledgeBaseId, TenantId};
use serde::{Deserialize, Serialize};

/// Who declared an object, and so who may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagedBy {
    /// An applied file; read-only for API and console.
    File,
    Api,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKnowledgeBase {
    pub id: KnowledgeBaseId,
    pub tenant: TenantId,
    pub name: String,
    /// Settings that the store only keeps: chunking, connectors, and the like.
    pub settings: serde_json::Value,
    pub managed_by: ManagedBy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeBase {
    pub id: KnowledgeBaseId,
    pub tenant: TenantId,
    pub name: String,
    pub settings: serde_json::Value,
    pub managed_by: ManagedBy,
    pub created_at: UnixMs,
    pub epochs: Epochs,
}

/// Counters that grow with every change; what was computed at an equal epoch still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Epochs {
    /// Counts publications and deletions.
    pub content: u64,
    /// Counts changes of permissions.
    pub permission: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum PutKnowledgeBaseError {
    #[error("knowledge base {0} belongs to another tenant: choose another id")]
    OtherTenant(KnowledgeBaseId),
    #[error("knowledge base {0} is declared in a file: change the file and apply it")]
    ManagedByFile(KnowledgeBaseId),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Makes or changes a knowledge base; makes its tenant when that is new.
    pub async fn put_knowledge_base(
        &self,
        new: NewKnowledgeBase,
    ) -> Result<KnowledgeBase, PutKnowledgeBaseError> {
        unimplemented!("{new:?}")
    }

    pub async fn knowledge_base(
        &self,
        id: &KnowledgeBaseId,
    ) -> Result<Option<KnowledgeBase>, DbError> {
        unimplemented!("{id}")
    }

    /// All knowledge bases of `tenant`, or of everyone, by id.
    pub async fn knowledge_bases(
        &self,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<KnowledgeBase>, DbError> {
        unimplemented!("{tenant:?}")
    }

    /// The epochs alone; cheap enough to ask on every request.
    pub async fn epochs(&self, id: &KnowledgeBaseId) -> Result<Option<Epochs>, DbError> {
        unimplemented!("{id}")
    }
}
