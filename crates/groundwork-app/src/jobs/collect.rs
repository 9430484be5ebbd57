//! The job that removes the original of a file that could not be read. (What a replaced version leaves behind, the index tidies away.)

use super::ingest::Ingest;
use super::runner::Attempt;
use crate::App;
use groundwork_store::blobs::Sha256;
use groundwork_store::db::DbError;
use groundwork_store::db::jobs::{Job, NewJob, State};

pub(super) const KIND: &str = "collect";

/// Milliseconds before an original is looked at.
const DELAY_MS: u64 = 5_000;
/// With the runner's delays about three minutes; an original that is still in use then belongs to a document.
const ATTEMPTS: u32 = 9;

/// Makes the job. An original that could not be collected costs space and nothing else, so a failure is only logged.
pub(super) async fn collect_later(app: &App, sha256: Sha256) {
    let inner = app.inner();
    let new = NewJob {
        kind: KIND.to_owned(),
        tenant: inner.tenant.clone(),
        payload: serde_json::json!({ "sha256": sha256.to_string() }),
        dedupe_key: Some(sha256.to_string()),
        run_after: inner.clock.now() + DELAY_MS,
        max_attempts: ATTEMPTS,
    };
    if let Err(error) = inner.db.enqueue(new).await {
        tracing::warn!(%error, %sha256, "an original that may be unused is kept");
    }
}

pub(super) async fn run(app: &App, job: &Job) -> Attempt {
    let Some(sha256) = job.payload.get("sha256").and_then(|text| text.as_str()).and_then(Sha256::from_hex) else {
        return Attempt::Done(None);
    };
    match collect(app, sha256).await {
        Ok(true) => Attempt::Done(None),
        Ok(false) => Attempt::Failed("the original is still in use".to_owned()),
        Err(reason) => Attempt::Failed(reason),
    }
}

/// False while something may still need the original.
async fn collect(app: &App, sha256: Sha256) -> Result<bool, String> {
    let inner = app.inner();
    let _nobody_uploads = inner.jobs.originals.write().await;
    let text = |error: DbError| error.to_string();
    if inner.db.blob_is_used(sha256).await.map_err(text)? || is_awaited(app, sha256).await.map_err(text)? {
        return Ok(false);
    }
    inner.knowledge.blobs.delete(sha256).await.map_err(|error| error.to_string())?;
    Ok(true)
}

/// Whether an ingest that has not ended is going to read the original. The newest jobs come first, so a page without any that is
/// unfinished ends the search.
async fn is_awaited(app: &App, sha256: Sha256) -> Result<bool, DbError> {
    const PAGE: u32 = 500;
    let (inner, wanted) = (app.inner(), sha256.to_string());
    let mut before = None;
    loop {
        let page = inner.db.jobs(&inner.tenant, before.as_ref(), PAGE).await?;
        let mut unfinished = page.iter().filter(|job| matches!(job.state, State::Queued | State::Running)).peekable();
        let none_left = unfinished.peek().is_none();
        if unfinished.any(|job| job.kind == Ingest::KIND && job.payload.get("sha256").and_then(|text| text.as_str()) == Some(&wanted)) {
            return Ok(true);
        }
        let Some(last) = page.last().filter(|_last| !none_left) else { return Ok(false) };
        before = Some(last.id.clone());
    }
}
