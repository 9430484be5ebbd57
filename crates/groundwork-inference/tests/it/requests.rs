//! What clients of each dialect ask, byte for byte, and what of it reaches each vendor.

use crate::golden::check;
use crate::server::{Server, ambient, call, events, whole};
use groundwork_core::turn::Dialect;
use groundwork_inference::target::{AzureOpenAi, Credential, EmbedCall, Kind, Settings, Target, Unfiltered};
use groundwork_wire::object::Object;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CHAT: &[u8] = include_bytes!("../../src/openai/golden/whole.json");
const MESSAGE: &[u8] = include_bytes!("../../src/anthropic/golden/whole.json");

fn azure(server: &Server, api_version: Option<&str>) -> Settings {
    let endpoint = format!("http://127.0.0.1:{}", server.port).parse().unwrap();
    let credential = Credential::Key("key".to_owned().into());
    let api_version = api_version.map(str::to_owned);
    Settings::new("azure", Kind::AzureOpenAi(AzureOpenAi { endpoint, credential, api_version, unfiltered: Unfiltered::Allow }))
        .model("deployed")
}

/// The targets of a vendor, each with an answer that it gives.
fn targets(vendor: &str, server: &Server) -> Vec<Settings> {
    match vendor {
        "openai" => vec![server.openai()],
        "openai/responses" => vec![server.responses()],
        "azure_openai" => vec![azure(server, None), azure(server, Some("2024-10-21"))],
        _ => vec![server.anthropic()],
    }
}

fn folder(vendor: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(vendor).join("golden")
}

/// The request line, the headers that say who asks for what, and the body.
fn told(seen: &str) -> String {
    const TOLD: [&str; 7] = ["authorization", "api-key", "x-api-key", "anthropic-version", "anthropic-beta", "content-type", "traceparent"];
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let mut headers: Vec<String> = headers.lines().map(str::to_owned).collect();
    headers.retain(|header| TOLD.iter().any(|name| header.to_ascii_lowercase().starts_with(&format!("{name}:"))));
    headers.sort();
    format!("{line}\n{}\n\n{body}\n", headers.join("\n"))
}

#[tokio::test]
async fn what_clients_ask_reaches_each_vendor_in_its_own_words_or_is_refused_by_name() {
    let given = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requests");
    let mut files: Vec<_> = std::fs::read_dir(given).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let dialect = match name.split_once('-') {
            Some(("messages", _)) => Dialect::Messages,
            Some(("responses", _)) => Dialect::Responses,
            _ => Dialect::Chat,
        };
        let body = std::fs::read_to_string(file).unwrap();
        let streams = body.contains("\"stream\": true");
        for vendor in ["openai", "openai/responses", "azure_openai", "anthropic"] {
            let answer = if vendor == "anthropic" { MESSAGE } else { CHAT };
            let answer =
                if streams { events("", b"data: {\"error\":{\"message\":\"enough\"}}\n\n", 100) } else { whole("200 OK", "", answer) };
            let server = Server::answering(answer).await;
            let mut said = String::new();
            for settings in targets(vendor, &server) {
                let mut asked = call(dialect, body.trim_end(), streams);
                let given = [("anthropic-beta", "a-beta"), ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
                asked.headers = Arc::new(given.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect());
                let before = server.seen().len();
                let answered = Target::open(&settings, &ambient()).unwrap().call(asked).await;
                let _ = match server.seen().get(before) {
                    Some(seen) => writeln!(said, "{}", told(seen)),
                    None => writeln!(said, "!! {}", answered.map(drop).unwrap_err()),
                };
            }
            check(&folder(vendor).join(format!("request-{name}.snap")), &said);
        }
    }
}

#[tokio::test]
async fn embeddings_are_asked_for_as_the_client_does_and_come_as_they_are() {
    const ANSWER: &[u8] = br#"{"object":"list","data":[{"object":"embedding","index":1,"embedding":"AACAPw=="},{"object":"embedding","index":0,"embedding":"AAAAAA=="}],"model":"text-embedding-3-large","usage":{"prompt_tokens":4,"total_tokens":4},"x_new":1.50}"#;
    for vendor in ["openai", "azure_openai"] {
        let server = Server::answering(whole("200 OK", "", ANSWER)).await;
        let mut said = String::new();
        for settings in targets(vendor, &server) {
            for body in [
                r#"{"model":"ours","input":"Grüße","encoding_format":"base64"}"#,
                r#"{ "model" : "ours", "input":[[1,2],[9007199254740993]], "dimensions":256, "x_new":{"n":1.10} }"#,
            ] {
                let call = EmbedCall {
                    body: Object::parse(body).unwrap(),
                    model: None,
                    deadline: Instant::now() + Duration::from_secs(30),
                    headers: Arc::default(),
                };
                let before = server.seen().len();
                let embedded = Target::open(&settings, &ambient()).unwrap().embed(call).await.unwrap();
                assert_eq!(embedded.body, ANSWER);
                let _ = writeln!(said, "{}", told(&server.seen()[before]));
            }
        }
        check(&folder(vendor).join("request-embeddings.snap"), &said);
    }
}
