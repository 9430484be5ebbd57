//! Makes a batch, which a job then runs.

use super::{Asker, Batch, BatchError, Counts, State, run};
use crate::App;
use crate::files::{self, BATCH};
use crate::owned::owner;
use groundwork_core::access::Caller;
use groundwork_store::db::batches::Usage;
use groundwork_wire::batches::Endpoint;
use groundwork_wire::error::Invalid;
use std::collections::BTreeMap;

pub struct Request {
    pub input_file: String,
    /// As the client wrote it.
    pub endpoint: String,
    pub metadata: Option<BTreeMap<String, String>>,
    /// Seconds that the files of results shall live.
    pub output_expires_after: Option<u64>,
}

/// The only window there is.
const WINDOW_MS: u64 = 24 * 60 * 60 * 1000;
/// Seconds that results live when nothing is said, as with OpenAI.
const OUTPUT_LIFETIME: u64 = 2_592_000;

pub async fn create(app: &App, caller: &Caller, request: Request) -> Result<Batch, BatchError> {
    let (inner, owner) = (app.inner(), owner(caller)?);
    let invalid = |param: &str, reason: String| Invalid::Value { param: param.to_owned(), reason };
    if Endpoint::parse(&request.endpoint).is_none() {
        return Err(invalid("endpoint", format!("{:?} cannot be asked in a batch", request.endpoint)).into());
    }
    let file = files::find(app, caller, &request.input_file).await?;
    if file.purpose != BATCH {
        return Err(invalid("input_file_id", format!("the file {} is for {}, not for {BATCH}", file.id, file.purpose)).into());
    }
    let created_at = inner.clock.now();
    let batch = Batch {
        id: inner.db.make_batch_id()?,
        owner,
        caller: serde_json::json!(Asker::of(caller)),
        endpoint: request.endpoint,
        input_file: file.id,
        metadata: request.metadata,
        expires_after_secs: request.output_expires_after.unwrap_or(OUTPUT_LIFETIME),
        state: State::Validating,
        model: None,
        errors: None,
        counts: Counts::default(),
        usage: Usage::default(),
        output_file: None,
        error_file: None,
        created_at,
        expires_at: created_at + WINDOW_MS,
        in_progress_at: None,
        finalizing_at: None,
        cancelling_at: None,
        ended_at: None,
        upstream: None,
    };
    inner.db.insert_batch(&batch, &run::job(&batch)).await?;
    inner.jobs.batches.notify_one();
    Ok(batch)
}
