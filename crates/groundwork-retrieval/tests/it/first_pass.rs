//! Documents that are found by two models side by side, and by one in the end.

use crate::crash::round_of;
use crate::ground::{Ground, documents, embedder, fast, kb, parts, source, text, upload};
use futures::FutureExt;
use groundwork_core::access::Caller;
use groundwork_retrieval::embed::{Embedder, Purpose};
use groundwork_retrieval::search::{Hit, Mode, Query, Scores, search};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use tokio::sync::Semaphore;

const MODES: [Mode; 3] = [Mode::Keyword, Mode::Vector, Mode::Hybrid];

async fn ground() -> (TempDir, Ground) {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::open(folder.path(), env!("CARGO_BIN_EXE_extract-child").into()).await.unwrap();
    (folder, ground)
}

async fn hits(ground: &Ground, mode: Mode, text: &str) -> Vec<Hit> {
    let (bases, caller, fast) = ([kb()], Caller::local(), fast());
    let query = Query { k: 500, candidates: 500, mode, first_pass: Some(&fast), ..Query::new(&bases, text, &caller) };
    search(&ground.index, &ground.db, &embedder(), query).await.unwrap().hits
}

/// The embedding model, whose passages each wait for a place.
fn slow() -> (Embedder, Arc<Semaphore>) {
    let places = Arc::new(Semaphore::new(0));
    let (real, gate) = (embedder(), places.clone());
    let run = move |purpose: Purpose, texts: Vec<String>| {
        let (gate, run) = (gate.clone(), real.run.clone());
        async move {
            if purpose == Purpose::Passage {
                gate.acquire().await.unwrap().forget();
            }
            run(purpose, texts).await
        }
        .boxed()
    };
    (Embedder { run: Arc::new(run), ..embedder() }, places)
}

/// By place, of the documents that are not `new`.
fn of_others(hits: &[Hit], new: &str) -> BTreeMap<(String, u32), Scores> {
    hits.iter().filter(|hit| hit.source != new).map(|hit| ((hit.source.clone(), hit.ordinal), hit.scores)).collect()
}

#[tokio::test]
async fn what_is_new_is_found_before_the_slow_model_has_answered_and_changes_nothing_for_the_others() {
    let (folder, ground) = ground().await;
    let (slow, places) = slow();
    for document in 0..4 {
        ground.ingester(embedder()).file(upload(document, text(document, 2))).await.unwrap();
    }
    let question = "A common beginning mark0of2at0 Part";
    let before = hits(&ground, Mode::Vector, question).await;
    let ingester = ground.ingester(slow);
    let made = ingester.first_pass(upload(5, text(5, 2)), &fast()).await.unwrap();
    assert_eq!(made.waiting, [(made.document.clone(), made.generation)]);

    // The second pass hangs in the middle: what it has made is not seen.
    let all = parts(5, 2);
    assert!(all > 2, "more than one batch");
    places.add_permits(1);
    let base = kb();
    let mut second = Box::pin(ingester.second_pass(&base, &made.document, made.generation));
    while ground.db.vectors(&kb(), &(0..99).collect::<Vec<_>>()).await.unwrap().len() < before.len() + 2 {
        assert!(futures::poll!(&mut second).is_pending());
        tokio::task::yield_now().await;
    }
    for mode in MODES {
        let during = hits(&ground, mode, question).await;
        let new: Vec<&Hit> = during.iter().filter(|hit| hit.source == source(5)).collect();
        assert_eq!(new.len(), all, "{mode:?}");
        let by_first = |hit: &&Hit| hit.scores.vector.is_none() && hit.scores.first.is_some() == (mode != Mode::Keyword);
        assert!(new.iter().all(by_first), "{mode:?} {new:?}");
        if mode == Mode::Vector {
            assert_eq!(of_others(&during, &source(5)), of_others(&before, ""));
        }
    }

    places.add_permits(99);
    assert!(second.await.unwrap());
    let after = hits(&ground, Mode::Vector, question).await;
    assert_eq!(of_others(&after, &source(5)), of_others(&before, ""));
    assert!(after.iter().all(|hit| hit.scores.first.is_none() && hit.scores.vector.is_some()), "{after:?}");
    assert_eq!(after.len(), before.len() + all);
    assert!(!ingester.second_pass(&kb(), &made.document, made.generation).await.unwrap(), "it is made once");

    // What the legs hold is what the database has.
    ground.close().await;
    let ground = Ground::open(folder.path(), env!("CARGO_BIN_EXE_extract-child").into()).await.unwrap();
    assert_eq!(hits(&ground, Mode::Vector, question).await, after);
    ground.close().await;
}

#[tokio::test]
async fn the_legs_of_a_first_pass_are_made_again_from_the_database() {
    let (folder, ground) = ground().await;
    let ingester = ground.ingester(embedder());
    ingester.file(upload(0, text(0, 2))).await.unwrap();
    ingester.first_pass(upload(5, text(5, 2)), &fast()).await.unwrap();
    let mut before = Vec::new();
    for mode in MODES {
        before.push(hits(&ground, mode, "common mark5of2at1").await);
    }
    ground.close().await;
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    let ground = Ground::open(folder.path(), env!("CARGO_BIN_EXE_extract-child").into()).await.unwrap();
    for (mode, before) in MODES.into_iter().zip(before) {
        let places = |hits: &[Hit]| hits.iter().map(|hit| (hit.source.clone(), hit.ordinal)).collect::<BTreeSet<_>>();
        assert_eq!(places(&hits(&ground, mode, "common mark5of2at1").await), places(&before), "{mode:?}");
    }
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn readers_never_see_a_mix_while_documents_go_through_first_and_second_passes() {
    const ROUNDS: usize = 8;
    let (_folder, ground) = ground().await;
    let ground = Arc::new(ground);
    let ingester = ground.ingester(embedder());
    for document in documents() {
        ingester.first_pass(upload(document, text(document, 1)), &fast()).await.unwrap();
    }
    let done = Arc::new(AtomicBool::new(false));
    let readers = MODES.map(|mode| {
        let (ground, done) = (ground.clone(), done.clone());
        async move {
            let mut searches = 0;
            while !done.load(Ordering::SeqCst) || searches == 0 {
                let hits = hits(&ground, mode, "common").await;
                for document in documents() {
                    assert!(round_of(&hits, document, &format!("{mode:?}")).is_some(), "{mode:?}: document {document} is there");
                }
                searches += 1;
            }
        }
    });
    let writers = async {
        for round in 2..ROUNDS {
            let work = documents().map(|document| {
                let ingester = ingester.clone();
                async move {
                    let (base, fast) = (kb(), fast());
                    let made = ingester.first_pass(upload(document, text(document, round)), &fast).await.unwrap();
                    // Some are replaced before their second pass has begun, or while it is made.
                    match (document + round) % 3 {
                        0 => {}
                        1 => drop(ingester.second_pass(&base, &made.document, made.generation).await.unwrap()),
                        _ => {
                            let newer = ingester.first_pass(upload(document, text(document, round + 20)), &fast);
                            let (_, newer) = tokio::join!(ingester.second_pass(&base, &made.document, made.generation), newer);
                            newer.unwrap();
                        }
                    }
                }
            });
            futures::future::join_all(work).await;
        }
        done.store(true, Ordering::SeqCst);
    };
    let [one, two, three] = readers;
    let spawn = |reader| tokio_util::task::TaskTracker::new().spawn(reader);
    let (one, two, three) = (spawn(one), spawn(two), spawn(three));
    writers.await;
    for reader in [one, two, three] {
        reader.await.unwrap();
    }
    for waiting in ground.db.waiting_passes().await.unwrap() {
        assert!(ingester.second_pass(&kb(), &waiting.document, waiting.generation).await.unwrap());
    }
    assert!(hits(&ground, Mode::Vector, "common").await.iter().all(|hit| hit.scores.first.is_none()));
}
