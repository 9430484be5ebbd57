//! Bodies on their way in and out.

use super::error::ApiError;
use super::{Front, gather};
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// The whole body of a request, within the route's limit.
pub(super) struct Whole(pub(super) Bytes);

impl FromRequest<Front> for Whole {
    type Rejection = ApiError;

    async fn from_request(request: Request, front: &Front) -> Result<Self, ApiError> {
        if let Some(encoding) = request.headers().get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            return Err(ApiError::unsupported_encoding(encoding));
        }
        gather::collect(request, front).await.map(Self)
    }
}

/// A JSON body of one of our own endpoints; what is wrong is named by its path.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Front> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, front: &Front) -> Result<Self, ApiError> {
        if request.headers().get(CONTENT_TYPE).is_some_and(|kind| !is_json(kind.as_bytes())) {
            return Err(ApiError::unsupported_media_type("application/json"));
        }
        let Whole(bytes) = Whole::from_request(request, front).await?;
        parse(&bytes).map(Self)
    }
}

/// JSON of one of our own shapes.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut reader);
    let value = parsed.map_err(|error| ApiError::invalid_json(Some(error.path().to_string()), error.inner()))?;
    reader.end().map_err(|error| ApiError::invalid_json(None, &error))?;
    Ok(value)
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json") || essence.to_ascii_lowercase().ends_with(b"+json")
}

/// What is left of a request's body while someone else reads it.
pub(super) struct Rest(Arc<Mutex<Body>>);

/// A handle on what will be left of the body of `request`.
pub(super) fn watch(request: &mut Request) -> Rest {
    let body = Arc::new(Mutex::new(std::mem::take(request.body_mut())));
    *request.body_mut() = Body::new(Watched(body.clone()));
    Rest(body)
}

impl Rest {
    /// Reads and forgets at most `limit` bytes of what is left, until nothing comes for `pause`. A client that is still sending when it is refused would otherwise find its
    /// connection reset, and never see why.
    pub(super) async fn forget(self, limit: u64, pause: Duration) {
        let mut body = Watched(self.0);
        let mut forgotten = 0;
        while forgotten < limit
            && let Ok(Some(Ok(frame))) = tokio::time::timeout(pause, body.frame()).await
        {
            forgotten += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
    }
}

struct Watched(Arc<Mutex<Body>>);

impl Watched {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body().size_hint()
    }
}

/// `body`, with `guard` kept until its last byte has gone or nobody wants it any more.
pub(super) fn held<G: Send + Unpin + 'static>(body: Body, guard: G) -> Body {
    if body.is_end_stream() { body } else { Body::new(Held { body, _guard: guard }) }
}

struct Held<G> {
    body: Body,
    _guard: G,
}

impl<G: Unpin> HttpBody for Held<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
