//! An answer as server-sent events: chunks as they come, a comment when nothing comes, `[DONE]` at the end. A failure after the first
//! byte is an error event, and then the end without `[DONE]`.

use super::error::ApiError;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};
use groundwork_app::pipeline::Item;
use groundwork_wire::sse::{self, DONE};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether a stream ended with an error.
#[derive(Debug, Clone, Default)]
pub(super) struct BrokenOff(Arc<AtomicBool>);

impl BrokenOff {
    pub(super) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Sends `items` with `headers`. Dropping the body drops `items`.
pub(super) fn respond(headers: HeaderMap, items: BoxStream<'static, Item>, heartbeat: Duration) -> Response {
    let broken = BrokenOff::default();
    let mut response = Body::from_stream(events(items, heartbeat, broken.clone()).map(Ok::<_, Infallible>)).into_response();
    response.extensions_mut().insert(broken);
    let own = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (UNBUFFERED, HeaderValue::from_static("no")),
    ];
    response.headers_mut().extend(headers);
    response.headers_mut().extend(own);
    response
}

fn events(items: BoxStream<'static, Item>, heartbeat: Duration, broken: BrokenOff) -> impl futures::Stream<Item = Bytes> + Send {
    stream::unfold((Some(items), broken), move |(items, broken)| async move {
        let mut items = items?;
        let Ok(next) = tokio::time::timeout(heartbeat, items.next()).await else {
            return Some((sse::comment("heartbeat"), (Some(items), broken)));
        };
        Some(match next {
            Some(Item::Chunk(json)) => (event(&json), (Some(items), broken)),
            Some(Item::Error(error)) => {
                broken.set();
                (event(&ApiError::from(error).into_event(false)), (None, broken))
            }
            None => (DONE, (None, broken)),
        })
    })
}

/// One event around JSON. JSON in one line, as every serializer writes it, is passed on byte by byte.
fn event(json: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(json.len() + 8);
    for line in json.split(|byte| *byte == b'\n') {
        frame.put_slice(b"data: ");
        frame.put_slice(line.strip_suffix(b"\r").unwrap_or(line));
        frame.put_u8(b'\n');
    }
    frame.put_u8(b'\n');
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_app::pipeline::ChatError;

    async fn text_of(items: Vec<Item>) -> String {
        let events: Vec<Bytes> = events(stream::iter(items).boxed(), Duration::from_secs(15), BrokenOff::default()).collect().await;
        String::from_utf8(events.concat()).unwrap()
    }

    #[tokio::test]
    async fn chunks_pass_byte_by_byte_and_end_with_done() {
        let chunk = |text: &'static str| Item::Chunk(Bytes::from_static(text.as_bytes()));
        let text = text_of(vec![chunk(r#"{"a": 1.50}"#), chunk("{\n\"b\":2}")]).await;
        assert_eq!(text, "data: {\"a\": 1.50}\n\ndata: {\ndata: \"b\":2}\n\ndata: [DONE]\n\n");
    }

    #[tokio::test]
    async fn an_error_in_the_middle_is_an_event_and_the_end() {
        let items = vec![
            Item::Chunk(Bytes::from_static(b"{}")),
            Item::Error(ChatError::UnknownModel("m".into())),
            Item::Chunk(Bytes::from_static(b"{}")),
        ];
        let text = text_of(items).await;
        let events: Vec<&str> = text.split_terminator("\n\n").collect();
        assert_eq!(events.len(), 2, "{text}");
        let error: serde_json::Value = serde_json::from_str(events[1].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(error["error"]["code"], "model_not_found");
    }

    #[tokio::test]
    async fn silence_is_filled_with_comments() {
        let heard: Vec<Bytes> = events(stream::pending().boxed(), Duration::from_millis(1), BrokenOff::default()).take(2).collect().await;
        assert!(heard.iter().all(|bytes| bytes.starts_with(b":") && bytes.ends_with(b"\n\n")), "{heard:?}");
    }
}
