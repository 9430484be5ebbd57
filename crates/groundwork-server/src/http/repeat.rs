//! `Idempotency-Key`: a request that comes again gets the answer of the first, a stream too, and no second call is made.

use super::Front;
use super::body::Whole;
use super::error::ApiError;
use super::openai::Until;
use super::sse::Course;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use groundwork_app::repeats::{self, Asked, Begun, Claim, Hearing, Kept};
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
    let Until(until) = Until::known(front, &parts.extensions);
    let whole = Request::from_parts(parts.clone(), body);
    let Whole(body) = Whole::from_request(whole, front).await?;
    let asked = Asked { path: &path, key: &key, body: &parts_of(&parts.headers, &body), until };
    let begun = repeats::begin(front.app(), caller, asked).await?;
    Ok((Request::from_parts(parts, Body::from(body)), begun))
}

/// What of a body is the same when it comes again: a form's boundary is made up anew each time.
fn parts_of<'a>(headers: &HeaderMap, body: &'a [u8]) -> Vec<&'a [u8]> {
    let Some(boundary) = headers.get(CONTENT_TYPE).and_then(|kind| boundary_of(kind.to_str().ok()?)) else { return vec![body] };
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut begin = 0;
    for at in memchr::memmem::find_iter(body, delimiter.as_bytes()) {
        parts.push(&body[begin..at]);
        begin = at + delimiter.len();
    }
    parts.push(&body[begin..]);
    parts
}

fn boundary_of(content_type: &str) -> Option<&str> {
    let (kind, params) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut params = params.split(';').filter_map(|param| param.trim().split_once('='));
    let (_, boundary) = params.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    Some(boundary.trim().trim_matches('"')).filter(|boundary| !boundary.is_empty())
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
    let course = response.extensions().get::<Course>().cloned();
    response.map(|body| {
        let mut recorded = Recorded { body, course, open: Some((claim.hear(), headers)) };
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
    /// Of an answer that streams.
    course: Option<Course>,
    /// `None` once the answer is kept, or will not be.
    open: Option<(Hearing, Vec<(String, String)>)>,
}

impl Recorded {
    fn hear(&mut self, data: &Bytes) {
        // Heartbeats are of their moment.
        if let Some((hearing, _)) = &mut self.open
            && !self.course.as_ref().is_some_and(Course::beats)
        {
            hearing.push(data);
        }
    }

    fn end(&mut self) {
        if let Some((hearing, headers)) = self.open.take()
            && self.course.as_ref().is_none_or(Course::went_well)
        {
            hearing.keep(200, headers);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(content_type: &str, body: &'static str) -> Vec<&'static str> {
        let headers = [(CONTENT_TYPE, HeaderValue::try_from(content_type).unwrap())].into_iter().collect();
        parts_of(&headers, body.as_bytes()).into_iter().map(|part| std::str::from_utf8(part).unwrap()).collect()
    }

    #[test]
    fn a_form_is_the_same_whatever_its_boundary() {
        let one = parts("multipart/form-data; boundary=one", "--one\r\nA: b\r\n\r\nx--on\r\n--one--\r\n");
        assert_eq!(one, ["", "\r\nA: b\r\n\r\nx--on\r\n", "--\r\n"]);
        assert_eq!(parts("Multipart/Form-Data; charset=utf-8; Boundary=\"2 2\"", "--2 2\r\nA: b\r\n\r\nx--on\r\n--2 2--\r\n"), one);
        for plain in ["application/json", "multipart/form-data", "multipart/form-data; boundary=", "text/plain; boundary=one"] {
            assert_eq!(parts(plain, "--one"), ["--one"], "{plain}");
        }
    }
}
