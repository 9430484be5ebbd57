//! Chat completions that were asked to be stored.

use super::operation::{Durability, Kept, Step, guard};
use super::owned::{Order, Owner, Page};
use super::value::Row;
use super::{Db, DbError, Undone};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::CompletionId;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub id: CompletionId,
    pub owner: Owner,
    /// As it was asked for.
    pub model: String,
    pub metadata: BTreeMap<String, String>,
    /// JSON: the messages of the request.
    pub messages: String,
    /// JSON: the completion.
    pub answer: String,
    pub created_at: UnixMs,
}

/// Which completions a list is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// As asked for, or as the answer names it.
    pub model: Option<String>,
    /// All of these must stand in the metadata.
    pub metadata: BTreeMap<String, String>,
}

impl Db {
    pub async fn insert_completion(&self, completion: &Completion) -> Result<(), DbError> {
        let Completion { id, owner, model, metadata, messages, answer, created_at } = completion;
        let mut parameters = owner.of(id.as_str());
        parameters.extend([
            model.as_str().into(),
            json(metadata).into(),
            messages.as_str().into(),
            answer.as_str().into(),
            (*created_at).into(),
        ]);
        let steps = vec![self.tenant_step(&owner.tenant), guard(Kept::InsertCompletion.into(), parameters)];
        self.write(Durability::Now, steps).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    pub async fn completion(&self, owner: &Owner, id: &CompletionId) -> Result<Option<Completion>, DbError> {
        self.read_one(Kept::Completion.into(), owner.of(id.as_str())).await?.map(|row| read(owner, row)).transpose()
    }

    pub async fn completions(&self, owner: &Owner, filter: &Filter, page: &Page) -> Result<Vec<Completion>, DbError> {
        let mut parameters = owner.page(page);
        parameters.extend([filter.model.as_deref().into(), json(&filter.metadata).into()]);
        let operation = match page.order {
            Order::OldestFirst => Kept::CompletionsOldestFirst.into(),
            Order::NewestFirst => Kept::CompletionsNewestFirst.into(),
        };
        self.read(operation, parameters).await?.into_iter().map(|row| read(owner, row)).collect()
    }

    /// Replaces the metadata. False when there is no such completion.
    pub async fn update_completion(&self, owner: &Owner, id: &CompletionId, metadata: &BTreeMap<String, String>) -> Result<bool, DbError> {
        let mut parameters = owner.of(id.as_str());
        parameters.push(json(metadata).into());
        self.change_completion(guard(Kept::UpdateCompletion.into(), parameters)).await
    }

    /// False when there is no such completion.
    pub async fn delete_completion(&self, owner: &Owner, id: &CompletionId) -> Result<bool, DbError> {
        self.change_completion(guard(Kept::RemoveCompletion.into(), owner.of(id.as_str()))).await
    }

    async fn change_completion(&self, step: Step) -> Result<bool, DbError> {
        match self.write(Durability::Now, vec![step]).await {
            Ok(_) => Ok(true),
            Err(Undone::Guard(_)) => Ok(false),
            Err(Undone::Db(error)) => Err(error),
        }
    }
}

fn json(metadata: &BTreeMap<String, String>) -> String {
    serde_json::json!(metadata).to_string()
}

fn read(owner: &Owner, mut row: Row) -> Result<Completion, DbError> {
    Ok(Completion {
        id: row.name()?,
        owner: owner.clone(),
        model: row.next()?,
        metadata: row.json()?,
        messages: row.next()?,
        answer: row.next()?,
        created_at: row.next()?,
    })
}
