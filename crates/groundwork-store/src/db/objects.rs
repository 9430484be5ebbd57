//! Published objects: assistants, templates, model pools. A version never changes; a live pointer says which one counts.

use super::knowledge_bases::ManagedBy;
use super::{Db, DbError};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::TenantId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Assistant,
    Template,
    ModelPool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    pub kind: Kind,
    pub tenant: TenantId,
    pub name: String,
    /// From 1, counting up within the object.
    pub version: u32,
    pub body: serde_json::Value,
    pub managed_by: ManagedBy,
    pub created_at: UnixMs,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewObject {
    pub kind: Kind,
    pub tenant: TenantId,
    pub name: String,
    pub body: serde_json::Value,
    pub managed_by: ManagedBy,
}

#[derive(Debug, thiserror::Error)]
pub enum PutObjectError {
    #[error("{kind:?} {name:?} is declared in a file: change the file and apply it")]
    ManagedByFile { kind: Kind, name: String },
    #[error(
        "{kind:?} {name:?} was changed by someone else at the same moment: look at it and try again"
    )]
    Conflict { kind: Kind, name: String },
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Adds a version and makes it live; the live one with an equal body is returned as it is. A file takes over what the API declared,
    /// never the other way round.
    pub async fn put_version(&self, new: NewObject) -> Result<Object, PutObjectError> {
        unimplemented!("{new:?}")
    }

    /// The live version.
    pub async fn live(
        &self,
        kind: Kind,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Option<Object>, DbError> {
        unimplemented!("{kind:?} {tenant} {name}")
    }

    /// One version, live or not.
    pub async fn object_version(
        &self,
        kind: Kind,
        tenant: &TenantId,
        name: &str,
        version: u32,
    ) -> Result<Option<Object>, DbError> {
        unimplemented!("{kind:?} {tenant} {name} {version}")
    }

    /// All live versions of a kind, by name.
    pub async fn live_objects(
        &self,
        kind: Kind,
        tenant: &TenantId,
    ) -> Result<Vec<Object>, DbError> {
        unimplemented!("{kind:?} {tenant}")
    }

    /// Takes an object out of use; its versions stay readable. False when there was none live.
    pub async fn retire(
        &self,
        kind: Kind,
        tenant: &TenantId,
        name: &str,
        by: ManagedBy,
    ) -> Result<bool, PutObjectError> {
        unimplemented!("{kind:?} {tenant} {name} {by:?}")
    }
}
