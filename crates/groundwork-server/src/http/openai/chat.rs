//! `/v1/chat/completions`.

use super::super::azure::Deployment;
use super::super::body::Whole;
use super::super::error::ApiError;
use super::super::layers::REQUEST_ID;
use super::super::{Front, sse};
use super::{deadline, header_map};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use groundwork_app::pipeline::{Answer, Request, chat};
use groundwork_core::access::Caller;

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Caller,
    Deployment(model): Deployment,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, ApiError> {
    let request = Request {
        body,
        model,
        deadline: Some(deadline(&front, &headers)),
        request_id: headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned),
    };
    match chat(front.app(), &caller, request).await? {
        Answer::Whole(head, body) => Ok((header_map(head.headers), [("content-type", "application/json")], body).into_response()),
        Answer::Stream(head, items) => Ok(sse::respond(header_map(head.headers), items, front.0.server.heartbeat.duration())),
    }
}
