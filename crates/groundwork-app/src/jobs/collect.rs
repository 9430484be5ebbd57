//! The job that removes the original of a file that could not be read. (What a replaced version leaves behind, the index tidies away.)

use super::runner::Attempt;
use crate::App;
use groundwork_store::blobs::Sha256;
use groundwork_store::db::jobs::{Job, NewJob};

pub(super) const KIND: &str = "collect";

/// Milliseconds before an original is looked at: the job that refused it has ended by then.
const DELAY_MS: u64 = 5_000;
const ATTEMPTS: u32 = 5;

/// Makes the job. An original that could not be collected costs space and nothing else, so a failure is only logged.
pub(super) async fn collect_later(app: &App, sha256: Sha256) {
    let inner = app.inner();
    let new = NewJob {
        kind: KIND.to_owned(),
        tenant: inner.tenant.clone(),
        payload: serde_json::json!({ "sha256": sha256.to_string() }),
        key: Some(sha256.to_string()),
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
        Ok(()) => Attempt::Done(None),
        Err(reason) => Attempt::Failed(reason),
    }
}

/// What is still in use is left: whoever uses it last sees to it.
async fn collect(app: &App, sha256: Sha256) -> Result<(), String> {
    let inner = app.inner();
    let _nobody_uploads = inner.jobs.originals.write().await;
    if inner.db.blob_is_used(sha256).await.map_err(|error| error.to_string())? {
        return Ok(());
    }
    inner.knowledge.blobs.delete(sha256).await.map_err(|error| error.to_string())
}
