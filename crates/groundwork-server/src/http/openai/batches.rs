//! `/v1/batches`.

use super::super::Front;
use super::super::body::Whole;
use super::super::error::ApiError;
use super::super::given::{Params, Segments};
use super::super::page::{self, Bounds, Paging};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use groundwork_app::batches::{self, Batch, Request, State as At};
use groundwork_app::owned::Order;
use groundwork_core::access::Caller;
use groundwork_wire::batches as wire;
use groundwork_wire::error::Invalid;
use groundwork_wire::files::lifetime_in;
use groundwork_wire::object::Object;
use groundwork_wire::responses;
use std::sync::Arc;

const BOUNDS: Bounds = Bounds { limit: 20, most: 100, order: Order::NewestFirst, ids: "batch_" };

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Whole(body): Whole,
) -> Result<impl IntoResponse, ApiError> {
    let batch = batches::create(front.app(), &caller, request(&Object::parse(body)?)?).await?;
    Ok(Json(on_the_wire(batch)))
}

fn request(body: &Object) -> Result<Request, Invalid> {
    let text = |key: &str| body.get::<String>(key, "a string")?.ok_or_else(|| Invalid::Missing { param: key.to_owned() });
    let window = text("completion_window")?;
    if window != "24h" {
        return Err(Invalid::Value { param: "completion_window".to_owned(), reason: format!("{window:?} is not \"24h\"") });
    }
    Ok(Request {
        input_file: text("input_file_id")?,
        endpoint: text("endpoint")?,
        metadata: if body.has("metadata") { Some(responses::metadata(body)?) } else { None },
        output_expires_after: lifetime_in(body, "output_expires_after")?,
    })
}

pub(in super::super) async fn list(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Params(paging): Params<Paging>,
) -> Result<impl IntoResponse, ApiError> {
    let found = batches::list(front.app(), &caller, &paging.page(&BOUNDS)?).await?;
    Ok(Json(page::list(found, on_the_wire, |batch| &batch.id)))
}

pub(in super::super) async fn find(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    Ok(Json(on_the_wire(batches::find(front.app(), &caller, &id).await?)))
}

pub(in super::super) async fn cancel(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    Ok(Json(on_the_wire(batches::cancel(front.app(), &caller, &id).await?)))
}

fn on_the_wire(batch: Batch) -> wire::Batch {
    let counts = batches::counts(&batch);
    let ended = |state: At| batch.ended_at.filter(|_at| batch.state == state).map(|at| at / 1000);
    let usage = batch.usage;
    wire::Batch {
        object: wire::Kind::Batch,
        status: batch.state.as_str(),
        completion_window: "24h",
        created_at: batch.created_at / 1000,
        in_progress_at: batch.in_progress_at.map(|at| at / 1000),
        expires_at: Some(batch.expires_at / 1000),
        finalizing_at: batch.finalizing_at.map(|at| at / 1000),
        completed_at: ended(At::Completed),
        failed_at: ended(At::Failed),
        expired_at: ended(At::Expired),
        cancelling_at: batch.cancelling_at.map(|at| at / 1000),
        cancelled_at: ended(At::Cancelled),
        request_counts: wire::Counts { total: counts.total, completed: counts.completed, failed: counts.failed },
        usage: batch.in_progress_at.map(|_begun| wire::Usage {
            input_tokens: usage.input,
            input_tokens_details: wire::InputDetails { cached_tokens: usage.cached },
            output_tokens: usage.output,
            output_tokens_details: wire::OutputDetails { reasoning_tokens: usage.reasoning },
            total_tokens: usage.input + usage.output,
        }),
        errors: batch.errors.as_ref().and_then(|errors| serde_json::from_value(errors.clone()).ok()),
        id: batch.id.to_string(),
        endpoint: batch.endpoint,
        model: batch.model,
        input_file_id: batch.input_file.to_string(),
        output_file_id: batch.output_file.map(String::from),
        error_file_id: batch.error_file.map(String::from),
        metadata: batch.metadata,
    }
}
