//! The scripted upstream: one answer and one stream, always the same bytes.

use anyhow::Result;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::TcpListener;

pub const CHUNKS: usize = 64;
/// Between two chunks of a stream.
pub const PACE: Duration = Duration::from_millis(50);

/// Every field that gateways are known to drop.
pub const WHOLE: &str = r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1767225600,"model":"gpt-5-mini-2025-08-07","choices":[{"index":0,"message":{"role":"assistant","content":"Leave is requested in the portal, at least two weeks ahead.","refusal":null,"annotations":[]},"logprobs":{"content":[{"token":"Leave","logprob":-0.01,"bytes":[76,101,97,118,101],"top_logprobs":[]}],"refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":42,"completion_tokens":14,"total_tokens":56,"prompt_tokens_details":{"cached_tokens":32,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_bench","x_unknown":{"n":9007199254740993}}"#;

pub fn chunk(number: usize) -> String {
    let body = match number {
        0 => r#"{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]"#.to_owned(),
        last if last == CHUNKS - 2 => r#"{},"logprobs":null,"finish_reason":"stop"}]"#.to_owned(),
        _ => format!(r#"{{"content":" word{number}"}},"logprobs":null,"finish_reason":null}}]"#),
    };
    let head = r#"data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1767225600,"model":"gpt-5-mini-2025-08-07","service_tier":"default","system_fingerprint":"fp_bench","choices":["#;
    if number == CHUNKS - 1 {
        return format!(
            "{head}],\"usage\":{{\"prompt_tokens\":42,\"completion_tokens\":61,\"total_tokens\":103,\"prompt_tokens_details\":{{\"cached_tokens\":32}}}}}}\n\n"
        );
    }
    format!("{head}{{\"index\":0,\"delta\":{body},\"usage\":null}}\n\n")
}

/// All bytes of the stream.
pub fn stream_text() -> String {
    (0..CHUNKS).map(chunk).chain(["data: [DONE]\n\n".to_owned()]).collect()
}

pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let chunks: std::sync::Arc<[Bytes]> =
        (0..CHUNKS).map(|number| Bytes::from(chunk(number))).chain([Bytes::from("data: [DONE]\n\n")]).collect();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let chunks = chunks.clone();
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(move |request| answer(request, chunks.clone()))),
        );
    }
}

type Paced = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

async fn answer(request: Request<Incoming>, chunks: std::sync::Arc<[Bytes]>) -> Result<Response<Either<Paced, Full<Bytes>>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let streams = body.windows(13).any(|window| window == b"\"stream\":true");
    let kind = if streams { "text/event-stream" } else { "application/json" };
    let body = if streams {
        let paced = stream::unfold(0, move |at| {
            let chunk = chunks.get(at).cloned();
            async move {
                let chunk = chunk?;
                if at > 0 {
                    tokio::time::sleep(PACE).await;
                }
                Some((Ok::<_, Infallible>(Frame::data(chunk)), at + 1))
            }
        });
        Either::Left(StreamBody::new(paced.boxed()))
    } else {
        Either::Right(Full::new(Bytes::from_static(WHOLE.as_bytes())))
    };
    let response = Response::builder()
        .header("content-type", kind)
        .header("x-request-id", "req_bench")
        .header("x-ratelimit-remaining-requests", "999")
        .body(body);
    Ok(response.expect("these headers are valid"))
}
