//! `/v1/models`.

use super::super::Front;
use super::super::error::ApiError;
use super::super::given::Segments;
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::models;
use groundwork_core::access::Caller;
use groundwork_wire::models as wire;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

pub(in super::super) async fn list(State(front): State<Front>, caller: Caller) -> Result<impl IntoResponse, ApiError> {
    let models: Vec<wire::Model> = models::list(front.app(), &caller).iter().map(on_the_wire).collect();
    Ok((JSON, wire::list(&models)))
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
