//! `/admin/v1/jobs`: background work, such as documents that are being read.

use super::super::Front;
use super::super::error::ApiError;
use super::super::given::{Params, Segments};
use super::{List, Object, name};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::jobs::{self, Job};
use groundwork_core::access::Caller;
use groundwork_core::ids::JobId;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub(in super::super) struct Page {
    after: Option<String>,
    #[serde(default = "default_limit")]
    limit: usize,
}

fn default_limit() -> usize {
    100
}

/// Newest first.
pub(in super::super) async fn list(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Params(page): Params<Page>,
) -> Result<impl IntoResponse, ApiError> {
    if !(1..=1000).contains(&page.limit) {
        return Err(ApiError::invalid_param("limit", "limit must be from 1 to 1000"));
    }
    let after: Option<JobId> = page.after.map(name).transpose()?;
    // One more than asked tells whether there are more.
    let mut found = jobs::list(front.app(), &caller, after.as_ref(), page.limit + 1).await?;
    let has_more = found.len() > page.limit;
    found.truncate(page.limit);
    Ok(Json(List { object: "list", data: found.into_iter().map(object).collect(), has_more }))
}

pub(in super::super) async fn find(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    let id: JobId = name(id)?;
    Ok(Json(object(jobs::find(front.app(), &caller, &id).await?)))
}

fn object(value: Job) -> Object<Job> {
    Object { object: "job", value }
}
