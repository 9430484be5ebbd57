//! `/v1/models`.

use super::super::Front;
use super::super::error::ApiError;
use super::super::given::{Params, Segments};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::models;
use groundwork_core::access::Caller;
use groundwork_wire::models as wire;
use serde::{Deserialize, Serialize};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// A page of a list, as OpenAI's lists have them; without a limit it is all of it.
#[derive(Deserialize)]
pub(in super::super) struct Page {
    limit: Option<usize>,
    /// The id of the last model of the page before.
    after: Option<String>,
    order: Option<Order>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Asc,
    Desc,
}

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<wire::Model>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
}

pub(in super::super) async fn list(
    State(front): State<Front>,
    caller: Caller,
    Params(page): Params<Page>,
) -> Result<impl IntoResponse, ApiError> {
    if page.limit == Some(0) {
        return Err(ApiError::invalid_param("limit", "limit must be at least 1"));
    }
    let mut data: Vec<wire::Model> = models::list(front.app(), &caller).iter().map(on_the_wire).collect();
    if page.order == Some(Order::Desc) {
        data.reverse();
    }
    if let Some(after) = &page.after {
        let at = data.iter().position(|model| model.id == *after);
        let at = at.ok_or_else(|| ApiError::invalid_param("after", format!("there is no model {after:?}")))?;
        data.drain(..=at);
    }
    let limit = page.limit.unwrap_or(usize::MAX);
    let has_more = data.len() > limit;
    data.truncate(limit);
    let id = |model: Option<&wire::Model>| model.map(|model| model.id.clone());
    Ok(Json(List { object: "list", first_id: id(data.first()), last_id: id(data.last()), has_more, data }))
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
