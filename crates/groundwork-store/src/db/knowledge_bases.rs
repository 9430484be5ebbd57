//! Knowledge bases: sets of documents that are searched together, with one embedding model each.

use super::operation::{Durability, Operation, guard, last_row};
use super::value::{Row, Value};
use super::{Db, DbError, Undone};
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
    /// Set by the first version that is begun, and free again once the knowledge base is empty.
    pub embedding: Option<EmbeddingModel>,
    pub epochs: Epochs,
}

/// The model that all vectors of a knowledge base come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingModel {
    /// Name and revision.
    pub model: String,
    pub dimensions: u32,
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
    /// Makes or changes a knowledge base; makes its tenant when that is new. A file takes over what the API declared, never the other
    /// way round.
    pub async fn put_knowledge_base(&self, new: NewKnowledgeBase) -> Result<KnowledgeBase, PutKnowledgeBaseError> {
        let id: Value = new.id.as_str().into();
        let parameters = vec![
            id.clone(),
            new.tenant.as_str().into(),
            new.name.as_str().into(),
            (&new.settings).into(),
            new.managed_by.as_str().into(),
            self.now(),
        ];
        let steps =
            vec![self.tenant_step(&new.tenant), guard(Operation::PutKnowledgeBase, parameters), guard(Operation::KnowledgeBase, vec![id])];
        match self.write(Durability::Now, steps).await {
            Ok(outcomes) => Ok(read(last_row(outcomes)?)?),
            Err(Undone::Db(error)) => Err(error.into()),
            Err(Undone::Guard(_)) => match self.knowledge_base(&new.id).await? {
                Some(existing) if existing.tenant != new.tenant => Err(PutKnowledgeBaseError::OtherTenant(new.id)),
                _ => Err(PutKnowledgeBaseError::ManagedByFile(new.id)),
            },
        }
    }

    pub async fn knowledge_base(&self, id: &KnowledgeBaseId) -> Result<Option<KnowledgeBase>, DbError> {
        self.read_one(Operation::KnowledgeBase, vec![id.as_str().into()]).await?.map(read).transpose()
    }

    /// All knowledge bases of `tenant`, or of everyone, by id.
    pub async fn knowledge_bases(&self, tenant: Option<&TenantId>) -> Result<Vec<KnowledgeBase>, DbError> {
        let rows = self.read(Operation::KnowledgeBases, vec![tenant.map(TenantId::as_str).into()]).await?;
        rows.into_iter().map(read).collect()
    }

    /// The epochs alone; cheap enough to ask on every request.
    pub async fn epochs(&self, id: &KnowledgeBaseId) -> Result<Option<Epochs>, DbError> {
        self.read_one(Operation::Epochs, vec![id.as_str().into()]).await?.map(|mut row| Epochs::read(&mut row)).transpose()
    }
}

impl Epochs {
    pub(super) fn read(row: &mut Row) -> Result<Self, DbError> {
        Ok(Self { content: row.next()?, permission: row.next()? })
    }
}

impl ManagedBy {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Api => "api",
        }
    }

    pub(super) fn read(row: &mut Row) -> Result<Self, DbError> {
        Ok(if row.next::<String>()? == "file" { Self::File } else { Self::Api })
    }
}

pub(super) fn read(mut row: Row) -> Result<KnowledgeBase, DbError> {
    Ok(KnowledgeBase {
        id: row.name()?,
        tenant: row.name()?,
        name: row.next()?,
        settings: row.json()?,
        managed_by: ManagedBy::read(&mut row)?,
        created_at: row.next()?,
        embedding: match (row.next::<Option<String>>()?, row.next::<Option<u32>>()?) {
            (Some(model), Some(dimensions)) => Some(EmbeddingModel { model, dimensions }),
            _ => None,
        },
        epochs: Epochs::read(&mut row)?,
    })
}
