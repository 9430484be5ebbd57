//! `/v1/embeddings`.

use super::super::Front;
use super::super::azure::Deployment;
use super::super::body::Whole;
use super::super::error::ApiError;
use super::super::layers::REQUEST_ID;
use super::deadline;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use groundwork_app::embeddings::{self, Request};
use groundwork_core::access::Caller;

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Caller,
    Deployment(model): Deployment,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<impl IntoResponse, ApiError> {
    let request = Request {
        body,
        model,
        deadline: Some(deadline(&front, &headers)),
        request_id: headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned),
    };
    let body = embeddings::create(front.app(), &caller, request).await?;
    Ok(([("content-type", "application/json")], body))
}
