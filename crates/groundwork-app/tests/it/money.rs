//! What is booked beside and after an answer: attempts that may be charged, answers that are heard out, calls that were spilled over.

use crate::fixture::{House, Plan, body, fake, request};
use futures::StreamExt;
use groundwork_app::pipeline::{self, Answer as Replied, Item};
use groundwork_app::{Caller, embeddings, forward, ledger};
use groundwork_core::call::Operation;
use groundwork_inference::fake::{Answer, Fault, Script, Tokens};
use groundwork_inference::target::{HangUp, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Says three words, one every half second.
fn slow() -> Answer {
    Answer {
        pieces: Some(vec!["One ".into(), "two ".into(), "three.".into()]),
        usage: Some(Tokens { input: 11, output: 7, ..Tokens::default() }),
        first_token_ms: 500,
        chunk_ms: 500,
        ..Answer::default()
    }
}

fn failing(fault: Fault) -> Script {
    Script::new([Answer { fault: Some(fault), ..Answer::default() }])
}

async fn house(settings: impl IntoIterator<Item = Settings>, applied: Option<&str>) -> House {
    let plan = Plan::new(settings.into_iter().collect());
    let house = applied.into_iter().fold(plan, Plan::applying).build().await.unwrap();
    tokio::time::pause();
    house
}

fn soon() -> std::time::Instant {
    (Instant::now() + Duration::from_secs(60)).into_std()
}

async fn entries(house: House) -> Vec<ledger::Entry> {
    tokio::time::sleep(Duration::from_secs(30)).await;
    // Files and databases keep no virtual time.
    tokio::time::resume();
    house.ledger_at_the_end().await
}

/// Ways of asking a model that answers in no time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Whole,
    Stream,
    Embeddings,
    Completion,
    CompletionStream,
}

const WAYS: [Way; 5] = [Way::Whole, Way::Stream, Way::Embeddings, Way::Completion, Way::CompletionStream];

impl Way {
    /// Asks and reads the answer; a stream only to its first frame when `to_the_end` is not wanted.
    async fn ask(self, house: &House, to_the_end: bool) {
        let completion = |stream: bool| forward::Request {
            operation: Operation::Completions,
            path: "/completions",
            headers: Arc::default(),
            body: json!({ "model": "default", "prompt": "How many?", "stream": stream }).to_string().into(),
            model: "default".into(),
            only: None,
            deadline: soon(),
            request_id: None,
        };
        match self {
            Self::Whole | Self::Stream => {
                let mut asked = body("default", "How many?");
                asked["stream"] = (self == Self::Stream).into();
                match pipeline::run(&house.app, &Caller::local(), request(asked)).await.unwrap() {
                    Replied::Whole(..) => {}
                    Replied::Stream(_, items) => read(items, to_the_end).await,
                }
            }
            Self::Embeddings => {
                let body = json!({ "model": "default", "input": "How many?" }).to_string().into();
                embeddings::create(&house.app, &Caller::local(), embeddings::Request { body, ..embeddings::Request::default() })
                    .await
                    .unwrap();
            }
            Self::Completion | Self::CompletionStream => {
                let request = completion(self == Self::CompletionStream);
                match forward::forward(&house.app, &Caller::local(), request).await.unwrap().body {
                    forward::Body::Events(items) => read(items, to_the_end).await,
                    forward::Body::Bytes(bytes) => assert!(bytes.all(|piece| async move { piece.is_ok() }).await),
                }
            }
        }
    }

    /// A client that goes away after a little more than the first token took.
    async fn hang_up(self, house: &House) {
        // An answer in one piece takes longer, so it is not there yet.
        let _ = tokio::time::timeout(Duration::from_millis(600), self.ask(house, false)).await;
    }
}

async fn read(mut items: futures::stream::BoxStream<'static, Item>, to_the_end: bool) {
    while let Some(item) = items.next().await {
        assert!(matches!(item, Item::Frame(_)));
        if !to_the_end {
            return;
        }
    }
}

#[tokio::test]
async fn what_a_client_that_went_away_had_used_is_exact_where_the_target_is_heard_out() {
    let within = |seconds| HangUp::Drain { within: Duration::from_secs(seconds) };
    for (policy, is_exact) in [(within(10), true), (within(1), false), (HangUp::Cancel, false)] {
        for way in WAYS {
            // Vectors come in one piece, at once when their time has come.
            let answer = if way == Way::Embeddings { Answer { first_token_ms: 2_000, ..slow() } } else { slow() };
            let house = house([Settings { hang_up: policy, ..fake("fake", Script::new([answer])) }], None).await;
            way.hang_up(&house).await;
            let entries = entries(house).await;
            assert_eq!((entries.len(), entries[0].status.as_str()), (1, "abandoned"), "{way:?} {policy:?}");
            let entry = &entries[0];
            assert_eq!(entry.estimated, !is_exact, "{way:?} {policy:?} {entry:?}");
            assert!(entry.input_tokens > 0, "{way:?} {policy:?} {entry:?}");
            if is_exact {
                let output = if way == Way::Embeddings { 0 } else { 7 };
                assert_eq!((entry.input_tokens, entry.output_tokens), (11, output), "{way:?}");
            }
        }
    }
}

#[tokio::test]
async fn only_so_many_answers_are_heard_out_at_a_time_and_the_others_are_cancelled() {
    let settings = Settings { hang_up: HangUp::Drain { within: Duration::from_secs(10) }, ..fake("fake", Script::new([slow()])) };
    let house = house([settings], None).await;
    futures::future::join_all((0..70).map(|_| Way::Stream.hang_up(&house))).await;
    let told = house.app.metrics_text();
    assert!(told.contains("groundwork_calls_draining 64"), "{told}");
    let entries = entries(house).await;
    assert_eq!((entries.len(), entries.iter().filter(|entry| entry.estimated).count()), (70, 6));
}

#[tokio::test]
async fn what_a_failed_attempt_may_cost_stands_beside_the_answer_and_a_refusal_costs_nothing() {
    let refuse = Fault::Refuse { status: 500, code: String::new(), message: "no".into(), retry_after_ms: None };
    for (fault, outcome, is_charged) in [
        (Fault::Hang { after: 0 }, "upstream_timeout_first_", true),
        (Fault::Break { after: 0 }, "upstream_broken", true),
        (refuse, "upstream_fault", false),
        (Fault::Unreachable, "upstream_unreachable", false),
    ] {
        for way in WAYS {
            let second = Script::new([Answer { first_token_ms: 0, chunk_ms: 0, ..slow() }]);
            let house = house([fake("tier1", failing(fault.clone())), fake("tier2", second)], None).await;
            way.ask(&house, true).await;
            // Its tokens are counted beside the answer.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let told = house.app.metrics_text();
            assert!(told.contains("groundwork_failed_attempts_total") && told.contains("groundwork_lost_tokens_total"), "{told}");
            let entries = entries(house).await;
            assert_eq!(entries.len(), 1, "{way:?}");
            let entry = &entries[0];
            let when = format!("{way:?} {fault:?} {entry:?}");
            assert_eq!((entry.status.as_str(), entry.deployment.as_deref()), ("completed", Some("tier2/fake")), "{when}");
            assert_eq!((entry.input_tokens, entry.estimated, entry.failed_attempts), (11, false, 1), "{when}");
            assert_eq!((entry.lost_input_tokens > 0, entry.lost_output_tokens), (is_charged, 0), "{when}");
            let attempt = &entry.extra["attempts"][0];
            assert_eq!(attempt["deployment"], "tier1/fake", "{when}");
            assert!(attempt["outcome"].as_str().unwrap().starts_with(outcome), "{when}");
        }
    }
}

#[tokio::test]
async fn the_loser_of_a_race_is_booked_too() {
    let say = |first_token_ms| Answer { first_token_ms, chunk_ms: 0, ..slow() };
    let usual = Script::new(std::iter::repeat_n(say(100), 30).chain([say(30_000)]));
    let model = "[models.one]\nhedge = { share = 0.05 }\ndeployments = [{ target = \"usual\" }, { target = \"other\", tier = 1 }]";
    let house = house([fake("usual", usual), fake("other", Script::new([say(50)]))], Some(model)).await;
    for _ in 0..31 {
        let mut asked = body("one", "How many?");
        asked["stream"] = true.into();
        let Replied::Stream(_, items) = pipeline::run(&house.app, &Caller::local(), request(asked)).await.unwrap() else {
            panic!("no stream")
        };
        read(items, true).await;
    }
    let entries = entries(house).await;
    let raced: Vec<_> = entries.iter().filter(|entry| entry.failed_attempts > 0).collect();
    assert_eq!((entries.len(), raced.len()), (31, 1));
    assert_eq!((raced[0].deployment.as_deref(), raced[0].input_tokens, raced[0].estimated), (Some("other/fake"), 11, false));
    let lost = &raced[0].extra["attempts"][0];
    assert_eq!((&lost["deployment"], &lost["outcome"]), (&json!("usual/fake"), &json!("given_up")), "{lost}");
    assert!(raced[0].lost_input_tokens > 0);
}

#[tokio::test]
async fn a_call_that_the_service_spilled_over_is_booked_where_the_work_was_done() {
    let headers = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let spilled = headers(&[("x-ms-spillover-from-deployment", "ptu"), ("x-ms-deployment-name", "paygo")]);
    let stayed = headers(&[("x-ms-deployment-name", "somewhere")]);
    for (headers, booked) in [(spilled, "azure/paygo"), (stayed, "azure/ptu")] {
        for way in WAYS {
            let answer = Answer { headers: headers.clone(), model: Some("gpt-5-mini-2026".into()), ..slow() };
            let house = house([fake("azure", Script::new([answer])).model("ptu")], None).await;
            way.ask(&house, true).await;
            let entries = entries(house).await;
            assert_eq!(entries[0].deployment.as_deref(), Some(booked), "{way:?}");
            assert_eq!(entries[0].served_model.as_deref(), Some("gpt-5-mini-2026"), "{way:?}");
        }
    }
}

#[tokio::test]
async fn calls_that_are_out_can_be_seen_among_the_money_records() {
    let hangs = Script::new([Answer { fault: Some(Fault::Hang { after: 1 }), ..slow() }]);
    let house = house([fake("fake", hangs)], None).await;
    let mut asked: Value = body("default", "How many?");
    asked["stream"] = true.into();
    let Replied::Stream(_, mut items) = pipeline::run(&house.app, &Caller::local(), request(asked)).await.unwrap() else {
        panic!("no stream")
    };
    assert!(matches!(items.next().await, Some(Item::Frame(_))));
    let told = house.app.metrics_text();
    assert!(told.contains("groundwork_open_holds 1") && told.contains("groundwork_sync_failures 0"), "{told}");
    drop(items);
    assert_eq!(entries(house).await.len(), 1);
}
