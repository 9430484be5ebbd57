//! `/admin/v1/calls`: the ledger.

use super::super::Front;
use super::super::error::ApiError;
use super::super::given::Params;
use super::{List, name};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::ledger::{self, Cursor};
use groundwork_core::access::Caller;
use groundwork_core::clock::UnixMs;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(default)]
pub(in super::super) struct Page {
    /// Calls that ended from here on, and before `until_ms`.
    since_ms: UnixMs,
    until_ms: UnixMs,
    /// `END_CALL` of the last entry of the page before: when it ended, and its id.
    after: Option<String>,
    limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { since_ms: 0, until_ms: UnixMs::from(u32::MAX) * 1000, after: None, limit: 100 }
    }
}

/// In the order in which they ended.
pub(in super::super) async fn list(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Params(page): Params<Page>,
) -> Result<impl IntoResponse, ApiError> {
    if !(1..=999).contains(&page.limit) {
        return Err(ApiError::invalid_param("limit", "limit must be from 1 to 999"));
    }
    let after = page.after.as_deref().map(cursor).transpose()?;
    // One more than asked tells whether there are more.
    let list = ledger::List { time: page.since_ms..page.until_ms, after, limit: page.limit + 1 };
    let mut entries = ledger::list(front.app(), &caller, list).await?;
    let has_more = entries.len() > page.limit;
    entries.truncate(page.limit);
    Ok(Json(List { object: "list", data: entries, has_more }))
}

fn cursor(given: &str) -> Result<Cursor, ApiError> {
    let wrong = || ApiError::invalid_param("after", "after is ended_ms, an underscore, and the call of the last entry of the page before");
    let (ended, call) = given.split_once('_').ok_or_else(wrong)?;
    Ok(Cursor { ended_ms: ended.parse().map_err(|_| wrong())?, call: name(call.to_owned())? })
}
