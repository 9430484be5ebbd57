//! `/v1/models`.

use super::super::Front;
use super::super::error::ApiError;
use super::super::given::{Params, Segments};
use super::super::page::{self, Bounds, Paging};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::models;
use groundwork_app::owned::Order;
use groundwork_core::access::Caller;
use groundwork_wire::models as wire;
use std::sync::Arc;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// Without a limit it is all of them.
const BOUNDS: Bounds = Bounds { limit: 10_000, most: 10_000, order: Order::OldestFirst, ids: "" };

pub(in super::super) async fn list(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Params(paging): Params<Paging>,
) -> Result<impl IntoResponse, ApiError> {
    let page = paging.page(&BOUNDS)?;
    let all = models::list(front.app(), &caller).into_iter().map(|model| (model.id.clone(), on_the_wire(&model))).collect();
    Ok(Json(page::named(page::cut(all, &page)?)))
}

pub(in super::super) async fn find(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(name): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    let unknown = || format!("The model {name:?} does not exist, or you may not use it. GET /v1/models lists those you may.");
    let model = models::find(front.app(), &caller, &name).ok_or_else(|| ApiError::unknown_model(unknown()))?;
    Ok((JSON, on_the_wire(&model).to_bytes()))
}

fn on_the_wire(model: &models::Model) -> wire::Model {
    wire::Model::new(&model.id, model.created_at / 1000, "groundwork")
}
