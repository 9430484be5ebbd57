//! Embeddings in OpenAI's shape, by a local model or by a target.

use crate::App;
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_inference::target::CallError;
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
    #[error("{problem}")]
    Invalid { param: Option<String>, problem: String },
    #[error("the model {0:?} does not exist, or you may not use it; GET /v1/models lists those you may")]
    UnknownModel(String),
    #[error("the model {0:?} does not make embeddings")]
    NotAnEmbeddingModel(String),
    #[error("the embedding model is not ready: {0}")]
    NotReady(String),
    #[error(transparent)]
    Call(#[from] CallError),
}

/// The answer is the response body, in the request's `encoding_format`.
pub async fn create(app: &App, caller: &Caller, request: Request) -> Result<Bytes, EmbedError> {
    let _ = (app, caller, request);
    unimplemented!()
}
