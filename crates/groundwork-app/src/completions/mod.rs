//! Chat completions that were asked to be stored: each for its owner, under the id that the client was given.

mod keeping;

pub use groundwork_store::db::completions::{Completion, Filter};
pub(crate) use keeping::Keeping;

use crate::App;
use crate::owned::{Listed, Page, Stranger, one_more, owner};
use groundwork_core::access::Caller;
use groundwork_core::ids::CompletionId;
use groundwork_store::db::DbError;
use std::collections::BTreeMap;

#[derive(Debug, thiserror::Error)]
pub enum CompletionError {
    #[error(transparent)]
    Stranger(#[from] Stranger),
    #[error("No such stored chat completion: {0}")]
    NotFound(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

pub async fn list(app: &App, caller: &Caller, filter: &Filter, page: &Page) -> Result<Listed<Completion>, CompletionError> {
    let found = app.inner().db.completions(&owner(caller)?, filter, &one_more(page)).await?;
    Ok(Listed::cut(found, page))
}

pub async fn find(app: &App, caller: &Caller, id: &str) -> Result<Completion, CompletionError> {
    app.inner().db.completion(&owner(caller)?, &name(id)?).await?.ok_or_else(|| CompletionError::NotFound(id.to_owned()))
}

/// Replaces the metadata.
pub async fn update(app: &App, caller: &Caller, id: &str, metadata: BTreeMap<String, String>) -> Result<Completion, CompletionError> {
    let found = find(app, caller, id).await?;
    if !app.inner().db.update_completion(&found.owner, &found.id, &metadata).await? {
        return Err(CompletionError::NotFound(id.to_owned()));
    }
    Ok(Completion { metadata, ..found })
}

pub async fn delete(app: &App, caller: &Caller, id: &str) -> Result<(), CompletionError> {
    if !app.inner().db.delete_completion(&owner(caller)?, &name(id)?).await? {
        return Err(CompletionError::NotFound(id.to_owned()));
    }
    Ok(())
}

fn name(id: &str) -> Result<CompletionId, CompletionError> {
    id.parse().map_err(|_no_such_name| CompletionError::NotFound(id.to_owned()))
}
