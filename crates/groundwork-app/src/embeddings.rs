//! Embeddings in OpenAI's shape, by the local model or by a target.

use crate::app::{App, Interrupted};
use crate::local_model::NotReady;
use crate::pipeline::{Booking, Estimate, SHUTDOWN_RETRY, SettledCall, Settlement, now, principal};
use crate::published::Pool;
use crate::routing::{Errand, RouteError, Unavailable, route, spillover};
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_core::call::Operation;
use groundwork_core::ids::{CallId, ModelName};
use groundwork_core::turn::Usage;
use groundwork_inference::target::{CallError, EmbedCall, Stage};
use groundwork_retrieval::embed::{EmbedError as Failure, Embedder, Purpose};
use groundwork_store::wal::WalError;
use groundwork_wire::embeddings::{self, Asked, Format, Input, Request as Parsed, Response};
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use http::HeaderMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Request {
    /// The client's JSON body.
    pub body: Bytes,
    /// Wins over the body's `model` (Azure's paths name the deployment).
    pub model: Option<String>,
    /// The client's. What of them a target may want goes on to it.
    pub headers: Arc<HeaderMap>,
    pub deadline: Option<Instant>,
    /// The client's own id of the request, a label in the ledger.
    pub request_id: Option<String>,
}

/// The response body, in the request's `encoding_format`.
#[derive(Debug)]
pub struct Answer {
    pub call: CallId,
    /// Headers of the target that are the client's too.
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("The model {0:?} does not exist, or you may not use it. GET /v1/models lists those you may.")]
    UnknownModel(String),
    #[error("The model {0:?} does not make embeddings.")]
    NotAnEmbeddingModel(String),
    #[error("The embedding model is not ready: {0}.")]
    NotReady(#[from] NotReady),
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error(transparent)]
    Call(CallError),
    /// No deployment of the model takes a call at the moment.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("The embeddings were not made before the deadline.")]
    DeadlineExceeded,
    #[error("The server is shutting down. Try again in {} seconds.", retry_after.as_secs())]
    ShuttingDown { retry_after: Duration },
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A call that cannot be recorded does not go out.
    #[error(transparent)]
    Books(#[from] WalError),
}

impl From<RouteError> for EmbedError {
    fn from(error: RouteError) -> Self {
        match error {
            // A target that ran into the deadline of the call did nothing wrong.
            RouteError::Call(CallError::Timeout { stage: Stage::End, .. }) => Self::DeadlineExceeded,
            RouteError::Call(error) => Self::Call(error),
            RouteError::Nobody(unavailable) => Self::Unavailable(unavailable),
            RouteError::Books(error) => Self::Books(error),
        }
    }
}

impl EmbedError {
    /// The HTTP status that says the same.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Invalid(_) | Self::NotAnEmbeddingModel(_) => 400,
            Self::UnknownModel(_) => 404,
            Self::NotReady(_) => 503,
            Self::Failed(Failure::Busy { .. }) => 503,
            Self::Failed(Failure::Missing { .. }) => 503,
            Self::Failed(Failure::Failed { .. }) => 500,
            Self::Call(error) => error.http_status(),
            Self::Unavailable(unavailable) => unavailable.http_status(),
            Self::DeadlineExceeded => 504,
            Self::ShuttingDown { .. } | Self::Interrupted(_) | Self::Books(_) => 503,
        }
    }

    /// The word for this kind of error in ledger and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_request",
            Self::UnknownModel(_) => "model_not_found",
            Self::NotAnEmbeddingModel(_) => "model_not_supported",
            Self::NotReady(_) => "embedding_model_missing",
            Self::Failed(Failure::Busy { .. }) => "embedding_busy",
            Self::Failed(Failure::Missing { .. }) => "embedding_model_missing",
            Self::Failed(Failure::Failed { .. }) => "embedding_failed",
            Self::Call(error) => error.kind(),
            Self::Unavailable(unavailable) => unavailable.kind(),
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::ShuttingDown { .. } => "shutting_down",
            Self::Interrupted(_) => "interrupted",
            Self::Books(_) => "not_recorded",
        }
    }
}

/// Makes embeddings. However it ends, one record of the call goes to the ledger.
pub async fn create(app: &App, caller: &Caller, request: Request) -> Result<Answer, EmbedError> {
    if app.stopping().is_cancelled() {
        return Err(shutting_down());
    }
    let inner = app.inner();
    let mut body = Object::parse(request.body)?;
    if let Some(model) = &request.model {
        body.set("model", model).map_err(|error| Invalid::Value { param: "model".to_owned(), reason: error.to_string() })?;
    }
    let parsed = Parsed::parse(body.to_bytes())?;
    let deadline = request.deadline.unwrap_or_else(|| now() + inner.limits.call_timeout);
    let (model, maker) = maker(app, caller, &parsed)?;
    let call = SettledCall {
        id: app.make_id("call").map_err(|_invalid| Interrupted)?,
        label: request.request_id,
        tenant: inner.tenant.clone(),
        principal: principal(caller),
        operation: Operation::Embeddings,
        model,
        streamed: false,
        started: inner.clock.now(),
    };
    let id = call.id.clone();
    let settlement = Settlement::begin(app, call, estimate(&maker, &parsed));
    let asked = EmbedCall { body, model: None, deadline, headers: request.headers };
    let made = tokio::select! {
        biased;
        made = make(app, maker, (&parsed.model, asked), &settlement) => made,
        () = tokio::time::sleep_until(deadline.into()) => Err(EmbedError::DeadlineExceeded),
        () = inner.cut.cancelled() => Err(shutting_down()),
    };
    match made {
        Ok((headers, body)) => {
            settlement.complete();
            Ok(Answer { call: id, headers, body })
        }
        Err(error) => {
            settlement.fail(error.kind(), error.http_status());
            Err(error)
        }
    }
}

/// Who makes the embeddings.
enum Maker {
    Local(Local),
    Pool { pool: Arc<Pool>, caller: String },
}

fn shutting_down() -> EmbedError {
    EmbedError::ShuttingDown { retry_after: SHUTDOWN_RETRY }
}

/// What the local model is asked.
struct Local {
    texts: Vec<String>,
    format: Format,
    dimensions: Option<u32>,
}

fn maker(app: &App, caller: &Caller, request: &Parsed) -> Result<(ModelName, Maker), EmbedError> {
    let (inner, model) = (app.inner(), request.model.as_str());
    let unknown = || EmbedError::UnknownModel(model.to_owned());
    let name: ModelName = model.parse().map_err(|_invalid| unknown())?;
    if caller.tenant.as_ref() != Some(&inner.tenant) || !caller.may_use(&name) {
        return Err(unknown());
    }
    if model == inner.knowledge.embedding.name {
        return Ok((name, Maker::Local(local(request)?)));
    }
    let published = app.published();
    match published.pools.get(&name) {
        Some(pool) => Ok((name, Maker::Pool { pool: pool.clone(), caller: principal(caller) })),
        None if published.assistants.contains_key(&name) => Err(EmbedError::NotAnEmbeddingModel(model.to_owned())),
        None => Err(unknown()),
    }
}

async fn make(
    app: &App,
    maker: Maker,
    (model, asked): (&str, EmbedCall),
    settlement: &Settlement,
) -> Result<(HeaderMap, Bytes), EmbedError> {
    settlement.finished("stop");
    match maker {
        Maker::Local(local) => {
            let embedder = app.inner().knowledge.embedding.get().await?;
            let (answer, tokens) = embed(app, embedder, model, local).await?;
            settlement.used(Usage { input_tokens: tokens, ..Usage::default() });
            Ok((HeaderMap::new(), answer))
        }
        Maker::Pool { pool, caller } => {
            let tokens = if pool.counts_tokens { asked.body.raw("input").map_or(0, Bytes::len) as u64 / 4 } else { 0 };
            let errand = Errand {
                pool: &pool,
                caller: &caller,
                deadline: asked.deadline,
                tokens,
                streamed: false,
                everywhere: false,
                affinity: None,
            };
            let (embedded, attempt) = route(app, &errand, Some(Booking::of_embedded(settlement)), |deployment, _| {
                let headers = spillover::headers(&asked.headers, &pool, deployment);
                let call = EmbedCall { model: Some(deployment.model.clone()), headers, body: asked.body.clone(), deadline: asked.deadline };
                let target = deployment.target.clone();
                async move { target.embed(call).await }
            })
            .await?;
            let tokens = embeddings::prompt_tokens(&embedded.body);
            attempt.done(&embedded.headers, tokens);
            if let Some(tokens) = tokens {
                settlement.used(Usage { input_tokens: tokens, ..Usage::default() });
            }
            Ok((embedded.headers, embedded.body))
        }
    }
}

fn estimate(maker: &Maker, request: &Parsed) -> Option<Estimate> {
    let Maker::Pool { pool, .. } = maker else { return None };
    let (most, texts) = match request.asked().map(|asked| asked.input) {
        Ok(Input::Texts(texts)) => (texts.iter().map(String::len).sum(), Some(texts)),
        Ok(Input::Tokens(lists)) => (lists.iter().map(Vec::len).sum(), None),
        // What the target may understand better than we do.
        Err(_) => (request.object.raw("input").map_or(0, Bytes::len), None),
    };
    Some(Estimate::of_input(pool, (most, None), move |tokenizer| {
        texts.map_or(most, |texts| texts.iter().map(|text| tokenizer.count(text)).sum())
    }))
}

fn local(request: &Parsed) -> Result<Local, Invalid> {
    let Asked { input, format, dimensions } = request.asked()?;
    match input {
        Input::Texts(texts) => Ok(Local { texts, format, dimensions }),
        Input::Tokens(_) => {
            Err(invalid("input", format!("{} reads texts, not token ids, which belong to the vocabulary of another model", request.model)))
        }
    }
}

fn invalid(param: &str, reason: String) -> Invalid {
    Invalid::Value { param: param.to_owned(), reason }
}

/// The texts are passages: what a client stores and searches for is its own affair, and MiniLM makes no difference.
async fn embed(app: &App, embedder: Embedder, model: &str, asked: Local) -> Result<(Bytes, u64), EmbedError> {
    let Local { texts, format, dimensions } = asked;
    if let Some(dimensions) = dimensions.filter(|dimensions| *dimensions as usize != embedder.dimensions) {
        let reason = format!("{} has {} dimensions, not {dimensions}", embedder.model, embedder.dimensions);
        return Err(invalid("dimensions", reason).into());
    }
    let tokenizer = embedder.tokenizer.clone();
    let count = move || (texts.iter().map(|text| tokenizer.count(text)).collect::<Vec<usize>>(), texts);
    let (tokens, texts) = app.compute(count).await?;
    // The model's own marks at both ends count too.
    let room = embedder.window.saturating_sub(2);
    if let Some(at) = tokens.iter().position(|tokens| *tokens > room) {
        let reason = format!("text {at} has {} tokens, and {} reads {room}", tokens[at], embedder.model);
        return Err(invalid("input", reason).into());
    }
    let vectors = (embedder.run)(Purpose::Passage, texts).await?;
    let prompt_tokens = tokens.iter().sum::<usize>() as u64;
    let answer = Response { model, vectors: &vectors, format, prompt_tokens }.to_bytes();
    Ok((answer, prompt_tokens))
}
