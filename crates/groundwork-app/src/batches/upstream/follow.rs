//! Follows a batch that a target runs, from its sending to its end.

use super::super::finish::finish;
use super::super::run::{Next, RunError, fail};
use super::super::{Batch, State};
use super::Upstream;
use super::collect::collect;
use super::send::{send, sent_before};
use super::talk::{Remote, ask, forget};
use crate::App;
use crate::published::Deployment;
use groundwork_inference::target::CallError;
use groundwork_wire::batches::{Endpoint, Fault};
use http::Method;
use std::time::Duration;

/// The target's window began after ours; after so much more it is told to stop.
const GRACE_MS: u64 = 60 * 60 * 1000;
/// Between two questions how far it is: a tenth of what it has taken, within bounds.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(60);

pub(in super::super) async fn follow(app: &App, batch: &Batch, endpoint: Endpoint) -> Result<Next, RunError> {
    let Some(mut upstream) = Upstream::of(batch) else { return Ok(Next::Ended) };
    let Some(deployment) = upstream.deployment(app, batch) else { return gone(app, batch, endpoint, &upstream).await };
    if upstream.batch.is_none() {
        if batch.state != State::Cancelling {
            send(app, batch, endpoint, (&mut upstream, &deployment)).await?;
            return Ok(Next::Later(SOON));
        }
        match if upstream.tried { sent_before(batch, &deployment).await? } else { None } {
            Some(remote) => upstream.batch = Some(remote.id),
            None => return end(app, batch, endpoint).await,
        }
    }
    let remote = match look(app, batch, &mut upstream, &deployment).await {
        Err(CallError::NotFound { message, .. }) => {
            let fault = Fault::of_file("invalid_request", &format!("The target has lost the batch: {message}"));
            return lost(app, batch, endpoint, fault).await;
        }
        remote => remote?,
    };
    match remote.status.as_str() {
        "completed" | "expired" | "cancelled" => {
            begun(app, batch, &upstream).await?;
            let files = [remote.output_file_id, remote.error_file_id];
            collect(app, batch, endpoint, (&deployment, &files)).await?;
            forget(app, &deployment, files.into_iter().flatten().chain(upstream.file)).await;
            end(app, batch, endpoint).await
        }
        "failed" if batch.state == State::Cancelling => end(app, batch, endpoint).await,
        "failed" => fail(app, batch, remote.faults()).await,
        "validating" => Ok(Next::Later(pause(app, &upstream))),
        _ => {
            begun(app, batch, &upstream).await?;
            Ok(Next::Later(pause(app, &upstream)))
        }
    }
}

/// How far it is; tells it to stop where that is due.
async fn look(app: &App, batch: &Batch, upstream: &mut Upstream, deployment: &Deployment) -> Result<Remote, CallError> {
    let id = upstream.batch.clone().unwrap_or_default();
    let overdue = app.inner().clock.now() > batch.expires_at + GRACE_MS;
    let remote: Remote = ask(deployment, Method::GET, &format!("/batches/{id}"), None).await?;
    let runs = matches!(remote.status.as_str(), "validating" | "in_progress" | "finalizing");
    if runs && !upstream.cancelled && (batch.state == State::Cancelling || overdue) {
        let told: Result<Remote, CallError> = ask(deployment, Method::POST, &format!("/batches/{id}/cancel"), None).await;
        match told {
            // It may have ended at this moment.
            Ok(_) | Err(CallError::Refused { .. }) => upstream.cancelled = true,
            Err(error) => return Err(error),
        }
    }
    let counts = remote.request_counts.unwrap_or_default();
    upstream.status = Some(remote.status.clone());
    (upstream.completed, upstream.failed) = (counts.completed, counts.failed);
    if let Err(error) = upstream.note(app, batch).await {
        tracing::warn!(%error, batch = %batch.id, "how far a batch is could not be noted");
    }
    Ok(remote)
}

/// It is past its validation.
async fn begun(app: &App, batch: &Batch, upstream: &Upstream) -> Result<(), RunError> {
    if batch.state == State::Validating {
        app.inner().db.begin_batch(&batch.id, upstream.total, batch.model.as_deref()).await?;
    }
    Ok(())
}

async fn end(app: &App, batch: &Batch, endpoint: Endpoint) -> Result<Next, RunError> {
    if batch.state == State::Cancelling {
        Box::pin(finish(app, batch, endpoint)).await?;
    } else {
        app.inner().db.finalize_batch(&batch.id).await?;
    }
    Ok(Next::GoOn)
}

async fn lost(app: &App, batch: &Batch, endpoint: Endpoint, fault: Fault) -> Result<Next, RunError> {
    if batch.state == State::Cancelling { end(app, batch, endpoint).await } else { fail(app, batch, vec![fault]).await }
}

/// The settings no longer have the target: they may have it again, until the batch's time is over.
async fn gone(app: &App, batch: &Batch, endpoint: Endpoint, upstream: &Upstream) -> Result<Next, RunError> {
    if app.inner().clock.now() < batch.expires_at && batch.state != State::Cancelling {
        tracing::warn!(batch = %batch.id, target = upstream.target, "the target that runs a batch is not in the settings");
        return Ok(Next::Later(LATE));
    }
    let fault = Fault::of_file("invalid_request", &format!("The target {:?} that ran the batch is not there any more.", upstream.target));
    lost(app, batch, endpoint, fault).await
}

fn pause(app: &App, upstream: &Upstream) -> Duration {
    let taken = app.inner().clock.now().saturating_sub(upstream.sent_at);
    (Duration::from_millis(taken) / 10).clamp(SOON, LATE)
}
