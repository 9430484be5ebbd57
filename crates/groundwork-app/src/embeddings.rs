//! Embeddings in OpenAI's shape, by the local model or by a target.

use crate::App;
use crate::knowledge::NotReady;
use crate::pipeline::now;
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_inference::target::CallError;
use groundwork_retrieval::embed::{EmbedError as Failure, Embedder, Purpose};
use groundwork_wire::embeddings::{Input, Request as Parsed, Response};
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use std::time::Instant;

pub struct Request {
    /// The client's JSON body.
    pub body: Bytes,
    /// Wins over the body's `model` (Azure's paths name the deployment).
    pub model: Option<String>,
    pub deadline: Option<Instant>,
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
    Call(#[from] CallError),
    #[error("The embeddings were not made before the deadline.")]
    DeadlineExceeded,
}

impl EmbedError {
    /// The HTTP status that says the same.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Invalid(_) | Self::NotAnEmbeddingModel(_) => 400,
            Self::UnknownModel(_) => 404,
            Self::NotReady(_) => 503,
            Self::Failed(_) => 500,
            Self::Call(error) => error.http_status(),
            Self::DeadlineExceeded => 504,
        }
    }
}

/// Texts in one request, as OpenAI limits them.
const MAX_TEXTS: usize = 2048;

/// The answer is the response body, in the request's `encoding_format`.
pub async fn create(app: &App, caller: &Caller, request: Request) -> Result<Bytes, EmbedError> {
    let inner = app.inner();
    let mut body = Object::parse(request.body)?;
    if let Some(model) = &request.model {
        body.set("model", model).map_err(|error| Invalid::Value { param: "model".to_owned(), reason: error.to_string() })?;
    }
    let parsed = Parsed::parse(body.to_bytes())?;
    if caller.tenant.as_ref() != Some(&inner.tenant) {
        return Err(EmbedError::UnknownModel(parsed.model));
    }
    let deadline = request.deadline.unwrap_or_else(|| now() + inner.limits.call_timeout);
    if parsed.model == inner.knowledge.embedding.name {
        let embedder = inner.knowledge.embedding.embedder().await?;
        return tokio::time::timeout_at(deadline.into(), local(&embedder, parsed)).await.unwrap_or(Err(EmbedError::DeadlineExceeded));
    }
    let published = app.published();
    let pool = parsed.model.parse().ok().and_then(|name| published.pools.get(&name).cloned());
    let Some(deployment) = pool.and_then(|pool| pool.deployments.first().cloned()) else {
        let assistant = parsed.model.parse().is_ok_and(|name| published.assistants.contains_key(&name));
        return Err(if assistant { EmbedError::NotAnEmbeddingModel(parsed.model) } else { EmbedError::UnknownModel(parsed.model) });
    };
    Ok(deployment.target.embed(Some(&deployment.model), body, deadline).await?)
}

/// The texts are passages: what a client stores and searches for is its own affair, and MiniLM makes no difference.
async fn local(embedder: &Embedder, request: Parsed) -> Result<Bytes, EmbedError> {
    let invalid = |param: &str, reason: String| Invalid::Value { param: param.to_owned(), reason };
    if let Some(dimensions) = request.dimensions.filter(|dimensions| *dimensions as usize != embedder.dimensions) {
        let reason = format!("{} has {} dimensions, not {dimensions}", embedder.model, embedder.dimensions);
        return Err(invalid("dimensions", reason).into());
    }
    let Input::Texts(texts) = request.input else {
        return Err(invalid("input", format!("{} reads texts, not token ids of another vocabulary", embedder.model)).into());
    };
    if texts.len() > MAX_TEXTS {
        return Err(invalid("input", format!("{} texts are more than {MAX_TEXTS}", texts.len())).into());
    }
    let tokens: Vec<usize> = texts.iter().map(|text| embedder.tokenizer.count(text)).collect();
    // The model's own marks at both ends count too.
    let room = embedder.window.saturating_sub(2);
    if let Some(at) = tokens.iter().position(|tokens| *tokens > room) {
        let reason = format!("text {at} has {} tokens, and {} reads {room}", tokens[at], embedder.model);
        return Err(invalid("input", reason).into());
    }
    let vectors = (embedder.run)(Purpose::Passage, texts).await?;
    let prompt_tokens = tokens.iter().sum::<usize>() as u64;
    Ok(Response { model: &request.model, vectors: &vectors, format: request.format, prompt_tokens }.to_bytes())
}
