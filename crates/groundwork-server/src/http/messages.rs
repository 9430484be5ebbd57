//! `/v1/messages`: Anthropic's shape, any model behind.

use super::body::Posted;
use super::error::ApiError;
use super::openai::{Until, request_id, traced};
use super::sse;
use super::{ESTIMATED, Front};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use groundwork_app::pipeline::{Request, count_tokens};
use groundwork_core::access::Caller;
use groundwork_core::turn::Dialect;
use std::sync::Arc;

pub(super) async fn create(
    State(front): State<Front>,
    caller: Arc<Caller>,
    until: Until,
    Posted(headers, body): Posted,
) -> Result<Response, ApiError> {
    sse::answer(&front, caller, request(&front, until, headers, body)).await
}

pub(super) async fn count(
    State(front): State<Front>,
    caller: Arc<Caller>,
    until: Until,
    Posted(headers, body): Posted,
) -> Result<Response, ApiError> {
    let counted = count_tokens(front.app(), &caller, request(&front, until, headers, body)).await?;
    let mut response = axum::Json(serde_json::json!({ "input_tokens": counted.input_tokens })).into_response();
    if counted.estimated {
        response.headers_mut().insert(ESTIMATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn request(front: &Front, Until(deadline): Until, headers: HeaderMap, body: bytes::Bytes) -> Request {
    Request {
        dialect: Dialect::Messages,
        body,
        model: None,
        deadline: Some(deadline),
        request_id: request_id(&headers),
        headers: traced(front, headers),
    }
}
