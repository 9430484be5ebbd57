//! The reranker that retrieval may be given: an async function that reads question and passages together.

use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Why passages could not be judged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RerankError {
    /// It passes by itself.
    #[error("the reranker {model} has too much to do: {reason}")]
    Busy { model: String, reason: String },
    /// It will not pass by itself: the message says what to do.
    #[error("there is no reranker {model}: {reason}")]
    Missing { model: String, reason: String },
    #[error("the reranker {model} failed: {reason}")]
    Failed { model: String, reason: String },
}

type Run = dyn Fn(String, Vec<String>) -> BoxFuture<'static, Result<Vec<f32>, RerankError>> + Send + Sync;

/// A reranker as retrieval sees it.
#[derive(Clone)]
pub struct Reranker {
    pub model: String,
    /// How many of the best hits it reads; the others keep their order behind them.
    pub candidates: usize,
    /// How long a search waits for it before it goes by the order that it has.
    pub patience: Duration,
    /// How well each passage answers the question, from 0 to 1, in order.
    pub run: Arc<Run>,
}

/// What became of the reranking of one search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reranked {
    pub outcome: Outcome,
    pub took: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The order is the reranker's.
    Done,
    /// It was not ready in time: the order is that of the legs.
    Late,
    /// It had too much to do: the order is that of the legs.
    Busy,
}
