//! Requests that go on to a deployment as they came: completions, moderations, images, sound. Each is a call like any other: its model
//! must be the caller's, it has a deadline, and it is booked.

mod ear;
mod running;

use crate::App;
use crate::app::Interrupted;
use crate::pipeline::{
    Booking, CallError, Estimate, Head, Item, SettledCall, Settlement, most_output, most_tokens, principal, shutting_down, text,
};
use crate::published::Pool;
use crate::routing::{Errand, route, spillover};
use bytes::Bytes;
use futures::stream::BoxStream;
use groundwork_core::access::Caller;
use groundwork_core::call::Operation;
use groundwork_core::ids::{CallId, ModelName};
use groundwork_core::turn::Dialect;
use groundwork_inference::target::{self, Forward, Forwarded, Passing, Target};
use groundwork_wire::chat;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use http::{HeaderMap, HeaderValue, Method};
use running::{Bytewise, Eventwise};
use std::sync::Arc;
use std::time::Instant;

pub struct Request {
    pub operation: Operation,
    /// Behind a target's base address, like `/images/generations`.
    pub path: &'static str,
    pub headers: Arc<HeaderMap>,
    pub body: Bytes,
    /// As the URL, the body or the form names it.
    pub model: String,
    /// Only deployments that speak it have this.
    pub only: Option<Dialect>,
    pub deadline: Instant,
    /// The client's own id of the request, a label in the ledger.
    pub request_id: Option<String>,
}

/// An answer on its way out. Dropping its body cancels the call and settles it.
pub struct Answer {
    pub head: Head,
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Body,
}

pub enum Body {
    /// An error is the last item.
    Bytes(BoxStream<'static, Result<Bytes, CallError>>),
    /// Server-sent events, to the end of the stream.
    Events(BoxStream<'static, Item>),
}

/// Passes a request on. However it ends, one record of the call goes to the ledger.
pub async fn forward(app: &App, caller: &Caller, request: Request) -> Result<Answer, CallError> {
    if app.stopping().is_cancelled() {
        return Err(shutting_down());
    }
    let pool = pool(app, caller, &request.model)?;
    pass(app, pool, principal(caller), request).await
}

/// The same for whoever may do it on `asker`'s behalf.
pub(crate) async fn pass(app: &App, pool: Arc<Pool>, asker: String, request: Request) -> Result<Answer, CallError> {
    let inner = app.inner();
    let (body, hides_usage) = with_usage(&request)?;
    let id: CallId = app.make_id("call").map_err(|_invalid| Interrupted)?;
    let call = SettledCall {
        id: id.clone(),
        label: request.request_id.clone(),
        tenant: inner.tenant.clone(),
        principal: asker.clone(),
        operation: request.operation,
        model: pool.name.clone(),
        streamed: hides_usage.is_some(),
        started: inner.clock.now(),
    };
    let settlement = Settlement::begin(app, call, Some(estimate(&pool, &request)));
    let asked = tokio::select! {
        biased;
        asked = ask(app, (&pool, &asker), (&request, &body), &settlement) => asked,
        () = tokio::time::sleep_until(request.deadline.into()) => Err(CallError::DeadlineExceeded),
        () = inner.cut.cancelled() => Err(shutting_down()),
    };
    match asked {
        Ok(Forwarded { status, content_type, headers, served: _, body }) => {
            settlement.finished("stop");
            let body = match body {
                Passing::Bytes(bytes) => Body::Bytes(Bytewise::run(app, content_type.as_deref(), bytes, settlement)),
                Passing::Events(events) => {
                    let is_completion = request.operation == Operation::Completions;
                    Body::Events(Eventwise::run(app, events, (is_completion, hides_usage.unwrap_or(false)), settlement))
                }
            };
            Ok(Answer { head: Head { call: id, headers }, status, content_type, body })
        }
        Err(error) => {
            settlement.fail(error.kind(), error.http_status());
            Err(error)
        }
    }
}

fn pool(app: &App, caller: &Caller, model: &str) -> Result<Arc<Pool>, CallError> {
    let unknown = || CallError::UnknownModel(model.to_owned());
    let name: ModelName = model.parse().map_err(|_invalid| unknown())?;
    if caller.tenant.as_ref() != Some(&app.inner().tenant) || !caller.may_use(&name) {
        return Err(unknown());
    }
    let published = app.published();
    match published.pools.get(&name) {
        Some(pool) => Ok(pool.clone()),
        None if published.assistants.contains_key(&name) => Err(CallError::NotSoAsked(model.to_owned())),
        None => Err(unknown()),
    }
}

/// Sound and pictures have no tokens that could be counted here: of a form only what a target tells is known.
fn estimate(pool: &Pool, request: &Request) -> Estimate {
    /// What `/v1/completions` gives when the client names no limit.
    const UNNAMED: u64 = 16;
    let Ok(object) = Object::parse(request.body.clone()) else { return Estimate::of_input(pool, (0, None), |_| 0) };
    let output = (request.operation == Operation::Completions).then(|| most_output(&object).unwrap_or(UNNAMED));
    Estimate::of_input(pool, (most_tokens(&object), output), move |tokenizer| tokenizer.count(&text(&object)))
}

/// The body with usage asked for where it streams; and then whether the client is not to see it.
fn with_usage(request: &Request) -> Result<(Bytes, Option<bool>), Invalid> {
    if request.operation != Operation::Completions {
        return Ok((request.body.clone(), None));
    }
    let mut body = Object::parse(request.body.clone())?;
    if body.get("stream", "a boolean")? != Some(true) {
        return Ok((request.body.clone(), None));
    }
    let asked = chat::ask_usage(&mut body)?;
    Ok((body.to_bytes(), Some(!asked)))
}

/// Asks a deployment of the model, and another when it fails before its first byte.
async fn ask(
    app: &App,
    (pool, caller): (&Arc<Pool>, &str),
    (request, body): (&Request, &Bytes),
    settlement: &Settlement,
) -> Result<Forwarded, CallError> {
    let errand = Errand { pool, caller, deadline: request.deadline, tokens: 0, streamed: false, everywhere: false, affinity: None };
    let (forwarded, attempt) = route(app, &errand, Some(Booking::of_forwarded(settlement, running::echo)), |deployment, _| {
        let forward = Forward {
            method: Method::POST,
            path: request.path.to_owned(),
            query: None,
            headers: spillover::headers(&request.headers, pool, deployment),
            body: body.clone(),
            model: Some(deployment.model.clone()),
            deadline: request.deadline,
        };
        forward_to(deployment.target.clone(), request.only, forward)
    })
    .await?;
    let Forwarded { status, content_type, headers, served, body } = forwarded;
    let body = match body {
        Passing::Bytes(bytes) => Passing::Bytes(attempt.follow_bytes(&headers, bytes)),
        Passing::Events(events) => Passing::Events(attempt.follow_events(&headers, events)),
    };
    Ok(Forwarded { status, content_type, headers, served, body })
}

async fn forward_to(target: Target, only: Option<Dialect>, forward: Forward) -> Result<Forwarded, target::CallError> {
    if only.is_some_and(|dialect| !target.speaks(dialect)) {
        let message = "it does not speak this dialect".to_owned();
        return Err(target::CallError::Unsupported { target: target.name().to_owned(), message });
    }
    target.forward(forward).await
}

/// The client's headers; whatever it called the body, it is JSON.
pub(crate) fn with_json(headers: &HeaderMap) -> Arc<HeaderMap> {
    let mut headers = headers.clone();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Arc::new(headers)
}
