//! Batches that are there: each for its owner only.

use super::{Batch, BatchError};
use crate::App;
use crate::owned::{Listed, Page, one_more, owner};
use groundwork_core::access::Caller;
use groundwork_core::ids::BatchId;

/// Newest first.
pub async fn list(app: &App, caller: &Caller, page: &Page) -> Result<Listed<Batch>, BatchError> {
    let found = app.inner().db.batches(&owner(caller)?, &one_more(page)).await?;
    Ok(Listed::cut(found, page))
}

pub async fn find(app: &App, caller: &Caller, id: &str) -> Result<Batch, BatchError> {
    let not_found = || BatchError::NotFound(id.to_owned());
    let name: BatchId = id.parse().map_err(|_no_such_name| not_found())?;
    app.inner().db.batch(&owner(caller)?, &name).await?.ok_or_else(not_found)
}

/// What has an answer keeps it; what runs is given up. One that is being cancelled already is left so.
pub async fn cancel(app: &App, caller: &Caller, id: &str) -> Result<Batch, BatchError> {
    let found = find(app, caller, id).await?;
    let cancelled = app.inner().db.cancel_batch(&found.owner, &found.id).await?;
    let batch = find(app, caller, id).await?;
    if cancelled || batch.state == super::State::Cancelling {
        app.inner().jobs.batches.notify_one();
        return Ok(batch);
    }
    Err(BatchError::Ended { id: id.to_owned(), state: batch.state.as_str() })
}
