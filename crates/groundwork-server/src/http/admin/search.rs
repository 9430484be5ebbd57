//! `/admin/v1/knowledge-bases/{id}/search`.

use super::super::Front;
use super::super::body::Json;
use super::super::error::ApiError;
use super::super::given::Segments;
use super::{Object, name};
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::declared::Variety;
use groundwork_app::search::{Mode, Query, search};
use groundwork_core::access::Caller;
use groundwork_core::filter::Filter;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Search {
    query: String,
    #[serde(default = "default_limit")]
    limit: usize,
    #[serde(default)]
    mode: Mode,
    filters: Option<Filter>,
    #[serde(default = "yes")]
    rerank: bool,
    #[serde(default)]
    variety: Variety,
}

fn yes() -> bool {
    true
}

fn default_limit() -> usize {
    10
}

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Json(asked): Json<Search>,
) -> Result<impl IntoResponse, ApiError> {
    if !(1..=100).contains(&asked.limit) {
        return Err(ApiError::invalid_param("limit", "limit must be from 1 to 100"));
    }
    let Search { query: text, limit, mode, filters: filter, rerank, variety } = asked;
    if !(0.0..=1.0).contains(&variety.weight) || variety.per_document == Some(0) {
        return Err(ApiError::invalid_param("variety", "variety.weight must be from 0 to 1, and variety.per_document at least 1"));
    }
    let variety = variety.into();
    let query = Query { knowledge_base: name(id)?, text, limit, mode, filter, rerank, variety };
    let found = search(front.app(), &caller, query).await?;
    Ok(axum::Json(Object { object: "search.results", value: found }))
}
