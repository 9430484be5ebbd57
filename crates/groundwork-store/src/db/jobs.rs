//! Background work: one table, leased by one runner at a time. Times come from the clock of the database.

use super::{Db, DbError};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{JobId, TenantId};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    pub kind: String,
    pub tenant: TenantId,
    pub payload: serde_json::Value,
    /// While a job of this kind and tenant with the same key is queued or running, no second one is made.
    pub dedupe_key: Option<String>,
    /// Not before this time.
    pub run_after: UnixMs,
    /// From 1. A job whose last attempt fails, or dies without a word, has failed.
    pub max_attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Queued,
    Running,
    Done,
    Failed,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub tenant: TenantId,
    pub payload: serde_json::Value,
    pub state: State,
    /// Attempts begun.
    pub attempts: u32,
    pub max_attempts: u32,
    pub run_after: UnixMs,
    /// While running: the attempt counts as dead after this time.
    pub leased_until: Option<UnixMs>,
    pub progress: Option<serde_json::Value>,
    /// Of the last attempt that failed.
    pub error: Option<String>,
    pub created_at: UnixMs,
    pub finished_at: Option<UnixMs>,
}

/// The right to work on a job, until the lease runs out.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    pub job: Job,
}

/// What `enqueue` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    New(JobId),
    /// The job with the same dedupe key.
    Existing(JobId),
}

#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error(
        "the lease of job {0} ran out and another runner has the job, or it is finished: stop working on it"
    )]
    Lost(JobId),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Db {
    pub async fn enqueue(&self, new: NewJob) -> Result<Enqueued, DbError> {
        unimplemented!("{new:?}")
    }

    /// Takes the job that has waited longest among `kinds`, for `hold`; one whose lease ran out counts as waiting.
    pub async fn lease(&self, kinds: &[&str], hold: Duration) -> Result<Option<Lease>, DbError> {
        unimplemented!("{kinds:?} {hold:?}")
    }

    /// Keeps the lease for another `hold` from now and stores the progress, if any is given.
    pub async fn heartbeat(
        &self,
        lease: &Lease,
        hold: Duration,
        progress: Option<serde_json::Value>,
    ) -> Result<(), LeaseError> {
        unimplemented!("{lease:?} {hold:?} {progress:?}")
    }

    pub async fn complete(
        &self,
        lease: &Lease,
        progress: Option<serde_json::Value>,
    ) -> Result<(), LeaseError> {
        unimplemented!("{lease:?} {progress:?}")
    }

    /// Ends the attempt; the job runs again after `backoff`, unless this was its last attempt.
    pub async fn fail(
        &self,
        lease: &Lease,
        error: &str,
        backoff: Duration,
    ) -> Result<State, LeaseError> {
        unimplemented!("{lease:?} {error} {backoff:?}")
    }

    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, DbError> {
        unimplemented!("{id}")
    }

    /// At most `limit` jobs of a tenant with ids before `before`, newest first.
    pub async fn jobs(
        &self,
        tenant: &TenantId,
        before: Option<&JobId>,
        limit: u32,
    ) -> Result<Vec<Job>, DbError> {
        unimplemented!("{tenant} {before:?} {limit}")
    }
}
