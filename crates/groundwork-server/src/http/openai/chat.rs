//! `/v1/chat/completions`.

use super::super::azure::Deployment;
use super::super::body::Whole;
use super::super::error::ApiError;
use super::super::{Front, sse};
use super::{call_headers, deadline, request_id};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use groundwork_app::pipeline::Request;
use groundwork_core::access::Caller;
use groundwork_core::turn::Dialect;

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Caller,
    Deployment(model): Deployment,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, ApiError> {
    let request = Request {
        dialect: Dialect::Chat,
        body,
        model,
        headers: call_headers(&front, &headers),
        deadline: Some(deadline(&front, &headers)),
        request_id: request_id(&headers),
    };
    sse::answer(&front, caller, request).await
}
