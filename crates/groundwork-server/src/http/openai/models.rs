//! `/v1/models`.

use super::super::Front;
use super::super::error::ApiError;
use super::super::given::{Params, Segments};
use super::super::page::{Bounds, Paging};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::models;
use groundwork_app::owned::Order;
use groundwork_core::access::Caller;
use groundwork_wire::list::List;
use groundwork_wire::models as wire;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// Without a limit it is all of them.
const BOUNDS: Bounds = Bounds { limit: 10_000, most: 10_000, order: Order::OldestFirst };

pub(in super::super) async fn list(
    State(front): State<Front>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Result<impl IntoResponse, ApiError> {
    let page = paging.page(&BOUNDS)?;
    let mut data: Vec<wire::Model> = models::list(front.app(), &caller).iter().map(on_the_wire).collect();
    if page.order == Order::NewestFirst {
        data.reverse();
    }
    if let Some(after) = &page.after {
        let at = data.iter().position(|model| model.id == *after);
        let at = at.ok_or_else(|| ApiError::invalid_param("after", format!("there is no model {after:?}")))?;
        data.drain(..=at);
    }
    let has_more = data.len() > page.limit as usize;
    data.truncate(page.limit as usize);
    Ok(Json(List::new(data, has_more, |model| &model.id)))
}

pub(in super::super) async fn find(
    State(front): State<Front>,
    caller: Caller,
    Segments(name): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    let unknown = || format!("The model {name:?} does not exist, or you may not use it. GET /v1/models lists those you may.");
    let model = models::find(front.app(), &caller, &name).ok_or_else(|| ApiError::unknown_model(unknown()))?;
    Ok((JSON, on_the_wire(&model).to_bytes()))
}

fn on_the_wire(model: &models::Model) -> wire::Model {
    wire::Model::new(&model.id, model.created_at / 1000, "groundwork")
}
