//! `/admin/v1/knowledge-bases`.

use super::super::Front;
use super::super::body::Json;
use super::super::error::ApiError;
use super::super::given::Segments;
use super::{List, Object};
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::knowledge_bases::{self, History, KnowledgeBase};
use groundwork_core::access::Caller;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Put {
    title: Option<String>,
    history: Option<History>,
}

pub(in super::super) async fn list(State(front): State<Front>, caller: Arc<Caller>) -> Result<impl IntoResponse, ApiError> {
    let found = knowledge_bases::list(front.app(), &caller).await?;
    Ok(axum::Json(List::whole(found.into_iter().map(object).collect())))
}

pub(in super::super) async fn put(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Json(put): Json<Put>,
) -> Result<impl IntoResponse, ApiError> {
    let id = id.try_into().map_err(|error: groundwork_core::ids::InvalidName| ApiError::invalid_param("id", error.to_string()))?;
    let made = knowledge_bases::put(front.app(), &caller, id, knowledge_bases::Put { title: put.title, history: put.history }).await?;
    Ok(axum::Json(object(made)))
}

fn object(value: KnowledgeBase) -> Object<KnowledgeBase> {
    Object { object: "knowledge_base", value }
}
