//! Connections: kept, lost, and tried once more.

use crate::server::{Do, Server, events, hello, target, told, whole};
use flate2::Compression;
use flate2::write::GzEncoder;
use groundwork_inference::target::{Call, CallError, Settings, Stage, Timeouts};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ANSWER: &[u8] = br#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;
const STREAM: &[u8] = b"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hi\"}}]}\n\ndata: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// The beginning of a stream, in which nothing is said.
const ROLE: &[u8] = b"data: {\"id\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\ndata: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";

#[tokio::test]
async fn a_connection_serves_call_after_call_streams_too() {
    let server = Server::start(vec![
        (0..8).map(|turn| Do::Answer(if turn % 2 == 0 { whole("200 OK", "", ANSWER) } else { events("", STREAM, 50) })).collect(),
    ])
    .await;
    let target = target(&server.openai());
    for turn in 0..8 {
        let answer = told(target.call(hello(turn % 2 == 1)).await.unwrap()).await;
        assert!(answer.error.is_none() && !answer.bytes.is_empty());
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_request_that_was_taken_is_never_sent_twice_by_itself() {
    // Nobody can tell that it was not worked on: whether it is tried again is decided where it is booked.
    let server = Server::start(vec![vec![Do::Answer(whole("200 OK", "", ANSWER)), Do::TakeAndClose]]).await;
    let target = target(&server.openai());
    target.call(hello(false)).await.unwrap();
    let error = target.call(hello(false)).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, CallError::Broken { .. }) && error.may_be_charged(), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_in_the_meantime_costs_nothing() {
    let closes = vec![Do::Answer(whole("200 OK", "", ANSWER)), Do::Close];
    let server = Server::start(vec![closes.clone(), closes]).await;
    let target = target(&server.openai());
    for _ in 0..2 {
        target.call(hello(false)).await.unwrap();
        // The end of the connection is seen before the next call.
        server.closed().await;
    }
    assert_eq!((server.connections(), server.seen().len()), (2, 2));
}

#[tokio::test]
async fn a_fresh_connection_that_ends_without_a_byte_is_not_tried_again() {
    let server = Server::start(vec![vec![Do::TakeAndClose]]).await;
    let error = target(&server.openai()).call(hello(false)).await.map(|_| ()).unwrap_err();
    assert_eq!((error.kind(), server.seen().len()), ("upstream_broken", 1), "{error}");
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_nothing_is_charged() {
    let server = Server::start(vec![vec![Do::Close]]).await;
    let mut settings = server.openai();
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    if let groundwork_inference::target::Kind::OpenAi { base_url, .. } = &mut settings.kind {
        base_url.set_port(Some(unused)).unwrap();
    }
    let error = target(&settings).call(hello(false)).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }) && !error.may_be_charged(), "{error}");
}

#[tokio::test]
async fn an_answer_that_nobody_asked_to_compress_is_read_all_the_same() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(ANSWER).unwrap();
    let body = gzip.finish().unwrap();
    let server = Server::answering(whole("200 OK", "content-encoding: gzip\r\n", &body)).await;
    assert_eq!(told(target(&server.openai()).call(hello(false)).await.unwrap()).await.bytes, ANSWER);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(STREAM).unwrap();
    let server = Server::answering(events("content-encoding: gzip\r\n", &gzip.finish().unwrap(), 7)).await;
    assert_eq!(told(target(&server.openai()).call(hello(true)).await.unwrap()).await.bytes, STREAM);
    let server = Server::answering(whole("200 OK", "content-encoding: zstd\r\n", b"x")).await;
    assert_eq!(target(&server.openai()).call(hello(false)).await.map(|_| ()).unwrap_err().kind(), "upstream_broken");
}

#[tokio::test]
async fn each_stage_has_its_time() {
    let short = Duration::from_millis(50);
    let limited = |timeouts: Timeouts, server: &Server| Settings { timeouts, ..server.openai() };
    let open = vec![events("", STREAM, 10_000)[0].clone()];
    let begun = vec![events("", STREAM, 10_000)[0].clone(), events("", &STREAM[..90], 90)[1].clone()];
    let role = vec![open[0].clone(), events("", ROLE, ROLE.len())[1].clone()];
    let half = whole("200 OK", "", ANSWER).into_iter().map(|answer| answer[..answer.len() - 10].to_vec()).collect();
    for (play, timeouts, stream, stage) in [
        (vec![Do::Silence], Timeouts { first_token: short, ..Timeouts::default() }, true, Stage::FirstToken),
        (vec![Do::Answer(open), Do::Silence], Timeouts { first_token: short, ..Timeouts::default() }, true, Stage::FirstToken),
        (vec![Do::Answer(begun.clone()), Do::Silence], Timeouts { idle: short, ..Timeouts::default() }, true, Stage::NextChunk),
        (
            vec![Do::Answer(role), Do::Silence],
            Timeouts { first_token: short, idle: short / 5, ..Timeouts::default() },
            true,
            Stage::FirstToken,
        ),
        (vec![Do::Answer(begun), Do::Silence], Timeouts { total: short, ..Timeouts::default() }, true, Stage::Total),
        (vec![Do::Silence], Timeouts { first_byte: short, ..Timeouts::default() }, false, Stage::FirstByte),
        (vec![Do::Answer(half), Do::Silence], Timeouts { idle: short, ..Timeouts::default() }, false, Stage::NextChunk),
        (vec![Do::Silence], Timeouts { total: short, ..Timeouts::default() }, false, Stage::Total),
    ] {
        let server = Server::start(vec![play]).await;
        let error = match target(&limited(timeouts, &server)).call(hello(stream)).await {
            Ok(reply) => told(reply).await.error.unwrap(),
            Err(error) => error,
        };
        assert!(matches!(&error, CallError::Timeout { stage: found, .. } if *found == stage), "{stage:?}: {error}");
    }
}

#[tokio::test]
async fn the_beginning_of_a_stream_waits_for_what_it_says_only_while_another_could_answer() {
    let begins = |bytes: &[u8]| vec![Do::Answer(events("", bytes, bytes.len())[..2].to_vec()), Do::Silence];
    let failed = [ROLE, b"data: {\"error\":{\"message\":\"overloaded\",\"code\":\"503\"}}\n\n"].concat();
    for (bytes, replaceable, goes_out) in [(ROLE, true, false), (ROLE, false, true), (&failed, true, false), (&failed, false, false)] {
        let server = Server::start(vec![begins(bytes)]).await;
        let timeouts = Timeouts { first_token: Duration::from_millis(200), idle: Duration::from_millis(40), ..Timeouts::default() };
        let asked = Call { replaceable, ..hello(true) };
        match target(&Settings { timeouts, ..server.openai() }).call(asked).await {
            Err(_) => assert!(!goes_out, "{replaceable}"),
            Ok(reply) => {
                let answer = told(reply).await;
                assert!(goes_out && answer.bytes == ROLE, "{}", answer.text());
                // It has said nothing yet, and has its whole time for that.
                assert!(matches!(answer.error, Some(CallError::Timeout { stage: Stage::FirstToken, .. })), "{:?}", answer.error);
            }
        }
    }
}

#[tokio::test]
async fn no_call_outlives_its_deadline() {
    let server = Server::start(vec![vec![Do::Silence]]).await;
    let mut call = hello(true);
    call.deadline = Instant::now() + Duration::from_millis(40);
    let error = target(&server.openai()).call(call).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, CallError::Timeout { stage: Stage::End, .. }), "{error}");
}

#[tokio::test]
async fn trace_and_beta_headers_go_on_and_others_do_not() {
    let server = Server::answering(whole("200 OK", "", ANSWER)).await;
    let mut call = hello(false);
    let given = [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("openai-beta", "assistants=v2"),
        ("openai-organization", "theirs"),
        ("authorization", "Bearer client"),
        ("cookie", "a=b"),
    ];
    call.headers = Arc::new(given.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect());
    let settings = Settings { headers: vec![("x-team".parse().unwrap(), "blue".parse().unwrap())], ..server.openai() };
    target(&settings).call(call).await.unwrap();
    let seen = server.seen()[0].to_lowercase();
    for header in
        ["traceparent: 00-0af7", "openai-beta: assistants=v2", "authorization: bearer key\r\n", "x-team: blue", "user-agent: groundwork/"]
    {
        assert!(seen.contains(header), "{header} in {seen}");
    }
    for header in ["theirs", "client", "cookie"] {
        assert!(!seen.contains(header), "{header} in {seen}");
    }
}
