//! Embedding models that run inside this process, on threads of their own with a bounded queue.

use crate::catalogue::Entry;
use groundwork_core::tokens::Tokenizer;
use std::path::Path;

/// Whether a text is a question or something to be found. The two have threads and queues of their own, so that a question never
/// waits behind an ingest; some models also embed them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Query,
    Passage,
}

/// How many threads and how much waiting work a model may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub query_threads: usize,
    pub passage_threads: usize,
    /// Calls that may wait in each queue.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            query_threads: 1,
            passage_threads: 1,
            queue: 64,
        }
    }
}

/// Why texts could not be embedded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmbedError {
    #[error(
        "the text has {tokens} tokens, the window of {model} is {window}: split it, or shorten it with `Embedder::cut`"
    )]
    TooLong {
        model: String,
        tokens: usize,
        window: usize,
    },
    #[error("{queued} questions are waiting for {model}: try again in a moment")]
    Busy { model: String, queued: usize },
    #[error("{0}")]
    Load(std::sync::Arc<LoadError>),
    #[error("{model} failed: {reason}")]
    Failed { model: String, reason: String },
}

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Files(#[from] crate::models::VerifyError),
    #[error("{path} cannot be used: {reason}; run `groundwork models pull {name}`")]
    Content {
        name: String,
        path: std::path::PathBuf,
        reason: String,
    },
    #[error("{name} does not compute what it should on this machine: {reason}")]
    Probe { name: String, reason: String },
}

/// An embedding model. Cheap to clone; the weights are loaded at the first use.
#[derive(Clone)]
pub struct Embedder {}

impl Embedder {
    /// Opens the model whose files lie in `folder`. Reads the tokenizer now, the weights at the first use.
    pub fn open(_entry: &Entry, _folder: &Path, _options: Options) -> Result<Self, LoadError> {
        unimplemented!()
    }

    /// One vector of `dimensions` elements per text, in order, of Euclidean length 1. Only a text without any known token (an empty one)
    /// may give a vector of zeros. Questions are refused when the queue is full, passages wait for a place. Dropping the
    /// future takes the work out of the queue.
    pub async fn embed(
        &self,
        _purpose: Purpose,
        _texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        unimplemented!()
    }

    /// The longest beginning of `text` that fits the window, and whether something was left out.
    pub fn cut<'t>(&self, _purpose: Purpose, _text: &'t str) -> (&'t str, bool) {
        unimplemented!()
    }

    pub fn model(&self) -> &str {
        unimplemented!()
    }

    pub fn dimensions(&self) -> usize {
        unimplemented!()
    }

    /// The most tokens of one text the model reads, special tokens included.
    pub fn window(&self) -> usize {
        unimplemented!()
    }

    /// Counts without special tokens.
    pub fn tokenizer(&self) -> Tokenizer {
        unimplemented!()
    }

    /// Calls waiting or running now.
    pub fn queue_length(&self, _purpose: Purpose) -> usize {
        unimplemented!()
    }
}
