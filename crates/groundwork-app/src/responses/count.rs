//! What a request would cost, and a long one made short: where a target has that, with the state that it does not keep.

use super::error::CreateError;
use super::recall::{Form, recall};
use crate::App;
use crate::forward::{self, forward};
use crate::owned::owner;
use crate::pipeline::{self, CallError, Counted, Request, count_tokens, now};
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_core::call::Operation;
use groundwork_core::turn::Dialect;
use groundwork_inference::target;
use groundwork_wire::responses as wire;

/// How many tokens the model would read: as its target counts them, else by the tokenizer of its family.
pub async fn count(app: &App, caller: &Caller, request: Request) -> Result<Counted, CreateError> {
    let (_, body) = whole(app, caller, &request.body).await?;
    Ok(count_tokens(app, caller, Request { dialect: Dialect::Responses, body, ..request }).await?)
}

/// Items that say in short what was said, as the target makes them.
pub async fn compact(app: &App, caller: &Caller, request: Request) -> Result<forward::Answer, CreateError> {
    let (model, body) = whole(app, caller, &request.body).await?;
    let pool = pipeline::model(app, caller, &model)?.pool().clone();
    if !pool.deployments.iter().any(|deployment| deployment.target.speaks(Dialect::Responses)) {
        let message = "no deployment of it speaks the responses API, so there is nobody who compacts".to_owned();
        return Err(CallError::Call(target::CallError::Unsupported { target: model, message }).into());
    }
    let request = forward::Request {
        operation: Operation::Chat,
        path: "/responses/compact",
        headers: forward::with_json(&request.headers),
        body,
        model,
        only: Some(Dialect::Responses),
        deadline: request.deadline.unwrap_or_else(|| now() + app.inner().limits.call_timeout),
        request_id: request.request_id,
    };
    Ok(forward(app, caller, request).await?)
}

/// A request's model, and the request with all that it refers to.
async fn whole(app: &App, caller: &Caller, body: &Bytes) -> Result<(String, Bytes), CreateError> {
    let asked = wire::Request::parse(body.clone())?;
    pipeline::model(app, caller, &asked.model)?;
    let owner = owner(caller).map_err(|_stranger| CallError::UnknownModel(asked.model.clone()))?;
    let recalled = recall(app, &owner, &asked, false).await?;
    Ok((asked.model, recalled.request(Form::Whole).to_bytes()))
}
