//! Background work: one table, leased by one runner at a time. Times come from the clock of the database.

use super::operation::{Durability, Jobs, Outcome, Step, guard, step};
use super::value::{Row, Value};
use super::{Db, DbError, Undone};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{JobId, TenantId};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    pub kind: String,
    pub tenant: TenantId,
    pub payload: serde_json::Value,
    /// Jobs of one kind, tenant and key run one after the other, in the order in which they were made. One that would only repeat the
    /// last of them, because that has the same payload and has not ended, is not made.
    pub key: Option<String>,
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
    /// The job that it would have repeated.
    Existing(JobId),
}

#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error("the lease of job {0} ran out and another runner has the job, or it is finished: stop working on it")]
    Lost(JobId),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How long a job is remembered after its end.
pub const KEPT_MS: UnixMs = 7 * 24 * 60 * 60 * 1000;
const FORGOTTEN_AT_ONCE: u32 = 16;

impl Db {
    pub async fn enqueue(&self, new: NewJob) -> Result<Enqueued, DbError> {
        let (id, insert) = self.job_step(&new)?;
        let identity = vec![new.kind.as_str().into(), new.tenant.as_str().into(), new.key.as_deref().into()];
        let steps = vec![self.tenant_step(&new.tenant), insert, step(Jobs::LastActive.into(), identity)];
        let outcomes = self.write(Durability::Now, steps).await.map_err(Undone::unexpected)?;
        let last: Option<JobId> = last_rows(outcomes).next().map(|mut row| row.name()).transpose()?;
        Ok(match last {
            Some(last) if last != id => Enqueued::Existing(last),
            _ => Enqueued::New(id),
        })
    }

    /// Takes the job that has waited longest among `kinds`, for `hold`; one whose lease ran out counts as waiting, one whose turn has
    /// not come among those with its key does not.
    pub async fn lease(&self, kinds: &[&str], hold: Duration) -> Result<Option<Lease>, DbError> {
        let kinds = serde_json::Value::from(kinds).to_string();
        let steps = vec![
            step(Jobs::GiveUpDead.into(), vec![self.now()]),
            step(Jobs::Lease.into(), vec![kinds.into(), self.now(), self.after(hold)]),
        ];
        let outcomes = self.write(Durability::Now, steps).await.map_err(Undone::unexpected)?;
        Ok(last_rows(outcomes).next().map(read).transpose()?.map(|job| Lease { job }))
    }

    /// Ends every lease. For the one owner of the data folder before it takes its first job: all leases are those of dead processes.
    pub async fn end_leases(&self) -> Result<(), DbError> {
        self.write(Durability::Later, vec![step(Jobs::EndLeases.into(), Vec::new())]).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    /// Keeps the lease for another `hold` from now and stores the progress, if any is given.
    pub async fn heartbeat(&self, lease: &Lease, hold: Duration, progress: Option<serde_json::Value>) -> Result<(), LeaseError> {
        let mut parameters = lease.identity();
        parameters.extend([self.after(hold), progress.as_ref().into()]);
        self.with_lease(lease, Durability::Later, vec![guard(Jobs::KeepLease.into(), parameters)]).await
    }

    pub async fn complete(&self, lease: &Lease, progress: Option<serde_json::Value>) -> Result<(), LeaseError> {
        self.finish(lease, End { state: State::Done, progress, error: None, run_after: lease.job.run_after }).await
    }

    /// Ends the attempt; the job runs again after `backoff`, unless this was its last attempt.
    pub async fn fail(&self, lease: &Lease, error: &str, backoff: Duration) -> Result<State, LeaseError> {
        let state = if lease.job.attempts < lease.job.max_attempts { State::Queued } else { State::Failed };
        let run_after = self.now_ms().saturating_add(millis(backoff));
        self.finish(lease, End { state, progress: None, error: Some(error), run_after }).await?;
        Ok(state)
    }

    /// Ends the attempt as if it had not begun: the job waits again, until `run_after`, for `reason` if there is one to tell.
    pub async fn hand_back(&self, lease: &Lease, run_after: UnixMs, reason: Option<&str>) -> Result<(), LeaseError> {
        let mut parameters = lease.identity();
        parameters.extend([run_after.into(), reason.into()]);
        self.with_lease(lease, Durability::Now, vec![guard(Jobs::HandBack.into(), parameters)]).await
    }

    /// Lets a job that was put off run now.
    pub async fn hurry(&self, id: &JobId) -> Result<(), DbError> {
        let steps = vec![step(Jobs::Hurry.into(), vec![id.as_str().into(), self.now()])];
        self.write(Durability::Later, steps).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    /// How many jobs of `kind` have not ended.
    pub async fn active_jobs(&self, kind: &str) -> Result<u64, DbError> {
        self.read_one(Jobs::CountActive.into(), vec![kind.into()]).await?.map_or(Ok(0), |mut row| row.next())
    }

    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, DbError> {
        self.read_one(Jobs::Find.into(), vec![id.as_str().into()]).await?.map(read).transpose()
    }

    /// The last job of `kind` and `key` that has not ended.
    pub async fn active_job(&self, kind: &str, tenant: &TenantId, key: &str) -> Result<Option<Job>, DbError> {
        let identity = vec![kind.into(), tenant.as_str().into(), key.into()];
        let Some(mut row) = self.read_one(Jobs::LastActive.into(), identity).await? else { return Ok(None) };
        self.job(&row.name()?).await
    }

    /// At most `limit` jobs of a tenant with ids before `before`, newest first.
    pub async fn jobs(&self, tenant: &TenantId, before: Option<&JobId>, limit: u32) -> Result<Vec<Job>, DbError> {
        let parameters = vec![tenant.as_str().into(), before.map(JobId::as_str).into(), limit.into()];
        self.read(Jobs::List.into(), parameters).await?.into_iter().map(read).collect()
    }

    /// Makes a job within another transaction, whose tenant is there; none when it would repeat the last one with its key.
    pub(super) fn job_step(&self, new: &NewJob) -> Result<(JobId, Step), DbError> {
        let id: JobId = self.make_id("job")?;
        let job = vec![
            id.as_str().into(),
            new.kind.as_str().into(),
            new.tenant.as_str().into(),
            (&new.payload).into(),
            new.key.as_deref().into(),
            new.max_attempts.max(1).into(),
            new.run_after.into(),
            self.now(),
        ];
        Ok((id, step(Jobs::Insert.into(), job)))
    }

    async fn finish(&self, lease: &Lease, end: End<'_>) -> Result<(), LeaseError> {
        let finished_at = (end.state != State::Queued).then(|| self.now_ms());
        let mut parameters = lease.identity();
        parameters.extend([
            end.state.as_str().into(),
            end.progress.as_ref().into(),
            end.error.into(),
            end.run_after.into(),
            finished_at.into(),
        ]);
        // Each job that ends takes some along that ended long ago, so that the table does not grow for ever.
        let forget = step(Jobs::Forget.into(), vec![self.now_ms().saturating_sub(KEPT_MS).into(), FORGOTTEN_AT_ONCE.into()]);
        self.with_lease(lease, Durability::Now, vec![guard(Jobs::Finish.into(), parameters), forget]).await
    }

    async fn with_lease(&self, lease: &Lease, durability: Durability, steps: Vec<Step>) -> Result<(), LeaseError> {
        match self.write(durability, steps).await {
            Ok(_) => Ok(()),
            Err(Undone::Guard(_)) => Err(LeaseError::Lost(lease.job.id.clone())),
            Err(Undone::Db(error)) => Err(error.into()),
        }
    }

    fn after(&self, wait: Duration) -> Value {
        self.now_ms().saturating_add(millis(wait)).into()
    }
}

/// How an attempt ended.
struct End<'a> {
    state: State,
    progress: Option<serde_json::Value>,
    error: Option<&'a str>,
    run_after: UnixMs,
}

impl Lease {
    /// The attempt's number tells this lease from a later one of the same job.
    fn identity(&self) -> Vec<Value> {
        vec![self.job.id.as_str().into(), self.job.attempts.into()]
    }
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

fn last_rows(mut outcomes: Vec<Outcome>) -> impl Iterator<Item = Row> {
    outcomes.pop().into_iter().flat_map(|outcome| outcome.rows)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn read(mut row: Row) -> Result<Job, DbError> {
    Ok(Job {
        id: row.name()?,
        kind: row.next()?,
        tenant: row.name()?,
        payload: row.json()?,
        state: match row.next::<String>()?.as_str() {
            "queued" => State::Queued,
            "running" => State::Running,
            "done" => State::Done,
            _ => State::Failed,
        },
        attempts: row.next()?,
        max_attempts: row.next()?,
        run_after: row.next()?,
        leased_until: row.next()?,
        progress: row.next::<Option<String>>()?.and_then(|progress| serde_json::from_str(&progress).ok()),
        error: row.next()?,
        created_at: row.next()?,
        finished_at: row.next()?,
    })
}
