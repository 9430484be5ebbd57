//! OpenAI's API: the paths, bodies and errors that its official clients expect.

pub(super) mod chat;
pub(super) mod embeddings;
pub(super) mod models;

use super::Front;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::time::{Duration, Instant};

const CLIENT_TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout-ms");

/// When the answer must be there: the server's limit, or the client's when that is shorter.
fn deadline(front: &Front, headers: &HeaderMap) -> Instant {
    let limit = front.limits().request.duration();
    let asked = headers.get(CLIENT_TIMEOUT).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_millis);
    Instant::now() + asked.map_or(limit, |asked| asked.min(limit))
}

/// Headers that came from an upstream; those that cannot be headers are left out.
fn header_map(headers: Vec<(String, String)>) -> HeaderMap {
    headers.into_iter().filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::try_from(value).ok()?))).collect()
}
