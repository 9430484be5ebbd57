//! Background work: one table, one runner; kinds are functions.

mod board;
mod collect;
mod find;
mod ingest;
mod list;
mod remove;
mod runner;
mod second_pass;
mod trouble;

pub(crate) use board::Board;
pub use find::{FindError, find};
pub(crate) use ingest::{Ingest, Outcome as IngestOutcome};
pub use list::{ListError, list};
pub(crate) use remove::Remove;
pub(crate) use runner::{Attempt, start};
pub(crate) use second_pass::{SecondPass, recover};
pub(crate) use trouble::Trouble;

use crate::App;
use crate::documents::{self, FindError as FindDocumentError};
use crate::pipeline::principal;
use groundwork_core::access::Caller;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::JobId;
use groundwork_store::db::{DbError, jobs as store};
use serde::{Deserialize, Serialize};

/// A piece of background work as its tenant sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: JobId,
    /// `ingest`, `second_pass`, `collect`, `remove` or `batch`.
    pub kind: String,
    pub state: State,
    /// What it works on: for an ingest or a second pass the document's source. Only for those who may read that, or brought it; so are `error` and
    /// `result`.
    pub subject: Option<String>,
    pub attempts: u32,
    /// Why it failed, or the last attempt did.
    pub error: Option<String>,
    /// What it made: for an ingest the document's id.
    pub result: Option<serde_json::Value>,
    pub created_at: UnixMs,
    pub finished_at: Option<UnixMs>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Queued,
    Running,
    Done,
    Failed,
}

/// The job without what `caller` may not know: work on a document that it may not read is only known to be done.
async fn seen_by(app: &App, caller: &Caller, job: store::Job) -> Result<Job, DbError> {
    if job.kind == second_pass::KIND {
        let subject = second_pass_source(app, caller, &job).await?;
        let job = Job::from(job);
        return Ok(Job { error: job.error.filter(|_| subject.is_some()), subject, ..job });
    }
    let known = knows(app, caller, &job).await?;
    let job = Job::from(job);
    Ok(if known { job } else { Job { subject: None, error: None, result: None, ..job } })
}

/// The source of the document that it works on, if `caller` may read that.
async fn second_pass_source(app: &App, caller: &Caller, job: &store::Job) -> Result<Option<String>, DbError> {
    let Ok(SecondPass { knowledge_base, document, .. }) = serde_json::from_value(job.payload.clone()) else { return Ok(None) };
    match documents::find(app, caller, &knowledge_base, &document).await {
        Ok(document) => Ok(Some(document.source)),
        Err(FindDocumentError::Db(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

async fn knows(app: &App, caller: &Caller, job: &store::Job) -> Result<bool, DbError> {
    if job.kind != Ingest::KIND {
        return Ok(true);
    }
    let Ok(ingest) = serde_json::from_value::<Ingest>(job.payload.clone()) else { return Ok(false) };
    if ingest.by.is_some_and(|by| by == principal(caller)) {
        return Ok(true);
    }
    let stored = app.inner().db.source_permissions(&ingest.knowledge_base, &ingest.source).await?;
    let default = (stored.is_none() && ingest.permissions.is_none()).then(Default::default);
    let all = [stored, ingest.permissions, default];
    Ok(all.iter().flatten().all(|permissions| permissions.allow(Some(&job.tenant), caller)))
}

impl From<store::Job> for Job {
    fn from(job: store::Job) -> Self {
        let refused = match job.progress.as_ref().and_then(ingest::Outcome::read) {
            Some(ingest::Outcome::Refused { reason, .. }) => Some(reason),
            _ => None,
        };
        let state = match job.state {
            store::State::Done if refused.is_some() => State::Failed,
            store::State::Done => State::Done,
            store::State::Failed => State::Failed,
            store::State::Queued => State::Queued,
            store::State::Running => State::Running,
        };
        Self {
            subject: job.payload.get("source").and_then(|source| source.as_str()).map(str::to_owned),
            id: job.id,
            kind: job.kind,
            state,
            attempts: job.attempts,
            error: refused.or(job.error.filter(|_error| job.state != store::State::Done)),
            result: job.progress,
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}
