//! One record a call, however it ends.

use crate::fixture::{Plan, body, fake, house, request};
use futures::StreamExt;
use groundwork_app::Caller;
use groundwork_app::pipeline::{self, Answer, Item};
use groundwork_inference::fake::{self, Fault, Script, Tokens};
use std::path::Path;
use std::time::Duration;

fn faulty(fault: Fault) -> Script {
    let pieces = Some(vec!["One ".to_owned(), "two ".to_owned(), "three.".to_owned()]);
    Script::new([fake::Answer { pieces, fault: Some(fault), ..fake::Answer::default() }])
}

#[tokio::test]
async fn a_whole_answer_is_booked_once_with_what_the_target_counted() {
    let answer = fake::Answer {
        pieces: Some(vec!["Hello.".into()]),
        usage: Some(Tokens { input: 11, output: 7, ..Tokens::default() }),
        ..fake::Answer::default()
    };
    let house = house(Script::new([answer])).await;
    let mut asked = request(body("default", "Hello?"));
    asked.request_id = Some("mine".into());
    assert!(matches!(pipeline::run(&house.app, &Caller::local(), asked).await.unwrap(), Answer::Whole(..)));
    let entries = house.ledger_at_the_end().await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.input_tokens, entry.output_tokens, entry.estimated), (11, 7, false));
    assert_eq!((entry.status.as_str(), entry.detail.as_deref()), ("completed", Some("stop")));
    assert_eq!((entry.principal.as_str(), entry.request_label.as_deref()), ("user:local", Some("mine")));
    assert_eq!((entry.model.as_str(), entry.cost_nano_dollars), ("default", None));
}

#[tokio::test]
async fn a_stream_is_booked_once_at_its_end() {
    let house = house(Script::say("Hello there.")).await;
    let streamed = house.stream(body("default", "Hello?")).await.unwrap();
    assert!(streamed.error.is_none());
    let entries = house.ledger_at_the_end().await;
    assert_eq!(entries.len(), 1);
    assert!(entries[0].streamed && !entries[0].estimated && entries[0].output_tokens == 2, "{entries:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_booked_once_as_failed_with_an_estimate() {
    for (fault, kind) in [
        (Fault::Break { after: 2 }, "upstream_broken"),
        (Fault::Error { after: 2, message: "overloaded".into() }, "upstream_error_in_stream"),
    ] {
        let house = house(faulty(fault)).await;
        let streamed = house.stream(body("default", "Hello?")).await.unwrap();
        assert_eq!(streamed.text, "One two ");
        assert_eq!(streamed.error.unwrap().kind(), kind);
        let entries = house.ledger_at_the_end().await;
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].status.as_str(), entries[0].detail.as_deref()), ("failed", Some(kind)));
        assert!(entries[0].estimated && entries[0].input_tokens > 0 && entries[0].output_tokens > 0, "{entries:?}");
    }
}

#[tokio::test]
async fn a_call_that_finds_no_place_to_be_counted_is_booked_with_the_most_that_it_can_be() {
    for (counts, output) in [(1, 3), (0, "one two three".len() as u64)] {
        let pieces = Some(vec!["one two ".into(), "three".into(), "four".into()]);
        let broken = fake::Answer { pieces, fault: Some(Fault::Break { after: 2 }), ..fake::Answer::default() };
        let counted = "[models.counted]\ntokenizer = \"gpt-5\"\ndeployments = [{ target = \"fake\" }]";
        let mut plan = Plan::new(vec![fake("fake", Script::new([broken]))]).applying(counted);
        plan.limits.counts = counts;
        let house = plan.build().await.unwrap();
        assert!(house.stream(body("counted", "hello")).await.unwrap().error.is_some());
        let entry = house.ledger_at_the_end().await.remove(0);
        assert_eq!((entry.output_tokens, entry.estimated), (output, true), "{entry:?}");
        assert!(if counts == 0 { entry.input_tokens >= 5 } else { (1..5).contains(&entry.input_tokens) }, "{entry:?}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_in_mid_answer_is_booked_once_as_abandoned() {
    let house = house(faulty(Fault::Hang { after: 2 })).await;
    let mut asked = body("default", "Hello?");
    asked["stream"] = true.into();
    let Answer::Stream(_, mut items) = pipeline::run(&house.app, &Caller::local(), request(asked)).await.unwrap() else {
        panic!("no stream");
    };
    let mut text = String::new();
    while text != "One two " {
        let Some(Item::Frame(chunk)) = items.next().await else { panic!("it ended early") };
        let chunk: serde_json::Value = serde_json::from_slice(&chunk.data).unwrap();
        text.push_str(chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
    }
    drop(items);
    let entries = house.ledger_at_the_end().await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].status, "abandoned");
    assert!(entries[0].estimated && entries[0].output_tokens > 0, "{entries:?}");
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_first_byte_is_booked_once() {
    let house = house(faulty(Fault::Hang { after: 0 })).await;
    let app = house.app.clone();
    let asked = async move { pipeline::run(&app, &Caller::local(), request(body("default", "Hello?"))).await };
    assert!(tokio::time::timeout(Duration::from_millis(50), asked).await.is_err());
    let entries = house.ledger_at_the_end().await;
    assert_eq!((entries.len(), entries[0].status.as_str()), (1, "abandoned"));
}

#[tokio::test]
async fn a_refused_call_is_booked_once_and_costs_nothing() {
    let refuse = Fault::Refuse { status: 429, code: "rate_limit_exceeded".into(), message: "slow down".into(), retry_after_ms: Some(1500) };
    let house = house(faulty(refuse)).await;
    let error = house.ask("default", "Hello?").await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), ("upstream_rate_limited", 429));
    let entries = house.ledger_at_the_end().await;
    assert_eq!((entries.len(), entries[0].input_tokens, entries[0].estimated), (1, 0, false));
}

#[tokio::test]
async fn a_deadline_ends_a_call_that_hangs() {
    let house = house(faulty(Fault::Hang { after: 0 })).await;
    let mut asked = request(body("default", "Hello?"));
    asked.deadline = Some(std::time::Instant::now() + Duration::from_millis(30));
    let error = pipeline::run(&house.app, &Caller::local(), asked).await.map(|_| ()).unwrap_err();
    assert_eq!(error.http_status(), 504);
    assert_eq!(house.ledger_at_the_end().await.len(), 1);
}

#[tokio::test]
async fn a_shutdown_cuts_off_what_does_not_end_and_books_it() {
    let house = house(faulty(Fault::Hang { after: 1 })).await;
    let mut asked = body("default", "Hello?");
    asked["stream"] = true.into();
    let Answer::Stream(_, items) = pipeline::run(&house.app, &Caller::local(), request(asked)).await.unwrap() else {
        panic!("no stream");
    };
    let (items, in_time) = tokio::join!(items.collect::<Vec<Item>>(), house.app.shutdown(Duration::from_millis(50)));
    assert!(!in_time, "it had to be cut off");
    assert!(matches!(items.last(), Some(Item::Error(error)) if error.kind() == "shutting_down"));
    assert_eq!(house.ask("default", "Hello?").await.unwrap_err().kind(), "shutting_down");
    let entries = house.ledger_at_the_end().await;
    assert_eq!((entries.len(), entries[0].status.as_str()), (1, "failed"));
}

#[tokio::test]
async fn many_calls_at_once_are_each_booked_once() {
    let house = Plan::new(vec![fake("fake", Script::say("Hello."))]).build().await.unwrap();
    let calls = futures::future::join_all((0..40).map(|at| {
        let house = &house;
        async move {
            if at % 2 == 0 {
                house.ask("default", "Hello?").await.map(|_| ())
            } else {
                house.stream(body("default", "Hello?")).await.map(|_| ())
            }
        }
    }));
    assert!(calls.await.into_iter().all(|call| call.is_ok()));
    let metrics = house.app.metrics_text();
    assert!(metrics.contains("groundwork_calls_in_flight 0"), "{metrics}");
    let entries = house.ledger_at_the_end().await;
    let ids: std::collections::BTreeSet<_> = entries.iter().map(|entry| entry.call.clone()).collect();
    assert_eq!((entries.len(), ids.len()), (40, 40));
}

#[tokio::test]
async fn what_a_kill_leaves_of_a_call_is_booked_as_an_estimate_and_never_twice() {
    let house = house(faulty(Fault::Hang { after: 2 })).await;
    let mut asked = body("default", "Hello?");
    asked["stream"] = true.into();
    let Answer::Stream(_, mut items) = pipeline::run(&house.app, &Caller::local(), request(asked)).await.unwrap() else {
        panic!("no stream");
    };
    assert!(matches!(items.next().await, Some(Item::Frame(_))));

    // The folder as it is now is what a kill would leave.
    let left = std::sync::Arc::new(tempfile::tempdir().unwrap());
    copy(&house.folder.path().join("data"), &left.path().join("data"));
    for _ in 0..2 {
        let plan = Plan { folder: left.clone(), ..Plan::new(vec![fake("fake", Script::default())]) };
        let entries = plan.build_again().await.ledger_at_the_end().await;
        let open: Vec<_> = entries.iter().filter(|entry| entry.streamed).collect();
        assert_eq!(open.len(), 1, "{entries:?}");
        assert_eq!((open[0].status.as_str(), open[0].detail.as_deref()), ("failed", Some("killed")));
        assert!(open[0].estimated && open[0].input_tokens > 0 && open[0].output_tokens > 0, "{open:?}");
    }

    drop(items);
    let entries = house.ledger_at_the_end().await;
    assert_eq!(entries.iter().filter(|entry| entry.streamed).count(), 1);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
