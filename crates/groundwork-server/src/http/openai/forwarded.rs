//! What goes on to a target as it came: `/v1/completions`, `/v1/moderations`, `/v1/rerank`, `/v1/images/*`, `/v1/audio/*`.

use super::super::Front;
use super::super::azure::Deployment;
use super::super::body::Whole;
use super::super::error::ApiError;
use super::super::sse::{self, Said};
use super::{Until, request_id, traced};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Multipart, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use groundwork_app::forward::{self, Answer, forward};
use groundwork_core::access::Caller;
use groundwork_core::call::Operation;
use groundwork_core::turn::Dialect;
use groundwork_wire::object::Object;
use std::sync::Arc;

/// Which of them.
struct Kind {
    operation: Operation,
    path: &'static str,
    /// Asked for when the client names none, as OpenAI does.
    model: Option<&'static str>,
}

macro_rules! forwarded {
    ($($(#[$doc:meta])* $name:ident: $operation:ident, $path:literal, $model:expr;)*) => {
        $(
            $(#[$doc])*
            pub(in super::super) async fn $name(front: State<Front>, caller: Arc<Caller>, request: Request) -> Result<Response, ApiError> {
                pass_on(front, caller, request, Kind { operation: Operation::$operation, path: $path, model: $model }).await
            }
        )*
    };
}

forwarded! {
    completion: Completions, "/completions", None;
    moderation: Moderations, "/moderations", Some("omni-moderation-latest");
    rerank: Rerank, "/rerank", None;
    image_generation: Images, "/images/generations", Some("dall-e-2");
    image_edit: Images, "/images/edits", Some("dall-e-2");
    image_variation: Images, "/images/variations", Some("dall-e-2");
    speech: Audio, "/audio/speech", None;
    transcription: Audio, "/audio/transcriptions", None;
    translation: Audio, "/audio/translations", None;
}

async fn pass_on(State(front): State<Front>, caller: Arc<Caller>, request: Request, kind: Kind) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let Deployment(in_url) = Deployment::from_request_parts(&mut parts, &front).await?;
    let Until(deadline) = Until::known(&front, &parts.extensions);
    let mut headers = parts.headers.clone();
    let whole = Request::from_parts(parts, body);
    let Whole(body) = Whole::from_request(whole, &front).await?;
    let named = match in_url {
        Some(model) => Some(model),
        None => model_of(&headers, &body, &front).await?,
    };
    if !is_form(&headers) {
        // Whatever the client called it, it is JSON.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let missing = || ApiError::missing_param("model", "Missing required parameter: 'model'.");
    let request = forward::Request {
        operation: kind.operation,
        path: kind.path,
        model: named.or(kind.model.map(str::to_owned)).ok_or_else(missing)?,
        only: None,
        deadline,
        request_id: request_id(&headers),
        headers: traced(&front, headers),
        body,
    };
    let (app, body) = (front.app().clone(), request.body.clone());
    let asking = Box::pin(async move { Ok(said(forward(&app, &caller, request).await?)) });
    sse::wait(&front, Dialect::Chat, &body, asking).await
}

/// A target's answer as it came.
pub(super) fn said(answer: Answer) -> Said {
    let Answer { head, status, content_type, body } = answer;
    let headers = sse::headers_of(head);
    match body {
        forward::Body::Events(items) => Said::Stream(headers, items),
        forward::Body::Bytes(bytes) => {
            let mut response = Body::from_stream(bytes.map(|item| item.map_err(|error| error.to_string()))).into_response();
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            response.headers_mut().extend(headers);
            if let Some(kind) = content_type.and_then(|kind| HeaderValue::try_from(kind).ok()) {
                response.headers_mut().insert(CONTENT_TYPE, kind);
            }
            Said::Other(response)
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data"))
}

/// The model that a JSON body or a form names.
async fn model_of(headers: &HeaderMap, body: &Bytes, front: &Front) -> Result<Option<String>, ApiError> {
    if !is_form(headers) {
        return Ok(Object::parse(body.clone())?.get("model", "a string")?);
    }
    let mut request = Request::new(Body::from(body.clone()));
    // The body is whole already.
    DefaultBodyLimit::disable().apply(&mut request);
    if let Some(kind) = headers.get(CONTENT_TYPE) {
        request.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    let unreadable = |reason: String| ApiError::invalid_param("body", format!("The form could not be read: {reason}."));
    let mut form = Multipart::from_request(request, front).await.map_err(|error| unreadable(error.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(|error| unreadable(error.body_text()))? {
        if field.name() == Some("model") {
            return field.text().await.map(Some).map_err(|error| unreadable(error.body_text()));
        }
    }
    Ok(None)
}
