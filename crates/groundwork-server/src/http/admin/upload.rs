//! A document on its way in: a multipart form with the part `file`, the bare bytes with `?name=`, or a file of `/v1/files` by its id.

use super::super::Front;
use super::super::body::{self, Json, Whole};
use super::super::error::ApiError;
use super::super::form::{file_name, unreadable};
use super::super::gather::Gather;
use super::super::given::Params;
use axum::RequestExt;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use groundwork_app::documents;
use groundwork_core::access::{Caller, Permissions};
use groundwork_core::attributes::Attributes;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(in super::super) struct Incoming {
    pub(super) name: String,
    pub(super) source: Option<String>,
    pub(super) title: Option<String>,
    pub(super) bytes: Bytes,
    pub(super) permissions: Option<Permissions>,
    pub(super) attributes: Option<Attributes>,
    /// How long the caller waits for the document to become searchable.
    pub(super) wait_ms: Option<u64>,
}

/// What may stand in the query as well as in the form.
#[derive(Default, Deserialize)]
struct Fields {
    name: Option<String>,
    source: Option<String>,
    title: Option<String>,
    permissions: Option<String>,
    attributes: Option<String>,
    wait_ms: Option<u64>,
}

/// A file that is there already.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    file_id: String,
    name: Option<String>,
    source: Option<String>,
    title: Option<String>,
    permissions: Option<Permissions>,
    attributes: Option<Attributes>,
    wait_ms: Option<u64>,
}

impl FromRequest<Front> for Incoming {
    type Rejection = ApiError;

    async fn from_request(request: Request, front: &Front) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Params(mut fields) = Params::<Fields>::from_request_parts(&mut parts, front).await?;
        let request = Request::from_parts(parts, body);
        let content_type = request.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase()).unwrap_or_default();
        // With a name it is a document that is JSON.
        if content_type.starts_with(b"application/json") && fields.name.is_none() {
            return Self::attached(request, front).await;
        }
        let bytes = if content_type.starts_with(b"multipart/form-data") {
            let form = Multipart::from_request(request, front).await.map_err(|error| ApiError::invalid_param("body", error.body_text()))?;
            read_form(front, form, &mut fields).await?
        } else {
            Whole::from_request(request, front).await?.0
        };
        let name = fields
            .name
            .ok_or_else(|| ApiError::missing_param("name", "a document needs a file name: send it with the part `file`, or as ?name="))?;
        let permissions = fields.permissions.map(|json| body::parse(json.as_bytes())).transpose()?;
        let attributes = fields.attributes.map(|json| body::parse(json.as_bytes())).transpose()?;
        Ok(Self { name, source: fields.source, title: fields.title, bytes, permissions, attributes, wait_ms: fields.wait_ms })
    }
}

impl Incoming {
    async fn attached(mut request: Request, front: &Front) -> Result<Self, ApiError> {
        let caller = request.extract_parts_with_state::<Arc<Caller>, _>(front).await?;
        let Json(Attached { file_id, name, source, title, permissions, attributes, wait_ms }) = Json::from_request(request, front).await?;
        let (file, bytes) = documents::file(front.app(), &caller, &file_id).await?;
        Ok(Self { name: name.unwrap_or(file.name), source, title, bytes, permissions, attributes, wait_ms })
    }
}

async fn read_form(front: &Front, mut form: Multipart, fields: &mut Fields) -> Result<Bytes, ApiError> {
    let (mut file, mut seen) = (None, BTreeSet::new());
    while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
        let part = field.name().unwrap_or_default().to_owned();
        if !seen.insert(part.clone()) {
            return Err(ApiError::invalid_param(&part, format!("one document a request: there are several parts `{part}`")));
        }
        match part.as_str() {
            "file" => {
                let file_name = file_name(&field);
                fields.name = fields.name.take().or(file_name);
                let mut gather = Gather::begin(&front.0.room, 0).await?;
                while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
                    gather.push(&chunk).await?;
                }
                file = Some(gather.done());
            }
            "name" => fields.name = Some(text(field).await?),
            "source" => fields.source = Some(text(field).await?),
            "title" => fields.title = Some(text(field).await?),
            "permissions" => fields.permissions = Some(text(field).await?),
            "attributes" => fields.attributes = Some(text(field).await?),
            "wait_ms" => {
                let wait = text(field).await?;
                fields.wait_ms = Some(wait.parse().map_err(|_| ApiError::invalid_param("wait_ms", "wait_ms is a number of milliseconds"))?);
            }
            other => {
                return Err(ApiError::invalid_param(
                    other,
                    "this part is not known; a form has file, name, source, title, permissions, attributes, wait_ms",
                ));
            }
        }
    }
    file.ok_or_else(|| ApiError::missing_param("file", "the form has no part `file`"))
}

async fn text(field: Field<'_>) -> Result<String, ApiError> {
    field.text().await.map_err(unreadable)
}
