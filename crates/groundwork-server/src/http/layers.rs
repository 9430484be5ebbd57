//! All layers, in order. A thing that needs neither the caller nor the body is a layer; everything else is a step of an operation.

use super::error::ApiError;
use super::metrics::Labels;
use super::router::Cost;
use super::{Entrance, Front, body, caller};
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::EXPECT;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use groundwork_core::ids;
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::decompression::{DecompressionBody, RequestDecompressionLayer};
use tracing::Instrument;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// For operations that only touch rows, and for what every request spends around its operation.
const SMALL_DEADLINE: Duration = Duration::from_secs(30);

/// What a client that is refused may go on sending, and for how long.
const UNREAD_BYTES: u64 = 256 << 20;
const UNREAD_DEADLINE: Duration = Duration::from_secs(10);

/// What boundaries, part headers and the other fields of an upload may add to the document itself.
const MULTIPART_OVERHEAD: usize = 1 << 20;

/// What every request passes, outermost first.
pub(super) fn around(router: Router<Front>, entrance: Entrance, front: &Front) -> Router<Front> {
    router.layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(front.clone(), request_id))
            .layer(from_fn(take_to_its_end))
            .layer(from_fn_with_state(front.clone(), trace_and_measure))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(move |request, next| caller::gate(entrance, request, next))),
    )
}

/// What the requests of one route pass after that, outermost first, by what they may cost.
pub(super) fn by_cost(handler: MethodRouter<Front>, cost: Cost, front: &Front) -> MethodRouter<Front> {
    let limits = front.limits();
    let json = limits.json_body.as_len();
    let (body_limit, deadline) = match cost {
        Cost::Probe => return handler,
        Cost::Small => (json, SMALL_DEADLINE),
        Cost::Search => (json, limits.search.duration() + SMALL_DEADLINE),
        Cost::Answer => (json, limits.request.duration() + SMALL_DEADLINE),
        Cost::Upload => {
            let document = limits.document.as_len().saturating_add(MULTIPART_OVERHEAD);
            (document, limits.ingest.duration() + SMALL_DEADLINE)
        }
    };
    handler.layer(
        ServiceBuilder::new()
            .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
            .map_request(|request: Request<DecompressionBody<Body>>| request.map(Body::new))
            // Counts what comes out of the decompression, so that a bomb ends at the limit too.
            .layer(DefaultBodyLimit::max(body_limit))
            .layer(from_fn_with_state(front.clone(), shed))
            .layer(from_fn(move |request, next| within(deadline, request, next))),
    )
}

/// Gives the request an id of ours when the client brought none that can be logged.
async fn request_id(State(front): State<Front>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).filter(|id| {
        let id = id.as_bytes();
        (1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
    });
    let id = given.cloned().or_else(|| {
        let made: ids::CallId = ids::make("req", front.0.clock.now(), front.0.dice.roll()).ok()?;
        HeaderValue::from_str(made.as_str()).ok()
    });
    let Some(id) = id else {
        return next.run(request).await;
    };
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Lets a client that is refused finish sending, within bounds, so that it sees the refusal.
async fn take_to_its_end(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return next.run(request).await;
    }
    let (request, rest) = body::watched(request);
    let response = next.run(request).await;
    if !response.status().is_success() {
        // Whether the client was slow or done makes no difference to the answer.
        let _ = tokio::time::timeout(UNREAD_DEADLINE, rest.forget(UNREAD_BYTES)).await;
    }
    response
}

/// One span, one access line and one measurement a request; never a body, a key, a query or a person.
async fn trace_and_measure(State(front): State<Front>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let span = tracing::info_span!("http.request", request_id = id, %method, route);
    let running = front.0.metrics.begin();
    let response = next.run(request).instrument(span.clone()).await;
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    front.0.metrics.observe(&Labels::new(&method, &route, status), elapsed);
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| match route.as_str() {
        "/healthz" | "/readyz" | "/metrics" => tracing::debug!(status, millis, "{method} {route} {status} in {millis} ms"),
        _ => tracing::info!(status, millis, "{method} {route} {status} in {millis} ms"),
    });
    response.map(|body| body::held(body, running))
}

/// Refuses at once when every place is taken. The place is given back when the last byte of the answer has gone.
async fn shed(State(front): State<Front>, request: Request, next: Next) -> Response {
    let Ok(place) = Arc::clone(&front.0.places).try_acquire_owned() else {
        return ApiError::overloaded().into_response();
    };
    next.run(request).await.map(|body| body::held(body, place))
}

async fn within(deadline: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::deadline(deadline).into_response(),
    }
}

/// The net under everything: a bug costs its own request a 500, and nobody else's.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer calls")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    ApiError::bug(format!("panicked: {}", what.unwrap_or("without a message"))).into_response()
}
