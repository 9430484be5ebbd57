//! A call is booked exactly once, whatever happens in between.

use crate::fixture::{Fixture, tenant};
use crate::ledger::record;
use groundwork_core::call::{Measure, Outcome, Record};
use groundwork_store::db::Db;
use groundwork_store::wal::{Recovery, Settings, Stats, Wal};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn estimate(id: &str) -> Record {
    let outcome = Outcome::Failed { kind: "killed".to_owned(), http_status: 500 };
    Record { measure: Measure::Estimate, outcome, ..record(id, 1_000) }
}

fn folder(fixture: &Fixture) -> PathBuf {
    fixture.folder.path().join("wal")
}

async fn open(folder: &Path, db: &Db) -> (Wal, Recovery) {
    Wal::open(folder, Settings::default(), db).await.unwrap()
}

/// Each call in the ledger and whether it is an estimate.
async fn booked(db: &Db) -> BTreeMap<String, bool> {
    let entries = db.ledger(&tenant(), 0..u64::MAX, None, 100_000).await.unwrap();
    entries.into_iter().map(|entry| (entry.call.to_string(), entry.estimated)).collect()
}

fn expected<const N: usize>(calls: [(&str, bool); N]) -> BTreeMap<String, bool> {
    calls.map(|(id, estimated)| (id.to_owned(), estimated)).into()
}

/// The log as a process that is killed now would leave it.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn settled_calls_reach_the_ledger_and_open_ones_do_not() {
    let fixture = Fixture::new().await;
    let (wal, recovery) = open(&folder(&fixture), &fixture.db).await;
    assert_eq!(recovery, Recovery::default());
    wal.hold(&estimate("call_a")).unwrap();
    wal.hold(&estimate("call_b")).unwrap();
    wal.settle(record("call_a", 1_000)).unwrap();
    assert_eq!(wal.stats(), Stats { open: 1, waiting: 1, sync_failures: 0 });
    assert_eq!((wal.roll(&fixture.db).await.unwrap(), wal.stats().open, wal.stats().waiting), (1, 1, 0));
    assert_eq!(wal.roll(&fixture.db).await.unwrap(), 0);
    assert_eq!(booked(&fixture.db).await, expected([("call_a", false)]));
}

#[tokio::test]
async fn after_a_kill_settled_calls_are_booked_as_measured_and_open_ones_as_estimates() {
    let fixture = Fixture::new().await;
    let (wal, _) = open(&folder(&fixture), &fixture.db).await;
    for id in ["call_a", "call_b", "call_c"] {
        wal.hold(&estimate(id)).unwrap();
    }
    wal.settle(record("call_a", 1_000)).unwrap();
    wal.roll(&fixture.db).await.unwrap();
    wal.settle(record("call_b", 1_000)).unwrap();

    let left = copy(&folder(&fixture));
    let all = expected([("call_a", false), ("call_b", false), ("call_c", true)]);
    let (_, recovery) = open(left.path(), &fixture.db).await;
    assert_eq!(recovery, Recovery { settled: 1, estimated: 1, damaged: 0 });
    assert_eq!(booked(&fixture.db).await, all);
    let (_, recovery) = open(left.path(), &fixture.db).await;
    assert_eq!(recovery, Recovery::default());
    assert_eq!(booked(&fixture.db).await, all);
}

#[tokio::test]
async fn a_log_cut_at_any_byte_books_each_call_at_most_once_and_every_whole_line() {
    let fixture = Fixture::new().await;
    let (wal, _) = open(&folder(&fixture), &fixture.db).await;
    wal.hold(&estimate("call_a")).unwrap();
    wal.settle(record("call_a", 1_000)).unwrap();
    wal.hold(&estimate("call_b")).unwrap();
    let log = std::fs::read(&segments(&folder(&fixture))[0]).unwrap();
    let ends: Vec<usize> = (0..log.len()).filter(|&at| log[at] == b'\n').map(|at| at + 1).collect();
    let states =
        [expected([]), expected([("call_a", true)]), expected([("call_a", false)]), expected([("call_a", false), ("call_b", true)])];
    for cut in (0..=log.len()).step_by(97).chain(ends.clone()) {
        let ledger = Fixture::new().await;
        std::fs::create_dir(folder(&ledger)).unwrap();
        std::fs::write(folder(&ledger).join("000000000001.log"), &log[..cut]).unwrap();
        let (_, recovery) = open(&folder(&ledger), &ledger.db).await;
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        assert_eq!(booked(&ledger.db).await, states[whole], "cut at {cut}");
        assert_eq!(recovery.damaged, u64::from(cut > 0 && !ends.contains(&cut)));
    }
}

#[tokio::test]
async fn damage_in_the_middle_costs_one_line_and_the_evidence_is_kept() {
    let fixture = Fixture::new().await;
    let (wal, _) = open(&folder(&fixture), &fixture.db).await;
    for id in ["call_a", "call_b", "call_c"] {
        wal.settle(record(id, 1_000)).unwrap();
    }
    let left = copy(&folder(&fixture));
    let path = &segments(left.path())[0];
    let mut log = std::fs::read(path).unwrap();
    let middle = log.len() / 2;
    log[middle] ^= 1;
    std::fs::write(path, log).unwrap();
    let (_, recovery) = open(left.path(), &fixture.db).await;
    assert_eq!((recovery.settled, recovery.damaged), (2, 1));
    assert_eq!(booked(&fixture.db).await, expected([("call_a", false), ("call_c", false)]));
    assert!(path.with_extension("damaged").exists());
}

#[tokio::test]
async fn a_call_that_outlives_many_segments_is_not_forgotten_and_the_segments_go() {
    let fixture = Fixture::new().await;
    let settings = Settings { segment_bytes: 2_000, ..Settings::default() };
    let (wal, _) = Wal::open(&folder(&fixture), settings, &fixture.db).await.unwrap();
    wal.hold(&estimate("call_long")).unwrap();
    for number in 0..50 {
        let id = format!("call_{number}");
        wal.hold(&estimate(&id)).unwrap();
        wal.settle(record(&id, 1_000)).unwrap();
        // What the log's own thread does when a segment is full.
        wal.flush().unwrap();
    }
    assert!(segments(&folder(&fixture)).len() > 20);
    let before = copy(&folder(&fixture));
    assert_eq!(wal.roll(&fixture.db).await.unwrap(), 50);
    assert_eq!(segments(&folder(&fixture)).len(), 1);

    // Killed after the ledger was written and before the segments were removed, or after both: the same books.
    for left in [before, copy(&folder(&fixture))] {
        open(left.path(), &fixture.db).await;
        let booked = booked(&fixture.db).await;
        assert_eq!((booked.len(), booked["call_long"], booked["call_49"]), (51, true, false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_settle_while_the_log_is_rolled_are_neither_lost_nor_doubled() {
    let fixture = Fixture::new().await;
    let settings = Settings { segment_bytes: 10_000, ..Settings::default() };
    let (wal, _) = Wal::open(&folder(&fixture), settings, &fixture.db).await.unwrap();
    let (calling, rolling) = (wal.clone(), wal.clone());
    let calls = tokio::task::spawn_blocking(move || {
        std::thread::scope(|scope| {
            for caller in 0..4 {
                let wal = &calling;
                scope.spawn(move || {
                    for number in 0..100 {
                        let id = format!("call_{caller}_{number}");
                        wal.hold(&estimate(&id)).unwrap();
                        wal.settle(record(&id, 1_000)).unwrap();
                    }
                });
            }
        });
    });
    let rolls = async {
        let mut rolled = 0;
        while rolled < 400 {
            let (one, other) = tokio::join!(rolling.roll(&fixture.db), rolling.roll(&fixture.db));
            rolled += one.unwrap() + other.unwrap();
            tokio::task::yield_now().await;
        }
        rolled
    };
    let (done, rolled) = tokio::join!(calls, rolls);
    done.unwrap();
    assert_eq!(rolled, 400);
    let booked = booked(&fixture.db).await;
    assert_eq!((booked.len(), booked.values().filter(|estimated| **estimated).count()), (400, 0));
}

#[tokio::test]
async fn when_the_ledger_cannot_be_written_nothing_is_forgotten() {
    let fixture = Fixture::new().await;
    let (wal, _) = open(&folder(&fixture), &fixture.db).await;
    wal.settle(record("call_a", 1_000)).unwrap();
    fixture.db.close().await;
    assert!(wal.roll(&fixture.db).await.is_err());
    wal.flush().unwrap();
    let again = fixture.killed().await;
    assert_eq!(wal.roll(&again.db).await.unwrap(), 1);
    assert_eq!(booked(&again.db).await, expected([("call_a", false)]));
}
