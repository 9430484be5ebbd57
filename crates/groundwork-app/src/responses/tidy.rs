//! What becomes of stored responses by themselves: those of a process that has died have failed, and old ones go.

use super::failure::Failure;
use crate::App;
use groundwork_store::db::{Db, DbError};
use groundwork_wire::object::Object;
use groundwork_wire::responses::{Status, give_up};
use std::time::Duration;

/// How long a response is kept, as with OpenAI; and how long its events can be read again one by one.
const KEPT_MS: u64 = 30 * DAY_MS;
const EVENTS_KEPT_MS: u64 = DAY_MS;
const DAY_MS: u64 = 24 * 3600 * 1000;

/// How often it is looked for them.
const EVERY: Duration = Duration::from_secs(3600);

/// Responses that are deleted in one go, so that others can write in between.
const AT_ONCE: u32 = 200;

/// Ends what was running when the last process ended: nobody works on it any more.
pub(crate) async fn recover(db: &Db) -> Result<(), DbError> {
    let failure = Failure::new("server_error", "The server stopped before this response was complete.").to_json();
    let open = db.open_responses().await?;
    if !open.is_empty() {
        tracing::warn!(responses = open.len(), "responses of a process that ended have failed");
    }
    for (id, body) in open {
        // What is stored was written as an object.
        let mut response = Object::parse(body).unwrap_or_default();
        give_up(&mut response, &failure);
        db.give_up_response(&id, Status::Failed.as_str(), &response.to_bytes()).await?;
    }
    Ok(())
}

/// Deletes what is older than it is kept, now and then, until the application stops.
pub(crate) async fn keep(app: App) {
    loop {
        if let Err(error) = expire(&app).await {
            tracing::error!(%error, "responses that are older than they are kept could not be deleted");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = app.inner().stop.cancelled() => return,
        }
    }
}

async fn expire(app: &App) -> Result<(), DbError> {
    let (db, now) = (&app.inner().db, app.inner().clock.now());
    db.expire_response_events(now.saturating_sub(EVENTS_KEPT_MS)).await?;
    while db.expire_responses(now.saturating_sub(KEPT_MS), AT_ONCE).await? == AT_ONCE as usize {}
    Ok(())
}
