//! Which deployment answers, in virtual time.

use crate::fixture::{House, Plan, body, fake, request};
use groundwork_app::pipeline::{self, Answer as Whole, CallError, Request};
use groundwork_app::{Caller, embeddings};
use groundwork_inference::fake::{Answer, Fault, Script};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

fn failing(fault: Fault) -> Script {
    Script::new([Answer { fault: Some(fault), ..Answer::default() }])
}

fn refuse(status: u16, retry_after_ms: Option<u64>) -> Fault {
    Fault::Refuse { status, code: String::new(), message: format!("no: {status}"), retry_after_ms }
}

fn say(text: &str) -> Answer {
    Answer { pieces: Some(vec![text.to_owned()]), ..Answer::default() }
}

fn fails(fault: Fault) -> Answer {
    Answer { fault: Some(fault), ..Answer::default() }
}

/// A model `default` with one tier for each script, in a time that stands still until nothing else is to be done.
async fn tiers<const N: usize>(scripts: [Script; N]) -> House {
    let targets = scripts.into_iter().zip(1..).map(|(script, number)| fake(&format!("tier{number}"), script)).collect();
    paused(Plan::new(targets)).await
}

async fn paused(plan: Plan) -> House {
    let house = plan.build().await.unwrap();
    tokio::time::pause();
    house
}

async fn ask_within(house: &House, seconds: u64, mut asked: Value, stream: bool) -> Result<String, CallError> {
    asked["stream"] = stream.into();
    let deadline = Some((Instant::now() + Duration::from_secs(seconds)).into_std());
    match pipeline::run(&house.app, &Caller::local(), Request { deadline, ..request(asked) }).await? {
        Whole::Whole(_, body) => {
            let body: Value = serde_json::from_slice(&body).unwrap();
            Ok(body["choices"][0]["message"]["content"].as_str().unwrap().to_owned())
        }
        Whole::Stream(_, items) => Ok(crate::fixture::Streamed::of(futures::StreamExt::collect(items).await).text),
    }
}

async fn ask(house: &House) -> Result<String, CallError> {
    ask_within(house, 600, body("default", "Hello?"), false).await
}

#[tokio::test]
async fn what_fails_before_the_first_byte_is_answered_by_the_next_tier() {
    for fault in [
        refuse(429, Some(20_000)),
        refuse(500, None),
        refuse(401, None),
        refuse(404, None),
        Fault::Unreachable,
        Fault::Break { after: 0 },
        Fault::Half { after: 0 },
        Fault::Error { after: 0, message: "sick".into() },
    ] {
        let house = tiers([failing(fault.clone()), Script::say("second")]).await;
        for stream in [false, true] {
            assert_eq!(ask_within(&house, 600, body("default", "Hello?"), stream).await.unwrap(), "second", "{fault:?}");
        }
        tokio::time::resume();
    }
}

#[tokio::test]
async fn what_the_request_is_to_blame_for_goes_to_nobody_else() {
    let filtered = Fault::Refuse { status: 400, code: "content_filter".into(), message: "filtered".into(), retry_after_ms: None };
    for (fault, kind) in [(refuse(400, None), "upstream_refused"), (filtered, "content_filter")] {
        let house = tiers([failing(fault), Script::say("second")]).await;
        assert_eq!(ask(&house).await.unwrap_err().kind(), kind);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_silent_deployment_leaves_time_for_the_next() {
    let silent = || failing(Fault::Hang { after: 0 });
    let house = tiers([silent(), silent(), Script::say("third")]).await;
    for stream in [false, true] {
        let began = Instant::now();
        assert_eq!(ask_within(&house, 4, body("default", "Hello?"), stream).await.unwrap(), "third");
        assert!(began.elapsed() <= Duration::from_millis(3_001), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn what_has_answered_nobody_lately_costs_the_next_calls_nothing() {
    let house = tiers([failing(Fault::Hang { after: 0 }), Script::say("second")]).await;
    for _ in 0..12 {
        ask_within(&house, 2, body("default", "Hello?"), false).await.unwrap();
    }
    let began = Instant::now();
    assert_eq!(ask_within(&house, 2, body("default", "Hello?"), false).await.unwrap(), "second");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn the_only_deployment_is_asked_again_after_the_time_that_it_named() {
    for (fault, least, most) in [(refuse(429, Some(1_500)), 1_500, 1_700), (refuse(503, Some(700)), 700, 900), (refuse(500, None), 0, 200)]
    {
        let house = tiers([Script::new([fails(fault.clone()), say("again")])]).await;
        let began = Instant::now();
        assert_eq!(ask(&house).await.unwrap(), "again");
        let took = began.elapsed().as_millis();
        assert!((least..=most).contains(&took), "{fault:?}: {took}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn no_retry_goes_past_the_deadline() {
    let house = tiers([Script::new([fails(refuse(429, Some(5_000))), say("again")])]).await;
    let began = Instant::now();
    let error = ask_within(&house, 3, body("default", "Hello?"), false).await.unwrap_err();
    assert_eq!((error.kind(), began.elapsed()), ("upstream_rate_limited", Duration::ZERO), "{error}");
}

#[tokio::test]
async fn retries_keep_to_a_fifth_of_the_calls() {
    // Each retry finds a success: those that fail had none.
    let house = tiers([Script::new([fails(refuse(500, None)), say("well")])]).await;
    let mut failed = 0;
    for _ in 0..100 {
        failed += u32::from(ask(&house).await.is_err());
    }
    // With every second attempt failing, a call fails when there is no retry left for it.
    assert!((20..=45).contains(&failed), "{failed}");
}

#[tokio::test]
async fn the_client_is_told_when_to_come_again_though_the_last_tier_does_not_exist() {
    let house = tiers([failing(refuse(429, Some(15_000))), failing(refuse(404, None))]).await;
    let error = ask(&house).await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), ("upstream_rate_limited", 429));
    assert!(matches!(&error, CallError::Call(error) if error.retry_after() == Some(Duration::from_secs(15))));
}

#[tokio::test]
async fn embeddings_fail_over_too() {
    let house = tiers([failing(refuse(503, None)), Script::default()]).await;
    let asked =
        embeddings::Request { body: json!({ "model": "default", "input": "a" }).to_string().into(), ..embeddings::Request::default() };
    embeddings::create(&house.app, &Caller::local(), asked).await.unwrap();
}

#[tokio::test]
async fn a_prompt_that_is_too_long_goes_to_a_larger_window_only() {
    let too_long =
        || failing(Fault::Refuse { status: 400, code: "context_length_exceeded".into(), message: "too long".into(), retry_after_ms: None });
    let model = |third: u32| {
        format!(
            "[models.long]\nwindow = 8000\ndeployments = [{{ target = \"small\" }}, {{ target = \"same\", tier = 1 }}, {{ target = \"large\", tier = 2, window = {third} }}]"
        )
    };
    for (window, expected) in [(32_000, Ok("large".to_owned())), (4_000, Err("context_length_exceeded"))] {
        let targets = vec![fake("small", too_long()), fake("same", Script::say("same")), fake("large", Script::say("large"))];
        let house = paused(Plan::new(targets).applying(&model(window))).await;
        let answer = ask_within(&house, 60, body("long", "Hello?"), false).await;
        assert_eq!(answer.map_err(|error| error.kind()), expected);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn calls_beyond_the_places_of_a_deployment_wait_for_one() {
    let slow = Answer { first_token_ms: 1_000, ..say("slow") };
    let limits = "[models.one]\ndeployments = [{ target = \"slow\", limits = { concurrency = 1, queue = 2 } }]";
    let house = paused(Plan::new(vec![fake("slow", Script::new([slow]))]).applying(limits)).await;
    let began = Instant::now();
    let calls = (0..5).map(|_| ask_within(&house, 60, body("one", "Hello?"), false));
    let answers = futures::future::join_all(calls).await;
    let refused: Vec<_> =
        answers.iter().filter_map(|answer| answer.as_ref().err()).map(|error| (error.kind(), error.http_status())).collect();
    assert_eq!(refused, [("overloaded", 503), ("overloaded", 503)]);
    assert_eq!(began.elapsed().as_secs(), 3, "one after the other");
}
