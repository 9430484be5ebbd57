//! How many tokens a request has, in Anthropic's shape or that of responses: as its model counts them, else by the tokenizer of its family.

use super::admit::{self, Model, now, principal};
use super::error::CallError;
use super::run::Request;
use super::text::text;
use crate::App;
use crate::forward;
use crate::published::{Deployment, Pool};
use crate::routing::{Errand, RouteError, route, spillover};
use futures::StreamExt;
use groundwork_core::access::Caller;
use groundwork_core::turn::{Dialect, Turn};
use groundwork_inference::target::{self, Forward, Forwarded, Passing, Target};
use groundwork_wire::count;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use http::{HeaderMap, Method};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub input_tokens: u64,
    /// The model did not count them itself.
    pub estimated: bool,
}

/// Nothing is booked: counting costs nothing.
pub async fn count_tokens(app: &App, caller: &Caller, request: Request) -> Result<Counted, CallError> {
    let deadline = request.deadline.unwrap_or_else(|| now() + app.inner().limits.call_timeout);
    let object = Object::parse(request.body.clone())?;
    let path = match request.dialect {
        Dialect::Messages => {
            Turn::from_messages_count(&object)?;
            "/messages/count_tokens"
        }
        // Its state has been put into it, and it has been read for that.
        Dialect::Responses | Dialect::Chat => "/responses/input_tokens",
    };
    let name: String = object.get("model", "a string")?.ok_or_else(|| Invalid::Missing { param: "model".to_owned() })?;
    let model = admit::model(app, caller, &name)?;
    if let Model::Pool(pool) = &model {
        match by_the_model(app, (pool, &principal(caller)), (&request, path), deadline).await.map_err(CallError::from) {
            Ok(input_tokens) => return Ok(Counted { input_tokens, estimated: false }),
            Err(error @ CallError::Call(target::CallError::Refused { .. })) => return Err(error),
            Err(error) => tracing::debug!(kind = error.kind(), "the model does not count tokens"),
        }
    }
    let pool = model.pool().clone();
    let input_tokens = app.compute(move || pool.tokenizer.count(&text(&object))).await? as u64;
    Ok(Counted { input_tokens, estimated: true })
}

async fn by_the_model(
    app: &App,
    (pool, caller): (&Arc<Pool>, &str),
    (request, path): (&Request, &str),
    deadline: Instant,
) -> Result<u64, RouteError> {
    let errand = Errand { pool, caller, deadline, tokens: 0, streamed: false, everywhere: false, affinity: None };
    let headers = forward::with_json(&request.headers);
    let ((told, input_tokens), attempt) = route(app, &errand, None, |deployment: &Deployment, _| {
        let forward = Forward {
            method: Method::POST,
            path: path.to_owned(),
            query: None,
            headers: spillover::headers(&headers, pool, deployment),
            body: request.body.clone(),
            model: Some(deployment.model.clone()),
            deadline,
        };
        counted_by(deployment.target.clone(), request.dialect, forward)
    })
    .await?;
    attempt.done(&told, None);
    Ok(input_tokens)
}

async fn counted_by(model: Target, dialect: Dialect, forward: Forward) -> Result<(HeaderMap, u64), target::CallError> {
    #[derive(Deserialize)]
    struct Told {
        #[serde(deserialize_with = "count::needed")]
        input_tokens: u64,
    }
    if !model.speaks(dialect) {
        let message = "it does not speak this dialect".to_owned();
        return Err(target::CallError::Unsupported { target: model.name().to_owned(), message });
    }
    let broken = |message: String| target::CallError::Broken { target: model.name().to_owned(), message };
    let Forwarded { headers, body: Passing::Bytes(mut body), .. } = model.forward(forward).await? else {
        return Err(broken("it answered with a stream of events".to_owned()));
    };
    let mut whole = Vec::new();
    while let Some(part) = body.next().await {
        whole.extend_from_slice(&part?);
        if whole.len() > MOST_BYTES {
            break;
        }
    }
    let told: Result<Told, _> = serde_json::from_slice(&whole);
    Ok((headers, told.map_err(|error| broken(error.to_string()))?.input_tokens))
}

/// Bytes of an answer that is one number.
const MOST_BYTES: usize = 64 << 10;
