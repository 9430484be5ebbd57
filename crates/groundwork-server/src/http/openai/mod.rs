//! OpenAI's API: the paths, bodies and errors that its official clients expect.

pub(super) mod batches;
pub(super) mod chat;
pub(super) mod conversations;
pub(super) mod embeddings;
pub(super) mod files;
pub(super) mod forwarded;
pub(super) mod models;
pub(super) mod responses;
pub(super) mod stored;
pub(super) mod uploads;

use super::error::ApiError;
use super::layers::REQUEST_ID;
use super::{Front, caller, trace};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use groundwork_core::ids::CallId;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const CLIENT_TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout-ms");
/// The id of a call in the ledger.
const CALL: HeaderName = HeaderName::from_static("x-groundwork-call");

/// When the answer must be there. The door reads it, and it stands among the extensions of a request that a model answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until(pub(super) Instant);

impl Until {
    /// The server's limit from now, or the client's when that is shorter.
    pub(super) fn of(front: &Front, headers: &HeaderMap) -> Result<Self, ApiError> {
        let limit = front.limits().request.duration();
        Ok(Self(Instant::now() + patience(headers)?.map_or(limit, |asked| asked.min(limit))))
    }

    /// Of a request; for one that no model answers, the server's limit from now.
    pub(super) fn known(front: &Front, extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or_else(|| Self(Instant::now() + front.limits().request.duration()))
    }
}

impl FromRequestParts<Front> for Until {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, front: &Front) -> Result<Self, Infallible> {
        Ok(Self::known(front, &parts.extensions))
    }
}

/// How long the client says that it waits.
fn patience(headers: &HeaderMap) -> Result<Option<Duration>, ApiError> {
    let Some(value) = headers.get(CLIENT_TIMEOUT) else { return Ok(None) };
    // Too long a number is as good as none.
    let millis = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().unwrap_or(u64::MAX));
    match value.to_str().ok().filter(|text| !text.is_empty()).and_then(millis) {
        None | Some(0) => {
            let message = format!("The header {CLIENT_TIMEOUT} must be a positive whole number of milliseconds, and is {value:?}.");
            Err(ApiError::invalid_param(CLIENT_TIMEOUT.as_str(), message))
        }
        Some(millis) => Ok(Some(Duration::from_millis(millis))),
    }
}

/// The label of a call in the ledger.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned)
}

/// The client's headers without its credential, in the trace that goes on. The layer of the targets picks what each of them may see.
pub(super) fn traced(front: &Front, mut headers: HeaderMap) -> Arc<HeaderMap> {
    caller::forget(&mut headers);
    if let Ok(parent) = HeaderValue::try_from(trace::parent(&headers, &front.0.dice)) {
        headers.insert(TRACEPARENT, parent);
    }
    Arc::new(headers)
}

/// Says which call of the ledger this was.
pub(super) fn name_call(headers: &mut HeaderMap, call: &CallId) {
    if let Ok(call) = HeaderValue::from_str(call.as_str()) {
        headers.insert(CALL, call);
    }
}
