//! Permissions of documents: one set a document, by reference.

use super::knowledge_bases::{self, Epochs};
use super::operation::{Durability, Operation, guard, last_row, step};
use super::value::{Row, Value};
use super::{Db, DbError, Undone};
use groundwork_core::access::{Permissions, Scope};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId, TenantId};

/// The permissions of live documents of a knowledge base, in one state.
#[derive(Debug, Clone, PartialEq)]
pub struct KnowledgeBasePermissions {
    pub tenant: TenantId,
    pub epochs: Epochs,
    pub documents: Vec<(DocumentId, Permissions)>,
}

#[derive(Debug, thiserror::Error)]
pub enum SetPermissionsError {
    #[error("there is no document {0} in this knowledge base")]
    NoSuchDocument(DocumentId),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    /// Replaces a document's permissions; they hold for every version of it. Raises the permission epoch when they differ.
    pub async fn set_permissions(
        &self,
        knowledge_base: &KnowledgeBaseId,
        document: &DocumentId,
        permissions: Permissions,
    ) -> Result<Epochs, SetPermissionsError> {
        let (base, id): (Value, Value) = (knowledge_base.as_str().into(), document.as_str().into());
        let current = self.document_permissions(knowledge_base, document).await?;
        if current.as_ref() == Some(&permissions)
            && let Some(epochs) = self.epochs(knowledge_base).await?
        {
            return Ok(epochs);
        }
        let scope = vec![base.clone(), id.clone(), scope_name(permissions.scope).into(), permissions.public.into()];
        let mut steps = vec![guard(Operation::SetScope, scope), step(Operation::ClearEntries, vec![id.clone()])];
        steps.extend(
            entries(&permissions).map(|(effect, principal)| step(Operation::AddEntry, vec![id.clone(), effect.into(), principal.into()])),
        );
        steps.push(guard(Operation::BumpPermissionEpoch, vec![base]));
        match self.write(Durability::Now, steps).await {
            Ok(outcomes) => Ok(Epochs::read(&mut last_row(outcomes)?)?),
            Err(Undone::Guard(0)) => Err(SetPermissionsError::NoSuchDocument(document.clone())),
            Err(undone) => Err(undone.unexpected().into()),
        }
    }

    pub async fn document_permissions(
        &self,
        knowledge_base: &KnowledgeBaseId,
        document: &DocumentId,
    ) -> Result<Option<Permissions>, DbError> {
        let mut answers = self
            .snapshot(vec![
                (Operation::ScopeOfDocument, vec![knowledge_base.as_str().into(), document.as_str().into()]),
                (Operation::EntriesOfDocument, vec![document.as_str().into()]),
            ])
            .await?;
        let scopes = answers.next().unwrap_or_default();
        Ok(collect(scopes, answers.next().unwrap_or_default())?.pop().map(|(_, permissions)| permissions))
    }

    /// Those of the document with this source, live or not yet; else those that a deleted one left to it.
    pub async fn source_permissions(&self, knowledge_base: &KnowledgeBaseId, source: &str) -> Result<Option<Permissions>, DbError> {
        let of_source = vec![knowledge_base.as_str().into(), source.into()];
        let mut answers =
            self.snapshot(vec![(Operation::ScopeOfSource, of_source.clone()), (Operation::EntriesOfSource, of_source)]).await?;
        let scopes = answers.next().unwrap_or_default();
        Ok(collect(scopes, answers.next().unwrap_or_default())?.pop().map(|(_, permissions)| permissions))
    }

    /// `None` when there is no such knowledge base.
    pub async fn permissions(&self, knowledge_base: &KnowledgeBaseId) -> Result<Option<KnowledgeBasePermissions>, DbError> {
        let id: Value = knowledge_base.as_str().into();
        let mut answers = self
            .snapshot(vec![
                (Operation::KnowledgeBase, vec![id.clone()]),
                (Operation::Scopes, vec![id.clone()]),
                (Operation::Entries, vec![id]),
            ])
            .await?;
        of_base(&mut answers)
    }

    /// Those of `documents` that are live. `None` when there is no such knowledge base.
    pub async fn permissions_of(
        &self,
        knowledge_base: &KnowledgeBaseId,
        documents: &[DocumentId],
    ) -> Result<Option<KnowledgeBasePermissions>, DbError> {
        let id: Value = knowledge_base.as_str().into();
        let ids: Value = serde_json::Value::from_iter(documents.iter().map(DocumentId::as_str)).to_string().into();
        let mut answers = self
            .snapshot(vec![
                (Operation::KnowledgeBase, vec![id.clone()]),
                (Operation::ScopesOf, vec![id, ids.clone()]),
                (Operation::EntriesOf, vec![ids]),
            ])
            .await?;
        of_base(&mut answers)
    }
}

/// From the row of the knowledge base, the scopes and the entries.
fn of_base(answers: &mut impl Iterator<Item = Vec<Row>>) -> Result<Option<KnowledgeBasePermissions>, DbError> {
    let Some(base) = answers.next().unwrap_or_default().pop() else { return Ok(None) };
    let base = knowledge_bases::read(base)?;
    let scopes = answers.next().unwrap_or_default();
    let documents = collect(scopes, answers.next().unwrap_or_default())?;
    Ok(Some(KnowledgeBasePermissions { tenant: base.tenant, epochs: base.epochs, documents }))
}

/// Each entry's effect and principal, as the table holds them.
pub(super) fn entries(permissions: &Permissions) -> impl Iterator<Item = (&'static str, &str)> {
    let allow = permissions.allow.iter().map(|principal| ("allow", principal.as_str()));
    allow.chain(permissions.deny.iter().map(|principal| ("deny", principal.as_str())))
}

pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Tenant => "tenant",
        Scope::Restricted => "restricted",
    }
}

/// Joins `scopes`, which are in the order of their documents' ids, with their entries.
fn collect(scopes: Vec<Row>, entries: Vec<Row>) -> Result<Vec<(DocumentId, Permissions)>, DbError> {
    let mut documents = Vec::with_capacity(scopes.len());
    for mut row in scopes {
        let id: DocumentId = row.name()?;
        let scope = if row.next::<String>()? == "tenant" { Scope::Tenant } else { Scope::Restricted };
        documents.push((id, Permissions { scope, public: row.next()?, ..Permissions::default() }));
    }
    for mut row in entries {
        let id: String = row.next()?;
        if let Ok(at) = documents.binary_search_by(|(document, _)| document.as_str().cmp(&id)) {
            let permissions = &mut documents[at].1;
            let effect = if row.next::<String>()? == "allow" { &mut permissions.allow } else { &mut permissions.deny };
            effect.insert(row.next()?);
        }
    }
    Ok(documents)
}
