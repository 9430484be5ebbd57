//! `/v1/chat/completions`.

use super::super::azure::Deployment;
use super::super::body::Posted;
use super::super::error::ApiError;
use super::super::{Front, sse};
use super::{Until, request_id, traced};
use axum::extract::State;
use axum::response::Response;
use groundwork_app::pipeline::Request;
use groundwork_core::access::Caller;
use groundwork_core::turn::Dialect;
use std::sync::Arc;

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Deployment(model): Deployment,
    Until(deadline): Until,
    Posted(headers, body): Posted,
) -> Result<Response, ApiError> {
    let request = Request {
        dialect: Dialect::Chat,
        body,
        model,
        deadline: Some(deadline),
        request_id: request_id(&headers),
        headers: traced(&front, headers),
    };
    sse::answer(&front, caller, request).await
}
