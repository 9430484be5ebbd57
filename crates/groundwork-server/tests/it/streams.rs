//! Streams: what comes when, how they end, and what happens when they do not end well.

use crate::world::{Server, World, error_of, question};
use serde_json::{Value, json};

/// Settings with a scripted chat model.
fn scripted(answer: &str) -> String {
    format!("[server]\nheartbeat = \"50ms\"\n[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\n{answer}\n")
}

fn ask_model(stream: bool) -> Value {
    json!({ "model": "default", "stream": stream, "messages": [{ "role": "user", "content": "hello" }] })
}

async fn events(server: &Server, body: &Value) -> (reqwest::header::HeaderMap, Vec<String>) {
    let answer = server.chat(body).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers().clone();
    let text = answer.text().await.unwrap();
    assert!(text.ends_with("\n\n"), "{text}");
    (headers, text.split_terminator("\n\n").map(str::to_owned).collect())
}

#[tokio::test]
async fn an_answer_streams_as_chunks_with_sources_before_its_end() {
    let world = World::new();
    let server = world.serve();
    server.upload_all().await;
    let mut body = question("How many days of annual leave?", true);
    body["stream_options"] = json!({ "include_usage": true });
    let (headers, events) = events(&server, &body).await;
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    assert_eq!((&headers["cache-control"], &headers["x-accel-buffering"]), (&"no-cache".parse().unwrap(), &"no".parse().unwrap()));
    assert_eq!(events.last().unwrap(), "data: [DONE]");
    let chunks: Vec<Value> =
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect();
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"]));
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(text.contains("thirty days"), "{text}");
    let cited = chunks.iter().position(|chunk| chunk["choices"][0]["delta"]["annotations"][0]["citation"]["name"] == "leave.md").unwrap();
    let finished = chunks.iter().position(|chunk| chunk["choices"][0]["finish_reason"] == "stop").unwrap();
    assert!(cited <= finished, "the sources come before the end");
    let usage = chunks.last().unwrap();
    assert!(
        usage["choices"].as_array().unwrap().is_empty() && usage["usage"]["completion_tokens"].as_u64().is_some_and(|tokens| tokens > 0)
    );
}

#[tokio::test]
async fn usage_is_shown_only_to_those_who_ask() {
    let world = World::with(&scripted("pieces = [\"a\", \"b\"]"));
    let server = world.serve();
    let (_, events) = events(&server, &ask_model(true)).await;
    assert!(!events.iter().any(|event| event.contains("\"usage\":{")), "{events:?}");
}

#[tokio::test]
async fn a_silent_stream_is_kept_awake_by_comments() {
    let world = World::with(&scripted("pieces = [\"late\"]\nfirst_token_ms = 400"));
    let server = world.serve();
    let (_, events) = events(&server, &ask_model(true)).await;
    let comments = events.iter().filter(|event| event.starts_with(':')).count();
    // The script's first token may be awaited before the head of the answer is sent; then there is nothing to keep awake.
    assert!(events.iter().any(|event| event.contains("late")) && comments < events.len(), "{events:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error_event_and_without_done() {
    for fault in ["{ kind = \"break\", after = 1 }", "{ kind = \"error\", after = 1, message = \"overheated\" }"] {
        let world = World::with(&scripted(&format!("pieces = [\"one \", \"two \", \"three\"]\nfault = {fault}")));
        let server = world.serve();
        let (_, events) = events(&server, &ask_model(true)).await;
        let last: Value = serde_json::from_str(events.last().unwrap().strip_prefix("data: ").unwrap()).unwrap();
        assert!(last["error"]["message"].is_string(), "{events:?}");
        assert!(events.iter().any(|event| event.contains("one")) && !events.iter().any(|event| event.contains("[DONE]")), "{events:?}");
    }
}

#[tokio::test]
async fn a_refusal_before_the_first_byte_is_a_status_and_not_a_stream() {
    // The deployment is asked again after its wait: the head of a stream must not be out by then.
    let fault =
        "fault = { kind = \"refuse\", status = 429, code = \"rate_limit_exceeded\", message = \"slow down\", retry_after_ms = 1500 }";
    let world = World::with(&scripted(fault).replace("50ms", "15s"));
    let server = world.serve();
    for stream in [true, false] {
        let answer = server.chat(&ask_model(stream)).await;
        let headers = answer.headers().clone();
        assert_eq!(error_of(answer, 429).await["code"], "rate_limit_exceeded");
        assert_eq!((&headers["retry-after"], &headers["retry-after-ms"]), (&"2".parse().unwrap(), &"1500".parse().unwrap()));
    }
}

#[tokio::test]
async fn a_client_that_waits_no_longer_gets_its_deadline() {
    let world = World::with(&scripted("fault = { kind = \"hang\", after = 0 }"));
    let server = world.serve();
    let answer = server.post("/v1/chat/completions").header("x-request-timeout-ms", "200").json(&ask_model(false)).send().await.unwrap();
    // Whoever notices first, the target's client or the pipeline.
    let code = error_of(answer, 504).await["code"].clone();
    assert!(["deadline_exceeded", "upstream_timeout_total"].contains(&code.as_str().unwrap()), "{code}");
}

#[tokio::test]
async fn a_time_that_a_client_cannot_mean_is_refused_by_the_name_of_its_header() {
    let world = World::with(&scripted("pieces = [\"x\"]"));
    let server = world.serve();
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/moderations"] {
        for wrong in ["0", "-1", "1.5", "", "soon", "10s", "+1"] {
            let asked = server.post(path).header("x-request-timeout-ms", wrong).json(&ask_model(false));
            let answer = asked.send().await.unwrap();
            assert_eq!(answer.status(), 400, "{path} {wrong}");
            let error = answer.json::<Value>().await.unwrap()["error"].clone();
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("x-request-timeout-ms") && message.contains("positive whole number"), "{message}");
            assert!(path == "/v1/messages" || error["param"] == "x-request-timeout-ms", "{error}");
        }
    }
    let patient = server.post("/v1/chat/completions").header("x-request-timeout-ms", "99999999999999999999").json(&ask_model(false));
    assert_eq!(patient.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn more_requests_than_there_are_places_are_refused_at_once() {
    let world = World::with(&format!(
        "[limits]\nconcurrent_requests = 1\n{}",
        scripted("pieces = [\"x\"]\nfault = { kind = \"hang\", after = 1 }")
    ));
    let server = world.serve();
    let mut running = server.chat(&ask_model(true)).await;
    running.chunk().await.unwrap();
    let answer = server.get("/v1/models").send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(error_of(answer, 503).await["code"], "overloaded");
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
    drop(running);
    // The place is free again once the server has seen that the client is gone.
    while server.get("/v1/models").send().await.unwrap().status() == 503 {}
}

#[tokio::test]
async fn a_busy_service_is_overloaded_in_the_words_of_each_dialect() {
    let world = World::with(&scripted("fault = { kind = \"refuse\", status = 529, message = \"Overloaded\" }").replace("50ms", "15s"));
    let server = world.serve();
    for (path, body, status, kind) in [
        (
            "/v1/messages",
            json!({ "model": "default", "max_tokens": 9, "messages": [{ "role": "user", "content": "a" }] }),
            529,
            "overloaded_error",
        ),
        ("/v1/chat/completions", ask_model(false), 503, "scripted_error"),
    ] {
        let answer = server.post(path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let told: Value = answer.json().await.unwrap();
        assert_eq!(told["error"]["type"], kind, "{told}");
    }
}
