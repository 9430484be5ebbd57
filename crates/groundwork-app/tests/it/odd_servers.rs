//! Servers that fail in the middle of an answer, and servers that answer in a form that was not asked for.

use crate::fixture::{House, Plan, body, request};
use crate::upstream::{Reply, Upstream, events, openai, whole};
use futures::StreamExt;
use groundwork_app::pipeline::{self, Answer, Item, Request};
use groundwork_app::{Caller, completions, embeddings, forward, responses};
use groundwork_core::call::Operation;
use groundwork_core::turn::Dialect;
use groundwork_inference::target;
use groundwork_wire::responses::Include;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const CREATED: &str =
    r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_theirs","status":"in_progress","output":[]}}"#;
const DELTA: &str = r#"{"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hej","logprobs":[]}"#;
const ERROR: &str = r#"{"type":"error","sequence_number":2,"code":"server_error","message":"it broke","param":null,"new":1}"#;
const FAILED: &str = r#"{"type":"response.failed","sequence_number":2,"new":1.50,"response":{"id":"resp_theirs","status":"failed","new":[1.50],"error":{"code":"server_error","message":"it broke","new":1},"output":[],"usage":{"input_tokens":9,"output_tokens":3,"new":1}}}"#;
const INCOMPLETE: &str = r#"{"type":"response.incomplete","sequence_number":2,"response":{"id":"resp_theirs","status":"incomplete","new":[1.50],"incomplete_details":{"reason":"max_output_tokens"},"output":[],"usage":{"input_tokens":9,"output_tokens":3,"new":1}}}"#;

/// The events that a client of responses sees, and whether an error ended them.
async fn told(house: &House) -> (Vec<Value>, bool) {
    let asked = json!({ "model": "default", "input": "one", "stream": true });
    let responses::Answer::Stream { items, .. } = responses::create(&house.app, &Caller::local(), request(asked)).await.unwrap() else {
        panic!("no stream")
    };
    let (mut events, mut failed) = (Vec::new(), false);
    for item in items.collect::<Vec<_>>().await {
        match item {
            Item::Frame(frame) => events.push(serde_json::from_slice(&frame.data).unwrap()),
            Item::Retracted => panic!("nothing was found fault with"),
            Item::Error(_) => failed = true,
        }
    }
    (events, failed)
}

#[tokio::test]
async fn a_response_that_ends_badly_tells_what_its_target_told_of_it() {
    for (end, kinds) in [
        (&[FAILED][..], &["response.failed"][..]),
        (&[ERROR, FAILED], &["error", "response.failed"]),
        (&[INCOMPLETE], &["response.incomplete"]),
    ] {
        let upstream = Upstream::start(events(&[&[CREATED, DELTA], end].concat(), 1000)).await;
        let house = upstream.house_of_responses().await;
        let (events, failed) = told(&house).await;
        assert_eq!(events[2..].iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>(), kinds);
        assert_eq!(failed, end != [INCOMPLETE], "a failure is no answer to be kept");
        assert!((0..).zip(&events).all(|(number, event)| event["sequence_number"] == json!(number)), "{events:?}");
        let last = &events.last().unwrap()["response"];
        assert_eq!((&last["new"], &last["usage"]["new"], &last["usage"]["total_tokens"]), (&json!([1.5]), &json!(1), &json!(12)));
        let id = last["id"].as_str().unwrap();
        assert!(id != "resp_theirs" && events[0]["response"]["id"] == id);
        let found = responses::find(&house.app, &Caller::local(), id, Include { thoughts: false }).await.unwrap();
        assert_eq!(&serde_json::from_slice::<Value>(&found).unwrap(), last);
        let entry = house.ledger_at_the_end().await.remove(0);
        assert_eq!((entry.input_tokens, entry.output_tokens, entry.estimated), (9, 3, false), "{entry:?}");
        assert_eq!(entry.status == "failed", failed, "{entry:?}");
    }
}

#[tokio::test]
async fn what_a_response_used_that_failed_is_booked_for_a_client_of_another_dialect_too() {
    for end in [&[FAILED][..], &[ERROR, FAILED]] {
        let upstream = Upstream::start(events(&[&[CREATED, DELTA], end].concat(), 1000)).await;
        let house = upstream.house_of_responses().await;
        let streamed = house.stream(body("default", "Hello?")).await.unwrap();
        assert_eq!((streamed.text.as_str(), streamed.error.unwrap().kind()), ("Hej", "upstream_error_in_stream"));
        let entry = house.ledger_at_the_end().await.remove(0);
        assert_eq!((entry.input_tokens, entry.output_tokens, entry.estimated), (9, 3, false), "{entry:?}");
    }
}

#[tokio::test]
async fn a_target_that_only_says_that_it_erred_ends_the_response_too() {
    let upstream = Upstream::start(events(&[CREATED, DELTA, ERROR], 1000)).await;
    let (events, failed) = told(&upstream.house_of_responses().await).await;
    assert_eq!((events.len(), events[2]["new"].as_u64(), failed), (4, Some(1), true));
    assert_eq!((&events[3]["type"], &events[3]["response"]["error"]["message"]), (&json!("response.failed"), &json!("it broke")));
}

const CREATED_FAILED: &[&str] = &[CREATED, ERROR, FAILED];

/// What a target sends of a response that failed before it said a word: whole, or as the beginning of a stream.
fn failing() -> [Reply; 4] {
    let whole_one = serde_json::from_str::<Value>(FAILED).unwrap()["response"].to_string();
    [
        whole("200 OK", "x-ratelimit-remaining-tokens: 7\r\n", &whole_one),
        events(&[FAILED], 1000),
        events(CREATED_FAILED, 1000),
        events(CREATED_FAILED, 5),
    ]
}

#[tokio::test]
async fn a_response_that_failed_is_an_answer_to_a_client_of_responses_when_nobody_else_can_give_one() {
    for reply in failing() {
        for (stream, background) in [(false, false), (true, false), (false, true)] {
            let house = Upstream::start(reply.clone()).await.house_of_responses().await;
            let asked = json!({ "model": "default", "input": "one", "stream": stream, "background": background });
            let last = match responses::create(&house.app, &Caller::local(), request(asked)).await.unwrap() {
                responses::Answer::Failed { head, body, error } => {
                    assert_eq!((error.kind(), head.call.as_str().is_empty()), ("upstream_fault", false));
                    serde_json::from_slice(&body).unwrap()
                }
                responses::Answer::Whole { body, .. } if background => {
                    let queued: Value = serde_json::from_slice(&body).unwrap();
                    let all = responses::Follow { after: None, include: Include { thoughts: false } };
                    let id = queued["id"].as_str().unwrap();
                    let events = responses::follow(&house.app, &Caller::local(), id, all).await.unwrap();
                    last_event(events.collect().await)
                }
                responses::Answer::Stream { items, .. } => {
                    let items: Vec<Item> = items.collect().await;
                    assert!(matches!(items.last(), Some(Item::Error(_))), "a failure is no answer to be kept");
                    last_event(items)
                }
                responses::Answer::Whole { .. } => panic!("it is no good answer"),
            };
            assert_eq!((&last["status"], &last["new"], &last["error"]["new"]), (&json!("failed"), &json!([1.5]), &json!(1)));
            assert_eq!((&last["usage"]["new"], &last["usage"]["total_tokens"]), (&json!(1), &json!(12)));
            let id = last["id"].as_str().unwrap();
            assert_ne!(id, "resp_theirs");
            let found = responses::find(&house.app, &Caller::local(), id, Include { thoughts: false }).await.unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&found).unwrap(), last);
            let entry = house.ledger_at_the_end().await.remove(0);
            assert_eq!((entry.input_tokens, entry.output_tokens, entry.estimated), (9, 3, false), "{entry:?}");
            assert!(entry.status == "failed" && entry.detail.as_deref().is_some_and(|why| why.starts_with("upstream_")), "{entry:?}");
        }
    }
}

/// The response in the last event.
fn last_event(items: Vec<Item>) -> Value {
    let frames = items.into_iter().filter_map(|item| match item {
        Item::Frame(frame) => Some(serde_json::from_slice::<Value>(&frame.data).unwrap()),
        Item::Retracted | Item::Error(_) => None,
    });
    let frames: Vec<Value> = frames.collect();
    assert!((0..).zip(&frames).all(|(number, event)| event["sequence_number"] == json!(number)), "{frames:?}");
    assert_eq!((&frames[0]["type"], &frames.last().unwrap()["type"]), (&json!("response.created"), &json!("response.failed")));
    frames.last().unwrap()["response"].clone()
}

#[tokio::test]
async fn a_response_that_failed_is_mended_by_another_deployment_and_what_it_used_is_booked() {
    for reply in failing() {
        for stream in [false, true] {
            let (one, other) = (Upstream::start(reply.clone()).await, Upstream::start(whole("200 OK", "", RESPONSE)).await);
            let house = Plan::new(vec![one.speaking_responses("one"), other.speaking_responses("other")]).build().await.unwrap();
            assert!(answer(&house, Dialect::Responses, stream).await.contains("Hej"));
            let entry = house.ledger_at_the_end().await.remove(0);
            assert_eq!((entry.input_tokens, entry.output_tokens, entry.status.as_str()), (9, 3, "completed"), "{entry:?}");
            assert_eq!((entry.failed_attempts, entry.lost_input_tokens, entry.lost_output_tokens), (1, 9, 3), "{entry:?}");
        }
    }
}

#[tokio::test]
async fn a_response_that_failed_is_an_error_to_clients_of_other_dialects_and_what_it_used_is_booked() {
    for reply in failing() {
        for (dialect, stream) in [(Dialect::Chat, false), (Dialect::Chat, true), (Dialect::Messages, false), (Dialect::Messages, true)] {
            let house = Upstream::start(reply.clone()).await.house_of_responses().await;
            let mut asked = body("default", "Hello?");
            asked["stream"] = stream.into();
            asked["max_tokens"] = 99.into();
            match pipeline::run(&house.app, &Caller::local(), Request { dialect, ..request(asked) }).await {
                Err(error) => assert_eq!((error.kind(), error.http_status()), ("upstream_fault", 500)),
                // Where it had begun before it failed, and nobody else could have answered.
                Ok(Answer::Stream(_, items)) if stream => {
                    let Some(Item::Error(error)) = items.collect::<Vec<_>>().await.pop() else { panic!("it failed") };
                    assert_eq!(error.kind(), "upstream_error_in_stream");
                }
                Ok(_) => panic!("it failed"),
            }
            let entry = house.ledger_at_the_end().await.remove(0);
            assert_eq!((entry.input_tokens, entry.output_tokens, entry.estimated), (9, 3, false), "{entry:?}");
        }
    }
}

#[tokio::test]
async fn a_stored_stream_tells_its_usage_to_whoever_reads_it_again() {
    let piece = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hej"},"finish_reason":"stop"}],"usage":null}"#;
    let used = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"new":1.50}}"#;
    for asks in [false, true] {
        let upstream = Upstream::start(events(&[piece, used, "[DONE]"], 1000)).await;
        let house = upstream.house(openai).await;
        let mut asked = body("default", "Hello?");
        asked["store"] = true.into();
        if asks {
            asked["stream_options"] = json!({ "include_usage": true });
        }
        let streamed = house.stream(asked).await.unwrap();
        assert_eq!((streamed.text.as_str(), streamed.chunks.len()), ("Hej", if asks { 2 } else { 1 }));
        assert_eq!(streamed.chunks.iter().any(|chunk| chunk.get("usage").is_some()), asks);
        let id = streamed.chunks[0]["id"].as_str().unwrap();
        let stored = completions::find(&house.app, &Caller::local(), id).await.unwrap();
        let answer: Value = serde_json::from_str(&stored.answer).unwrap();
        assert_eq!(answer["usage"], json!({ "prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12, "new": 1.5 }));
        assert_eq!(upstream.request().1["stream_options"]["include_usage"], true);
    }
}

const CHAT: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":"Hej","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}],"new":1},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;
const MESSAGE: &str = r#"{"id":"msg_9","type":"message","role":"assistant","model":"claude-9","content":[{"type":"text","text":"Hej"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":3}}"#;
const RESPONSE: &str = r#"{"id":"resp_theirs","object":"response","created_at":1,"status":"completed","model":"m","new":1,"output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hej","annotations":[],"logprobs":[]}]}],"usage":{"input_tokens":9,"output_tokens":3}}"#;

/// A house whose target speaks `spoken` and answers all with `reply`.
async fn house_of(spoken: Dialect, reply: Reply) -> House {
    let upstream = Upstream::start(reply).await;
    match spoken {
        Dialect::Chat => upstream.house(openai).await,
        Dialect::Responses => upstream.house_of_responses().await,
        Dialect::Messages => {
            let anthropic = |port| target::Kind::Anthropic {
                base_url: format!("http://127.0.0.1:{port}").parse().unwrap(),
                credential: target::Credential::Key("k".to_owned().into()),
            };
            upstream.house(anthropic).await
        }
    }
}

/// All that a client of `dialect` gets for a request, as text.
async fn answer(house: &House, dialect: Dialect, stream: bool) -> String {
    let mut asked = match dialect {
        Dialect::Responses => json!({ "model": "default", "input": "Hello?" }),
        Dialect::Chat | Dialect::Messages => body("default", "Hello?"),
    };
    asked["stream"] = stream.into();
    asked[if dialect == Dialect::Responses { "max_output_tokens" } else { "max_tokens" }] = 99.into();
    match pipeline::run(&house.app, &Caller::local(), Request { dialect, ..request(asked) }).await.unwrap() {
        Answer::Whole(_, body) if !stream => String::from_utf8(body.to_vec()).unwrap(),
        Answer::Stream(_, items) if stream => {
            let bytes = items.map(|item| match item {
                Item::Frame(frame) => frame.to_bytes().to_vec(),
                Item::Retracted => panic!("nothing was found fault with"),
                Item::Error(error) => panic!("{error}"),
            });
            String::from_utf8(bytes.collect::<Vec<_>>().await.concat()).unwrap()
        }
        _ => panic!("not the form that was asked for"),
    }
}

#[tokio::test]
async fn one_piece_where_a_stream_was_asked_for_is_told_as_a_stream() {
    for (spoken, sent) in [(Dialect::Chat, CHAT), (Dialect::Responses, RESPONSE), (Dialect::Messages, MESSAGE)] {
        for (dialect, end) in [
            (Dialect::Chat, "data: [DONE]\n\n"),
            (Dialect::Responses, "\"type\":\"response.completed\""),
            (Dialect::Messages, "{\"type\":\"message_stop\"}\n\n"),
        ] {
            let house = house_of(spoken, whole("200 OK", "", sent)).await;
            let text = answer(&house, dialect, true).await;
            assert!(text.contains("Hej") && text.contains(end), "{spoken:?} to {dialect:?}: {text}");
            let entry = house.ledger_at_the_end().await.remove(0);
            assert_eq!((entry.input_tokens, entry.output_tokens, entry.estimated), (9, 3, false), "{entry:?}");
        }
    }
    let text = answer(&house_of(Dialect::Chat, whole("200 OK", "", CHAT)).await, Dialect::Chat, true).await;
    let chunk: Value = serde_json::from_str(text.strip_prefix("data: ").unwrap().split("\n\n").next().unwrap()).unwrap();
    let delta = &chunk["choices"][0]["delta"];
    assert_eq!((&chunk["object"], &chunk["system_fingerprint"]), (&json!("chat.completion.chunk"), &json!("fp")));
    assert_eq!((&delta["new"], &delta["tool_calls"][0]["index"], &chunk["usage"]), (&json!(1), &json!(0), &Value::Null));
    assert_eq!(chunk["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn a_stream_where_one_piece_was_asked_for_is_put_together() {
    let chat = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","new":1,"choices":[{"index":0,"delta":{"role":"assistant","content":"Hej"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;
    let response = format!(r#"{{"type":"response.completed","sequence_number":2,"response":{RESPONSE}}}"#);
    for (spoken, sent) in [(Dialect::Chat, &[chat, "[DONE]"][..]), (Dialect::Responses, &[CREATED, DELTA, &response])] {
        for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
            let house = house_of(spoken, events(sent, 1000)).await;
            let answer: Value = serde_json::from_str(&answer(&house, dialect, false).await).unwrap();
            let text = match dialect {
                Dialect::Chat => &answer["choices"][0]["message"]["content"],
                Dialect::Responses => &answer["output"][0]["content"][0]["text"],
                Dialect::Messages => &answer["content"][0]["text"],
            };
            assert_eq!(text, "Hej", "{answer}");
            assert_eq!(answer["new"] == json!(1), spoken == dialect, "what we do not know survives: {answer}");
            let entry = house.ledger_at_the_end().await.remove(0);
            assert_eq!((entry.input_tokens, entry.output_tokens, entry.estimated), (9, 3, false), "{entry:?}");
        }
    }
    let half = events(&[r#"{"id":"c","choices":[{"index":0,"delta":{"content":"He"}}]}"#], 1000);
    let error = house_of(Dialect::Chat, half).await.ask("default", "Hello?").await.unwrap_err();
    assert_eq!(error.kind(), "upstream_broken", "one that breaks off is no answer");
}

#[tokio::test]
async fn what_is_no_json_is_no_answer_also_where_an_answer_would_only_pass() {
    let embedding = json!({ "model": "default", "input": "a" });
    for (answer, is_one) in [("", false), ("<html>hello</html>", false), ("busy", false), ("  {\"results\":[]}", true)] {
        let upstream = Upstream::start(whole("200 OK", "", answer)).await;
        let house = upstream.house(openai).await;
        let passed = forward::Request {
            operation: Operation::Moderations,
            path: "/moderations",
            headers: Arc::default(),
            body: embedding.to_string().into(),
            model: "default".into(),
            only: None,
            deadline: (Instant::now() + Duration::from_secs(30)).into_std(),
            request_id: None,
        };
        let asked = embeddings::Request { body: embedding.to_string().into(), ..embeddings::Request::default() };
        let made = embeddings::create(&house.app, &Caller::local(), asked).await.map_err(|error| error.kind());
        let passed = forward::forward(&house.app, &Caller::local(), passed).await.map_err(|error| error.kind());
        assert_eq!((made.is_ok(), passed.is_ok()), (is_one, is_one), "{answer}");
        assert!(is_one || (made.err(), passed.err()) == (Some("upstream_broken"), Some("upstream_broken")));
    }
}

#[tokio::test]
async fn tokens_that_are_spelled_as_fractions_or_texts_are_booked_and_pass_as_they_came() {
    let chat = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hej"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9.0,"completion_tokens":"3","total_tokens":12.0}}"#;
    let message = r#"{"id":"msg_9","type":"message","role":"assistant","model":"claude-9","content":[{"type":"text","text":"Hej"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9.0,"output_tokens":"3"}}"#;
    let response = RESPONSE.replace(r#""input_tokens":9,"output_tokens":3"#, r#""input_tokens":9.0,"output_tokens":"3""#);
    for (spoken, sent) in [(Dialect::Chat, chat), (Dialect::Responses, &response), (Dialect::Messages, message)] {
        let house = house_of(spoken, whole("200 OK", "", sent)).await;
        let passed = answer(&house, spoken, false).await;
        assert!(passed.contains("9.0") && passed.contains(r#""3""#), "{passed}");
        let entry = house.ledger_at_the_end().await.remove(0);
        assert_eq!((entry.input_tokens, entry.output_tokens, entry.estimated), (9, 3, false), "{entry:?}");
    }
}

#[tokio::test]
async fn a_character_that_comes_in_two_halves_is_whole_in_another_dialect_and_passes_in_its_own() {
    let chunk = |text: &str| format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#);
    let delta = |text: &str| DELTA.replace("Hej", text);
    let block = |text: &str| format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#);
    let (halves, alone) = ([r"Hej \ud83d", r"\ude00!"], [r"Hej \ud83d", "!"]);
    for (texts, told) in [(halves, "Hej \u{1f600}!"), (alone, "Hej \u{fffd}!")] {
        let completed = format!(r#"{{"type":"response.completed","sequence_number":3,"response":{RESPONSE}}}"#);
        let chats = [chunk(texts[0]), chunk(texts[1]), r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#.into()];
        let responses = [CREATED.to_owned(), delta(texts[0]), delta(texts[1]), completed];
        let messages = [
            r#"{"type":"message_start","message":{"id":"msg_9","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":9,"output_tokens":1}}}"#.to_owned(),
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#.to_owned(),
            block(texts[0]),
            block(texts[1]),
            r#"{"type":"content_block_stop","index":0}"#.to_owned(),
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}"#.to_owned(),
            r#"{"type":"message_stop"}"#.to_owned(),
        ];
        for (spoken, sent) in [(Dialect::Chat, &chats[..]), (Dialect::Responses, &responses), (Dialect::Messages, &messages)] {
            let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
            for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
                let house = house_of(spoken, events(&sent, 1000)).await;
                let text = answer(&house, dialect, true).await;
                if dialect == spoken {
                    assert!(text.contains(texts[0]) && text.contains(texts[1]), "{spoken:?}: {text}");
                    continue;
                }
                let said: String =
                    text.lines().filter_map(|line| delta_of(serde_json::from_str(line.strip_prefix("data: ")?).ok()?)).collect();
                assert_eq!(said, told, "{spoken:?} to {dialect:?}: {text}");
            }
        }
    }
}

/// The text of an event in any dialect.
#[expect(clippy::needless_pass_by_value, reason = "what filter_map hands over")]
fn delta_of(event: Value) -> Option<String> {
    let text = match event["type"].as_str() {
        Some("response.output_text.delta") => &event["delta"],
        Some("content_block_delta") => &event["delta"]["text"],
        _ => &event["choices"][0]["delta"]["content"],
    };
    text.as_str().map(str::to_owned)
}
