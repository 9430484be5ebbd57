//! `/v1/embeddings`.

use super::super::Front;
use super::super::azure::Deployment;
use super::super::body::Whole;
use super::super::error::ApiError;
use super::{call_headers, deadline, header_map, name_call, request_id};
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
        headers: call_headers(&front, &headers),
        deadline: Some(deadline(&front, &headers)),
        request_id: request_id(&headers),
    };
    let answer = embeddings::create(front.app(), &caller, request).await?;
    let mut headers = header_map(answer.headers);
    name_call(&mut headers, &answer.call);
    Ok((headers, [("content-type", "application/json")], answer.body))
}
