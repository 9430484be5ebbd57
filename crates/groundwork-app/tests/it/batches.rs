//! Batches under a clock that the tests turn, and across the death of the process.

use crate::fixture::{House, Plan, fake, house};
use bytes::Bytes;
use futures::StreamExt;
use groundwork_app::batches::{self, Batch, Request, State};
use groundwork_app::files::{self, About};
use groundwork_app::pipeline::{self, Answer};
use groundwork_app::{App, Caller, ledger};
use groundwork_inference::fake::{self, Fault, Script};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

const DAY: u64 = 24 * 3600 * 1000;

async fn begin(app: &App, caller: &Caller, lines: u32, endpoint: &str) -> Batch {
    let mut arriving = files::begin(app, caller).await.unwrap();
    for number in 0..lines {
        let body = match endpoint {
            "/v1/embeddings" => json!({ "model": "default", "input": "x" }),
            _ => json!({ "model": "default", "messages": [{ "role": "user", "content": format!("line {number}") }] }),
        };
        let line = json!({ "custom_id": number.to_string(), "method": "POST", "url": endpoint, "body": body });
        arriving.write(Bytes::from(format!("{line}\n"))).await.unwrap();
    }
    let about =
        About { purpose: "batch".to_owned(), name: "b.jsonl".to_owned(), media_type: "application/jsonl".to_owned(), expires_after: None };
    let file = files::keep(app, caller, arriving, about).await.unwrap();
    let request = Request { input_file: file.id.to_string(), endpoint: endpoint.to_owned(), metadata: None, output_expires_after: None };
    batches::create(app, caller, request).await.unwrap()
}

/// The batch once `condition` holds of it.
async fn when(app: &App, caller: &Caller, batch: &Batch, condition: impl Fn(&Batch) -> bool) -> Batch {
    loop {
        let found = batches::find(app, caller, batch.id.as_str()).await.unwrap();
        if condition(&found) {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

async fn results(app: &App, caller: &Caller, file: Option<&groundwork_core::ids::FileId>) -> Vec<Value> {
    let Some(file) = file else { return Vec::new() };
    let (_, mut content) = files::content(app, caller, file.as_str()).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = content.stream.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(results: &[Value]) -> Vec<u32> {
    results.iter().map(|result| result["custom_id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_in_the_middle_of_a_batch_leaves_each_line_one_result() {
    let slow = || Script::new([fake::Answer { pieces: Some(vec!["done".into()]), first_token_ms: 5, ..fake::Answer::default() }]);
    let mut plan = Plan::new(vec![fake("fake", slow())]);
    plan.limits.batch_calls = 3;
    let me = Caller::local();
    let house = plan.clone().build().await.unwrap();
    let batch = begin(&house.app, &me, 60, "/v1/chat/completions").await;
    let mut house = house;
    for done in [5, 20, 41] {
        when(&house.app, &me, &batch, |batch| batch.counts.completed >= done).await;
        // Cut off without grace: what runs is dropped where it is.
        house.app.shutdown(Duration::ZERO).await;
        let House { app, folder, .. } = house;
        drop(app);
        house = Plan { folder, ..plan.clone() }.build_again().await;
    }
    let ended = when(&house.app, &me, &batch, |batch| batch.ended_at.is_some()).await;
    assert_eq!((ended.state, ended.counts.total, ended.counts.completed, ended.counts.failed), (State::Completed, 60, 60, 0));
    let output = results(&house.app, &me, ended.output_file.as_ref()).await;
    assert_eq!(numbers(&output), (0..60).collect::<Vec<_>>());
    assert!(ended.error_file.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_what_has_no_answer_is_expired_and_the_rest_is_kept() {
    let script = Script::new([
        fake::Answer { pieces: Some(vec!["done".into()]), ..fake::Answer::default() },
        fake::Answer { fault: Some(Fault::Hang { after: 0 }), ..fake::Answer::default() },
    ]);
    let house = house(script).await;
    let me = Caller::local();
    let batch = begin(&house.app, &me, 6, "/v1/chat/completions").await;
    when(&house.app, &me, &batch, |batch| batch.counts.completed == 3).await;
    house.hand.fetch_add(DAY, Ordering::SeqCst);
    let ended = when(&house.app, &me, &batch, |batch| batch.ended_at.is_some()).await;
    assert_eq!((ended.state, ended.counts.completed, ended.counts.failed), (State::Expired, 3, 3));
    let (output, errors) =
        (results(&house.app, &me, ended.output_file.as_ref()).await, results(&house.app, &me, ended.error_file.as_ref()).await);
    let mut all = [numbers(&output), numbers(&errors)].concat();
    all.sort_unstable();
    assert_eq!(all, (0..6).collect::<Vec<_>>());
    assert!(errors.iter().all(|line| line["response"].is_null() && line["error"]["code"] == "batch_expired"), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_a_busy_target_refuses_is_tried_again() {
    let busy = Fault::Refuse { status: 429, code: "rate_limit_exceeded".into(), message: "slow down".into(), retry_after_ms: Some(10) };
    // More than the pool tries by itself.
    let answers = [Some(busy.clone()), Some(busy.clone()), Some(busy.clone()), Some(busy), None];
    let script = Script::new(answers.map(|fault| fake::Answer { pieces: Some(vec!["done".into()]), fault, ..fake::Answer::default() }));
    let house = house(script).await;
    let me = Caller::local();
    let batch = begin(&house.app, &me, 1, "/v1/chat/completions").await;
    let ended = when(&house.app, &me, &batch, |batch| batch.ended_at.is_some()).await;
    assert_eq!((ended.counts.completed, ended.counts.failed), (1, 0));
    let entries = house.ledger_at_the_end().await;
    let (last, before) = entries.split_last().unwrap();
    assert!(last.status == "completed" && !before.is_empty() && before.iter().all(|entry| entry.status == "failed"), "{entries:?}");
    assert!(entries.iter().all(|entry| entry.request_label.as_deref() == Some(batch.id.as_str()) && entry.principal == "user:local"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_somebody_waits_for_take_the_places_of_a_batchs() {
    let hangs = fake::Answer { pieces: Some(vec!["one".into()]), fault: Some(Fault::Hang { after: 1 }), ..fake::Answer::default() };
    let script = Script::new(std::iter::repeat_n(hangs, 2).chain(std::iter::repeat_n(fake::Answer::default(), 4)));
    let mut plan = Plan::new(vec![fake("fake", script)]);
    plan.limits.batch_calls = 2;
    let house = plan.build().await.unwrap();
    let ask = async || {
        let body = json!({ "model": "default", "stream": true, "messages": [{ "role": "user", "content": "hi" }] });
        match pipeline::run(&house.app, &Caller::local(), crate::fixture::request(body)).await.unwrap() {
            Answer::Stream(_, items) => items,
            Answer::Whole(..) => panic!("it was to stream"),
        }
    };
    let waited_for = (ask().await, ask().await);
    let me = Caller::local();
    let batch = begin(&house.app, &me, 4, "/v1/embeddings").await;
    let batch = when(&house.app, &me, &batch, |batch| batch.state == State::InProgress).await;
    // Embeddings are made at once where there is a place.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(batches::find(&house.app, &me, batch.id.as_str()).await.unwrap().counts.completed, 0);
    drop(waited_for.0);
    let ended = when(&house.app, &me, &batch, |batch| batch.ended_at.is_some()).await;
    assert_eq!(ended.counts.completed, 4);
    drop(waited_for.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_batches_and_an_upload_get_on_side_by_side() {
    let house = house(Script::say("done")).await;
    let me = Caller::local();
    let (first, second) =
        (begin(&house.app, &me, 30, "/v1/chat/completions").await, begin(&house.app, &me, 30, "/v1/chat/completions").await);
    house.upload("a.md", "# A\n\nSomething to read.\n").await;
    for batch in [&first, &second] {
        assert_eq!(when(&house.app, &me, batch, |batch| batch.ended_at.is_some()).await.counts.completed, 30);
    }
    let list = ledger::List { time: 0..i64::MAX as u64, after: None, limit: 1000 };
    let entries = ledger::list(&house.app, &Caller::local(), list).await.unwrap();
    for batch in [&first, &second] {
        assert_eq!(entries.iter().filter(|entry| entry.request_label.as_deref() == Some(batch.id.as_str())).count(), 30);
    }
}
