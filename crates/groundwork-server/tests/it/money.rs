//! What is booked of calls whose process was killed, or whose client stopped reading.

use crate::world::{Server, World};
use serde_json::{Value, json};
use std::io::Read;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

/// The ledger, once nothing is on its way there.
async fn calls(server: &Server) -> Vec<Value> {
    let list: Value = server.get("/admin/v1/calls").send().await.unwrap().json().await.unwrap();
    list["data"].as_array().unwrap().clone()
}

fn was_killed(call: &Value) {
    assert_eq!((&call["status"], &call["detail"], &call["estimated"]), (&json!("failed"), &json!("killed"), &json!(true)), "{call}");
    assert!(call["input_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{call}");
}

#[tokio::test]
async fn a_stream_whose_server_is_killed_is_booked_once_as_an_estimate() {
    let script = "[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\npieces = [\"one \", \"two \"]\nfault = { kind = \"hang\", after = 1 }\n";
    let world = World::with(script);
    let server = world.serve();
    let body = json!({ "model": "default", "stream": true, "max_tokens": 77, "messages": [{ "role": "user", "content": "hello" }] });
    let mut open = server.chat(&body).await;
    assert!(open.chunk().await.unwrap().is_some());
    let id = open.headers()["x-groundwork-call"].to_str().unwrap().to_owned();
    server.signal("KILL");
    server.ended();
    // The second start finds that there is nothing left to do.
    for _ in 0..2 {
        let server = world.serve();
        let calls = calls(&server).await;
        assert_eq!((calls.len(), calls[0]["call"].as_str()), (1, Some(id.as_str())), "{calls:?}");
        was_killed(&calls[0]);
        assert_eq!((&calls[0]["output_tokens"], &calls[0]["streamed"]), (&json!(77), &json!(true)));
        server.signal("TERM");
        server.ended();
    }
}

#[test]
fn a_call_of_a_command_that_was_killed_is_booked_by_whoever_comes_next() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = upstream.local_addr().unwrap().port();
    let target = format!("[[targets]]\nkind = \"openai\"\nname = \"silent\"\nmodel = \"m\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\n");
    let world = World::with(&target);
    for killed in 1..=2 {
        let ask = world.command(&["ask", "--model", "default", "What is there?"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut ask = ask.unwrap();
        // It is out when its first byte is here.
        let (mut connection, _) = upstream.accept().unwrap();
        connection.read_exact(&mut [0]).unwrap();
        ask.kill().unwrap();
        ask.wait().unwrap();

        let server = world.serve();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let calls = runtime.block_on(calls(&server));
        assert_eq!(calls.len(), killed, "{calls:?}");
        calls.iter().for_each(was_killed);
    }
}

#[tokio::test]
async fn a_client_that_stops_reading_keeps_no_place_behind_its_deadline() {
    let piece = "x".repeat(1 << 20);
    let pieces = vec![format!("\"{piece}\""); 24].join(", ");
    let script = format!(
        "[limits]\nconcurrent_requests = 1\n[[targets]]\nkind = \"fake\"\nname = \"script\"\n[[targets.script.answers]]\npieces = [{pieces}]\n"
    );
    let world = World::with(&script);
    let server = world.serve();
    // Little is on its way to this client before it has to read.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut client = socket.connect(server.url.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap();
    let body = r#"{"model":"default","stream":true,"messages":[{"role":"user","content":"hello"}]}"#;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-request-timeout-ms: 1000\r\ncontent-type: application/json";
    client.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    client.readable().await.unwrap();

    let began = Instant::now();
    let mut refused = 0;
    while server.get("/v1/models").send().await.unwrap().status() == 503 {
        refused += 1;
        assert!(began.elapsed() < Duration::from_secs(20), "its place is never free");
    }
    assert!(refused > 0, "it had the only place");
    // What was said until then is counted before it is booked.
    let mut booked = calls(&server).await;
    while booked.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "it is never booked");
        booked = calls(&server).await;
    }
    assert_eq!((booked.len(), &booked[0]["status"]), (1, &json!("abandoned")), "{booked:?}");
    drop(client);
}
