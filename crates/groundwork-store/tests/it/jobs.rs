//! A job is worked on by one runner at a time and is never forgotten.

use crate::fixture::{Fixture, NOON, tenant};
use groundwork_store::blobs::Sha256;
use groundwork_store::db::jobs::{Enqueued, KEPT_MS, Lease, LeaseError, NewJob, State};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const HOLD: Duration = Duration::from_secs(30);

fn job(key: Option<&str>, max_attempts: u32) -> NewJob {
    NewJob {
        kind: "ingest".to_owned(),
        tenant: tenant(),
        payload: json!({ "folder": "docs" }),
        key: key.map(str::to_owned),
        run_after: NOON,
        max_attempts,
    }
}

async fn lease(fixture: &Fixture) -> Option<Lease> {
    fixture.db.lease(&["ingest"], HOLD).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runners_that_ask_at_once_never_get_the_same_job() {
    let fixture = Fixture::new().await;
    for _ in 0..20 {
        fixture.db.enqueue(job(None, 1)).await.unwrap();
    }
    let runner = || async {
        let mut mine = vec![];
        while let Some(lease) = lease(&fixture).await {
            mine.push(lease.job.id);
        }
        mine
    };
    let (a, b, c, d) = tokio::join!(runner(), runner(), runner(), runner());
    let all: Vec<_> = [a, b, c, d].concat();
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (20, 20));
}

#[tokio::test]
async fn a_job_that_would_repeat_the_last_one_with_its_key_is_not_made_while_that_has_not_ended() {
    let fixture = Fixture::new().await;
    let Enqueued::New(first) = fixture.db.enqueue(job(Some("docs"), 1)).await.unwrap() else { panic!("the first is new") };
    assert_eq!(fixture.db.enqueue(job(Some("docs"), 1)).await.unwrap(), Enqueued::Existing(first.clone()));
    let lease = lease(&fixture).await.unwrap();
    assert_eq!(fixture.db.enqueue(job(Some("docs"), 1)).await.unwrap(), Enqueued::Existing(first));
    fixture.db.complete(&lease, Some(json!({ "files": 3 }))).await.unwrap();
    assert!(matches!(fixture.db.enqueue(job(Some("docs"), 1)).await.unwrap(), Enqueued::New(_)));
    let done = fixture.db.job(&lease.job.id).await.unwrap().unwrap();
    assert_eq!((done.state, done.progress, done.finished_at), (State::Done, Some(json!({ "files": 3 })), Some(NOON)));
}

#[tokio::test]
async fn jobs_with_one_key_run_in_the_order_in_which_they_were_made_whatever_holds_the_first_up() {
    let fixture = Fixture::new().await;
    let content = |text: &str| NewJob { payload: json!({ "content": text }), ..job(Some("docs"), 3) };
    let enqueue = async |text: &str| match fixture.db.enqueue(content(text)).await.unwrap() {
        Enqueued::New(id) => id,
        Enqueued::Existing(id) => panic!("{text} is taken for {id}"),
    };
    // The first content comes again after another one: it is not the same as the first time.
    let made = [enqueue("a").await, enqueue("b").await, enqueue("a").await];
    assert_eq!(fixture.db.enqueue(content("a")).await.unwrap(), Enqueued::Existing(made[2].clone()));
    let first = lease(&fixture).await.unwrap();
    assert_eq!(lease(&fixture).await, None, "the second waits while the first runs");
    fixture.db.fail(&first, "no network", Duration::from_secs(5)).await.unwrap();
    assert_eq!(lease(&fixture).await, None, "and while the first waits for its next attempt");
    fixture.db.enqueue(job(Some("other"), 1)).await.unwrap();
    let other = lease(&fixture).await.unwrap();
    assert_eq!(other.job.payload, job(None, 1).payload, "another key waits for nobody");
    fixture.advance(5_000);
    let mut run = Vec::new();
    while let Some(lease) = lease(&fixture).await {
        run.push(lease.job.id.clone());
        fixture.db.complete(&lease, None).await.unwrap();
    }
    assert_eq!(run, made);
}

#[tokio::test]
async fn an_attempt_that_is_handed_back_does_not_count_and_may_be_hurried() {
    let fixture = Fixture::new().await;
    fixture.db.enqueue(job(None, 1)).await.unwrap();
    for _ in 0..3 {
        let lease = lease(&fixture).await.unwrap();
        assert_eq!(lease.job.attempts, 1);
        fixture.db.hand_back(&lease, lease.job.run_after, None).await.unwrap();
        assert!(matches!(fixture.db.complete(&lease, None).await, Err(LeaseError::Lost(_))));
    }
    let held = lease(&fixture).await.unwrap();
    fixture.db.hand_back(&held, NOON + 60_000, Some("the disk is full")).await.unwrap();
    assert_eq!(lease(&fixture).await, None);
    assert_eq!(fixture.db.active_jobs("ingest").await.unwrap(), 1);
    let waiting = fixture.db.job(&held.job.id).await.unwrap().unwrap();
    assert_eq!((waiting.state, waiting.error.as_deref()), (State::Queued, Some("the disk is full")));
    fixture.db.hurry(&held.job.id).await.unwrap();
    fixture.db.complete(&lease(&fixture).await.unwrap(), None).await.unwrap();
    assert_eq!(fixture.db.active_jobs("ingest").await.unwrap(), 0);
}

#[tokio::test]
async fn jobs_that_ended_a_week_ago_are_forgotten_as_others_end() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        fixture.db.enqueue(job(None, 1)).await.unwrap();
        fixture.db.complete(&lease(&fixture).await.unwrap(), None).await.unwrap();
    }
    let waiting = NewJob { run_after: NOON + 2 * KEPT_MS, ..job(None, 1) };
    fixture.db.enqueue(waiting).await.unwrap();
    fixture.advance(KEPT_MS + 1);
    fixture.db.enqueue(job(None, 1)).await.unwrap();
    fixture.db.complete(&lease(&fixture).await.unwrap(), None).await.unwrap();
    let states: Vec<_> = fixture.db.jobs(&tenant(), None, 10).await.unwrap().into_iter().map(|job| job.state).collect();
    assert_eq!(states, [State::Done, State::Queued], "what has not ended stays however old it is");
}

#[tokio::test]
async fn a_lease_that_ran_out_goes_to_another_and_the_first_is_told() {
    let fixture = Fixture::new().await;
    fixture.db.enqueue(job(None, 2)).await.unwrap();
    let first = lease(&fixture).await.unwrap();
    fixture.advance(29_999);
    assert_eq!(lease(&fixture).await, None);
    fixture.db.heartbeat(&first, HOLD, None).await.unwrap();
    fixture.advance(29_999);
    assert_eq!(lease(&fixture).await, None);
    fixture.advance(1);
    let second = lease(&fixture).await.unwrap();
    assert_eq!((second.job.id.clone(), second.job.attempts), (first.job.id.clone(), 2));
    assert!(matches!(fixture.db.heartbeat(&first, HOLD, None).await, Err(LeaseError::Lost(_))));
    assert!(matches!(fixture.db.complete(&first, None).await, Err(LeaseError::Lost(_))));
    fixture.db.complete(&second, None).await.unwrap();
}

#[tokio::test]
async fn a_failed_attempt_runs_again_after_its_backoff_until_the_attempts_are_used_up() {
    let fixture = Fixture::new().await;
    fixture.db.enqueue(job(None, 2)).await.unwrap();
    let first = lease(&fixture).await.unwrap();
    assert_eq!(fixture.db.fail(&first, "no network", Duration::from_secs(5)).await.unwrap(), State::Queued);
    assert_eq!(lease(&fixture).await, None);
    fixture.advance(5_000);
    let second = lease(&fixture).await.unwrap();
    assert_eq!(second.job.error.as_deref(), Some("no network"));
    assert_eq!(fixture.db.fail(&second, "still none", HOLD).await.unwrap(), State::Failed);
    fixture.advance(60_000);
    assert_eq!(lease(&fixture).await, None);
    let jobs = fixture.db.jobs(&tenant(), None, 10).await.unwrap();
    assert_eq!((jobs.len(), jobs[0].state, jobs[0].error.as_deref()), (1, State::Failed, Some("still none")));
}

#[tokio::test]
async fn a_job_whose_last_attempt_died_has_failed() {
    let fixture = Fixture::new().await;
    fixture.db.enqueue(job(Some("docs"), 1)).await.unwrap();
    let dead = lease(&fixture).await.unwrap();
    fixture.advance(30_000);
    assert_eq!(lease(&fixture).await, None);
    assert_eq!(fixture.db.job(&dead.job.id).await.unwrap().unwrap().state, State::Failed);
    assert!(matches!(fixture.db.enqueue(job(Some("docs"), 1)).await.unwrap(), Enqueued::New(_)));
}

#[tokio::test]
async fn only_the_kinds_asked_for_are_leased_and_only_when_their_time_has_come() {
    let fixture = Fixture::new().await;
    fixture.db.enqueue(NewJob { run_after: NOON + 1, ..job(None, 1) }).await.unwrap();
    assert_eq!(fixture.db.lease(&["ingest"], HOLD).await.unwrap(), None);
    fixture.advance(1);
    assert_eq!(fixture.db.lease(&["rollup"], HOLD).await.unwrap(), None);
    assert!(fixture.db.lease(&["rollup", "ingest"], HOLD).await.unwrap().is_some());
}

#[tokio::test]
async fn after_a_crash_the_next_owner_has_every_job_at_once() {
    let fixture = Fixture::new().await;
    fixture.db.enqueue(job(None, 3)).await.unwrap();
    let dead = lease(&fixture).await.unwrap();
    assert!(lease(&fixture).await.is_none());
    fixture.db.end_leases().await.unwrap();
    assert_eq!(lease(&fixture).await.unwrap().job.attempts, 2);
    assert!(matches!(fixture.db.complete(&dead, None).await, Err(LeaseError::Lost(_))));
}

#[tokio::test]
async fn an_original_is_in_use_as_long_as_a_job_is_going_to_read_it() {
    let fixture = Fixture::new().await;
    let original = Sha256::of(b"an original");
    assert!(!fixture.db.blob_is_used(original).await.unwrap());
    fixture.db.enqueue(NewJob { payload: json!({ "original": original.to_string() }), ..job(None, 1) }).await.unwrap();
    assert!(fixture.db.blob_is_used(original).await.unwrap());
    assert!(!fixture.db.blob_is_used(Sha256::of(b"another")).await.unwrap());
    let lease = lease(&fixture).await.unwrap();
    assert!(fixture.db.blob_is_used(original).await.unwrap());
    fixture.db.complete(&lease, None).await.unwrap();
    assert!(!fixture.db.blob_is_used(original).await.unwrap());
}
