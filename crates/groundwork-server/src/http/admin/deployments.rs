//! `/admin/v1/deployments`: who answers, and how they are.

use super::super::Front;
use super::{List, Object};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::routing;
use groundwork_core::access::Caller;
use std::sync::Arc;

pub(in super::super) async fn list(State(front): State<Front>, caller: Arc<Caller>) -> impl IntoResponse {
    let found = routing::list(front.app(), &caller);
    Json(List::whole(found.into_iter().map(|value| Object { object: "deployment", value }).collect()))
}
