//! The one runner: takes jobs as they become due, keeps their lease while they run, and puts off those that fail.

use super::{Board, Trouble, collect, ingest, remove, second_pass};
use crate::{App, batches};
use groundwork_core::clock::UnixMs;
use groundwork_store::db::jobs::{Job, Lease, LeaseError, State};
use std::time::Duration;
use tokio::sync::Notify;

/// How long a lease holds; a job whose process died waits as long before it runs again.
const HOLD: Duration = Duration::from_secs(15);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often the table is looked at when nobody says that there is work: for jobs that were put off.
const LOOK: Duration = Duration::from_secs(1);

const KINDS: &[&str] = &[ingest::KIND, collect::KIND, remove::KIND];

/// Batches have workers of their own: one takes hours, and whoever uploads a document waits for it.
const BATCH_KINDS: &[&str] = &[batches::KIND];
const BATCH_WORKERS: usize = 4;

/// Second passes, too: what is new shall not wait until what was new before has been embedded.
const SECOND_PASS_KINDS: &[&str] = &[second_pass::KIND];

/// How an attempt ended.
pub(crate) enum Attempt {
    Done(Option<serde_json::Value>),
    /// It may go better later, for so many attempts.
    Failed(String),
    /// The server is to blame: it goes on when that is mended, however long it takes.
    Held(Trouble),
    /// It was not made, or found nothing to do yet: the job waits until this time.
    PutBack(UnixMs),
}

/// Jobs that the same workers take.
#[derive(Clone, Copy)]
struct Lane {
    kinds: &'static [&'static str],
    /// Says that there may be work.
    work: fn(&Board) -> &Notify,
}

/// How long a job waits that something is in the way of, and how long its worker does.
const HELD_MS: UnixMs = 15_000;
const HELD: Duration = Duration::from_secs(1);

/// Starts as many workers as `limits.jobs` allows. They end when the application stops.
pub(crate) fn start(app: &App) {
    let jobs = Lane { kinds: KINDS, work: |board| &board.work };
    let second_passes = Lane { kinds: SECOND_PASS_KINDS, work: |board| &board.second_passes };
    let batches = Lane { kinds: BATCH_KINDS, work: |board| &board.batches };
    let workers = app.inner().limits.jobs.max(1);
    for (lane, workers) in [(jobs, workers), (second_passes, workers), (batches, BATCH_WORKERS)] {
        for _ in 0..workers {
            app.tasks().spawn({
                let app = app.clone();
                async move { work(&app, lane).await }
            });
        }
    }
}

async fn work(app: &App, lane: Lane) {
    let (inner, told) = (app.inner(), (lane.work)(&app.inner().jobs));
    while !inner.stop.is_cancelled() {
        match inner.db.lease(lane.kinds, HOLD).await {
            Ok(Some(lease)) => {
                // Others may go on with the next one.
                told.notify_one();
                if run(app, lease).await {
                    continue;
                }
                // The next job would fare no better.
                tokio::select! {
                    () = tokio::time::sleep(HELD) => continue,
                    () = inner.stop.cancelled() => return,
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "jobs cannot be read"),
        }
        tokio::select! {
            () = told.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = inner.stop.cancelled() => return,
        }
    }
}

/// False when something is in the way that is not the job's fault.
async fn run(app: &App, lease: Lease) -> bool {
    let inner = app.inner();
    inner.jobs.set_trouble(&lease.job.id, None);
    let attempt = tokio::select! {
        attempt = perform(app, &lease.job) => attempt,
        lost = keep(app, &lease) => {
            tracing::warn!(job = %lease.job.id, error = %lost, "a job was given up");
            return true;
        }
        () = inner.stop.cancelled() => Attempt::PutBack(lease.job.run_after),
    };
    if !matches!(attempt, Attempt::PutBack(_)) {
        inner.metrics.job_ended(&lease.job.kind, matches!(attempt, Attempt::Done(_)));
    }
    let held = matches!(attempt, Attempt::Held(_));
    let ended = match attempt {
        Attempt::Done(result) => inner.db.complete(&lease, result).await.map(|()| State::Done),
        Attempt::Failed(reason) => {
            tracing::warn!(job = %lease.job.id, kind = lease.job.kind, attempt = lease.job.attempts, reason, "an attempt at a job failed");
            inner.db.fail(&lease, &reason, put_off(lease.job.attempts)).await
        }
        Attempt::Held(trouble) => {
            tracing::warn!(job = %lease.job.id, kind = lease.job.kind, reason = trouble.reason(), "a job waits until this is mended");
            let (later, reason) = (inner.clock.now() + HELD_MS, trouble.reason().to_owned());
            inner.jobs.set_trouble(&lease.job.id, Some(trouble));
            inner.db.hand_back(&lease, later, Some(&reason)).await.map(|()| State::Queued)
        }
        Attempt::PutBack(run_after) => inner.db.hand_back(&lease, run_after, None).await.map(|()| State::Queued),
    };
    match ended {
        Ok(State::Done | State::Failed) if lease.job.kind == ingest::KIND => inner.jobs.release(ingest::original_of(&lease.job)),
        Ok(_) => {}
        Err(error) => tracing::error!(job = %lease.job.id, %error, "how a job ended could not be stored; it will run again"),
    }
    inner.jobs.ended.notify_waiters();
    !held
}

async fn perform(app: &App, job: &Job) -> Attempt {
    match job.kind.as_str() {
        ingest::KIND => ingest::run(app, job).await,
        collect::KIND => collect::run(app, job).await,
        second_pass::KIND => second_pass::run(app, job).await,
        remove::KIND => remove::run(app, job).await,
        batches::KIND => Box::pin(batches::run(app, job)).await,
        kind => Attempt::Failed(format!("this program knows no jobs of kind {kind}")),
    }
}

/// Keeps the lease; returns when it is lost.
async fn keep(app: &App, lease: &Lease) -> LeaseError {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        match app.inner().db.heartbeat(lease, HOLD, None).await {
            Ok(()) => {}
            Err(lost @ LeaseError::Lost(_)) => return lost,
            Err(error) => tracing::warn!(job = %lease.job.id, %error, "a lease could not be kept"),
        }
    }
}

/// Half a second, doubled with each attempt, up to a minute.
fn put_off(attempts: u32) -> Duration {
    Duration::from_millis(500 << attempts.saturating_sub(1).min(7)).min(Duration::from_secs(60))
}
