//! `/v1/files`.

use super::super::error::ApiError;
use super::super::form::{Form, Sent};
use super::super::given::{Params, Segments};
use super::super::page::{self, Bounds, Paging};
use super::super::{Front, download};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use groundwork_app::files::{self, About, File};
use groundwork_app::owned::Order;
use groundwork_core::access::Caller;
use groundwork_wire::files as wire;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

const BOUNDS: Bounds = Bounds { limit: 10_000, most: 10_000, order: Order::NewestFirst, ids: "file-" };

#[derive(Deserialize)]
pub(in super::super) struct Filter {
    purpose: Option<String>,
}

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Arc<Caller>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let begin = async || files::begin(front.app(), &caller).await;
    let Form { fields, file } = Form::receive(&front, request, "file", begin).await?;
    let Sent { arriving, name, media_type } = file;
    let purpose = fields.get("purpose").ok_or_else(|| ApiError::missing_param("purpose", "Missing required parameter: 'purpose'."))?;
    let about = About {
        purpose: wire::purpose(purpose)?.to_owned(),
        name: name.ok_or_else(|| ApiError::invalid_param("file", "the part `file` needs a file name, in UTF-8"))?,
        media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        expires_after: expires_after(&fields)?,
    };
    Ok(Json(on_the_wire(files::keep(front.app(), &caller, arriving, about).await?)))
}

/// As OpenAI's clients write an object in a form, or as Azure's documentation does.
fn expires_after(fields: &BTreeMap<String, String>) -> Result<Option<u64>, ApiError> {
    let field = |key: &str| {
        let names = [format!("expires_after[{key}]"), format!("expires_after.{key}")];
        names.iter().find_map(|name| fields.get(name)).map(String::as_str)
    };
    let (anchor, seconds) = (field("anchor"), field("seconds"));
    if anchor.is_none() && seconds.is_none() {
        return Ok(None);
    }
    let number = |seconds: &str| {
        seconds.parse().map_err(|_| ApiError::invalid_param("expires_after.seconds", "expires_after.seconds is a number of seconds"))
    };
    Ok(Some(wire::lifetime("expires_after", anchor, seconds.map(number).transpose()?)?))
}

pub(in super::super) async fn list(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Params(paging): Params<Paging>,
    Params(filter): Params<Filter>,
) -> Result<impl IntoResponse, ApiError> {
    let purpose = filter.purpose.as_deref().map(wire::any_purpose).transpose()?;
    let found = files::list(front.app(), &caller, purpose, &paging.page(&BOUNDS)?).await?;
    Ok(Json(page::list(found, on_the_wire, |file| &file.id)))
}

pub(in super::super) async fn find(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    Ok(Json(on_the_wire(files::find(front.app(), &caller, &id).await?)))
}

pub(in super::super) async fn content(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    let (file, content) = files::content(front.app(), &caller, &id).await?;
    let bytes = content.bytes;
    let broken = move |error: files::ContentError| {
        tracing::error!(%error, file = %file.id, "a file broke off on its way out");
        error
    };
    let body = Body::from_stream(content.stream.map_err(broken));
    Ok((download::headers(&file.media_type, &file.name), [(CONTENT_LENGTH, bytes)], body).into_response())
}

pub(in super::super) async fn delete(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    let file = files::delete(front.app(), &caller, &id).await?;
    Ok(Json(json!({ "id": file.id.as_str(), "object": "file", "deleted": true })))
}

pub(super) fn on_the_wire(file: File) -> wire::File {
    wire::File {
        id: file.id.to_string(),
        object: wire::Kind::File,
        bytes: file.bytes,
        created_at: file.created_at / 1000,
        expires_at: file.expires_at.map(|at| at / 1000),
        filename: file.name,
        purpose: file.purpose,
        status: "processed",
        status_details: None,
    }
}
