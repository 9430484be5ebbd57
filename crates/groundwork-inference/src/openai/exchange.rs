//! One exchange with a server: send, watch the time, sort what goes wrong, decode the stream.

use super::failure::{self, Refusal};
use crate::egress;
use crate::target::{CallError, Chunks, Headers, Reply, Stage, Timeouts};
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use groundwork_wire::chat::{Chunk, ParseResponseError, Response};
use groundwork_wire::sse::Decoder;
use std::collections::VecDeque;
use std::future::Future;
use std::time::{Duration, Instant};
use url::Url;

/// Bytes of a whole answer, and of one frame, beyond which the target is not believed.
const MAX_ANSWER: usize = 64 << 20;
const MAX_FRAME: usize = 16 << 20;
/// Bytes of a refusal that are read.
const MAX_REFUSAL: usize = 256 << 10;

/// The circumstances of one call.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub target: &'a str,
    pub model: &'a str,
    pub timeouts: Timeouts,
    pub deadline: Instant,
}

/// The operator has named the host, so it may be any, but only that one and without redirects.
pub(crate) fn policy(url: &Url, timeouts: Timeouts) -> egress::Policy {
    egress::Policy {
        hosts: url.host_str().map(str::to_owned).into_iter().collect(),
        redirects: Vec::new(),
        addresses: egress::Addresses::Any,
        connect_timeout: timeouts.connect,
        // The exchange watches each stage itself; a model may think in silence for longer than any read timeout.
        read_timeout: Duration::from_secs(3600),
    }
}

pub(crate) fn post(target: &str, client: &egress::Client, url: &str) -> Result<reqwest::RequestBuilder, CallError> {
    let request = client
        .request(super::METHOD, url)
        .map_err(|error| CallError::Unreachable { target: target.to_owned(), message: error.to_string() })?;
    Ok(request.header(http::header::CONTENT_TYPE, "application/json"))
}

impl Exchange<'_> {
    pub(crate) async fn chat(&self, request: reqwest::RequestBuilder, stream: bool) -> Result<Reply, CallError> {
        if stream {
            return self.stream(request).await;
        }
        let (headers, body) = self.whole(request).await?;
        let response = Response::parse(body.clone()).map_err(|error| self.unreadable(error, body))?;
        Ok(Reply::Whole { headers, response: Box::new(response) })
    }

    /// Sends and reads the whole answer.
    pub(crate) async fn whole(&self, request: reqwest::RequestBuilder) -> Result<(Headers, Bytes), CallError> {
        let end = (self.deadline, Stage::End);
        let response = self.within(end, self.send(request)).await??;
        let headers = failure::client_headers(response.headers());
        let body = self.within(end, self.read(response, MAX_ANSWER)).await??;
        Ok((headers, body))
    }

    /// Sends, and waits for the first chunk.
    async fn stream(&self, request: reqwest::RequestBuilder) -> Result<Reply, CallError> {
        let first = self.limit(self.timeouts.first_token, Stage::FirstToken);
        let response = self.within(first, self.send(request)).await??;
        let headers = failure::client_headers(response.headers());
        let is_stream = response
            .headers()
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/event-stream"));
        if !is_stream {
            let body = self.within(first, self.read(response, MAX_REFUSAL)).await??;
            return Err(match Response::parse(body.clone()) {
                Err(error @ ParseResponseError::Error(_)) => self.unreadable(error, body),
                _ => self.broken("it answered a streaming request with something that is no event stream"),
            });
        }
        let mut frames = Frames {
            target: self.target.to_owned(),
            timeouts: self.timeouts,
            deadline: self.deadline,
            bytes: response.bytes_stream().boxed(),
            decoder: Some(Decoder::new(MAX_FRAME)),
            ready: VecDeque::new(),
            failed: None,
            finished: false,
        };
        let chunk = match self.within(first, frames.next(Stage::FirstToken)).await? {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Err(self.broken("the stream ended before it began")),
            Err(CallError::MidStream { body, .. }) => return Err(in_stream_refusal(self.target, self.model, body)),
            Err(error) => return Err(error),
        };
        let rest = stream::try_unfold(frames, |mut frames| async move {
            let chunk = frames.next(Stage::NextChunk).await?;
            Ok(chunk.map(|chunk| (chunk, frames)))
        });
        let chunks: Chunks = stream::once(std::future::ready(Ok(chunk))).chain(rest).boxed();
        Ok(Reply::Stream { headers, chunks })
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, CallError> {
        let response = request.send().await.map_err(|error| self.unsent(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = failure::retry_after(response.headers());
        let headers = failure::client_headers(response.headers());
        // A refusal whose body breaks off is still that refusal.
        let body = self.read(response, MAX_REFUSAL).await.unwrap_or_default();
        Err(failure::refusal(Refusal { target: self.target, model: self.model, status: status.as_u16(), retry_after, headers, body }))
    }

    async fn read(&self, response: reqwest::Response, limit: usize) -> Result<Bytes, CallError> {
        let mut body = BytesMut::new();
        let mut bytes = response.bytes_stream();
        while let Some(part) = bytes.try_next().await.map_err(|error| self.broken(&cause(&error)))? {
            if body.len() + part.len() > limit {
                return Err(self.broken(&format!("it is longer than {limit} bytes")));
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    }

    fn limit(&self, stage_timeout: Duration, stage: Stage) -> (Instant, Stage) {
        limit(self.deadline, stage_timeout, stage)
    }

    async fn within<T>(&self, limit: (Instant, Stage), work: impl Future<Output = T>) -> Result<T, CallError> {
        within(self.target, limit, work).await
    }

    fn unsent(&self, error: &reqwest::Error) -> CallError {
        let target = self.target.to_owned();
        if error.is_connect() && error.is_timeout() {
            return CallError::Timeout { target, stage: Stage::Connect, waited: self.timeouts.connect };
        }
        CallError::Unreachable { target, message: cause(error) }
    }

    fn unreadable(&self, error: ParseResponseError, body: Bytes) -> CallError {
        match error {
            ParseResponseError::Error(_) => in_stream_refusal(self.target, self.model, body),
            ParseResponseError::Malformed(reason) => self.broken(&reason),
        }
    }

    fn broken(&self, message: &str) -> CallError {
        CallError::Broken { target: self.target.to_owned(), message: message.to_owned() }
    }
}

/// An error object inside a 200: its `code` is often the status that it should have had.
fn in_stream_refusal(target: &str, model: &str, body: Bytes) -> CallError {
    let error = groundwork_wire::error::Error::parse(&body);
    let status = error.as_ref().and_then(|error| error.code.as_deref()?.parse::<u16>().ok()).filter(|code| (400..600).contains(code));
    let by_code = error.as_ref().and_then(|error| match error.code.as_deref()? {
        "content_filter" | "content_policy_violation" | "context_length_exceeded" => Some(400),
        "rate_limit_exceeded" | "insufficient_quota" => Some(429),
        _ => None,
    });
    let status = status.or(by_code).unwrap_or(500);
    failure::refusal(Refusal { target, model, status, retry_after: None, headers: Headers::new(), body })
}

/// Whichever comes first, the stage's own limit or the call's deadline, with the name it has in the error.
fn limit(deadline: Instant, stage_timeout: Duration, stage: Stage) -> (Instant, Stage) {
    let at = now() + stage_timeout;
    if at < deadline { (at, stage) } else { (deadline, Stage::End) }
}

async fn within<T>(target: &str, (at, stage): (Instant, Stage), work: impl Future<Output = T>) -> Result<T, CallError> {
    let began = now();
    tokio::time::timeout_at(at.into(), work).await.map_err(|_elapsed| CallError::Timeout {
        target: target.to_owned(),
        stage,
        waited: at.saturating_duration_since(began),
    })
}

/// tokio's clock, so that tests in virtual time agree with the timers.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The innermost reason: what a person can act upon.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A stream of chunks in the making.
struct Frames {
    target: String,
    timeouts: Timeouts,
    deadline: Instant,
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    /// `None` once the connection has ended.
    decoder: Option<Decoder>,
    ready: VecDeque<Chunk>,
    /// Comes after what is ready.
    failed: Option<CallError>,
    /// A finish reason was seen: an end without `[DONE]` is then an end.
    finished: bool,
}

impl Frames {
    /// The next chunk; `None` at the end of the answer.
    async fn next(&mut self, stage: Stage) -> Result<Option<Chunk>, CallError> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            let Some(decoder) = &mut self.decoder else { return Ok(None) };
            let wait = if stage == Stage::FirstToken { self.timeouts.first_token } else { self.timeouts.idle };
            let decoded = match within(&self.target, limit(self.deadline, wait, stage), self.bytes.try_next()).await? {
                Ok(Some(bytes)) => {
                    decoder.push(&bytes);
                    self.decode()
                }
                Ok(None) => self.end(),
                Err(error) => Err(self.broken(cause(&error))),
            };
            if let Err(error) = decoded {
                self.decoder = None;
                self.failed = Some(error);
            }
        }
    }

    fn decode(&mut self) -> Result<(), CallError> {
        while let Some(decoder) = &mut self.decoder {
            let frame = decoder.next().map_err(|error| self.broken(error.to_string()))?;
            let Some(frame) = frame else { return Ok(()) };
            if let Some(data) = frame.data {
                self.take(data)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, data: String) -> Result<(), CallError> {
        if data.trim() == "[DONE]" {
            self.decoder = None;
            return Ok(());
        }
        if data.trim().is_empty() {
            return Ok(());
        }
        let data = Bytes::from(data);
        let chunk = Chunk::parse(data.clone()).map_err(|error| match error {
            ParseResponseError::Error(error) => CallError::MidStream { target: self.target.clone(), message: error.message, body: data },
            ParseResponseError::Malformed(reason) => self.broken(reason),
        })?;
        self.finished |= chunk.choices.iter().any(|choice| choice.finish_reason.is_some());
        self.ready.push_back(chunk);
        Ok(())
    }

    /// The connection has ended: a last frame may be unclosed, and the answer may be cut.
    fn end(&mut self) -> Result<(), CallError> {
        if let Some(frame) = self.decoder.take().and_then(Decoder::finish)
            && let Some(data) = frame.data
        {
            self.take(data)?;
        }
        if self.finished { Ok(()) } else { Err(self.broken("the connection ended in mid-answer".to_owned())) }
    }

    fn broken(&self, message: String) -> CallError {
        CallError::Broken { target: self.target.clone(), message }
    }
}
