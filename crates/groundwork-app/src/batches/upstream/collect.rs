//! Takes over what a target made of the lines of a batch, and books each as a call.

use super::super::check::{MOST_BYTES, fingerprint, task};
use super::super::line::usage;
use super::super::lines::Lines;
use super::super::run::RunError;
use super::Batch;
use super::talk::read;
use crate::App;
use crate::pipeline::{SettledCall, Settlement};
use crate::published::Deployment;
use groundwork_core::call::Operation;
use groundwork_core::ids::CallId;
use groundwork_core::turn;
use groundwork_inference::target;
use groundwork_store::db::batches::{LineResult, Usage};
use groundwork_store::wal::WalError;
use groundwork_wire::batches::{Endpoint, Heard, Response, Told, Unanswered};
use std::collections::HashMap;

/// Bytes of a line of results.
const MOST_RESULT: usize = 64 << 20;

/// Those lines that have a result already keep it, and are booked already.
pub(super) async fn collect(
    app: &App,
    batch: &Batch,
    endpoint: Endpoint,
    (deployment, files): (&Deployment, &[Option<String>]),
) -> Result<(), RunError> {
    let numbers = numbers(app, batch, endpoint).await?;
    for file in files.iter().flatten() {
        let mut lines = Lines::new(read(deployment, file).await?, MOST_RESULT);
        while let Some(line) = lines.next().await? {
            let Some(heard) = line.text.and_then(|text| serde_json::from_slice::<Heard>(&text).ok()) else {
                tracing::warn!(batch = %batch.id, line = line.number, "a target's result cannot be read");
                continue;
            };
            if let Some(number) = numbers.get(&fingerprint(&heard.custom_id)) {
                take(app, batch, endpoint, (deployment, *number, &heard)).await?;
            }
        }
    }
    Ok(())
}

/// The lines by what their ids hash to.
async fn numbers(app: &App, batch: &Batch, endpoint: Endpoint) -> Result<HashMap<u128, u32>, RunError> {
    let content = app.inner().files.read(batch.input_file.as_str()).await?;
    let mut lines = Lines::new(content.stream, MOST_BYTES);
    let mut numbers = HashMap::new();
    while let Some(line) = lines.next().await? {
        if let Some((number, task)) = task(line, endpoint) {
            numbers.insert(fingerprint(&task.custom_id), number);
        }
    }
    Ok(numbers)
}

/// Booked first, under an id that is the same at every try: a kill in between books nothing twice and loses nothing.
async fn take(
    app: &App,
    batch: &Batch,
    endpoint: Endpoint,
    (deployment, number, heard): (&Deployment, u32, &Heard),
) -> Result<(), RunError> {
    let answered = heard.response.as_ref();
    let used = answered.map(|answered| usage(answered.body.bytes())).unwrap_or_default();
    let status = answered.map(|answered| answered.status_code);
    let call = format!("call_{}_{number}", batch.id.as_str().trim_start_matches("batch_"));
    if let (Some(status), Ok(id)) = (status, CallId::try_from(call.clone())) {
        let refusal = (status != 200).then(|| refusal(deployment, status));
        book(app, batch, endpoint, (deployment, id), refusal.map_or(Ok(used), Err))?;
    }
    let response = answered.map(|answered| Response {
        status_code: answered.status_code,
        request_id: answered.request_id.as_deref().unwrap_or(&call),
        body: &answered.body,
    });
    let error = heard.error.as_ref().map(|error| Unanswered { code: &error.code, message: &error.message });
    let id = app.make_id::<CallId>("batch_req").map(String::from).unwrap_or_default();
    let succeeded = status == Some(200) && error.is_none();
    let text = Told { id: &id, custom_id: &heard.custom_id, response, error }.to_line();
    app.inner().db.put_batch_result(&batch.id, &LineResult { line: number, succeeded, text }, used).await?;
    Ok(())
}

fn refusal(deployment: &Deployment, status: u16) -> target::CallError {
    let (target, message) = (deployment.target.name().to_owned(), "a line of a batch".to_owned());
    target::CallError::Refused { target, status, message, said: Box::default() }
}

fn book(
    app: &App,
    batch: &Batch,
    endpoint: Endpoint,
    (deployment, id): (&Deployment, CallId),
    used: Result<Usage, target::CallError>,
) -> Result<(), WalError> {
    let Some(model) = batch.model.as_deref().and_then(|model| model.parse().ok()) else { return Ok(()) };
    let call = SettledCall {
        id,
        label: Some(batch.id.to_string()),
        tenant: batch.owner.tenant.clone(),
        principal: batch.owner.principal.clone(),
        operation: match endpoint {
            Endpoint::ChatCompletions | Endpoint::Responses => Operation::Chat,
            Endpoint::Embeddings => Operation::Embeddings,
            Endpoint::Completions => Operation::Completions,
            Endpoint::Moderations => Operation::Moderations,
        },
        model,
        streamed: false,
        started: batch.in_progress_at.unwrap_or(batch.created_at),
    };
    let settlement = Settlement::begin(app, call, None);
    let asking = settlement.asks(deployment)?;
    let Usage { input, cached, output, reasoning } = match used {
        Ok(used) => used,
        Err(error) => {
            settlement.failed(asking, &error);
            settlement.fail(error.kind(), error.http_status());
            return Ok(());
        }
    };
    settlement.used(turn::Usage {
        input_tokens: input,
        cached_tokens: cached,
        output_tokens: output,
        reasoning_tokens: reasoning,
        ..turn::Usage::default()
    });
    settlement.finished("stop");
    settlement.complete();
    Ok(())
}
