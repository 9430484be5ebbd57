//! What cannot be answered is refused with a reason, and nothing is lost.

use crate::fixture::{Plan, body, fake, house, request};
use groundwork_app::pipeline::{self, CallError};
use groundwork_app::{Caller, embeddings};
use groundwork_core::prompt::PackError;
use groundwork_inference::fake::Script;
use serde_json::json;

#[tokio::test]
async fn an_unknown_model_is_a_404_also_before_a_stream() {
    let house = house(Script::say("Hello.")).await;
    for model in ["gpt-99", "", "a b", "../etc", &"x".repeat(300)] {
        for stream in [false, true] {
            let mut asked = body(model, "Hello?");
            asked["stream"] = stream.into();
            let error = pipeline::run(&house.app, &Caller::local(), request(asked)).await.map(|_| ()).unwrap_err();
            assert!(matches!(error.http_status(), 404 | 400), "{model:?}: {error}");
        }
    }
    let error = house.ask("gpt-99", "Hello?").await.unwrap_err();
    assert_eq!((error.http_status(), error.kind()), (404, "model_not_found"));
    assert!(matches!(house.ask("buckets-1", "Hello?").await, Err(CallError::NotAChatModel(_))));
}

#[tokio::test]
async fn a_question_of_ten_megabytes_is_refused_and_the_next_one_answered() {
    let house = house(Script::say("Hello.")).await;
    let huge = "why ".repeat(10 << 18);
    for model in ["default", "groundwork"] {
        let error = house.ask(model, &huge).await.unwrap_err();
        assert!(matches!(error, CallError::TooLarge { .. }), "{error}");
        assert_eq!(error.http_status(), 413);
    }
    assert!(house.ask("default", "Hello?").await.is_ok());
}

#[tokio::test]
async fn a_question_beyond_the_window_says_so() {
    let house = house(Script::say("Hello.")).await;
    house.upload("leave.md", "# Leave\n\nParental leave is 14 weeks.\n").await;
    let error = house.ask("groundwork", &"How long is parental leave? ".repeat(20_000)).await.unwrap_err();
    assert!(matches!(error, CallError::Prompt(PackError::FixedPartTooLarge(_))), "{error}");
    assert_eq!((error.http_status(), error.kind()), (400, "context_length_exceeded"));
}

#[tokio::test]
async fn malformed_bodies_are_refused_by_name() {
    let house = house(Script::say("Hello.")).await;
    for (text, param) in [
        ("", None),
        ("{", None),
        ("[]", None),
        ("\u{0}", None),
        (r#"{"messages":[]}"#, Some("model")),
        (r#"{"model":"default"}"#, Some("messages")),
        (r#"{"model":"default","messages":"hi"}"#, Some("messages")),
        (r#"{"model":7,"messages":[]}"#, Some("model")),
    ] {
        let mut asked = request(json!({}));
        asked.body = text.as_bytes().to_vec().into();
        let error = pipeline::run(&house.app, &Caller::local(), asked).await.map(|_| ()).unwrap_err();
        let CallError::Invalid(invalid) = &error else { panic!("{text}: {error:?}") };
        assert_eq!(invalid.param(), param, "{text}");
        assert_eq!(error.http_status(), 400);
    }
}

#[tokio::test]
async fn what_an_assistant_cannot_do_is_refused_by_name() {
    let house = house(Script::say("Hello.")).await;
    house.upload("leave.md", "# Leave\n\nParental leave is 14 weeks.\n").await;
    let image = json!([{ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA" } }]);
    for (key, value) in [
        ("n", json!(2)),
        ("tools", json!([{ "type": "function", "function": { "name": "f" } }])),
        ("response_format", json!({ "type": "json_object" })),
        ("modalities", json!(["text", "audio"])),
        ("messages", json!([{ "role": "user", "content": image }])),
        ("messages", json!([{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": "Ho" }])),
    ] {
        let mut asked = body("groundwork", "How long is parental leave?");
        asked[key] = value;
        let error = house.ask_as(&Caller::local(), asked).await.unwrap_err();
        let CallError::Invalid(invalid) = error else { panic!("{key}: {error:?}") };
        assert!(invalid.param().unwrap().starts_with(key), "{invalid:?}");
    }
}

#[tokio::test]
async fn what_quotes_cannot_do_is_refused_by_name_whatever_is_found() {
    let house = Plan::new(Vec::new()).build().await.unwrap();
    house.upload("leave.md", "# Leave\n\nParental leave is 14 weeks.\n").await;
    for (field, more) in [
        ("logprobs", json!({ "logprobs": true })),
        ("logprobs", json!({ "logprobs": true, "top_logprobs": 3 })),
        ("n", json!({ "n": 2 })),
        ("tools", json!({ "tools": [{ "type": "function", "function": { "name": "f" } }] })),
        ("response_format", json!({ "response_format": { "type": "json_object" } })),
        ("logit_bias", json!({ "logit_bias": { "50256": -100 } })),
        ("frequency_penalty", json!({ "frequency_penalty": 0.5 })),
        ("presence_penalty", json!({ "presence_penalty": -0.5 })),
        ("modalities", json!({ "modalities": ["text", "audio"], "audio": { "voice": "alloy", "format": "wav" } })),
        ("web_search_options", json!({ "web_search_options": {} })),
    ] {
        for question in ["How long is parental leave?", "Thanks!"] {
            let mut asked = body("groundwork", question);
            asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let error = house.ask_as(&Caller::local(), asked).await.unwrap_err();
            assert_eq!(error.http_status(), 400, "{more}");
            let CallError::Invalid(invalid) = error else { panic!("{more}: {error:?}") };
            assert_eq!(invalid.param(), Some(field), "{invalid:?}");
        }
    }
    let mut harmless = body("groundwork", "How long is parental leave?");
    let more = json!({ "logprobs": false, "n": 1, "frequency_penalty": 0, "temperature": 0.3, "seed": 7, "user": "u", "reasoning_effort": "low", "response_format": { "type": "text" } });
    harmless.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert!(house.ask_as(&Caller::local(), harmless).await.is_ok());
}

#[tokio::test]
async fn a_scripted_model_gives_one_answer() {
    let house = house(Script::say("Hello.")).await;
    for (n, status) in [(json!(1), 200), (json!(null), 200), (json!(2), 400)] {
        let mut asked = body("default", "Hi");
        asked["n"] = n;
        let got = house.ask_as(&Caller::local(), asked).await.map_or_else(|error| error.http_status(), |_| 200);
        assert_eq!(got, status);
    }
}

#[tokio::test]
async fn a_template_that_does_not_end_is_refused_when_it_is_declared() {
    let endless = "[templates.loop]\nsystem = \"{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x{% endfor %}{% endfor %}{% endfor %}\"\n";
    let error = Plan::new(vec![fake("fake", Script::default())]).applying(endless).build().await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("applied.toml: templates.loop: "), "{error}");
}

#[tokio::test]
async fn embeddings_come_in_the_form_that_was_asked_for_and_are_refused_by_name() {
    let quotes = "[models.quotes]\ndeployments = [{ target = \"extractive\" }]\n";
    let house = Plan::new(vec![fake("fake", Script::default())]).applying(quotes).build().await.unwrap();
    let create = async |body: serde_json::Value| {
        let request = embeddings::Request { body: body.to_string().into(), ..embeddings::Request::default() };
        embeddings::create(&house.app, &Caller::local(), request).await
    };
    let answer = create(json!({ "model": "buckets-1", "input": ["a", "b"], "encoding_format": "float" })).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&answer["data"][1]["index"], answer["data"][1]["embedding"].as_array().unwrap().len()), (&json!(1), 64));
    let base64 = create(json!({ "model": "buckets-1", "input": "a", "encoding_format": "base64" })).await.unwrap();
    let base64: serde_json::Value = serde_json::from_slice(&base64.body).unwrap();
    assert_eq!(base64["data"][0]["embedding"].as_str().unwrap().len(), 344, "64 floats of 4 bytes in base 64");
    for (body, status) in [
        (json!({ "model": "none", "input": "a" }), 404),
        (json!({ "model": "groundwork", "input": "a" }), 400),
        (json!({ "model": "quotes", "input": "a" }), 400),
        (json!({ "model": "buckets-1", "input": [[1, 2]] }), 400),
        (json!({ "model": "buckets-1", "input": "a", "dimensions": 3 }), 400),
        (json!({ "model": "buckets-1", "input": "word ".repeat(600) }), 400),
    ] {
        assert_eq!(create(body.clone()).await.unwrap_err().http_status(), status, "{body}");
    }
    for (fields, param) in [
        (json!({}), "input"),
        (json!({ "input": [] }), "input"),
        (json!({ "input": ["a", ""] }), "input"),
        (json!({ "input": ["a", 1] }), "input"),
        (json!({ "input": vec!["a"; 2049] }), "input"),
        (json!({ "input": [1, 2] }), "input"),
        (json!({ "input": "a", "dimensions": 3 }), "dimensions"),
        (json!({ "input": "a", "encoding_format": "int8" }), "encoding_format"),
    ] {
        let mut body = fields;
        body["model"] = json!("buckets-1");
        let refused = create(body).await.unwrap_err();
        let embeddings::EmbedError::Invalid(invalid) = &refused else { panic!("{refused}") };
        assert_eq!((invalid.param(), refused.http_status()), (Some(param), 400));
    }
}
