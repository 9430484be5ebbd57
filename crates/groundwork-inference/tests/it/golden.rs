//! What vendors send, byte for byte, and what becomes of it: for the client and in the typed model.

use crate::server::{HELLO, Server, call, events, target, told, whole};
use groundwork_core::turn::Dialect;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Chat, to a client that did not ask for usage and to one that did.
#[tokio::test]
async fn openai_and_azure_come_through() {
    let asked = HELLO.replace("}]}", r#"}],"stream_options":{"include_usage":true}}"#);
    for vendor in ["openai", "azure_openai"] {
        for file in files(vendor) {
            let mut said = String::new();
            for (who, body) in [("a client", HELLO), ("a client that asked for usage", asked.as_str())] {
                let _ = writeln!(said, "== What {who} sees\n{}", play(&file, Dialect::Chat, body).await);
            }
            check(&file, &said);
        }
    }
}

/// Messages, to a client that speaks them and to one that speaks chat.
#[tokio::test]
async fn anthropic_comes_through_and_is_translated() {
    for file in files("anthropic") {
        let mut said = String::new();
        for (who, dialect, body) in [
            (
                "a client of messages",
                Dialect::Messages,
                r#"{"model":"ours","max_tokens":100,"messages":[{"role":"user","content":"Hello?"}]}"#,
            ),
            ("a client of chat", Dialect::Chat, HELLO),
        ] {
            let _ = writeln!(said, "== What {who} sees\n{}", play(&file, dialect, body).await);
        }
        check(&file, &said);
    }
}

fn files(vendor: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(vendor).join("golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sse" || extension == "json"));
    files.sort();
    files
}

/// However the stream is cut, the answer is the same.
async fn play(file: &Path, dialect: Dialect, body: &str) -> String {
    let bytes = std::fs::read(file).unwrap();
    let streams = file.extension().is_some_and(|extension| extension == "sse");
    let mut all = Vec::new();
    for size in if streams { vec![1, 7, 100_000] } else { vec![1] } {
        let answer = if streams { events("", &bytes, size) } else { whole("200 OK", "", bytes.trim_ascii_end()) };
        let server = Server::answering(answer).await;
        let answer = told(target(&server.vendor(file)).call(call(dialect, body, streams)).await.unwrap()).await;
        assert!(answer.error.is_none(), "{}: {:?}", file.display(), answer.error);
        // Where a CR is cut from its LF, the LF counts to the next frame: of no meaning, and none at both ends.
        let mut said = answer.text().trim_matches('\n').to_owned();
        said.push_str(if streams { "\n\n" } else { "\n" });
        for event in &answer.events {
            let _ = writeln!(said, "-- {event:?}");
        }
        all.push(said);
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{}", file.display());
    all.remove(0)
}

fn check(file: &Path, said: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(file.parent().unwrap());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(file.file_stem().unwrap().to_str().unwrap(), said));
}
