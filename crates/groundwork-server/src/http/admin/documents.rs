//! `/admin/v1/knowledge-bases/{id}/documents`.

use super::super::error::ApiError;
use super::super::given::{Params, Segments};
use super::super::{Front, download};
use super::upload::Incoming;
use super::{List, Object, name};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use groundwork_app::documents::{self, Change, Document, Original, Upload, Uploaded};
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

#[derive(Deserialize)]
pub(in super::super) struct Page {
    after: Option<String>,
    #[serde(default = "default_limit")]
    limit: usize,
    /// Only documents that came from below this place.
    source_prefix: Option<String>,
}

fn default_limit() -> usize {
    100
}

pub(in super::super) async fn list(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Params(page): Params<Page>,
) -> Result<impl IntoResponse, ApiError> {
    if !(1..=1000).contains(&page.limit) {
        return Err(ApiError::invalid_param("limit", "limit must be from 1 to 1000"));
    }
    let list = documents::List {
        knowledge_base: name(id)?,
        after: page.after.map(name).transpose()?,
        limit: page.limit,
        source_prefix: page.source_prefix,
    };
    let listed = documents::list(front.app(), &caller, list).await?;
    Ok(Json(List { object: "list", data: listed.documents.into_iter().map(object).collect(), has_more: listed.has_more }))
}

pub(in super::super) async fn upload(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let limit = front.limits().ingest.duration();
    let upload = Upload {
        knowledge_base: name(id)?,
        name: incoming.name,
        source: incoming.source,
        title: incoming.title,
        bytes: incoming.bytes,
        permissions: incoming.permissions,
        attributes: incoming.attributes,
        wait: incoming.wait_ms.map_or(limit, |wait| Duration::from_millis(wait).min(limit)),
    };
    let status_of = |change| if change == Change::Created { StatusCode::CREATED } else { StatusCode::OK };
    match documents::upload(front.app(), &caller, upload).await? {
        Uploaded::Live { change, document } => {
            let live = Object { object: "document", value: Live { status: "live", change, document: *document } };
            Ok((status_of(change), Json(live)).into_response())
        }
        Uploaded::Unseen { change, document } => {
            let body = json!({ "object": "document.upload", "status": "live", "change": change, "id": document });
            Ok((status_of(change), Json(body)).into_response())
        }
        Uploaded::Processing { job } => {
            let body = json!({ "object": "document.upload", "status": "processing", "job": job });
            Ok((StatusCode::ACCEPTED, Json(body)).into_response())
        }
        Uploaded::Failed { kind, reason, .. } => Err(ApiError::unreadable_document(&kind, reason)),
    }
}

#[derive(Serialize)]
struct Live {
    status: &'static str,
    change: Change,
    #[serde(flatten)]
    document: Document,
}

pub(in super::super) async fn find(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(path): Segments<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let (knowledge_base, document) = names(path)?;
    Ok(Json(object(documents::find(front.app(), &caller, &knowledge_base, &document).await?)))
}

pub(in super::super) async fn delete(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(path): Segments<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let (knowledge_base, document) = names(path)?;
    documents::delete(front.app(), &caller, &knowledge_base, &document).await?;
    Ok(Json(json!({ "object": "document.deleted", "id": document.as_str(), "deleted": true })))
}

pub(in super::super) async fn original(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(path): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let (knowledge_base, document) = names(path)?;
    Ok(original_bytes(documents::original(front.app(), &caller, &knowledge_base, &document).await?))
}

pub(in super::super) async fn versions(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(path): Segments<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let (knowledge_base, document) = names(path)?;
    let versions = documents::versions(front.app(), &caller, &knowledge_base, &document).await?;
    let object = |value| Object { object: "document.version", value };
    Ok(Json(List::whole(versions.into_iter().map(object).collect())))
}

pub(in super::super) async fn original_of_version(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments((knowledge_base, document, version)): Segments<(String, String, String)>,
) -> Result<Response, ApiError> {
    let (knowledge_base, document) = names((knowledge_base, document))?;
    let version = version.parse().map_err(|_| ApiError::invalid_param("version", "a version is a number from 1"))?;
    Ok(original_bytes(documents::original_of_version(front.app(), &caller, &knowledge_base, &document, version).await?))
}

pub(in super::super) async fn near_duplicates(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(path): Segments<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let (knowledge_base, document) = names(path)?;
    let near = documents::near_duplicates(front.app(), &caller, &knowledge_base, &document).await?;
    let object = |value| Object { object: "document.near_duplicate", value };
    Ok(Json(List::whole(near.into_iter().map(object).collect())))
}

fn original_bytes(original: Original) -> Response {
    (download::headers(&original.media_type, &original.name), original.bytes).into_response()
}

pub(in super::super) async fn page(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments((knowledge_base, document, page)): Segments<(String, String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let (knowledge_base, document) = names((knowledge_base, document))?;
    let page = page.parse().map_err(|_| ApiError::invalid_param("page", "a page is a number from 1"))?;
    let text = documents::page(front.app(), &caller, &knowledge_base, &document, page).await?;
    Ok(Json(Object { object: "document.page", value: text }))
}

#[derive(Deserialize)]
pub(in super::super) struct Span {
    /// `FROM-TO` or `FROM,TO`: characters of the document's text, as in a citation.
    span: Option<String>,
}

pub(in super::super) async fn words(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments((knowledge_base, document, page)): Segments<(String, String, String)>,
    Params(given): Params<Span>,
) -> Result<impl IntoResponse, ApiError> {
    let (knowledge_base, document) = names((knowledge_base, document))?;
    let page = page.parse().map_err(|_| ApiError::invalid_param("page", "a page is a number from 1"))?;
    let spot = documents::Spot { page, span: given.span.as_deref().map(span).transpose()? };
    let words = documents::words(front.app(), &caller, &knowledge_base, &document, spot).await?;
    Ok(Json(Object { object: "document.words", value: words }))
}

fn span(text: &str) -> Result<std::ops::Range<usize>, ApiError> {
    let ends = text.split_once(['-', ',']).and_then(|(from, to)| Some(from.trim().parse().ok()?..to.trim().parse().ok()?));
    let ends: Option<std::ops::Range<usize>> = ends.filter(|span: &std::ops::Range<usize>| span.start <= span.end);
    ends.ok_or_else(|| ApiError::invalid_param("span", "a span is two numbers of characters, such as 120-180"))
}

fn names((knowledge_base, document): (String, String)) -> Result<(KnowledgeBaseId, DocumentId), ApiError> {
    Ok((name(knowledge_base)?, name(document)?))
}

fn object(value: Document) -> Object<Document> {
    Object { object: "document", value }
}
