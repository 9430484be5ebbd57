//! HTTP as hostile clients speak it, byte for byte: methods, paths, bodies, headers; and that the connection lives on.

use crate::world::{Server, World};
use serde_json::{Value, json};
use std::io::Write as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SCRIPTED: &str = "[limits]\njson_body = \"64KiB\"\n[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\npieces = [\"one \", \"two\"]\n";
const HELLO: &str = r#"{"model":"default","messages":[{"role":"user","content":"hello"}]}"#;

/// One connection, on which requests are sent as they are spelled.
struct Wire(TcpStream);

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Wire {
    async fn open(server: &Server) -> Self {
        Self(TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap())
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer; that of a HEAD has no body.
    async fn answer(&mut self, has_body: bool) -> Answer {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|four: &[u8]| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.read(&mut bytes).await;
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = bytes.split_off(head_end);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let chunked = head.contains("transfer-encoding: chunked");
        while has_body && (length.is_some_and(|length| body.len() < length.parse().unwrap()) || (chunked && !body.ends_with(b"0\r\n\r\n")))
        {
            self.read(&mut body).await;
        }
        Answer { status, head, body: String::from_utf8(body).unwrap() }
    }

    async fn read(&mut self, bytes: &mut Vec<u8>) {
        assert!(self.0.read_buf(bytes).await.unwrap() > 0, "the connection ended: {}", String::from_utf8_lossy(bytes));
    }

    async fn ask(&mut self, line: &str, headers: &str, body: &str) -> Answer {
        let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        self.send(format!("{line} HTTP/1.1\r\nhost: localhost\r\n{headers}{length}\r\n{body}")).await;
        self.answer(!line.starts_with("HEAD ")).await
    }
}

impl Answer {
    fn error(&self) -> Value {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}{}", self.head, self.body));
        let error = &body["error"];
        assert!(error["message"].is_string() && error["type"].is_string(), "{}", self.body);
        error.clone()
    }

    fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line.starts_with(&format!("{header}: ")))
    }
}

#[tokio::test]
async fn a_connection_lives_on_after_every_kind_of_error() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    let mut wire = Wire::open(&server).await;
    let chat = "POST /v1/chat/completions";
    for (line, headers, body, status) in [
        ("GET /v1/nothing", "", "", 404),
        ("GET /v1/models/", "", "", 404),
        ("GET //v1/models", "", "", 404),
        ("GET /v1/models/nobody", "", "", 404),
        ("GET /v1/models/%ff%00", "", "", 400),
        ("POST /v1/models", "", "{}", 405),
        ("GET /v1/embeddings", "", "", 405),
        ("DELETE /v1/chat/completions", "", "", 405),
        ("OPTIONS /v1/chat/completions", "", "", 405),
        (chat, "", "", 400),
        (chat, "", "{", 400),
        (chat, "content-type: text/plain\r\n", "hello", 400),
        (chat, "content-encoding: br\r\n", HELLO, 415),
        (chat, "content-encoding: gzip\r\n", HELLO, 400),
        (chat, "content-encoding: zstd\r\n", HELLO, 400),
        (chat, "idempotency-key: \r\n", HELLO, 400),
        (chat, "", r#"{"model":"nobody","messages":[{"role":"user","content":"hello"}],"stream":true}"#, 404),
        (chat, "", r#"{"model":"default","model":"default","messages":[{"role":"user","content":"hello"}]}"#, 400),
        (chat, "", r#"{"model":"default","messages":[{"role":"user","content":"\ud83d"}]}"#, 400),
        ("GET /v1/responses", "connection: upgrade\r\nupgrade: websocket\r\n", "", 404),
        (chat, "", HELLO, 200),
    ] {
        let answer = wire.ask(line, headers, body).await;
        assert_eq!(answer.status, status, "{line} {headers}{body}: {}", answer.body);
        assert!(answer.has("x-request-id"), "{line}");
        if status != 200 {
            answer.error();
            assert!(answer.has("content-type") && (status != 405 || answer.has("allow")), "{line}: {}", answer.head);
        }
    }
}

#[tokio::test]
async fn who_asks_for_a_websocket_is_told_that_there_is_none() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    let mut wire = Wire::open(&server).await;
    let upgrade = "connection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for path in ["/v1/responses", "/openai/v1/responses", "/v1/embeddings", "/v1/audio/speech", "/v1/realtime?model=m"] {
        let answer = wire.ask(&format!("GET {path}"), upgrade, "").await;
        let error = answer.error();
        assert_eq!((answer.status, &error["code"]), (404, &json!("unknown_url")), "{path}");
        assert!(error["message"].as_str().unwrap().contains("is not served here"), "{error}");
    }
    let other = wire.ask("GET /v1/responses", "connection: upgrade\r\nupgrade: h2c\r\n", "").await;
    assert_eq!(other.status, 405);
}

#[tokio::test]
async fn a_form_that_says_a_thing_twice_is_refused_and_names_it() {
    use reqwest::multipart::{Form, Part};
    let world = World::with(SCRIPTED);
    let server = world.serve();
    let file = || Part::text("{}").file_name("a.jsonl");
    for (form, field) in [
        (Form::new().text("purpose", "batch").part("file", file()).text("purpose", "user_data"), "purpose"),
        (Form::new().text("purpose", "batch").part("file", file()).part("file", file()), "file"),
    ] {
        let answer = server.post("/v1/files").multipart(form).send().await.unwrap();
        let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert_eq!((status.as_u16(), &body["error"]["param"]), (400, &json!(field)), "{body}");
    }
    let files: Value = server.get("/v1/files").send().await.unwrap().json().await.unwrap();
    assert_eq!(files["data"], json!([]));
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    let mut wire = Wire::open(&server).await;
    for (path, status) in [("/v1/models", 200), ("/healthz", 200), ("/v1/nothing", 404), ("/v1/embeddings", 405)] {
        let answer = wire.ask(&format!("HEAD {path}"), "", "").await;
        assert_eq!((answer.status, answer.body.as_str()), (status, ""), "{path}");
    }
    assert_eq!(wire.ask("GET /v1/models", "", "").await.status, 200);
}

#[tokio::test]
async fn bodies_come_in_chunks_after_a_go_ahead_and_compressed() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    let mut wire = Wire::open(&server).await;
    let chunked: String =
        HELLO.as_bytes().chunks(5).map(|part| format!("{:x};ext=1\r\n{}\r\n", part.len(), str::from_utf8(part).unwrap())).collect();
    wire.send(format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{chunked}0\r\nx-trailer: a\r\n\r\n"
    ))
    .await;
    assert_eq!(wire.answer(true).await.status, 200);

    let length = HELLO.len();
    wire.send(format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"))
        .await;
    assert_eq!(wire.answer(false).await.status, 100);
    wire.send(HELLO).await;
    assert_eq!(wire.answer(true).await.status, 200);

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(HELLO.as_bytes()).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(HELLO.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let gzip = gzip.finish().unwrap();
    // In members, as a writer makes them that begins anew: each is a gzip file of its own.
    let members = HELLO.as_bytes().chunks(20).map(|part| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(part).unwrap();
        gzip.finish().unwrap()
    });
    let members = members.collect::<Vec<_>>().concat();
    for (name, body) in [("gzip", gzip.clone()), ("GZip", gzip.clone()), ("x-gzip", gzip), ("gzip", members), ("zstd", zstd)] {
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-encoding: {name}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        wire.send([head.as_bytes(), &body].concat()).await;
        let answer = wire.answer(true).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
    }
    let bomb = " ".repeat(10 << 20);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bomb.as_bytes()).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(bomb.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    for (name, body) in [("gzip", gzip.finish().unwrap()), ("zstd", zstd)] {
        let answer = server.post("/v1/chat/completions").header("content-encoding", name).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 413, "{name}");
    }
}

#[tokio::test]
async fn the_id_of_a_request_is_the_clients_when_it_can_be_logged() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    let mut wire = Wire::open(&server).await;
    let id = |answer: &Answer| answer.head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap().to_owned();
    let own = wire.ask("POST /v1/chat/completions", "x-request-id: mine-1\r\n", HELLO).await;
    assert_eq!(id(&own), "mine-1");
    let long = format!("x-request-id: {}\r\n", "a".repeat(200));
    for odd in [long.as_str(), "x-request-id: a b\r\n", "x-request-id: \r\n", ""] {
        let made = wire.ask("GET /v1/nothing", odd, "").await;
        assert!(id(&made).starts_with("req_"), "{odd}: {}", made.head);
    }
}

#[tokio::test]
async fn errors_below_anthropics_paths_are_anthropics() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    let mut wire = Wire::open(&server).await;
    for (line, body, status, kind) in [
        ("POST /v1/messages", "{", 400, "invalid_request_error"),
        ("GET /v1/messages", "", 405, "invalid_request_error"),
        ("POST /v1/messages/nothing", "{}", 404, "not_found_error"),
        ("GET /anthropic/v1/nothing", "", 404, "not_found_error"),
        (
            "POST /anthropic/v1/messages",
            r#"{"model":"nobody","max_tokens":5,"messages":[{"role":"user","content":"q"}],"stream":true}"#,
            404,
            "not_found_error",
        ),
    ] {
        let answer = wire.ask(line, "", body).await;
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, &error["type"], &error["error"]["type"]), (status, &json!("error"), &json!(kind)), "{line}");
        assert!(error["request_id"].is_string() && answer.has("request-id"), "{line}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_of_its_request_harms_nobody() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    for half in [
        "POST /v1/chat",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{\"model\":",
        "\r\n\r\n",
        "\x16\x03\x01",
    ] {
        let mut wire = Wire::open(&server).await;
        wire.send(half).await;
    }
    let mut wire = Wire::open(&server).await;
    wire.send("GET /v1/models HTTP/1.0\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(wire.answer(true).await.status, 200);
    let calls: Value = server.get("/admin/v1/calls").send().await.unwrap().json().await.unwrap();
    assert_eq!(calls["data"], json!([]));
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    for (version, hosts, status) in [
        ("1.1", "", 400),
        ("1.1", "host: localhost\r\nhost: localhost\r\n", 400),
        ("1.0", "host: localhost\r\nhost: localhost\r\n", 400),
        ("1.1", "host: localhost\r\n", 200),
        ("1.1", "host: other.example\r\n", 403),
    ] {
        let mut wire = Wire::open(&server).await;
        wire.send(format!("GET /v1/models HTTP/{version}\r\n{hosts}\r\n")).await;
        let answer = wire.answer(true).await;
        assert_eq!(answer.status, status, "{version} {hosts}");
        if status == 400 {
            assert_eq!(answer.error()["code"], "invalid_host");
        }
    }
}

#[tokio::test]
async fn a_client_that_stops_sending_is_given_up() {
    let world = World::with(&format!("[server]\nheader_timeout = \"300ms\"\nclient_timeout = \"300ms\"\n{SCRIPTED}"));
    let server = world.serve();
    for silent in ["", "P", "PRI * HTTP/2.0\r\n", "GET /healthz HTTP/1.1\r\nhost: loc"] {
        let mut wire = Wire::open(&server).await;
        wire.send(silent).await;
        assert_eq!(wire.0.read(&mut [0; 64]).await.unwrap(), 0, "{silent}");
    }
    let form = "content-type: multipart/form-data; boundary=b\r\n";
    for (path, headers, begun) in [
        ("/v1/chat/completions", "content-length: 60\r\n", "{\"model\""),
        ("/v1/chat/completions", "content-length: 60000\r\n", "{\"model\""),
        ("/v1/chat/completions", "transfer-encoding: chunked\r\n", "1\r\n{\r\n"),
        ("/v1/chat/completions", "content-encoding: gzip\r\ncontent-length: 60\r\n", "\u{1f}"),
        ("/v1/chat/completions", "content-encoding: zstd\r\ncontent-length: 60\r\n", "("),
        ("/v1/chat/completions", "idempotency-key: k\r\ncontent-length: 60\r\n", "{"),
        (
            "/v1/files",
            &format!("{form}content-length: 900\r\n"),
            "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx",
        ),
    ] {
        let mut wire = Wire::open(&server).await;
        wire.send(format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n{begun}")).await;
        let answer = wire.answer(true).await;
        assert_eq!((answer.status, &answer.error()["code"]), (408, &json!("request_timeout")), "{headers}{}", answer.body);
    }
}

#[tokio::test]
async fn what_is_too_large_for_a_head_is_refused() {
    let world = World::with(SCRIPTED);
    let server = world.serve();
    for (bytes, status) in [(40_000, 200), (80_000, 431)] {
        let mut wire = Wire::open(&server).await;
        wire.send(format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "a".repeat(bytes))).await;
        assert_eq!(wire.answer(true).await.status, status, "{bytes}");
    }
}
