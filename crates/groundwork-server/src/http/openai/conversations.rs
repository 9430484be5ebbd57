//! `/v1/conversations`: items that go on from response to response.

use super::super::Front;
use super::super::body::Whole;
use super::super::error::ApiError;
use super::super::given::{Params, Segments};
use super::super::page::Paging;
use super::responses::{BOUNDS, include, items, shown};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use groundwork_app::conversations::{self, Conversation};
use groundwork_app::owned::Listed;
use groundwork_core::access::Caller;
use serde_json::{Value, json};
use std::sync::Arc;

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Whole(body): Whole,
) -> Result<impl IntoResponse, ApiError> {
    Ok(Json(on_the_wire(&conversations::create(front.app(), &caller, body).await?)))
}

pub(in super::super) async fn find(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    Ok(Json(on_the_wire(&conversations::find(front.app(), &caller, &id).await?)))
}

pub(in super::super) async fn update(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Whole(body): Whole,
) -> Result<impl IntoResponse, ApiError> {
    Ok(Json(on_the_wire(&conversations::update(front.app(), &caller, &id, body).await?)))
}

pub(in super::super) async fn delete(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    conversations::delete(front.app(), &caller, &id).await?;
    Ok(Json(json!({ "id": id, "object": "conversation.deleted", "deleted": true })))
}

pub(in super::super) async fn list_items(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Params(paging): Params<Paging>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, ApiError> {
    let found = conversations::list(front.app(), &caller, &id, &paging.page(&BOUNDS)?).await?;
    Ok(Json(items(found, query.as_deref())))
}

pub(in super::super) async fn add_items(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    RawQuery(query): RawQuery,
    Whole(body): Whole,
) -> Result<impl IntoResponse, ApiError> {
    let data = conversations::add(front.app(), &caller, &id, body).await?;
    Ok(Json(items(Listed { data, has_more: false }, query.as_deref())))
}

pub(in super::super) async fn find_item(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments((id, item)): Segments<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, ApiError> {
    let kept = conversations::find_item(front.app(), &caller, &id, &item).await?;
    Ok(Json(shown(kept, include(query.as_deref())).1))
}

pub(in super::super) async fn remove_item(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments((id, item)): Segments<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    Ok(Json(on_the_wire(&conversations::remove(front.app(), &caller, &id, &item).await?)))
}

fn on_the_wire(conversation: &Conversation) -> Value {
    let Conversation { id, metadata, created_at } = conversation;
    json!({ "id": id, "object": "conversation", "created_at": created_at / 1000, "metadata": metadata })
}
