//! The scripted target: what it says, when, and how it fails.

use crate::server::{Told, ambient, hello, told};
use groundwork_core::turn::{Answer as Whole, Event, FinishReason};
use groundwork_inference::fake::{Answer, Fault, Script, Tokens, ToolCall};
use groundwork_inference::target::{CallError, EmbedCall, Kind, Settings, Stage, Target, Timeouts};
use groundwork_wire::embeddings::Parsed;
use groundwork_wire::object::Object;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn fake(answers: impl IntoIterator<Item = Answer>) -> Target {
    Target::open(&Settings::new("fake", Kind::Fake(Script::new(answers))), &ambient()).unwrap()
}

fn limited(answers: impl IntoIterator<Item = Answer>) -> Target {
    let second = Duration::from_secs(1);
    let timeouts = Timeouts { first_token: second, first_byte: second, idle: second, ..Timeouts::default() };
    Target::open(&Settings { timeouts, ..Settings::new("fake", Kind::Fake(Script::new(answers))) }, &ambient()).unwrap()
}

fn texts(body: &str) -> EmbedCall {
    let (body, deadline) = (Object::parse(body.to_owned()).unwrap(), tokio::time::Instant::now().into_std() + Duration::from_secs(5));
    EmbedCall { body, model: None, deadline, headers: Arc::default() }
}

async fn ask(target: &Target, stream: bool) -> Result<Told, CallError> {
    Ok(told(target.call(hello(stream)).await?).await)
}

#[tokio::test]
async fn a_script_says_the_same_streamed_and_whole() {
    let answer = Answer {
        reasoning: vec!["Let me ".into(), "see.".into()],
        pieces: Some(vec!["I look ".into(), "it up.".into()]),
        tool_calls: vec![ToolCall { id: None, name: "weather".into(), arguments: vec!["{\"city\":".into(), "\"Malmö\"}".into()] }],
        logprobs: true,
        usage: Some(Tokens { input: 9, output: 5, cached: 4, reasoning: 2 }),
        model: Some("scripted-2".into()),
        headers: [("x-ms-deployment-name".to_owned(), "other".to_owned())].into(),
        ..Answer::default()
    };
    let target = fake([answer]);
    let (streamed, whole) = (ask(&target, true).await.unwrap(), ask(&target, false).await.unwrap());
    for told in [&streamed, &whole] {
        let answer: Whole = told.events.iter().cloned().collect();
        let choice = &answer.choices[0];
        assert_eq!((choice.text().as_deref(), choice.finish.as_ref()), (Some("I look it up."), Some(&FinishReason::ToolCalls)));
        assert_eq!(choice.thoughts().next().unwrap().text, "Let me see.");
        assert_eq!(choice.tool_calls().next().unwrap().arguments, "{\"city\":\"Malmö\"}");
        assert_eq!(choice.logprobs.len(), 2);
        assert_eq!(answer.usage.map(|usage| (usage.input_tokens, usage.cached_tokens, usage.reasoning_tokens)), Some((9, 4, 2)));
        assert_eq!((told.served.deployment.as_deref(), told.served.model.as_deref()), (Some("other"), Some("scripted-2")));
    }
    assert!(streamed.text().ends_with("data: [DONE]\n\n") && !streamed.text().contains("\"usage\""), "{}", streamed.text());
    assert!(whole.text().contains("\"scripted-2\""), "{}", whole.text());
}

#[tokio::test]
async fn an_empty_script_echoes_and_a_refusal_refuses() {
    let echo = ask(&fake([]), false).await.unwrap();
    assert!(echo.text().contains("user: Hello?"), "{}", echo.text());
    let refusal = ask(&fake([Answer { refusal: Some("No.".into()), ..Answer::default() }]), true).await.unwrap();
    assert!(refusal.events.contains(&Event::Refusal { choice: 0, text: "No.".into() }));
}

#[tokio::test(start_paused = true)]
async fn each_fault_is_what_the_network_would_make_of_it() {
    let refuse = |status, code: &str| Fault::Refuse { status, code: code.into(), message: "no".into(), retry_after_ms: Some(1500) };
    for (fault, before, kind) in [
        (refuse(429, ""), true, "upstream_rate_limited"),
        (refuse(500, ""), true, "upstream_fault"),
        (refuse(400, "content_filter"), true, "content_filter"),
        (Fault::Unreachable, true, "upstream_unreachable"),
        (Fault::Break { after: 0 }, true, "upstream_broken"),
        (Fault::Half { after: 0 }, true, "upstream_broken"),
        (Fault::Error { after: 0, message: "oh".into() }, true, "upstream_fault"),
        (Fault::Hang { after: 0 }, true, "upstream_timeout_first_token"),
        (Fault::Break { after: 1 }, false, "upstream_broken"),
        (Fault::Half { after: 1 }, false, "upstream_broken"),
        (Fault::Error { after: 1, message: "oh".into() }, false, "upstream_error_in_stream"),
        (Fault::Hang { after: 1 }, false, "upstream_timeout_idle"),
    ] {
        let pieces = Some(vec!["one ".into(), "two".into()]);
        let target = limited([Answer { pieces, fault: Some(fault.clone()), ..Answer::default() }]);
        let failed = match ask(&target, true).await {
            Err(error) => (true, error),
            Ok(told) => (false, told.error.unwrap()),
        };
        assert_eq!((failed.0, failed.1.kind()), (before, kind), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_keeps_its_times() {
    let target = fake([Answer { pieces: Some(vec!["a".into(), "b".into()]), first_token_ms: 400, chunk_ms: 300, ..Answer::default() }]);
    let began = tokio::time::Instant::now();
    let reply = target.call(hello(true)).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(400));
    told(reply).await;
    assert_eq!(began.elapsed(), Duration::from_millis(400 + 2 * 300));
    let mut late = hello(true);
    late.deadline = Instant::now() + Duration::from_millis(100);
    assert!(matches!(target.call(late).await.map(|_| ()).unwrap_err(), CallError::Timeout { stage: Stage::End, .. }));
}

#[tokio::test]
async fn scripted_embeddings_tell_texts_apart() {
    let call = texts(r#"{"model":"m","input":["a","b"],"encoding_format":"base64"}"#);
    let parsed = Parsed::parse(&fake([]).embed(call).await.unwrap().body).unwrap();
    assert_eq!((parsed.vectors.len(), parsed.vectors[0].len()), (2, 8));
    assert_ne!(parsed.vectors[0], parsed.vectors[1]);
}

#[tokio::test(start_paused = true)]
async fn scripted_embeddings_take_their_time_and_fail_as_scripted() {
    let call = || texts(r#"{"model":"m","input":"a"}"#);
    let began = tokio::time::Instant::now();
    let usage = Some(Tokens { input: 7, ..Tokens::default() });
    let answer = fake([Answer { first_token_ms: 300, usage, ..Answer::default() }]).embed(call()).await.unwrap();
    assert_eq!((began.elapsed(), Parsed::parse(&answer.body).unwrap().prompt_tokens), (Duration::from_millis(300), Some(7)));
    for (fault, kind) in [
        (Fault::Hang { after: 3 }, "upstream_timeout_first_byte"),
        (Fault::Break { after: 0 }, "upstream_broken"),
        (Fault::Half { after: 1 }, "upstream_broken"),
        (Fault::Error { after: 0, message: "oh".into() }, "upstream_fault"),
        (Fault::Unreachable, "upstream_unreachable"),
    ] {
        let target = limited([Answer { fault: Some(fault.clone()), ..Answer::default() }]);
        assert_eq!(target.embed(call()).await.unwrap_err().kind(), kind, "{fault:?}");
    }
}

#[tokio::test]
async fn a_refusal_comes_with_the_headers_of_its_script() {
    let fault = Some(Fault::Refuse { status: 429, code: String::new(), message: "no".into(), retry_after_ms: Some(20) });
    let headers = [("x-ratelimit-remaining-requests".to_owned(), "0".to_owned())].into();
    let error = ask(&fake([Answer { fault, headers, ..Answer::default() }]), true).await.map(|_| ()).unwrap_err();
    assert_eq!(error.headers().unwrap()["x-ratelimit-remaining-requests"], "0", "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_millis(20)));
}
