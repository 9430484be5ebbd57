//! Published objects: assistants, templates, model pools. A version never changes; a live pointer says which one counts.

use super::knowledge_bases::ManagedBy;
use super::operation::{Durability, Operation, guard, last_row, step};
use super::value::{Row, Value};
use super::{Db, DbError, Undone};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::TenantId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Assistant,
    Template,
    ModelPool,
    /// What callers come with; its body holds a keyed hash, never the value.
    Key,
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
    #[error("{kind} {name:?} is declared in a file: change the file and apply it")]
    ManagedByFile { kind: Kind, name: String },
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Adds a version and makes it live; a live one with an equal body is returned as it is. A file takes over what the API declared,
    /// never the other way round.
    pub async fn put_version(&self, new: NewObject) -> Result<Object, PutObjectError> {
        if let Some(live) = self.live(new.kind, &new.tenant, &new.name).await?
            && live.body == new.body
            && live.managed_by == new.managed_by
        {
            return Ok(live);
        }
        let of_object = new.kind.of(&new.tenant, &new.name);
        let with = |rest: Vec<Value>| of_object.iter().cloned().chain(rest).collect::<Vec<_>>();
        let created_at = self.now_ms();
        let manager: Value = new.managed_by.as_str().into();
        let steps = vec![
            self.tenant_step(&new.tenant),
            step(Operation::InsertObject, with(vec![manager.clone()])),
            guard(Operation::AdvanceObject, with(vec![manager])),
            guard(Operation::InsertObjectVersion, with(vec![(&new.body).into(), created_at.into()])),
        ];
        let NewObject { kind, tenant, name, body, managed_by } = new;
        match self.write(Durability::Now, steps).await {
            Ok(outcomes) => Ok(Object { kind, tenant, name, version: last_row(outcomes)?.next()?, body, managed_by, created_at }),
            Err(Undone::Guard(_)) => Err(PutObjectError::ManagedByFile { kind, name }),
            Err(Undone::Db(error)) => Err(error.into()),
        }
    }

    /// The live version.
    pub async fn live(&self, kind: Kind, tenant: &TenantId, name: &str) -> Result<Option<Object>, DbError> {
        self.read_one(Operation::LiveObject, kind.of(tenant, name)).await?.map(|row| read(kind, row)).transpose()
    }

    /// One version, live or not.
    pub async fn object_version(&self, kind: Kind, tenant: &TenantId, name: &str, version: u32) -> Result<Option<Object>, DbError> {
        let mut parameters = kind.of(tenant, name);
        parameters.push(version.into());
        self.read_one(Operation::ObjectVersion, parameters).await?.map(|row| read(kind, row)).transpose()
    }

    /// All live versions of a kind, by name.
    pub async fn live_objects(&self, kind: Kind, tenant: &TenantId) -> Result<Vec<Object>, DbError> {
        let rows = self.read(Operation::LiveObjects, vec![kind.as_str().into(), tenant.as_str().into()]).await?;
        rows.into_iter().map(|row| read(kind, row)).collect()
    }

    /// Takes an object out of use; its versions stay readable. False when none was live.
    pub async fn retire(&self, kind: Kind, tenant: &TenantId, name: &str, by: ManagedBy) -> Result<bool, PutObjectError> {
        let mut parameters = kind.of(tenant, name);
        parameters.push(by.as_str().into());
        match self.write(Durability::Now, vec![guard(Operation::RetireObject, parameters)]).await {
            Ok(_) => Ok(true),
            Err(Undone::Guard(_)) => match self.live(kind, tenant, name).await? {
                Some(_) => Err(PutObjectError::ManagedByFile { kind, name: name.to_owned() }),
                None => Ok(false),
            },
            Err(Undone::Db(error)) => Err(error.into()),
        }
    }
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::Template => "template",
            Self::ModelPool => "model_pool",
            Self::Key => "key",
        }
    }

    /// The parameters that name an object.
    fn of(self, tenant: &TenantId, name: &str) -> Vec<Value> {
        vec![self.as_str().into(), tenant.as_str().into(), name.into()]
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Assistant => "assistant",
            Self::Template => "template",
            Self::ModelPool => "model pool",
            Self::Key => "key",
        })
    }
}

fn read(kind: Kind, mut row: Row) -> Result<Object, DbError> {
    Ok(Object {
        kind,
        tenant: row.name()?,
        name: row.next()?,
        version: row.next()?,
        body: row.json()?,
        managed_by: ManagedBy::read(&mut row)?,
        created_at: row.next()?,
    })
}
