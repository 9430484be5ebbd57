//! First passes: what is new can be found while the embedding model has yet to answer, and has its vectors later.

use crate::fixture::{House, Plan, START, bag_of_words, fake};
use groundwork_app::documents::{self, Document, Uploaded};
use groundwork_app::jobs::{self, State};
use groundwork_app::search::{self, Mode, Query, SearchError};
use groundwork_app::{Caller, status};
use groundwork_core::access::{Permissions, Scope};
use groundwork_core::variety::Variety;
use groundwork_inference::fake::Script;
use groundwork_retrieval::embed::Embedder;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const MODES: [Mode; 3] = [Mode::Keyword, Mode::Vector, Mode::Hybrid];
const PUMP: &str = "# Pump\n\nThe pump turns left.\n";

/// A fast model, and how often it was asked.
fn fast() -> (Embedder, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let run = move |_, texts: Vec<String>| -> futures::future::BoxFuture<'static, _> {
        count.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(texts.iter().map(|text| bag_of_words(text, 32)).collect())))
    };
    (
        Embedder { model: "fast-1".into(), dimensions: 32, run: Arc::new(run), ..crate::fixture::embedder(Arc::default(), Arc::default()) },
        asked,
    )
}

fn plan() -> Plan {
    Plan { first_pass: Some(fast().0), ..Plan::new(vec![fake("fake", Script::default())]) }
}

/// Whose embedding model is down.
async fn house_that_is_down() -> House {
    let house = plan().build().await.unwrap();
    house.embedder_is_down.store(true, Ordering::SeqCst);
    house
}

async fn look(house: &House, caller: &Caller, mode: Mode, text: &str) -> Result<Vec<String>, SearchError> {
    let query = Query {
        knowledge_base: "default".parse().unwrap(),
        text: text.into(),
        limit: 10,
        mode,
        filter: None,
        rerank: true,
        variety: Variety::default(),
    };
    Ok(search::search(&house.app, caller, query).await?.hits.into_iter().map(|hit| hit.text).collect())
}

async fn found(house: &House, mode: Mode, text: &str) -> Vec<String> {
    look(house, &Caller::local(), mode, text).await.unwrap()
}

async fn find(house: &House, document: &Document) -> Document {
    documents::find(&house.app, &Caller::local(), &document.knowledge_base, &document.id).await.unwrap()
}

async fn jobs(house: &House) -> Vec<jobs::Job> {
    let jobs = jobs::list(&house.app, &Caller::local(), None, 100).await.unwrap();
    jobs.into_iter().filter(|job| job.kind == "second_pass").collect()
}

/// Waits until an attempt at a second pass has failed.
async fn failed_once(house: &House) {
    while !jobs(house).await.iter().any(|job| job.error.is_some()) {
        tokio::task::yield_now().await;
    }
}

/// Mends the embedding model, and waits until nothing waits for a second pass.
async fn mend(house: &House) {
    house.embedder_is_down.store(false, Ordering::SeqCst);
    loop {
        let jobs = jobs(house).await;
        if jobs.iter().all(|job| job.state == State::Done) {
            return;
        }
        // Those that were put off become due; of one that runs the lease holds.
        if jobs.iter().all(|job| job.state != State::Running) {
            house.hand.fetch_add(1_000, Ordering::SeqCst);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_new_document_is_found_by_words_and_meaning_while_the_embedding_model_fails_and_has_its_vectors_once_that_is_mended() {
    let house = house_that_is_down().await;
    let document = house.upload("pump.md", PUMP).await;
    for mode in MODES {
        assert_eq!(found(&house, mode, "pump").await, ["Pump\n\nThe pump turns left."], "{mode:?}");
    }
    failed_once(&house).await;
    let told = serde_json::to_value(find(&house, &document).await).unwrap();
    assert_eq!(told["first_pass"]["model"], "fast-1");
    assert_eq!(told["first_pass"]["second_pass"], "failed");
    assert!(told["first_pass"]["error"].as_str().unwrap().contains("it is down"), "{told}");

    mend(&house).await;
    let now = find(&house, &document).await;
    assert_eq!(now, Document { first_pass: None, ..document }, "nothing else of it has changed, its version included");
    for mode in MODES {
        assert_eq!(found(&house, mode, "pump").await, ["Pump\n\nThe pump turns left."], "{mode:?}");
    }
    house.embedder_is_down.store(true, Ordering::SeqCst);
    assert!(look(&house, &Caller::local(), Mode::Vector, "pump").await.is_err(), "now it is the embedding model that finds it");
    assert!(status::status(&house.app).await.parts.iter().any(|part| part.name == "first_pass_model"));
}

#[tokio::test]
async fn the_fast_model_embeds_questions_only_as_long_as_something_is_found_by_its_vectors() {
    let (first, asked) = fast();
    let house = Plan { first_pass: Some(first), ..plan() }.build().await.unwrap();
    house.upload("pump.md", PUMP).await;
    mend(&house).await;
    let before = asked.load(Ordering::SeqCst);
    found(&house, Mode::Hybrid, "pump").await;
    assert_eq!(asked.load(Ordering::SeqCst), before);

    house.embedder_is_down.store(true, Ordering::SeqCst);
    house.upload("valve.md", "# Valve\n\nThe valve turns right.\n").await;
    let before = asked.load(Ordering::SeqCst);
    // Without the embedding model half of the answer would be missing, and that is said.
    assert!(matches!(look(&house, &Caller::local(), Mode::Hybrid, "turns").await, Err(SearchError::Failed(_))));
    house.embedder_is_down.store(false, Ordering::SeqCst);
    let mut texts = found(&house, Mode::Vector, "turns").await;
    texts.sort();
    assert_eq!(texts, ["Pump\n\nThe pump turns left.", "Valve\n\nThe valve turns right."]);
    assert_eq!(asked.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn the_same_bytes_read_again_go_on_waiting_and_make_no_second_job() {
    let house = house_that_is_down().await;
    let document = house.upload("pump.md", PUMP).await;
    let again = house.upload("pump.md", PUMP).await;
    assert_eq!((again.version, again.first_pass.is_some()), (document.version, true));
    assert_eq!(jobs(&house).await.len(), 1);
    mend(&house).await;
    assert_eq!(find(&house, &document).await.first_pass, None);
}

#[tokio::test]
async fn a_second_version_or_a_deletion_in_between_ends_the_second_pass_of_the_first() {
    let house = house_that_is_down().await;
    let gone = house.upload("valve.md", "# Valve\n\nThe valve turns right.\n").await;
    house.upload("pump.md", PUMP).await;
    let document = house.upload("pump.md", "# Pump\n\nThe pump stands still.\n").await;
    documents::delete(&house.app, &Caller::local(), &gone.knowledge_base, &gone.id).await.unwrap();
    let all = ["Pump\n\nThe pump stands still."];
    for mode in MODES {
        assert_eq!(found(&house, mode, "pump valve").await, all, "{mode:?}");
    }
    mend(&house).await;
    assert_eq!(jobs(&house).await.len(), 3);
    assert_eq!(find(&house, &document).await.first_pass, None);
    for mode in MODES {
        assert_eq!(found(&house, mode, "pump valve").await, all, "{mode:?}");
    }
    // Slots are given again, and their vectors are those of who has them.
    let back = house.upload("valve.md", "# Valve\n\nThe valve turns right.\n").await;
    mend(&house).await;
    assert_eq!(find(&house, &back).await.first_pass, None);
    assert_eq!(found(&house, Mode::Vector, "valve turns right").await[0], "Valve\n\nThe valve turns right.");
}

#[tokio::test]
async fn who_may_not_read_a_document_finds_it_by_no_pass_and_is_not_told_why_its_second_fails() {
    let house = house_that_is_down().await;
    let ann = Permissions { scope: Scope::Restricted, allow: ["user:ann".to_owned()].into(), ..Permissions::default() };
    let uploaded = house.try_upload("pump.md", PUMP.as_bytes(), Some(ann)).await;
    assert!(matches!(uploaded, Uploaded::Unseen { .. } | Uploaded::Live { .. }), "{uploaded:?}");
    while !jobs::list(&house.app, &crate::fixture::user("ann"), None, 100).await.unwrap().iter().any(|job| job.error.is_some()) {
        tokio::task::yield_now().await;
    }
    for (name, hits) in [("ann", 1), ("ben", 0)] {
        let caller = crate::fixture::user(name);
        for mode in MODES {
            assert_eq!(look(&house, &caller, mode, "pump").await.unwrap().len(), hits, "{name} {mode:?}");
        }
        let jobs = jobs::list(&house.app, &caller, None, 100).await.unwrap();
        let job = jobs.iter().find(|job| job.kind == "second_pass").unwrap();
        assert_eq!((job.subject.is_some(), job.error.is_some()), (hits > 0, hits > 0), "{name}");
    }
}

#[test]
fn after_a_crash_what_waited_is_found_and_its_second_pass_goes_on_also_when_first_passes_are_off() {
    for off in [false, true] {
        let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let first = runtime();
        let (folder, document) = first.block_on(async {
            let house = house_that_is_down().await;
            let document = house.upload("pump.md", PUMP).await;
            (house.folder.clone(), document)
        });
        first.shutdown_background();
        runtime().block_on(async {
            let first_pass = plan().first_pass.filter(|_| !off);
            let house = Plan { folder, first_pass, start: START + 600_000, ..plan() }.build_again().await;
            assert_eq!(found(&house, Mode::Keyword, "pump").await.len(), 1);
            if !off {
                assert_eq!(found(&house, Mode::Vector, "pump").await.len(), 1);
            }
            mend(&house).await;
            assert_eq!(find(&house, &document).await.first_pass, None);
            assert_eq!(found(&house, Mode::Vector, "pump").await, ["Pump\n\nThe pump turns left."]);
            assert_eq!(house.upload("valve.md", "# Valve\n\nIt turns.\n").await.first_pass.is_some(), !off);
            house.app.shutdown(Duration::from_secs(5)).await;
        });
    }
}
