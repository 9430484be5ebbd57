//! What vendors send, byte for byte, and what becomes of it: for clients of each dialect and in the typed model.

use crate::server::{HELLO, Server, ambient, call, events, target, told, whole};
use groundwork_core::turn::Dialect;
use groundwork_inference::target::Target;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Who asks, and in which words.
fn clients(streams: bool) -> Vec<(&'static str, Dialect, String)> {
    let messages = r#"{"model":"ours","max_tokens":100,"messages":[{"role":"user","content":"Hello?"}]}"#;
    let mut clients = vec![
        ("a client of chat", Dialect::Chat, HELLO.to_owned()),
        ("a client of responses", Dialect::Responses, r#"{"model":"ours","input":"Hello?"}"#.to_owned()),
        ("a client of messages", Dialect::Messages, messages.to_owned()),
    ];
    if streams {
        let asked = HELLO.replace("}]}", r#"}],"stream":true,"stream_options":{"include_usage":true}}"#);
        clients.push(("a client of chat that asked for usage", Dialect::Chat, asked));
    }
    clients
}

fn streams(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "sse")
}

#[tokio::test]
async fn what_each_vendor_answers_comes_to_clients_of_each_dialect() {
    for vendor in ["openai", "openai/responses", "azure_openai", "anthropic"] {
        for file in files(vendor, &["sse", "json"]) {
            let mut said = String::new();
            for (who, dialect, body) in clients(streams(&file)) {
                let _ = writeln!(said, "== What {who} sees\n{}", play(&file, dialect, &body).await);
            }
            check(&file, &said);
        }
    }
}

/// Each file is the head and the body of an answer that refuses.
#[tokio::test]
async fn what_each_vendor_refuses_is_the_kind_of_error_that_says_what_can_be_done() {
    for vendor in ["openai", "azure_openai", "anthropic"] {
        for file in files(vendor, &["refusal"]) {
            let answer = std::fs::read_to_string(&file).unwrap();
            let (head, body) = answer.split_once("\n\n").unwrap();
            let (status, headers) = head.split_once('\n').unwrap_or((head, ""));
            let headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
            let server = Server::answering(whole(status, &headers, body.trim_ascii_end().as_bytes())).await;
            let target = Target::open(&server.vendor(&file), &ambient()).unwrap();
            let mut said = String::new();
            for streams in [false, true] {
                let error = target.call(call(Dialect::Chat, HELLO, streams)).await.map(drop).unwrap_err();
                let charged = if error.may_be_charged() { "may be charged" } else { "is not charged" };
                let _ = writeln!(said, "{} {}, {charged}: {error}", error.http_status(), error.kind());
            }
            let (whole, streamed) = said.split_at(said.len() / 2);
            assert_eq!(whole, streamed, "{}", file.display());
            check(&file, whole);
        }
    }
}

fn files(vendor: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(vendor).join("golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted)));
    files.sort();
    assert!(!files.is_empty(), "{vendor}");
    files
}

/// However the stream is cut, the answer is the same.
async fn play(file: &Path, dialect: Dialect, body: &str) -> String {
    let bytes = std::fs::read(file).unwrap();
    let streams = streams(file);
    let mut all = Vec::new();
    for size in if streams { vec![1, 7, 100_000] } else { vec![1] } {
        let answer = if streams { events("", &bytes, size) } else { whole("200 OK", "", bytes.trim_ascii_end()) };
        let server = Server::answering(answer).await;
        let answer = match target(&server.vendor(file)).call(call(dialect, body, streams)).await {
            Ok(reply) => told(reply).await,
            Err(error) => return format!("!! {}: {error}\n", error.kind()),
        };
        // Where a CR is cut from its LF, the LF counts to the next frame, and goes with it when that one is written anew: of no meaning.
        let mut said = answer.text().replace("\r\n", "\n").replace('\r', "\n");
        while said.contains("\n\n\n") {
            said = said.replace("\n\n\n", "\n\n");
        }
        said = said.trim_matches('\n').to_owned();
        said.push_str(if streams { "\n\n" } else { "\n" });
        for event in &answer.events {
            let _ = writeln!(said, "-- {event:?}");
        }
        if let Some(error) = &answer.error {
            let _ = writeln!(said, "!! {}: {error}", error.kind());
        }
        all.push(said);
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{}\n{}", file.display(), all.join("\n== cut elsewhere\n"));
    all.remove(0)
}

pub(crate) fn check(file: &Path, said: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(file.parent().unwrap());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(file.file_stem().unwrap().to_str().unwrap(), said));
}
