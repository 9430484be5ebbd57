//! What every request passes before its handler and its answer after it, in one place and in order. It is one function for speed: a
//! layer costs more than most of what stands here.

use super::body::{self, Rest};
use super::caller::{self, Entrance};
use super::error::{self, ApiError};
use super::openai::Until;
use super::repeat::{self, IDEMPOTENCY_KEY};
use super::router::{Cost, Permission};
use super::{Front, gzip, metrics, steady, zstd};
use crate::config::LimitsConfig;
use axum::body::HttpBody;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{EXPECT, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use groundwork_app::uploads::MAX_PART;
use groundwork_core::access::Caller;
use groundwork_core::ids;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Anthropic's name for it; on every answer, because it costs nothing and no client minds.
const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");

/// For operations that only touch rows, and for what every request spends around its operation.
const SMALL_DEADLINE: Duration = Duration::from_secs(30);

/// How long a stream whose time is over may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Bytes of a body that need no waiting for.
const SMALL_BODY: u64 = 16 << 10;

/// What a client that is refused may go on sending, and for how long.
const UNREAD_BYTES: u64 = 1 << 30;
const UNREAD_DEADLINE: Duration = Duration::from_secs(10);
/// A client that sends nothing for so long waits for its answer.
const UNREAD_PAUSE: Duration = Duration::from_millis(500);

/// What boundaries, part headers and the other fields of an upload may add to the document itself.
const MULTIPART_OVERHEAD: usize = 1 << 20;

/// Bytes of the largest body with a document in it.
pub(super) fn largest_upload(limits: &LimitsConfig) -> usize {
    limits.document.as_len().saturating_add(MULTIPART_OVERHEAD)
}

/// What stands before one route.
pub(super) struct Guard {
    front: Front,
    entrance: Entrance,
    route: &'static str,
    permission: Permission,
    cost: Cost,
    body_limit: usize,
    deadline: Duration,
    measured: metrics::Route,
}

impl Guard {
    pub(super) fn new(front: &Front, entrance: Entrance, route: &'static str, permission: Permission, cost: Cost) -> Arc<Self> {
        let limits = front.limits();
        let json = limits.json_body.as_len();
        let (body_limit, deadline) = match cost {
            Cost::Probe => (0, SMALL_DEADLINE),
            Cost::Small => (json, SMALL_DEADLINE),
            Cost::Search => (json, limits.search.duration() + SMALL_DEADLINE),
            Cost::Answer => (json, limits.request.duration() + SMALL_DEADLINE),
            Cost::Media => (largest_upload(limits), limits.request.duration() + SMALL_DEADLINE),
            Cost::Upload => (largest_upload(limits), limits.ingest.duration() + SMALL_DEADLINE),
            Cost::File => (limits.file.as_len().saturating_add(MULTIPART_OVERHEAD), limits.transfer.duration() + SMALL_DEADLINE),
            Cost::Part => (MAX_PART as usize + MULTIPART_OVERHEAD, limits.transfer.duration() + SMALL_DEADLINE),
            Cost::Work => (json, limits.transfer.duration() + SMALL_DEADLINE),
        };
        let measured = front.0.metrics.route(route);
        Arc::new(Self { front: front.clone(), entrance, route, permission, cost, body_limit, deadline, measured })
    }

    /// Whether `request` makes or costs something. It is held in memory to be compared, so what goes to the disk must be small.
    fn repeatable(&self, request: &Request) -> bool {
        match self.cost {
            Cost::Answer | Cost::Media | Cost::Work => true,
            Cost::Small => request.method() == Method::POST,
            Cost::File | Cost::Part => {
                let most = self.front.limits().json_body.as_len() as u64;
                request.body().size_hint().exact().is_some_and(|bytes| bytes <= most)
            }
            Cost::Probe | Cost::Search | Cost::Upload => false,
        }
    }
}

/// request id → trace → caller → permission → place → deadline → handler, and back: error shape, headers, measurement, access line.
pub(super) async fn guard(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let front = &guard.front;
    let id = request_id(front, request.headers());
    let method = request.method().clone();
    let anthropic = error::is_anthropic(request.uri().path());
    let origin = request.headers().get(ORIGIN).cloned();
    let until = matches!(guard.cost, Cost::Answer | Cost::Media).then(|| Until::of(front, request.headers())).transpose();
    let leased = until.as_ref().ok().copied().flatten().map(|Until(until)| until + LAST_WORDS);
    if let Some(id) = &id {
        request.headers_mut().insert(REQUEST_ID, id.clone());
    }
    let running = front.0.metrics.begin();
    let mut place = None;
    let answering = answer(&guard, (request, until), next, &mut place);
    // Only what asks for the detail pays for a span of its own; the access line has the id.
    let span = tracing::debug_span!("http.request", request_id = id.as_ref().and_then(|id| id.to_str().ok()), %method, route = guard.route);
    let response = if span.is_disabled() { answering.await } else { answering.instrument(span).await };
    let mut response = error::shaped(response, anthropic, id.as_ref());
    let elapsed = started.elapsed();
    finish(&guard, &mut response, (id, origin), elapsed);
    guard.measured.observe(&method, response.status().as_u16(), elapsed);
    access_line(&guard, &method, &response, elapsed);
    response.map(|body| match leased {
        Some(until) if body.size_hint().exact().is_none() => body::held_until(body, (running, place), (until, front.app().tasks())),
        _ => body::held(body, (running, place)),
    })
}

type Place = Option<tokio::sync::OwnedSemaphorePermit>;

/// The answer, whatever becomes of it. The place of the request in `place` is given back when the last byte of the answer has gone.
async fn answer(
    guard: &Guard,
    (mut request, until): (Request, Result<Option<Until>, ApiError>),
    next: Next,
    place: &mut Place,
) -> Response {
    let front = &guard.front;
    if let Some(preflight) = front.0.cors.preflight(request.method(), request.headers()) {
        return preflight;
    }
    // A small body is there as soon as its headers are.
    let small = request.body().size_hint().exact().is_some_and(|bytes| bytes <= SMALL_BODY);
    let watch = !small && !request.headers().contains_key(EXPECT);
    *request.body_mut() = steady::steady(std::mem::take(request.body_mut()), front.0.server.client_timeout.duration());
    let rest = if watch { Some(body::watch(&mut request)) } else { None };
    let response = match admit(guard, &mut request, until, place) {
        Ok(caller) => run(guard, caller, request, next).await,
        Err(error) => error.into_response(),
    };
    if let Some(rest) = rest
        && !response.status().is_success()
    {
        take_to_its_end(rest).await;
    }
    response
}

/// Who calls, whether it may, and whether there is a place.
fn admit(guard: &Guard, request: &mut Request, until: Result<Option<Until>, ApiError>, place: &mut Place) -> Result<Arc<Caller>, ApiError> {
    let front = &guard.front;
    if guard.entrance == Entrance::Tcp && !names_its_host(request) {
        return Err(ApiError::no_host());
    }
    let identify = if guard.permission == Permission::Open { caller::knock } else { caller::identify };
    let caller = identify(front, guard.entrance, request.uri(), request.headers())?;
    if !guard.permission.granted(caller.role) {
        return Err(ApiError::missing_permission(guard.permission.name()));
    }
    if let Some(until) = until? {
        request.extensions_mut().insert(until);
    }
    if guard.cost != Cost::Probe {
        // Refused at once when every place is taken.
        *place = Some(Arc::clone(&front.0.places).try_acquire_owned().map_err(|_| ApiError::overloaded())?);
    }
    caller::enter(request.extensions_mut(), caller.clone());
    Ok(caller)
}

/// Once, as RFC 9112 (3.2) asks; before HTTP/1.1 it did not have to, and after it another field names it.
fn names_its_host(request: &Request) -> bool {
    match request.headers().get_all(HOST).iter().count() {
        0 => request.version() != Version::HTTP_11,
        named => named == 1,
    }
}

async fn run(guard: &Guard, caller: Arc<Caller>, mut request: Request, next: Next) -> Response {
    // What says that it is too large need not be read to be refused.
    if guard.cost != Cost::Probe && request.body().size_hint().lower() > guard.body_limit as u64 {
        return ApiError::too_large().into_response();
    }
    if gzip::is_so(request.headers()) {
        request = gzip::plain(request);
    }
    let onward = Onward { front: guard.front.clone(), caller, repeatable: guard.repeatable(&request), next };
    // Counts what comes out of the decompression, so that a bomb ends at the limit too.
    DefaultBodyLimit::max(guard.body_limit).apply(&mut request);
    let handled = async {
        if zstd::is_so(request.headers()) {
            return match zstd::plain(&onward.front, request, guard.body_limit).await {
                Ok(request) => onward.run(request).await,
                Err(error) => error.into_response(),
            };
        }
        onward.run(request).await
    };
    // The net under everything: a bug costs its own request a 500, and nobody else's.
    let handled = AssertUnwindSafe(handled).catch_unwind();
    match tokio::time::timeout(guard.deadline, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => panicked(panic.as_ref()).into_response(),
        Err(_) => ApiError::deadline(guard.deadline).into_response(),
    }
}

/// The way to the handler.
struct Onward {
    front: Front,
    caller: Arc<Caller>,
    /// Its client may say that it is the same as before.
    repeatable: bool,
    next: Next,
}

impl Onward {
    async fn run(self, request: Request) -> Response {
        if self.repeatable && request.headers().contains_key(IDEMPOTENCY_KEY) {
            return Box::pin(repeat::once(&self.front, &self.caller, request, self.next)).await;
        }
        self.next.run(request).await
    }
}

/// The id of a request: the client's, when it brought one that can be logged, else one of ours.
fn request_id(front: &Front, headers: &HeaderMap) -> Option<HeaderValue> {
    let given = headers.get(REQUEST_ID).filter(|id| {
        let id = id.as_bytes();
        (1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
    });
    given.cloned().or_else(|| {
        let made: ids::CallId = ids::make("req", front.0.clock.now(), front.0.dice.roll()).ok()?;
        HeaderValue::from_str(made.as_str()).ok()
    })
}

/// Lets a client that is refused finish sending, within bounds, so that it sees the refusal.
async fn take_to_its_end(rest: Rest) {
    // Whether the client was slow or done makes no difference to the answer.
    let _ = tokio::time::timeout(UNREAD_DEADLINE, rest.forget(UNREAD_BYTES, UNREAD_PAUSE)).await;
}

fn finish(guard: &Guard, response: &mut Response, (id, origin): (Option<HeaderValue>, Option<HeaderValue>), elapsed: Duration) {
    guard.front.0.cors.mark(origin, response);
    let headers = response.headers_mut();
    if let Some(id) = id {
        headers.insert(ANTHROPIC_REQUEST_ID, id.clone());
        headers.insert(REQUEST_ID, id);
    }
    if guard.cost != Cost::Probe {
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        headers.entry(PROCESSING_MS).or_insert_with(|| HeaderValue::from(millis));
    }
}

/// One access line a request; never a body, a key, a query or a person. A model's answer has its own line when it is settled.
fn access_line(guard: &Guard, method: &Method, response: &Response, elapsed: Duration) {
    let quiet = guard.cost == Cost::Probe || (matches!(guard.cost, Cost::Answer | Cost::Media) && response.status() == StatusCode::OK);
    let (status, route) = (response.status().as_u16(), guard.route);
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let id = || response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    if quiet {
        tracing::debug!(status, millis, request_id = id(), "{method} {route} {status} in {millis} ms");
    } else {
        tracing::info!(status, millis, request_id = id(), "{method} {route} {status} in {millis} ms");
    }
}

fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    ApiError::bug(format!("panicked: {}", what.unwrap_or("without a message")))
}
