//! Targets over real HTTP: a small server that answers with bytes of our choosing, cut anywhere.

use crate::fixture::{House, Plan, body, request};
use futures::StreamExt;
use groundwork_app::pipeline::{self, Answer, Item};
use groundwork_app::responses;
use groundwork_app::{Caller, embeddings};
use groundwork_core::turn::Dialect;
use groundwork_inference::target::{self, Credential, Kind, Timeouts};
use http::HeaderMap;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// What the server sends: parts, each written by itself, then the end of the connection, or silence.
#[derive(Clone)]
pub(crate) struct Reply {
    parts: Vec<Vec<u8>>,
    then_silence: bool,
}

pub(crate) struct Upstream {
    pub(crate) port: u16,
    /// Requests as they came: head and body.
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    /// Told when a client has closed its connection during a silence.
    closed: Arc<Notify>,
}

impl Upstream {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self { port: listener.local_addr().unwrap().port(), requests: Arc::default(), closed: Arc::new(Notify::new()) };
        let (requests, closed) = (upstream.requests.clone(), upstream.closed.clone());
        // Ends with the runtime of its test.
        let connections = TaskTracker::new();
        connections.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, reply.clone(), requests.clone(), closed.clone()));
            }
        });
        upstream
    }

    pub(crate) async fn house(&self, kind: impl Fn(u16) -> Kind) -> House {
        self.house_of(target::Settings::new("server", kind(self.port)).model("their-model")).await
    }

    /// A house whose model thinks, and is asked in responses.
    pub(crate) async fn house_of_responses(&self) -> House {
        self.house_of(self.speaking_responses("server")).await
    }

    pub(crate) fn speaking_responses(&self, name: &str) -> target::Settings {
        let settings = target::Settings::new(name, openai(self.port)).model("gpt-5-mini");
        target::Settings { speaks: Some(vec![Dialect::Responses]), ..settings }
    }

    pub(crate) async fn house_of(&self, settings: target::Settings) -> House {
        let timeouts = Timeouts { first_token: Duration::from_secs(5), idle: Duration::from_millis(300), ..Timeouts::default() };
        Plan::new(vec![target::Settings { timeouts, ..settings }]).build().await.unwrap()
    }

    fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    pub(crate) fn request(&self) -> (String, Value) {
        self.requests.lock().unwrap().last().unwrap().clone()
    }
}

/// A request's head and body; `None` when the client goes away.
pub(crate) async fn receive(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let head = text[..end].to_lowercase();
            let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some((text[..end].to_owned(), serde_json::from_slice(&bytes[end + 4..]).unwrap()));
            }
        }
    }
}

async fn serve(mut stream: TcpStream, reply: Reply, requests: Arc<Mutex<Vec<(String, Value)>>>, closed: Arc<Notify>) {
    let Some(request) = receive(&mut stream).await else { return };
    requests.lock().unwrap().push(request);
    for part in &reply.parts {
        if stream.write_all(part).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    if reply.then_silence {
        while stream.read(&mut [0; 64]).await.unwrap_or(0) > 0 {}
        closed.notify_one();
    }
}

pub(crate) fn openai(port: u16) -> Kind {
    Kind::OpenAi { base_url: format!("http://127.0.0.1:{port}/v1").parse().unwrap(), key: Some("their-key".to_owned().into()) }
}

pub(crate) fn whole(status: &str, headers: &str, body: &str) -> Reply {
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    Reply { parts: vec![text.into_bytes()], then_silence: false }
}

/// A stream cut into parts of `size` bytes.
pub(crate) fn events(events: &[&str], size: usize) -> Reply {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-ratelimit-remaining-requests: 7\r\nconnection: close\r\n\r\n".to_vec();
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    Reply { parts: std::iter::once(head).chain(text.as_bytes().chunks(size).map(<[u8]>::to_vec)).collect(), then_silence: false }
}

async fn stream_of(house: &House, body: Value) -> (Vec<String>, Option<String>) {
    let mut asked = body;
    asked["stream"] = true.into();
    let Answer::Stream(_, items) = pipeline::run(&house.app, &Caller::local(), request(asked)).await.unwrap() else { panic!("no stream") };
    let (mut chunks, mut error) = (Vec::new(), None);
    for item in items.collect::<Vec<_>>().await {
        match item {
            Item::Frame(frame) if frame.is_done() => {}
            Item::Frame(frame) => chunks.push(String::from_utf8(frame.data.to_vec()).unwrap()),
            Item::Retracted => {}
            Item::Error(failed) => error = Some(failed.kind().to_owned()),
        }
    }
    (chunks, error)
}

const CHUNKS: [&str; 4] = [
    r#"{"id":"","object":"chat.completion.chunk","created":0,"model":"","choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}"#,
    r#"{"id":"c1","object":"chat.completion.chunk","created":1790000000,"model":"their-model-2026","system_fingerprint":"fp_é","choices":[{"index":0,"delta":{"role":"assistant","content":"Grüße, 世界","future_field":1e400},"logprobs":{"content":[]},"finish_reason":null}]}"#,
    r#"{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"content_filter_offsets":{"check_offset":44,"start_offset":44,"end_offset":198},"content_filter_results":{}}]}"#,
    r#"{"id":"c1","object":"chat.completion.chunk","created":1790000000,"model":"their-model-2026","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
];
const USAGE: &str = r#"{"id":"c1","object":"chat.completion.chunk","created":1790000000,"model":"their-model-2026","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"completion_tokens_details":{"reasoning_tokens":2}}}"#;

#[tokio::test]
async fn chunks_come_through_byte_for_byte_however_the_connection_cuts_them() {
    for size in [1, 2, 3, 7, 64, 100_000] {
        let upstream = Upstream::start(events(&[CHUNKS[0], CHUNKS[1], CHUNKS[2], CHUNKS[3], USAGE, "[DONE]"], size)).await;
        let house = upstream.house(openai).await;
        let (chunks, error) = stream_of(&house, body("default", "Hello?")).await;
        assert_eq!((chunks, error), (CHUNKS.map(str::to_owned).to_vec(), None), "in parts of {size}");
        let entries = house.ledger_at_the_end().await;
        assert_eq!((entries[0].input_tokens, entries[0].reasoning_tokens, entries[0].estimated), (9, 2, false));
    }
}

/// An assistant's house, whose model says that parents may take fourteen months, and then `more`.
async fn assistant(more: &[&str]) -> House {
    const SAID: &str = r#"{"id":"c1","object":"chat.completion.chunk","created":1790000000,"model":"their-model-2026","choices":[{"index":0,"delta":{"role":"assistant","content":"Parents may take fourteen months [1]."},"finish_reason":null}]}"#;
    let upstream = Upstream::start(events(&[&[CHUNKS[0], SAID, CHUNKS[2]], more, &["[DONE]"]].concat(), 1000)).await;
    let house = upstream.house(openai).await;
    house.upload("leave.md", "# Leave\n\nParents may take up to fourteen months of parental leave.\n").await;
    house
}

#[tokio::test]
async fn an_assistants_own_chunks_look_like_azures_that_have_a_name() {
    let answer = assistant(&[CHUNKS[3]]).await.stream(body("groundwork", "How many months may parents take?")).await.unwrap();
    let added: Vec<&Value> = answer.chunks.iter().filter(|chunk| chunk["choices"][0]["delta"].get("annotations").is_some()).collect();
    assert_eq!((answer.annotations.len(), added.len()), (1, 1), "{answer:?}");
    assert_eq!(
        (&added[0]["id"], &added[0]["model"], &added[0]["created"]),
        (&json!("c1"), &json!("their-model-2026"), &json!(1_790_000_000))
    );
}

#[tokio::test]
async fn words_that_a_late_filter_takes_back_are_marked_and_no_source_is_named_for_them() {
    let by_annotation = r#"{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{"violence":{"filtered":true,"severity":"high"}}}]}"#;
    let by_finish = r#"{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":"content_filter","content_filter_results":{}}]}"#;
    for more in [&[by_annotation, CHUNKS[3]][..], &[by_annotation, by_finish], &[by_finish]] {
        let answer = assistant(more).await.stream(body("groundwork", "How many months may parents take?")).await.unwrap();
        assert!(answer.is_retracted && answer.annotations.is_empty(), "{answer:?}");
        let marks: Vec<&Value> = answer.chunks.iter().filter_map(|chunk| chunk.get("retracted")).collect();
        assert_eq!(marks, [&json!([0])], "{answer:?}");
        assert!(answer.chunks.iter().any(|chunk| chunk["choices"][0]["content_filter_results"].is_object()), "{answer:?}");
    }
}

#[tokio::test]
async fn the_target_is_asked_for_its_own_model_with_its_key_and_for_usage() {
    let upstream = Upstream::start(events(&[CHUNKS[1], CHUNKS[3], "[DONE]"], 1000)).await;
    let house = upstream.house(openai).await;
    let mut asked = body("default", "Hello?");
    asked["seed"] = json!(9_007_199_254_740_993_u64);
    asked["new_field"] = json!({ "a": [1] });
    stream_of(&house, asked).await;
    let (head, sent) = upstream.request();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
    assert!(head.to_lowercase().contains("authorization: bearer their-key"), "{head}");
    assert_eq!((&sent["model"], &sent["stream_options"]["include_usage"]), (&json!("their-model"), &json!(true)));
    assert_eq!((&sent["seed"], &sent["new_field"]), (&json!(9_007_199_254_740_993_u64), &json!({ "a": [1] })));
}

#[tokio::test]
async fn azure_is_asked_by_deployment_with_its_key_header() {
    for (version, path) in [
        (None, "POST /openai/v1/chat/completions HTTP/1.1"),
        (Some("2024-10-21"), "POST /openai/deployments/their-model/chat/completions?api-version=2024-10-21 HTTP/1.1"),
    ] {
        let upstream = Upstream::start(whole("200 OK", "x-ms-region: Sweden Central\r\n", r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hej"},"finish_reason":"stop","content_filter_results":{}}],"prompt_filter_results":[]}"#)).await;
        let house = upstream
            .house(|port| {
                Kind::AzureOpenAi(target::AzureOpenAi {
                    endpoint: format!("http://127.0.0.1:{port}/").parse().unwrap(),
                    credential: Credential::Key("azure-key".to_owned().into()),
                    api_version: version.map(str::to_owned),
                    unfiltered: target::Unfiltered::Allow,
                })
            })
            .await;
        let (head, answer) = house.ask("default", "Hello?").await.unwrap();
        assert_eq!(answer["prompt_filter_results"], json!([]), "what we do not know survives");
        assert_eq!(head.headers["x-ms-region"], "Sweden Central", "{head:?}");
        let (sent, _) = upstream.request();
        assert!(sent.starts_with(path) && sent.to_lowercase().contains("api-key: azure-key"), "{sent}");
    }
}

#[tokio::test]
async fn refusals_keep_their_kind_their_wait_and_their_body() {
    for (reply, kind, status) in [
        (
            whole(
                "429 Too Many Requests",
                "retry-after-ms: 1200\r\nx-ratelimit-remaining-tokens: 0\r\n",
                r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#,
            ),
            "upstream_rate_limited",
            429,
        ),
        (
            whole(
                "400 Bad Request",
                "",
                r#"{"error":{"message":"filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ),
            "content_filter",
            400,
        ),
        (
            whole("400 Bad Request", "", r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#),
            "context_length_exceeded",
            400,
        ),
        (whole("502 Bad Gateway", "", "<html>bad gateway</html>"), "upstream_fault", 502),
        (whole("200 OK", "", r#"{"error":{"message":"hidden","code":"429"}}"#), "upstream_rate_limited", 429),
        (whole("200 OK", "", "not json"), "upstream_broken", 502),
    ] {
        let upstream = Upstream::start(reply).await;
        let house = upstream.house(openai).await;
        let error = house.ask("default", "Hello?").await.unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (kind, status), "{error}");
    }
}

#[tokio::test]
async fn an_error_in_the_first_frame_is_an_error_of_the_call_and_later_one_of_the_stream() {
    let hidden = r#"{"error":{"message":"overloaded","type":"server_error","code":"503"}}"#;
    let upstream = Upstream::start(events(&[hidden], 1000)).await;
    let house = upstream.house(openai).await;
    let mut asked = body("default", "Hello?");
    asked["stream"] = true.into();
    let error = pipeline::run(&house.app, &Caller::local(), request(asked)).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), "upstream_fault");

    let upstream = Upstream::start(events(&[CHUNKS[1], hidden], 1000)).await;
    let house = upstream.house(openai).await;
    let (chunks, error) = stream_of(&house, body("default", "Hello?")).await;
    assert_eq!((chunks.len(), error.as_deref()), (1, Some("upstream_error_in_stream")));
}

#[tokio::test]
async fn an_answer_that_is_cut_is_broken_and_one_that_only_lacks_its_end_mark_is_not() {
    for (sent, expected) in [
        (events(&[CHUNKS[1]], 1000), Some("upstream_broken")),
        (events(&[CHUNKS[1], CHUNKS[3]], 1000), None),
        (events(&[CHUNKS[1], "{not json"], 1000), Some("upstream_broken")),
    ] {
        let upstream = Upstream::start(sent).await;
        let house = upstream.house(openai).await;
        let (_, error) = stream_of(&house, body("default", "Hello?")).await;
        assert_eq!(error.as_deref(), expected);
    }
}

#[tokio::test]
async fn silence_in_mid_answer_ends_it() {
    let upstream = Upstream::start(Reply { then_silence: true, ..events(&[CHUNKS[1]], 1000) }).await;
    let house = upstream.house(openai).await;
    let (chunks, error) = stream_of(&house, body("default", "Hello?")).await;
    assert_eq!((chunks.len(), error.as_deref()), (1, Some("upstream_timeout_idle")));
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_the_call_upstream() {
    let upstream = Upstream::start(Reply { then_silence: true, ..events(&[CHUNKS[1]], 1000) }).await;
    let house = upstream.house(openai).await;
    let mut asked = body("default", "Hello?");
    asked["stream"] = true.into();
    let Answer::Stream(_, mut items) = pipeline::run(&house.app, &Caller::local(), request(asked)).await.unwrap() else {
        panic!("no stream")
    };
    assert!(matches!(items.next().await, Some(Item::Frame(_))));
    drop(items);
    tokio::time::timeout(Duration::from_secs(10), upstream.closed.notified()).await.expect("the connection is closed");
}

#[tokio::test]
async fn what_a_client_that_went_away_had_asked_is_exact_where_the_service_tells_it_first() {
    let told = [
        r#"{"type":"message_start","message":{"id":"msg_9","type":"message","role":"assistant","model":"claude-9","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":20,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"One two three."}}"#,
    ];
    for dialect in [Dialect::Messages, Dialect::Chat] {
        let upstream = Upstream::start(Reply { then_silence: true, ..events(&told, 1000) }).await;
        let house = upstream
            .house(|port| Kind::Anthropic {
                base_url: format!("http://127.0.0.1:{port}").parse().unwrap(),
                credential: Credential::Key("k".to_owned().into()),
            })
            .await;
        let mut asked = body("default", "Hello?");
        (asked["stream"], asked["max_tokens"]) = (true.into(), 100.into());
        let asked = pipeline::Request { dialect, ..request(asked) };
        let Answer::Stream(_, mut items) = pipeline::run(&house.app, &Caller::local(), asked).await.unwrap() else { panic!("no stream") };
        // All that is said stands in what has come so far.
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("three.") {
            let Some(Item::Frame(frame)) = items.next().await else { panic!("it ended early") };
            seen.extend_from_slice(&frame.data);
        }
        drop(items);
        let entries = house.ledger_at_the_end().await;
        assert_eq!((entries[0].input_tokens, entries[0].cached_tokens, entries[0].estimated), (33, 20, true), "{entries:?}");
        assert!((1..100).contains(&entries[0].output_tokens) && entries[0].served_model.as_deref() == Some("claude-9"), "{entries:?}");
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let upstream = Upstream { port, requests: Arc::default(), closed: Arc::default() };
    let house = upstream.house(openai).await;
    let error = house.ask("default", "Hello?").await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), ("upstream_unreachable", 502), "{error}");
}

#[tokio::test]
async fn embeddings_go_through_a_target_too() {
    let answer = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"e","usage":{"prompt_tokens":1,"total_tokens":1}}"#;
    let upstream = Upstream::start(whole("200 OK", "", answer)).await;
    let house = upstream.house(openai).await;
    // Other servers read more than OpenAI's.
    for input in [json!([[1, 2]]), json!(["a", { "image": "https://example.org/a.png" }]), json!(vec!["a"; 2049])] {
        let body = json!({ "model": "default", "input": input, "encoding_format": "int8", "dimensions": -1 }).to_string().into();
        let asked = embeddings::Request { body, ..embeddings::Request::default() };
        assert_eq!(embeddings::create(&house.app, &Caller::local(), asked).await.unwrap().body, answer);
        let (head, sent) = upstream.request();
        assert!(head.starts_with("POST /v1/embeddings "), "{head}");
        assert_eq!(sent, json!({ "model": "their-model", "input": input, "encoding_format": "int8", "dimensions": -1 }));
    }
}

#[tokio::test]
async fn an_assistants_prompts_name_their_template_to_the_prompt_cache_unless_the_client_names_one() {
    let answer = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Soup [1]."},"finish_reason":"stop"}]}"#;
    for (affinity, own, key) in
        [("true", None, json!("grounded-answer@1")), ("true", Some("mine"), json!("mine")), ("false", None, Value::Null)]
    {
        let upstream = Upstream::start(whole("200 OK", "", answer)).await;
        let settings = target::Settings::new("server", openai(upstream.port)).model("their-model");
        let applied =
            format!("[models.kept]\naffinity = {affinity}\ndeployments = [{{ target = \"server\" }}]\n[assistants.cook]\nmodel = \"kept\"");
        let house = Plan::new(vec![settings]).applying(&applied).build().await.unwrap();
        house.upload("menu.md", "On Monday there is soup.").await;
        let mut asked = body("cook", "What is there on Monday?");
        if let Some(own) = own {
            asked["prompt_cache_key"] = own.into();
        }
        house.ask_as(&Caller::local(), asked).await.unwrap();
        assert_eq!(upstream.request().1["prompt_cache_key"], key);
        house.ask("kept", "Hello?").await.unwrap();
        assert_eq!(upstream.request().1.get("prompt_cache_key"), None, "a model's prompts are the client's");
    }
}

#[tokio::test]
async fn a_client_names_no_deployment_for_spill_over_that_its_model_does_not_have() {
    let answer = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let upstream = Upstream::start(whole("200 OK", "", answer)).await;
    let azure = Kind::AzureOpenAi(target::AzureOpenAi {
        endpoint: format!("http://127.0.0.1:{}", upstream.port).parse().unwrap(),
        credential: Credential::Key("k".to_owned().into()),
        api_version: None,
        unfiltered: target::Unfiltered::Allow,
    });
    let models = "[models.gpt]\ndeployments = [{ target = \"azure\", model = \"ptu\" }, { target = \"azure\", model = \"paygo\", tier = 1 }]\n[models.secret]\ndeployments = [{ target = \"azure\", model = \"secret\" }]";
    let house = Plan::new(vec![target::Settings::new("azure", azure)]).applying(models).build().await.unwrap();
    for (named, goes_on) in [("paygo", true), ("secret", false)] {
        let headers = Arc::new(HeaderMap::from_iter([("x-ms-spillover-deployment".parse().unwrap(), named.parse().unwrap())]));
        let asked = pipeline::Request { headers, ..request(body("gpt", "Hello?")) };
        pipeline::run(&house.app, &Caller::local(), asked).await.unwrap();
        assert_eq!(upstream.request().0.contains("x-ms-spillover-deployment"), goes_on, "{named}");
    }
}

const THOUGHT: &str = r#"{"id":"resp_theirs","object":"response","created_at":1.0,"status":"completed","model":"gpt-5-mini-2026","new":[1.50],"output":[{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA"},{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hej","annotations":[],"logprobs":[]}]}],"usage":{"input_tokens":9,"output_tokens":3}}"#;

async fn respond(house: &House, body: Value) -> Result<Value, responses::CreateError> {
    match responses::create(&house.app, &Caller::local(), request(body)).await? {
        responses::Answer::Whole { body, .. } | responses::Answer::Failed { body, .. } => Ok(serde_json::from_slice(&body).unwrap()),
        responses::Answer::Stream { .. } => panic!("a stream came where none was asked for"),
    }
}

#[tokio::test]
async fn what_a_model_thought_comes_back_to_it_and_is_seen_by_who_asks() {
    let upstream = Upstream::start(whole("200 OK", "", THOUGHT)).await;
    let house = upstream.house_of_responses().await;
    let first = respond(&house, json!({ "model": "default", "input": "one" })).await.unwrap();
    assert_ne!(first["id"], "resp_theirs");
    assert_eq!((&first["new"], &first["usage"]["total_tokens"]), (&json!([1.5]), &json!(12)));
    assert_eq!(first["output"][0], json!({ "id": "rs_1", "type": "reasoning", "summary": [] }));
    let thought = json!({ "id": "rs_1", "type": "reasoning", "summary": [] });
    let ask = "reasoning.encrypted_content";
    for body in [
        json!({ "model": "default", "input": "two", "previous_response_id": first["id"], "include": [ask] }),
        json!({ "model": "default", "input": [thought, { "role": "user", "content": "two" }], "include": [ask] }),
    ] {
        let second = respond(&house, body).await.unwrap();
        assert_eq!(second["output"][0]["encrypted_content"], "gAAA");
        let sent = upstream.requests().pop().unwrap();
        assert_eq!((&sent["store"], &sent["include"], &sent["previous_response_id"]), (&json!(false), &json!([ask]), &Value::Null));
        let thoughts: Vec<&Value> = sent["input"].as_array().unwrap().iter().filter(|item| item["type"] == "reasoning").collect();
        assert_eq!(thoughts.len(), 1);
        assert_eq!(thoughts[0]["encrypted_content"], "gAAA");
    }
    let first_sent = &upstream.requests()[0];
    assert_eq!((&first_sent["input"], &first_sent["include"]), (&json!("one"), &json!([ask])));
    let unstored = respond(&house, json!({ "model": "default", "input": "one", "store": false })).await.unwrap();
    assert_eq!(unstored["output"][0]["encrypted_content"], "gAAA", "who keeps nothing here gets all that there is");
    assert_eq!(upstream.requests().pop().unwrap()["include"], Value::Null);
}

#[tokio::test]
async fn a_model_that_knows_nothing_of_thoughts_is_asked_again_without() {
    for error in [
        r#"{"error":{"message":"Encrypted content is not supported with this model.","type":"invalid_request_error","param":"include","code":null}}"#,
        r#"{"error":{"message":"It could not be verified.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}"#,
    ] {
        let upstream = Upstream::start(whole("400 Bad Request", "", error)).await;
        let house = upstream.house_of_responses().await;
        assert!(respond(&house, json!({ "model": "default", "input": "one" })).await.is_err());
        let asked: Vec<Value> = upstream.requests().iter().map(|body| body["include"].clone()).collect();
        assert_eq!(asked, [json!(["reasoning.encrypted_content"]), Value::Null]);
    }
    let other = r#"{"error":{"message":"No.","type":"invalid_request_error","param":"input","code":null}}"#;
    let upstream = Upstream::start(whole("400 Bad Request", "", other)).await;
    let house = upstream.house_of_responses().await;
    assert!(respond(&house, json!({ "model": "default", "input": "one" })).await.is_err());
    assert_eq!(upstream.requests().len(), 1, "another refusal is final");
}

#[tokio::test]
async fn thoughts_that_a_client_keeps_are_left_out_once_where_they_cannot_be_read() {
    let error = r#"{"error":{"message":"It could not be verified.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}"#;
    let upstream = Upstream::start(whole("400 Bad Request", "", error)).await;
    let house = upstream.house_of_responses().await;
    let thought = json!({ "id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA" });
    let input = json!([{ "role": "user", "content": "one" }, thought, { "role": "user", "content": "two" }]);
    assert!(respond(&house, json!({ "model": "default", "input": input, "store": false })).await.is_err());
    let sealed: Vec<bool> = upstream.requests().iter().map(|body| body["input"].to_string().contains("gAAA")).collect();
    assert_eq!(sealed, [true, false]);
}

#[tokio::test]
async fn a_stream_of_responses_passes_but_for_what_is_ours() {
    let delta = r#"{"type":"response.output_text.delta", "sequence_number":2,"item_id":"msg_1","output_index":1,"content_index":0,"delta":"Hej","obfuscation":"x","new":1e400}"#;
    let created = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_theirs","status":"in_progress","output":[]}}"#;
    let goes = r#"{"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_theirs","status":"in_progress","output":[]}}"#;
    let completed = format!(r#"{{"type":"response.completed","sequence_number":3,"response":{THOUGHT}}}"#);
    for size in [1, 7, 100_000] {
        let upstream = Upstream::start(events(&[created, goes, delta, &completed], size)).await;
        let house = upstream.house_of_responses().await;
        let body = json!({ "model": "default", "input": "one", "stream": true });
        let responses::Answer::Stream { items, .. } = responses::create(&house.app, &Caller::local(), request(body)).await.unwrap() else {
            panic!("no stream")
        };
        let data: Vec<String> = items
            .map(|item| match item {
                Item::Frame(frame) => String::from_utf8(frame.data.to_vec()).unwrap(),
                Item::Retracted => panic!("nothing was found fault with"),
                Item::Error(error) => panic!("{error}"),
            })
            .collect()
            .await;
        assert_eq!((data.len(), data[2].as_str()), (4, delta), "in parts of {size}");
        assert!(!data.concat().contains("resp_theirs") && !data.concat().contains("gAAA"), "{data:?}");
    }
}
