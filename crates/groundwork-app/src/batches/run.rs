//! The job that takes a batch from state to state until its end. Killed anywhere, it goes on where it was.

use super::{Batch, State, check, finish, upstream, work};
use crate::App;
use crate::files::{ContentError, FileError};
use crate::jobs::{Attempt, Remove};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::BatchId;
use groundwork_inference::target;
use groundwork_store::db::DbError;
use groundwork_store::db::jobs::{Job, NewJob};
use groundwork_store::wal::WalError;
use groundwork_wire::batches::{Endpoint, Errors, Fault};
use std::time::Duration;

pub(crate) const KIND: &str = "batch";

/// A restart of the program is an attempt too.
const ATTEMPTS: u32 = 100_000;

#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Books(#[from] WalError),
    #[error(transparent)]
    Target(#[from] target::CallError),
    #[error("a line cannot be written: {0}")]
    Line(#[from] serde_json::Error),
}

/// What comes next.
pub(super) enum Next {
    /// Another state, or the same one again at once.
    GoOn,
    /// The same state, after a while: somebody else works.
    Later(Duration),
    Ended,
}

/// The job that runs `batch`.
pub(super) fn job(batch: &Batch) -> NewJob {
    NewJob {
        kind: KIND.to_owned(),
        tenant: batch.owner.tenant.clone(),
        payload: serde_json::json!({ "batch": batch.id.as_str() }),
        key: Some(batch.id.to_string()),
        run_after: batch.created_at,
        max_attempts: ATTEMPTS,
    }
}

pub(crate) async fn run(app: &App, job: &Job) -> Attempt {
    let id = job.payload.get("batch").and_then(|id| id.as_str()).and_then(|id| id.parse::<BatchId>().ok());
    let Some(id) = id else { return Attempt::Done(None) };
    loop {
        match step(app, &id).await {
            Ok(Next::GoOn) => {}
            Ok(Next::Later(wait)) => return Attempt::PutBack(app.inner().clock.now() + wait.as_millis() as UnixMs),
            Ok(Next::Ended) => return Attempt::Done(None),
            Err(error) => return Attempt::Failed(error.to_string()),
        }
    }
}

async fn step(app: &App, id: &BatchId) -> Result<Next, RunError> {
    let Some(batch) = app.inner().db.batch_to_run(id).await? else { return Ok(Next::Ended) };
    // It was read when the batch was made.
    let endpoint = Endpoint::parse(&batch.endpoint).unwrap_or(Endpoint::ChatCompletions);
    match batch.state {
        State::Validating => validate(app, &batch, endpoint).await,
        State::InProgress | State::Cancelling if batch.upstream.is_some() => upstream::follow(app, &batch, endpoint).await,
        State::InProgress => {
            Box::pin(work::work(app, &batch, endpoint)).await?;
            app.inner().db.finalize_batch(id).await?;
            Ok(Next::GoOn)
        }
        State::Finalizing | State::Cancelling => {
            Box::pin(finish::finish(app, &batch, endpoint)).await?;
            Ok(Next::GoOn)
        }
        State::Completed | State::Failed | State::Expired | State::Cancelled => Ok(Next::Ended),
    }
}

async fn validate(app: &App, batch: &Batch, endpoint: Endpoint) -> Result<Next, RunError> {
    if batch.upstream.is_some() {
        return upstream::follow(app, batch, endpoint).await;
    }
    let checked = match check::check(app, batch, endpoint).await? {
        Ok(checked) => checked,
        Err(faults) => return fail(app, batch, faults).await,
    };
    if let Some(deployment) = upstream::deployment(app, &checked.model).filter(|_| !checked.remembers) {
        return upstream::begin(app, batch, (&checked, &deployment)).await;
    }
    app.inner().db.begin_batch(&batch.id, checked.total, Some(&checked.model)).await?;
    Ok(Next::GoOn)
}

/// The batch fails as a whole.
pub(super) async fn fail(app: &App, batch: &Batch, faults: Vec<Fault>) -> Result<Next, RunError> {
    let removal = Remove::File(batch.input_file.clone()).job(&batch.owner.tenant, app.inner().clock.now());
    app.inner().db.fail_batch(&batch.id, &serde_json::json!(Errors::new(faults)), &removal).await?;
    Ok(Next::GoOn)
}
