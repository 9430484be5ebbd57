//! `Idempotency-Key`: a request that comes again gets the answer of the first, a stream too, and no second call is made.

use super::Front;
use super::error::ApiError;
use super::sse::BrokenOff;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use groundwork_app::repeats::{self, Asked, Begun, Claim, Kept, MOST_BYTES_OF_ONE};
use groundwork_core::access::Caller;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Answers `request`, which carries the key, once.
pub(super) async fn once(front: &Front, caller: &Caller, request: Request, next: Next) -> Response {
    match begin(front, caller, request).await {
        Ok((request, Begun::First(claim))) => record(next.run(request).await, claim),
        Ok((_, Begun::Again(kept))) => again(kept),
        Err(error) => error.into_response(),
    }
}

async fn begin(front: &Front, caller: &Caller, request: Request) -> Result<(Request, Begun), ApiError> {
    let (parts, body) = request.into_parts();
    let key = parts.headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    if key.is_empty() || key.len() > 255 {
        return Err(ApiError::invalid_param("Idempotency-Key", "an idempotency key has 1 to 255 visible characters"));
    }
    let path = format!("{} {}", parts.method, parts.uri);
    let whole = Request::from_parts(parts.clone(), body);
    let body = Bytes::from_request(whole, front).await.map_err(|rejection| ApiError::unreadable_body(&rejection))?;
    let asked = Asked { path: &path, key: &key, body: &body };
    let begun = repeats::begin(front.app(), caller, asked).await?;
    Ok((Request::from_parts(parts, Body::from(body)), begun))
}

fn again(kept: Kept) -> Response {
    let mut response = (StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK), kept.body).into_response();
    for (name, value) in kept.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Listens to a good answer on its way out; one that is no success may be asked for again.
fn record(response: Response, claim: Claim) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let headers = headers_of(response.headers());
    let broken = response.extensions().get::<BrokenOff>().cloned();
    response.map(|body| {
        let mut recorded = Recorded { body, heard: BytesMut::new(), broken, open: Some((claim, headers)) };
        if recorded.body.is_end_stream() {
            recorded.end();
        }
        Body::new(recorded)
    })
}

fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

struct Recorded {
    body: Body,
    heard: BytesMut,
    broken: Option<BrokenOff>,
    /// `None` once the answer is kept, or will not be.
    open: Option<(Claim, Vec<(String, String)>)>,
}

impl Recorded {
    fn hear(&mut self, data: &Bytes) {
        // Heartbeats are of their moment.
        if data.starts_with(b":") {
            return;
        }
        if self.heard.len() + data.len() > MOST_BYTES_OF_ONE {
            self.open = None;
            self.heard = BytesMut::new();
        } else if self.open.is_some() {
            self.heard.extend_from_slice(data);
        }
    }

    fn end(&mut self) {
        if let Some((claim, headers)) = self.open.take()
            && !self.broken.as_ref().is_some_and(BrokenOff::is_so)
        {
            claim.keep(Kept { status: 200, headers, body: self.heard.split().freeze() });
        }
    }
}

impl HttpBody for Recorded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.hear(data);
                }
                // The connection asks no further when it knows that this was the last.
                if self.body.is_end_stream() {
                    self.end();
                }
            }
            Poll::Ready(Some(Err(_))) => self.open = None,
            Poll::Ready(None) => self.end(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
