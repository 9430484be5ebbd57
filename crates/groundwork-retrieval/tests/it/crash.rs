//! Killed at any moment of an ingest with updates and deletes, the folder shows of every document exactly the old or exactly the new
//! version, in both legs; and running again finishes the job.

use crate::ground::{Ground, documents, embedder, fast, is_deleted, kb, mark, parts, source};
use groundwork_core::access::Caller;
use groundwork_retrieval::search::{Hit, Mode, Query, search};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const KILLS: usize = 50;
const CHILD: &str = env!("CARGO_BIN_EXE_extract-child");

/// The round that each document shows; a document that is deleted shows none.
type Shown = BTreeMap<usize, usize>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_fifty_moments_a_folder_shows_old_or_new_and_never_a_mix() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |below: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % below
    };
    let mut before = Shown::new();
    let (mut unchanged, mut partly, mut finished) = (0, 0, 0);
    for round in 1..=KILLS {
        kill_at(folder.path(), round, roll(120) as usize, Duration::from_micros(roll(4_000)));
        let ground = Ground::open(folder.path(), CHILD.into()).await.unwrap();
        let now = shown(&ground, &format!("round {round}")).await;
        ground.close().await;
        let new = wanted(round);
        for document in documents() {
            let (old, new, now) = (before.get(&document), new.get(&document), now.get(&document));
            assert!(now == old || now == new, "round {round}: document {document} shows {now:?}, neither {old:?} nor {new:?}");
        }
        match () {
            () if now == before => unchanged += 1,
            () if now == new => finished += 1,
            () => partly += 1,
        }
        before = now;
    }
    assert!(partly >= KILLS / 4, "the kills meet the work: {unchanged} before it, {partly} in it, {finished} after it");

    let last = KILLS + 1;
    for again in [false, true] {
        let ground = Ground::open(folder.path(), CHILD.into()).await.unwrap();
        let changed = ground.ingest(last).await.unwrap();
        assert_eq!(shown(&ground, "at the end").await, wanted(last));
        assert!(!again || changed == 0, "running again changes nothing");
        ground.close().await;
    }
    let ground = Ground::open(folder.path(), CHILD.into()).await.unwrap();
    assert_eq!(shown(&ground, "at the end").await, wanted(last));
    assert_eq!((ground.db.orphans().await.unwrap(), ground.db.dead_versions().await.unwrap()), (vec![], vec![]), "nothing is left over");
    assert_eq!(ground.db.waiting_passes().await.unwrap(), vec![], "no second pass is left out");
    ground.close().await;
}

fn wanted(round: usize) -> Shown {
    documents().filter(|&document| !is_deleted(document, round)).map(|document| (document, round)).collect()
}

fn child(folder: &Path, round: usize) -> Child {
    let mut command = Command::new(CHILD);
    command.arg("ingest").arg(folder).arg(round.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Kills the child so long after it told its `steps`th step.
fn kill_at(folder: &Path, round: usize, steps: usize, after: Duration) {
    let mut child = child(folder, round);
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    let told: Vec<String> = told.by_ref().take(steps).map(Result::unwrap).collect();
    assert!(!told.iter().any(|line| line.starts_with("error")), "round {round}: {told:?}");
    let until = Instant::now() + after;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The round that `hits` show of a document, all of it; `None` when they show nothing of it. Panics at a mix.
pub(crate) fn round_of(hits: &[Hit], document: usize, when: &str) -> Option<usize> {
    let marks: BTreeSet<String> = hits
        .iter()
        .filter(|hit| hit.source == source(document))
        .flat_map(|hit| hit.text.split(['.', ' ', '\n']).filter(|word| word.starts_with("mark")).map(str::to_owned))
        .collect();
    let round: usize = marks.first()?.split_once("of").and_then(|(_, rest)| rest.split_once("at")).unwrap().0.parse().unwrap();
    let all: BTreeSet<String> = (0..parts(document, round)).map(|part| mark(document, round, part)).collect();
    assert_eq!(marks, all, "{when}: document {document} shows one whole version");
    Some(round)
}

/// What a search sees of each document, the same in both legs; panics at a mix.
async fn shown(ground: &Ground, when: &str) -> Shown {
    let mut by_leg = Vec::new();
    for mode in [Mode::Keyword, Mode::Vector] {
        let (bases, caller, fast) = ([kb()], Caller::local(), fast());
        let deadline = Instant::now() + Duration::from_secs(30);
        let query = Query { k: 500, mode, deadline, first_pass: Some(&fast), ..Query::new(&bases, "common", &caller) };
        let hits = search(&ground.index, &ground.db, &embedder(), query).await.unwrap().hits;
        let mut shown = Shown::new();
        for document in documents() {
            let Some(round) = round_of(&hits, document, &format!("{when}, {mode:?}")) else { continue };
            shown.insert(document, round);
        }
        by_leg.push(shown);
    }
    assert_eq!(by_leg[0], by_leg[1], "{when}: both legs show the same");
    by_leg.remove(0)
}
