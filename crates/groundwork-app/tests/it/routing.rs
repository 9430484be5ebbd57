//! Which deployment answers, in virtual time.

use crate::fixture::{House, Plan, body, fake, request};
use groundwork_app::pipeline::{self, Answer as Whole, CallError, Request};
use groundwork_app::routing::{self, DeploymentState};
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

async fn ask_model(house: &House, model: &str) -> String {
    ask_within(house, 600, body(model, "Hello?"), false).await.unwrap()
}

fn deployments(house: &House) -> Vec<DeploymentState> {
    routing::list(&house.app, &Caller::local())
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
        assert_eq!(began.elapsed().as_secs(), 3, "half of the time, then half of the rest");
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

#[tokio::test]
async fn callers_take_turns_in_the_queue() {
    let slow = Answer { first_token_ms: 1_000, pieces: None, ..Answer::default() };
    let limits = "[models.one]\ndeployments = [{ target = \"slow\", limits = { concurrency = 1 } }]";
    let house = paused(Plan::new(vec![fake("slow", Script::new([slow]))]).applying(limits)).await;
    let (greedy, modest) = (crate::fixture::user("greedy"), crate::fixture::user("modest"));
    let asked = |caller: Caller, text: &'static str| {
        let house = &house;
        async move {
            house.ask_as(&caller, body("one", text)).await.unwrap();
            text
        }
    };
    let first = ["g1", "g2", "g3", "g4"].map(|text| asked(greedy.clone(), text));
    let calls = first.into_iter().chain([asked(modest, "m1")]);
    let calls: futures::stream::FuturesUnordered<_> = calls.collect();
    let order: Vec<&str> = futures::StreamExt::collect(calls).await;
    assert_eq!(order, ["g1", "g2", "m1", "g3", "g4"]);
}

#[tokio::test]
async fn calls_beyond_a_declared_rate_are_spread_over_time() {
    let limits = "[models.one]\ndeployments = [{ target = \"fast\", limits = { requests_per_minute = 60 } }]";
    let house = paused(Plan::new(vec![fake("fast", Script::say("fast"))]).applying(limits)).await;
    let began = Instant::now();
    let answers = futures::future::join_all((0..4).map(|_| ask_model(&house, "one"))).await;
    assert_eq!((answers.len(), began.elapsed().as_secs()), (4, 3));
}

#[tokio::test]
async fn the_longest_answer_counts_against_a_declared_rate_of_tokens() {
    let limits =
        "[models.one]\ndeployments = [{ target = \"small\", limits = { tokens_per_minute = 6000 } }, { target = \"big\", tier = 1 }]";
    let plan = Plan::new(vec![fake("small", Script::say("small")), fake("big", Script::say("big"))]).applying(limits);
    let house = paused(plan).await;
    let mut asked = body("one", "Hello?");
    asked["max_tokens"] = 1_000.into();
    for expected in ["small", "big", "big"] {
        assert_eq!(ask_within(&house, 60, asked.clone(), false).await.unwrap(), expected);
    }
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(ask_within(&house, 60, asked, false).await.unwrap(), "small");
}

#[tokio::test]
async fn bought_capacity_that_is_busy_spills_the_call_at_once_and_is_asked_again_soon() {
    for (kind, expected) in [("provisioned", "bought"), ("standard", "spilled")] {
        let bought = Script::new([fails(refuse(429, Some(20_000))), say("bought")]);
        let model =
            format!("[models.one]\ndeployments = [{{ target = \"bought\", kind = \"{kind}\" }}, {{ target = \"paygo\", tier = 1 }}]");
        let house = paused(Plan::new(vec![fake("bought", bought), fake("paygo", Script::say("spilled"))]).applying(&model)).await;
        let began = Instant::now();
        assert_eq!((ask_model(&house, "one").await.as_str(), began.elapsed()), ("spilled", Duration::ZERO));
        tokio::time::advance(Duration::from_millis(1_100)).await;
        assert_eq!(ask_model(&house, "one").await, expected, "{kind}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_deployment_behind_several_models_is_one() {
    let models = "[models.one]\ndeployments = [{ target = \"sick\" }, { target = \"well\", tier = 1 }]\n[models.other]\ndeployments = [{ target = \"sick\", weight = 3 }, { target = \"well\", tier = 1 }]";
    let plan = Plan::new(vec![fake("sick", failing(refuse(500, None))), fake("well", Script::say("well"))]).applying(models);
    let house = paused(plan).await;
    for _ in 0..5 {
        ask_model(&house, "one").await;
    }
    let sick = deployments(&house).into_iter().find(|state| state.target == "sick").unwrap();
    let serves: Vec<(&str, u32, u32)> = sick.serves.iter().map(|part| (part.model.as_str(), part.tier, part.weight)).collect();
    assert_eq!(serves, [("default", 0, 1), ("one", 0, 1), ("other", 0, 3)]);
    assert_eq!((sick.state, sick.reason, sick.breaker, sick.lately.failed), ("resting", Some("failures"), "open", 5));
    assert_eq!(sick.until_ms, Some(crate::fixture::START + 5_000));
    ask_model(&house, "other").await;
    let again = deployments(&house).into_iter().find(|state| state.target == "sick").unwrap();
    assert_eq!(again.lately.failed, 5, "it was left alone");
    assert_eq!(routing::list(&house.app, &Caller::new(None, Default::default())), []);
}

#[tokio::test]
async fn half_open_is_one_call_and_its_success_is_enough() {
    let mut answers = vec![fails(refuse(500, None)); 5];
    answers.push(Answer { first_token_ms: 1_000, ..say("well") });
    answers.extend(vec![say("well"); 20]);
    let house = tiers([Script::new(answers), Script::say("second")]).await;
    for _ in 0..5 {
        assert_eq!(ask(&house).await.unwrap(), "second");
    }
    tokio::time::advance(Duration::from_secs(5)).await;
    let calls = futures::future::join_all((0..5).map(|_| ask(&house))).await;
    let answers: Vec<String> = calls.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, ["well", "second", "second", "second", "second"]);
    assert_eq!(ask(&house).await.unwrap(), "well");
}

#[tokio::test]
async fn a_probe_ends_the_rest_of_what_can_be_reached() {
    for (probe, state) in [("probe_ms = 1000", "half_open"), ("", "open")] {
        let model = format!("[models.one]\n{probe}\ndeployments = [{{ target = \"sick\" }}, {{ target = \"well\", tier = 1 }}]");
        let plan = Plan::new(vec![fake("sick", failing(refuse(500, None))), fake("well", Script::say("well"))]).applying(&model);
        let house = paused(plan).await;
        for _ in 0..5 {
            ask_model(&house, "one").await;
        }
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert_eq!(deployments(&house)[0].breaker, state, "{probe}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn of_equals_one_that_fails_often_takes_a_rest_and_never_all() {
    let flaky = Script::new([fails(refuse(500, None)), say("a"), say("a")]);
    let model = "[models.one]\nretries = { share = 0 }\ndeployments = [{ target = \"flaky\" }, { target = \"well\" }]";
    let house = paused(Plan::new(vec![fake("flaky", flaky), fake("well", Script::say("b"))]).applying(model)).await;
    for _ in 0..120 {
        ask_model(&house, "one").await;
    }
    let states = deployments(&house);
    let flaky = states.iter().find(|state| state.target == "flaky").unwrap();
    assert_eq!((flaky.state, flaky.reason), ("resting", Some("outlier")), "{states:?}");
    assert_eq!(states.iter().filter(|state| state.state == "resting").count(), 1);
}

#[tokio::test]
async fn calls_are_spread_by_weight() {
    let model = "[models.one]\ndeployments = [{ target = \"a\", weight = 3 }, { target = \"b\" }]";
    let house = paused(Plan::new(vec![fake("a", Script::say("a")), fake("b", Script::say("b"))]).applying(model)).await;
    let mut of_a = 0;
    for _ in 0..200 {
        of_a += u32::from(ask_model(&house, "one").await == "a");
    }
    assert!((130..=170).contains(&of_a), "{of_a}");
}

#[tokio::test]
async fn prompts_that_begin_alike_meet_at_one_deployment() {
    let model = "[models.one]\naffinity = true\ndeployments = [{ target = \"a\" }, { target = \"b\" }]";
    let house = paused(Plan::new(vec![fake("a", Script::say("a")), fake("b", Script::say("b"))]).applying(model)).await;
    let mut homes = [0, 0];
    for prompt in 0..20 {
        let asked = body("one", &format!("prompt {prompt}"));
        let home = ask_within(&house, 60, asked.clone(), false).await.unwrap();
        for _ in 0..5 {
            assert_eq!(ask_within(&house, 60, asked.clone(), false).await.unwrap(), home);
        }
        homes[usize::from(home == "b")] += 1;
    }
    assert!(homes.iter().all(|count| *count > 3), "{homes:?}");
}

#[tokio::test]
async fn a_deployment_that_is_slower_than_usual_gets_company_and_the_first_answer_counts() {
    let slow = |hedge: &str| format!("[models.one]\n{hedge}\ndeployments = [{{ target = \"usual\" }}, {{ target = \"other\", tier = 1 }}]");
    for (hedge, answer, seconds) in [("hedge = { share = 0.05 }", "other", 0), ("", "usual", 30)] {
        let mut answers = vec![Answer { first_token_ms: 100, ..say("usual") }; 30];
        answers.push(Answer { first_token_ms: 30_000, ..say("usual") });
        let other = Answer { first_token_ms: 50, ..say("other") };
        let plan = Plan::new(vec![fake("usual", Script::new(answers)), fake("other", Script::new([other]))]);
        let house = paused(plan.applying(&slow(hedge))).await;
        for _ in 0..30 {
            assert_eq!(ask_within(&house, 600, body("one", "Hello?"), true).await.unwrap(), "usual");
        }
        let began = Instant::now();
        assert_eq!(ask_within(&house, 600, body("one", "Hello?"), true).await.unwrap(), answer);
        assert_eq!(began.elapsed().as_secs(), seconds, "{hedge}");
        let told = house.app.metrics_text();
        let hedges = format!("groundwork_hedges_total{{gen_ai_request_model=\"one\"}} {}", u32::from(seconds == 0));
        assert!(told.contains(&hedges), "{told}");
        let succeeded = 30 + u32::from(seconds > 0);
        let attempts = format!("groundwork_deployment_attempts_total{{deployment=\"usual/fake\",outcome=\"succeeded\"}} {succeeded}");
        assert!(told.contains(&attempts), "{told}");
        assert!(deployments(&house).iter().all(|state| state.in_flight == 0));
        tokio::time::resume();
    }
}

#[tokio::test]
async fn when_both_fail_the_hedged_call_goes_on_to_the_next() {
    let mut answers = vec![Answer { first_token_ms: 100, ..say("usual") }; 30];
    answers.push(Answer { first_token_ms: 10_000, ..fails(refuse(500, None)) });
    let model = "[models.one]\nhedge = { share = 0.1 }\ndeployments = [{ target = \"usual\" }, { target = \"sick\", tier = 1 }, { target = \"third\", tier = 2 }]";
    let sick = failing(refuse(500, None));
    let house = paused(
        Plan::new(vec![fake("usual", Script::new(answers)), fake("sick", sick), fake("third", Script::say("third"))]).applying(model),
    )
    .await;
    for _ in 0..30 {
        ask_model(&house, "one").await;
    }
    assert_eq!(ask_model(&house, "one").await, "third");
}
