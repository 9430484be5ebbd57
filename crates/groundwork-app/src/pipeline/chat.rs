//! A chat completion, from the client's bytes to the last byte of the answer.

use crate::App;
use crate::search::SearchError;
use bytes::Bytes;
use futures::stream::BoxStream;
use groundwork_core::access::Caller;
use groundwork_core::ids::CallId;
use groundwork_inference::target::CallError;
use std::time::{Duration, Instant};

pub struct Request {
    /// The client's JSON body: an OpenAI chat completion request.
    pub body: Bytes,
    /// Wins over the body's `model` (Azure's paths name the deployment).
    pub model: Option<String>,
    /// When the client no longer waits; `limits.call_timeout` from now when it does not say.
    pub deadline: Option<Instant>,
    /// The client's own id of the request, a label in the ledger.
    pub request_id: Option<String>,
    /// Puts Azure's `context.citations` on the message beside OpenAI's `annotations`.
    pub azure: bool,
}

/// An answer on its way out. Dropping a stream cancels the call and settles it.
pub enum Answer {
    /// A response body.
    Whole(Head, Bytes),
    /// JSON chunks for SSE; after the last one comes `[DONE]`.
    Stream(Head, BoxStream<'static, Item>),
}

/// What is known before the first byte of the answer.
#[derive(Debug, Clone)]
pub struct Head {
    pub call: CallId,
    /// Headers of the upstream that are the client's too: `x-ratelimit-*`, `retry-after`, `openai-processing-ms`, `x-ms-*`.
    pub headers: Vec<(String, String)>,
}

pub enum Item {
    /// The JSON of one `chat.completion.chunk`.
    Chunk(Bytes),
    /// The answer broke off; nothing follows.
    Error(ChatError),
}

#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    #[error("{problem}")]
    Invalid { param: Option<String>, problem: String },
    #[error("the model {0:?} does not exist, or you may not use it; GET /v1/models lists those you may")]
    UnknownModel(String),
    #[error("the model {0:?} does not chat; it makes embeddings")]
    NotAChatModel(String),
    #[error("the messages have {bytes} bytes, more than the {limit} that limits.question_bytes allows")]
    TooLarge { bytes: usize, limit: usize },
    /// The question and the rules alone do not fit the model's window.
    #[error("the question has {tokens} tokens; {limit} fit into the window of {model} beside its rules and the answer")]
    TooLong { model: String, tokens: usize, limit: usize },
    #[error("the template {template} failed: {problem}")]
    Template { template: String, problem: String },
    /// Retrieval failed, so there is no answer: it would stand on nothing.
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the server is shutting down; try again in {retry_after:?}")]
    ShuttingDown { retry_after: Duration },
    #[error("the call could not be recorded: {0}")]
    Store(String),
}

/// Answers a chat completion request.
pub async fn chat(app: &App, caller: &Caller, request: Request) -> Result<Answer, ChatError> {
    let _ = (app, caller, request);
    unimplemented!()
}
