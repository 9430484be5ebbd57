//! Is it alive, is it ready, how is it doing; and the answers for paths and methods that do not exist.

use super::error::ApiError;
use super::{Front, unserved};
use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use groundwork_app::status::{self, State as PartState};
use serde_json::json;

/// Answers as long as the process runs.
pub(super) async fn alive() -> impl IntoResponse {
    Json(json!({ "status": "alive", "version": env!("CARGO_PKG_VERSION") }))
}

/// Whether requests should be sent here, and what is still loading or missing.
pub(super) async fn ready(State(front): State<Front>) -> Response {
    let status = status::status(front.app()).await;
    let missing = status.parts.iter().any(|part| part.state == PartState::Missing);
    let word = match (missing, status.ready) {
        (true, _) => "not ready",
        (false, true) => "ready",
        // Requests may come: a search waits for the indexes within its deadline.
        (false, false) => "loading",
    };
    let body = Json(json!({ "status": word, "ready": !missing, "parts": status.parts }));
    if missing {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], body).into_response();
    }
    body.into_response()
}

const OPEN_METRICS: (HeaderName, HeaderValue) =
    (CONTENT_TYPE, HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"));

pub(super) async fn metrics(State(front): State<Front>) -> impl IntoResponse {
    ([OPEN_METRICS], front.0.metrics.text(&front.app().metrics_text()))
}

pub(super) async fn no_such_path(method: Method, uri: Uri) -> ApiError {
    ApiError::no_such_path(&method, uri.path())
}

pub(super) async fn no_such_method(method: Method, uri: Uri, headers: HeaderMap) -> ApiError {
    if unserved::is_upgrade(&method, &headers) {
        return ApiError::unserved("A WebSocket", &method, uri.path());
    }
    ApiError::no_such_method(&method, uri.path())
}
