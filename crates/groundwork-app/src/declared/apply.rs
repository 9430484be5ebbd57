//! Declarations become rows: a new version where the content differs, nothing where it does not.

use super::{File, Key, built_in, check};
use crate::declared::DeclareError;
use crate::settings::AppliedFile;
use groundwork_core::ids::{InvalidName, TenantId};
use groundwork_store::db::knowledge_bases::{ManagedBy, NewKnowledgeBase, PutKnowledgeBaseError};
use groundwork_store::db::objects::{Kind, NewObject, PutObjectError};
use groundwork_store::db::{Db, DbError};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Why declarations were not applied. What was applied before the error stays, and applying again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Declare(#[from] DeclareError),
    #[error(transparent)]
    KnowledgeBase(#[from] PutKnowledgeBaseError),
    #[error(transparent)]
    Object(#[from] PutObjectError),
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error("a declaration cannot be stored as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Applies the built-in objects and the files' over them. What a file declared once and none declares now is taken out of use;
/// knowledge bases stay, because they hold documents. Gives the declared keys, which are applied where their values can be had.
pub(crate) async fn apply(
    db: &Db,
    tenant: &TenantId,
    files: &[AppliedFile],
    targets: &[String],
) -> Result<BTreeMap<String, Key>, ApplyError> {
    let declared = check(files, targets)?;
    let mut all = built_in(targets);
    for file in declared {
        all.knowledge_bases.extend(file.knowledge_bases);
        all.templates.extend(file.templates);
        all.models.extend(file.models);
        all.assistants.extend(file.assistants);
        all.keys.extend(file.keys);
    }
    let all = without_shadowed(all);
    let apply = Apply { db, tenant };
    for (id, declared) in &all.knowledge_bases {
        let name = declared.title.clone().unwrap_or_else(|| id.clone());
        apply.knowledge_base(id, name, serde_json::to_value(declared)?).await?;
    }
    apply.objects(Kind::Template, &all.templates).await?;
    apply.objects(Kind::ModelPool, &all.models).await?;
    apply.objects(Kind::Assistant, &all.assistants).await?;
    Ok(all.keys)
}

/// A file may take a built-in name for the other kind: its own declaration counts.
fn without_shadowed(mut all: File) -> File {
    if all.models.len() > 1 && all.assistants.contains_key(super::DEFAULT) {
        all.models.remove(super::DEFAULT);
    }
    if all.models.contains_key(super::GROUNDWORK) {
        all.assistants.remove(super::GROUNDWORK);
    }
    all
}

struct Apply<'a> {
    db: &'a Db,
    tenant: &'a TenantId,
}

impl Apply<'_> {
    async fn knowledge_base(&self, id: &str, name: String, settings: serde_json::Value) -> Result<(), ApplyError> {
        let new = NewKnowledgeBase { id: id.parse()?, tenant: self.tenant.clone(), name, settings, managed_by: ManagedBy::File };
        self.db.put_knowledge_base(new).await?;
        Ok(())
    }

    async fn objects<T: Serialize>(&self, kind: Kind, declared: &BTreeMap<String, T>) -> Result<(), ApplyError> {
        for (name, body) in declared {
            let new = NewObject {
                kind,
                tenant: self.tenant.clone(),
                name: name.clone(),
                body: serde_json::to_value(body)?,
                managed_by: ManagedBy::File,
            };
            self.db.put_version(new).await?;
        }
        let kept: BTreeSet<&str> = declared.keys().map(String::as_str).collect();
        for object in self.db.live_objects(kind, self.tenant).await? {
            if object.managed_by == ManagedBy::File && !kept.contains(object.name.as_str()) {
                self.db.retire(kind, self.tenant, &object.name, ManagedBy::File).await?;
            }
        }
        Ok(())
    }
}
