//! Bodies on their way in and out.

use super::error::ApiError;
use super::{Front, gather};
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

/// The whole body of a request, within the route's limit.
pub(super) struct Whole(pub(super) Bytes);

impl FromRequest<Front> for Whole {
    type Rejection = ApiError;

    async fn from_request(request: Request, front: &Front) -> Result<Self, ApiError> {
        Posted::from_request(request, front).await.map(|Posted(_, body)| Self(body))
    }
}

/// The headers of a request and its whole body, within the route's limit.
pub(super) struct Posted(pub(super) HeaderMap, pub(super) Bytes);

impl FromRequest<Front> for Posted {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, front: &Front) -> Result<Self, ApiError> {
        let headers = std::mem::take(request.headers_mut());
        if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            return Err(ApiError::unsupported_encoding(encoding));
        }
        let body = gather::collect(request, front).await?;
        Ok(Self(headers, body))
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

/// `body`, with `guard` kept as by `held`, but both only until `until`: a client that reads slowly, or not at all, keeps nothing longer.
pub(super) fn held_until<G: Send + Unpin + 'static>(body: Body, guard: G, (until, tasks): (Instant, &TaskTracker)) -> Body {
    let lent = Arc::new(Mutex::new(Lent { body: Held { body, _guard: guard }.into(), waker: None }));
    let (gone, end) = oneshot::channel();
    let late = Arc::downgrade(&lent);
    tasks.spawn(async move {
        if tokio::time::timeout_at(until.into(), end).await.is_err()
            && let Some(lent) = late.upgrade()
        {
            let Lent { body, waker } = std::mem::take(&mut *lock(&lent));
            drop(body);
            waker.inspect(Waker::wake_by_ref);
        }
    });
    Body::new(Leased { lent, _gone: gone })
}

/// What a client has of an answer on its way out.
struct Leased<G> {
    lent: Arc<Mutex<Lent<G>>>,
    /// Ends the watch over it.
    _gone: oneshot::Sender<()>,
}

struct Lent<G> {
    /// `None` when its time was over.
    body: Option<Held<G>>,
    /// Of the connection that waits for the body.
    waker: Option<Waker>,
}

impl<G> Default for Lent<G> {
    fn default() -> Self {
        Self { body: None, waker: None }
    }
}

fn lock<G>(lent: &Mutex<Lent<G>>) -> MutexGuard<'_, Lent<G>> {
    lent.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<G: Unpin> HttpBody for Leased<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        let Lent { body, waker } = &mut *lock(&self.lent);
        let Some(body) = body else { return Poll::Ready(Some(Err(axum::Error::new("the client took too long to read its answer")))) };
        let polled = Pin::new(body).poll_frame(context);
        if polled.is_pending() && !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.lent).body.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        lock(&self.lent).body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_for_a_body_goes_with_it_and_with_its_time() {
        let tasks = TaskTracker::new();
        let until = || (tokio::time::Instant::now() + Duration::from_secs(1)).into_std();
        let lend = |body: Body, guard: &Arc<()>| held_until(body, guard.clone(), (until(), &tasks));
        let guard = Arc::new(());
        let endless = || Body::from_stream(futures::stream::pending::<Result<Bytes, Infallible>>());

        let unread = lend(endless(), &guard);
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert_eq!(Arc::strong_count(&guard), 2);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(Arc::strong_count(&guard), 1, "nobody has read it");
        drop(unread);

        let mut awaited = lend(endless(), &guard);
        assert!(awaited.frame().await.is_some_and(|frame| frame.is_err()), "who waits is told");

        let dropped = lend(endless(), &guard);
        drop(dropped);
        assert_eq!(Arc::strong_count(&guard), 1);
        assert_eq!(lend(Body::from("all"), &guard).collect().await.unwrap().to_bytes(), "all");
        assert_eq!(Arc::strong_count(&guard), 1);
        tasks.close();
        tasks.wait().await;
    }
}
