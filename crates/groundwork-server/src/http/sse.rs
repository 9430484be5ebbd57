//! An answer as server-sent events: frames as they come, a comment when nothing comes. An answer that lets itself be waited for gets its
//! head before its first byte, so that nothing on the way takes the connection for dead; until then a failure is a status, from then on
//! it is an error event and the end.

use super::Front;
use super::error::ApiError;
use super::openai::name_call;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use groundwork_app::pipeline::{self, Answer, Head, Item, Request};
use groundwork_core::access::Caller;
use groundwork_core::turn::{Dialect, Frame};
use groundwork_inference::alarm::Alarm;
use groundwork_wire::object::Object;
use groundwork_wire::sse;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How a stream goes, for whoever listens to it on its way out.
#[derive(Debug, Clone, Default)]
pub(super) struct Course(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    beats: AtomicBool,
    failed: AtomicBool,
}

impl Course {
    /// Whether the piece that was given out last is a heartbeat.
    pub(super) fn beats(&self) -> bool {
        self.0.beats.load(Ordering::Relaxed)
    }

    /// Whether nothing went wrong so far: no error ended it, and nothing that it said was taken back.
    pub(super) fn went_well(&self) -> bool {
        !self.0.failed.load(Ordering::Relaxed)
    }

    fn beat(&self) -> Bytes {
        self.0.beats.store(true, Ordering::Relaxed);
        sse::comment("heartbeat")
    }

    fn says(&self) {
        self.0.beats.store(false, Ordering::Relaxed);
    }

    fn fails(&self) {
        self.0.failed.store(true, Ordering::Relaxed);
    }
}

const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Bytes of an answer in one piece that comes where a stream was asked for.
const MOST_INSTEAD: usize = 64 << 20;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer whose head is known.
pub(super) enum Said {
    Whole(HeaderMap, Bytes),
    Stream(HeaderMap, BoxStream<'static, Item>),
    /// What a target answered, as it came.
    Other(Response),
}

impl From<Answer> for Said {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Whole(head, body) => Self::Whole(headers_of(head), body),
            Answer::Stream(head, items) => Self::Stream(headers_of(head), items),
        }
    }
}

/// The headers of an answer.
pub(super) fn headers_of(head: Head) -> HeaderMap {
    let mut headers = head.headers;
    name_call(&mut headers, &head.call);
    headers
}

/// An answer in one piece that says of itself that it failed: whoever asks again with its idempotency key wants another.
pub(super) fn failed(head: Head, body: Bytes) -> Said {
    let (mut headers, course) = (headers_of(head), Course::default());
    headers.insert(CONTENT_TYPE, JSON);
    course.fails();
    let mut response = with_headers(headers, Body::from(body));
    response.extensions_mut().insert(course);
    Said::Other(response)
}

pub(super) type Asking = BoxFuture<'static, Result<Said, ApiError>>;

/// Asks a model and answers in the request's dialect.
pub(super) async fn answer(front: &Front, caller: Arc<Caller>, request: Request) -> Result<Response, ApiError> {
    let (dialect, body) = (request.dialect, request.body.clone());
    let app = front.app().clone();
    wait(front, dialect, &body, Box::pin(async move { Ok(pipeline::run(&app, &caller, request).await?.into()) })).await
}

/// Waits for the answer to the request `body`.
pub(super) async fn wait(front: &Front, dialect: Dialect, body: &Bytes, mut asking: Asking) -> Result<Response, ApiError> {
    let heartbeat = front.0.server.heartbeat.duration();
    let answered = match tokio::time::timeout(heartbeat, &mut asking).await {
        Ok(answered) => answered,
        Err(_) if wants_stream(body) => {
            let course = Course::default();
            let rest = events(Stage::Asking(asking), Manner { dialect, heartbeat, course: course.clone() });
            let first = course.clone();
            let beat = stream::once(async move { first.beat() });
            return Ok(respond(HeaderMap::new(), beat.chain(rest), course));
        }
        Err(_) => asking.await,
    };
    match answered? {
        Said::Whole(mut headers, body) => {
            headers.insert(CONTENT_TYPE, JSON);
            Ok(with_headers(headers, Body::from(body)))
        }
        Said::Stream(headers, items) => Ok(stream_of(headers, items, dialect, heartbeat)),
        Said::Other(response) => Ok(response),
    }
}

/// Sends `items` with `headers`. Dropping the body drops `items`.
pub(super) fn stream_of(headers: HeaderMap, items: BoxStream<'static, Item>, dialect: Dialect, heartbeat: Duration) -> Response {
    let course = Course::default();
    respond(headers, events(Stage::Answering(items), Manner { dialect, heartbeat, course: course.clone() }), course)
}

fn respond(headers: HeaderMap, events: impl futures::Stream<Item = Bytes> + Send + 'static, course: Course) -> Response {
    let own = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (UNBUFFERED, HeaderValue::from_static("no")),
    ];
    let mut response = with_headers(headers, Body::from_stream(events.map(Ok::<_, Infallible>)));
    response.headers_mut().extend(own);
    response.extensions_mut().insert(course);
    response
}

/// A success. `headers` become its headers as they are: there are many, and putting each into another map takes longer.
fn with_headers(headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}

/// Looked at only when an answer is late.
fn wants_stream(body: &Bytes) -> bool {
    Object::parse(body.clone()).is_ok_and(|object| object.get("stream", "a boolean") == Ok(Some(true)))
}

/// How the events of one answer are written.
struct Manner {
    dialect: Dialect,
    heartbeat: Duration,
    course: Course,
}

enum Stage {
    /// The head is out and the answer has not begun.
    Asking(Asking),
    Answering(BoxStream<'static, Item>),
    Ended,
}

fn events(stage: Stage, manner: Manner) -> impl futures::Stream<Item = Bytes> + Send {
    stream::unfold((stage, manner, Alarm::default()), |(mut stage, manner, mut alarm)| async move {
        let event = manner.next(&mut stage, &mut alarm).await?;
        Some((event, (stage, manner, alarm)))
    })
}

impl Manner {
    async fn next(&self, stage: &mut Stage, alarm: &mut Alarm) -> Option<Bytes> {
        let due = (Instant::now() + self.heartbeat).into_std();
        match alarm.on(due, self.step(stage)).await {
            Some(event) => {
                self.course.says();
                event
            }
            None => Some(self.course.beat()),
        }
    }

    /// Cancel safe: nothing is lost of a step that was cut.
    async fn step(&self, stage: &mut Stage) -> Option<Bytes> {
        loop {
            match stage {
                Stage::Asking(asking) => match asking.await {
                    Ok(Said::Stream(_, items)) => *stage = Stage::Answering(items),
                    Ok(Said::Whole(_, body)) => {
                        *stage = Stage::Ended;
                        return Some(Frame::data(body).to_bytes());
                    }
                    // One piece, though a stream was asked for, is one event.
                    Ok(Said::Other(response)) => {
                        *stage = Stage::Asking(Box::pin(async {
                            let whole = axum::body::to_bytes(response.into_body(), MOST_INSTEAD).await;
                            whole.map(|body| Said::Whole(HeaderMap::new(), body)).map_err(|error| ApiError::bug(error.to_string()))
                        }));
                    }
                    Err(error) => return Some(self.fail(stage, error)),
                },
                Stage::Answering(items) => match items.next().await? {
                    Item::Frame(frame) => return Some(frame.to_bytes()),
                    Item::Retracted => self.course.fails(),
                    // A response says itself that it failed, in events that go on counting.
                    Item::Error(_) if self.dialect == Dialect::Responses => {
                        self.course.fails();
                        return None;
                    }
                    Item::Error(error) => return Some(self.fail(stage, error.into())),
                },
                Stage::Ended => return None,
            }
        }
    }

    fn fail(&self, stage: &mut Stage, error: ApiError) -> Bytes {
        *stage = Stage::Ended;
        self.course.fails();
        match self.dialect {
            Dialect::Chat => Frame::data(error.into_event(false)).to_bytes(),
            Dialect::Messages => Frame::named("error", error.into_event(true)).to_bytes(),
            // Nothing has been told yet of the response that will not be.
            Dialect::Responses => Frame::named("error", error.into_responses_event()).to_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_app::pipeline::CallError;

    async fn text_of(items: Vec<Item>, dialect: Dialect) -> String {
        let manner = Manner { dialect, heartbeat: Duration::from_secs(15), course: Course::default() };
        let events: Vec<Bytes> = events(Stage::Answering(stream::iter(items).boxed()), manner).collect().await;
        String::from_utf8(events.concat()).unwrap()
    }

    #[tokio::test]
    async fn frames_pass_byte_by_byte() {
        let frame = |text: &'static str| Item::Frame(Frame::data(Bytes::from_static(text.as_bytes())));
        let text = text_of(vec![frame(r#"{"a": 1.50}"#), frame("{\n\"b\":2}"), Item::Frame(Frame::done())], Dialect::Chat).await;
        assert_eq!(text, "data: {\"a\": 1.50}\n\ndata: {\ndata: \"b\":2}\n\ndata: [DONE]\n\n");
    }

    #[tokio::test]
    async fn an_error_in_the_middle_is_an_event_of_the_dialect_and_the_end() {
        for (dialect, begins, code) in
            [(Dialect::Chat, "data: ", "/error/code"), (Dialect::Messages, "event: error\ndata: ", "/error/type")]
        {
            let items = vec![
                Item::Frame(Frame::data(Bytes::from_static(b"{}"))),
                Item::Error(CallError::UnknownModel("m".into())),
                Item::Frame(Frame::data(Bytes::from_static(b"{}"))),
            ];
            let text = text_of(items, dialect).await;
            let events: Vec<&str> = text.split_terminator("\n\n").collect();
            assert_eq!(events.len(), 2, "{text}");
            let error: serde_json::Value = serde_json::from_str(events[1].strip_prefix(begins).unwrap()).unwrap();
            let expected = if dialect == Dialect::Messages { "not_found_error" } else { "model_not_found" };
            assert_eq!(error.pointer(code).unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_response_that_fails_before_its_first_event_is_one_error_event_and_after_it_tells_itself() {
        let manner = |course: &Course| Manner { dialect: Dialect::Responses, heartbeat: Duration::from_secs(15), course: course.clone() };
        let unknown = || CallError::UnknownModel("m".into());
        let asking: Asking = Box::pin(async move { Err(unknown().into()) });
        let told: Vec<Bytes> = events(Stage::Asking(asking), manner(&Course::default())).collect().await;
        let event: serde_json::Value = serde_json::from_slice(told[0].strip_prefix(b"event: error\ndata: ").unwrap()).unwrap();
        assert_eq!((told.len(), &event["code"], &event["sequence_number"]), (1, &"model_not_found".into(), &0.into()));
        let failing = stream::iter([Item::Frame(Frame::named("response.failed", "{}")), Item::Error(unknown())]).boxed();
        let course = Course::default();
        let told: Vec<Bytes> = events(Stage::Answering(failing), manner(&course)).collect().await;
        assert_eq!((told.concat(), course.went_well()), (b"event: response.failed\ndata: {}\n\n".to_vec(), false));
    }

    #[tokio::test]
    async fn silence_is_filled_with_comments() {
        let manner = Manner { dialect: Dialect::Chat, heartbeat: Duration::from_millis(1), course: Course::default() };
        let heard: Vec<Bytes> = events(Stage::Answering(stream::pending().boxed()), manner).take(2).collect().await;
        assert!(heard.iter().all(|bytes| bytes.starts_with(b":") && bytes.ends_with(b"\n\n")), "{heard:?}");
    }
}
