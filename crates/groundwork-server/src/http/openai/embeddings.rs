//! `/v1/embeddings`.

use super::super::Front;
use super::super::azure::Deployment;
use super::super::body::Posted;
use super::super::error::ApiError;
use super::{Until, name_call, request_id, traced};
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::embeddings::{self, Request};
use groundwork_core::access::Caller;
use std::sync::Arc;

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Deployment(model): Deployment,
    Until(deadline): Until,
    Posted(headers, body): Posted,
) -> Result<impl IntoResponse, ApiError> {
    let request = Request { body, model, deadline: Some(deadline), request_id: request_id(&headers), headers: traced(&front, headers) };
    let answer = embeddings::create(front.app(), &caller, request).await?;
    let mut headers = answer.headers;
    name_call(&mut headers, &answer.call);
    Ok((headers, [("content-type", "application/json")], answer.body))
}
