//! The end of a response that its owner wants no more.

use super::board::Live;
use super::error::FindError;
use super::find::{shown, stored};
use crate::App;
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_wire::responses::Include;
use std::time::Duration;

/// How long the end of a response is awaited that was told to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends a response in the background, and gives it as it ended; one that had ended already stays so.
pub async fn cancel(app: &App, caller: &Caller, id: &str) -> Result<Bytes, FindError> {
    let (owner, response) = stored(app, caller, id).await?;
    if !response.background {
        return Err(FindError::NotInBackground);
    }
    if let Some(live) = app.inner().responses.find(&owner, &response.id) {
        stop(&live).await;
    }
    let (_, response) = stored(app, caller, id).await?;
    Ok(shown(&response, Include { thoughts: false }).to_bytes())
}

/// Deletes a response; one that is still running ends first.
pub async fn delete(app: &App, caller: &Caller, id: &str) -> Result<(), FindError> {
    let (owner, response) = stored(app, caller, id).await?;
    if let Some(live) = app.inner().responses.find(&owner, &response.id) {
        stop(&live).await;
    }
    let deleted = app.inner().db.delete_response(&owner, &response.id).await?;
    deleted.then_some(()).ok_or_else(|| FindError::NotFound(id.to_owned()))
}

async fn stop(live: &Live) {
    live.cancel.cancel();
    if tokio::time::timeout(PATIENCE, live.ended()).await.is_err() {
        tracing::warn!("a response did not end after it was cancelled");
    }
}
