//! Models that embed or rerank inside this process, on threads of their own with bounded queues.

mod bert;
#[cfg(feature = "local-chat")]
pub mod chat;
mod engine;
mod lane;
mod rerank;
mod table;
mod weights;

use crate::catalogue::Entry;
use crate::tokenizers::{Vocabulary, VocabularyError};
use engine::{Embedding, Loader};
use groundwork_core::tokens::Tokenizer;
use lane::{Lane, WhenFull};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

pub use engine::LoadError;
pub use rerank::Reranker;

/// Texts that one thread takes at a time: small enough that several threads share a call, and that dropped work is soon noticed.
const PIECE: usize = 4;

/// What a text is embedded for. Each purpose has threads and a queue of its own, so that a question never waits behind an ingest or
/// behind the sentences of another's answer; some models also embed questions differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Query,
    /// Something to be found.
    Passage,
    /// Compared with other sentences; embedded as a passage is.
    Sentence,
}

/// How many threads a model may use, and how much work may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub query_threads: NonZeroUsize,
    /// By default as many as the machine has cores.
    pub passage_threads: NonZeroUsize,
    pub sentence_threads: NonZeroUsize,
    /// Of a model that reranks; by default as many as the machine has cores.
    pub rerank_threads: NonZeroUsize,
    /// Pieces of work (up to 4 texts each) that may wait in each queue.
    pub queue: NonZeroUsize,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let (one, queue) = (NonZeroUsize::MIN, NonZeroUsize::MIN.saturating_add(63));
        Self { query_threads: one, passage_threads: cores, sentence_threads: one, rerank_threads: cores, queue }
    }
}

/// Why texts could not be embedded or judged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmbedError {
    #[error("text {index} has {tokens} tokens or more, {model} reads {window} with its own: split or shorten it")]
    TooLong { model: String, index: usize, tokens: usize, window: usize },
    #[error("{queued} calls are waiting for {model} already: try again in a moment")]
    Busy { model: String, queued: usize },
    #[error(transparent)]
    Load(Arc<LoadError>),
    #[error("{model} failed: {reason}")]
    Failed { model: String, reason: String },
}

/// An embedding model. Cheap to clone; the weights are loaded at the first use, and the threads end with the last clone.
#[derive(Clone)]
pub struct Embedder {
    inner: Arc<Inner>,
}

struct Inner {
    model: String,
    dimensions: usize,
    window: usize,
    chunk_tokens: usize,
    chunk_overlap: usize,
    vocabulary: Arc<Vocabulary>,
    loader: Arc<Loader>,
    queries: Lane<Embedding>,
    passages: Lane<Embedding>,
    sentences: Lane<Embedding>,
}

impl Embedder {
    /// Opens the model whose files lie in `folder`. Reads the tokenizer now, the weights at the first use. Does blocking I/O.
    pub fn open(entry: &Entry, folder: &Path, options: Options) -> Result<Self, LoadError> {
        let vocabulary = Arc::new(engine::vocabulary(entry, folder)?);
        let loader = Arc::new(Loader::new(entry.clone(), folder.to_owned(), vocabulary.clone()));
        let lane = |purpose, threads: NonZeroUsize| {
            let when_full = if purpose == Purpose::Query { WhenFull::Refuse } else { WhenFull::Wait };
            let name = format!("embed-{purpose:?}").to_lowercase();
            Lane::start(Embedding { loader: loader.clone(), purpose }, &name, when_full, (threads.get(), options.queue.get()))
        };
        let weights = entry.files.iter().find(|file| file.name == engine::WEIGHTS).map_or("", |file| &file.sha256);
        Ok(Self {
            inner: Arc::new(Inner {
                model: format!("{}@{}", entry.name, weights.get(..12).unwrap_or_default()),
                dimensions: entry.dimensions,
                window: entry.window,
                chunk_tokens: entry.chunk_tokens,
                chunk_overlap: entry.chunk_overlap,
                vocabulary,
                queries: lane(Purpose::Query, options.query_threads)?,
                passages: lane(Purpose::Passage, options.passage_threads)?,
                sentences: lane(Purpose::Sentence, options.sentence_threads)?,
                loader,
            }),
        })
    }

    /// One vector of `dimensions` elements per text, in order, of Euclidean length 1; of zeros only for a text in which the model
    /// knows no token at all. When the queue is full a question is refused, anything else waits for a place. Dropping the future takes
    /// the work out of the queue.
    pub async fn embed(&self, purpose: Purpose, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.lane(purpose).run(texts).await
    }

    /// Loads the weights, so that the first question does not wait for it.
    pub async fn warm(&self) -> Result<(), EmbedError> {
        self.inner.passages.run(vec![String::new()]).await.map(|_| ())
    }

    /// The longest beginning of `text` that the model reads whole, and whether something was left out. Does CPU work.
    pub fn cut<'t>(&self, purpose: Purpose, text: &'t str) -> (&'t str, bool) {
        let room = self.inner.loader.room(purpose);
        // Even where letters are taken apart, so few bytes are no more tokens than fit.
        if text.len() <= room / 2 {
            return (text, false);
        }
        let kept = self.inner.vocabulary.beginning(text, room);
        (kept, kept.len() < text.trim_end().len())
    }

    /// Name and revision: vectors of two different names are never compared.
    pub fn model(&self) -> &str {
        &self.inner.model
    }

    pub fn dimensions(&self) -> usize {
        self.inner.dimensions
    }

    /// The most tokens of one text that the model reads, special tokens and prefix included.
    pub fn window(&self) -> usize {
        self.inner.window
    }

    /// Tokens of one chunk's body, and how many of them the next chunk of the same section repeats.
    pub fn chunk(&self) -> (usize, usize) {
        (self.inner.chunk_tokens, self.inner.chunk_overlap)
    }

    /// Counts without the tokens that the model adds: at most `window` minus `added_tokens` fit.
    pub fn tokenizer(&self) -> Tokenizer {
        self.inner.vocabulary.clone()
    }

    /// Tokens that the model puts around a text: special ones and those of its prefix.
    pub fn added_tokens(&self, purpose: Purpose) -> usize {
        self.inner.window.saturating_sub(self.inner.loader.room(purpose))
    }

    /// Pieces of work waiting or running now.
    pub fn queue_length(&self, purpose: Purpose) -> usize {
        self.lane(purpose).length()
    }

    fn lane(&self, purpose: Purpose) -> &Lane<Embedding> {
        match purpose {
            Purpose::Query => &self.inner.queries,
            Purpose::Passage => &self.inner.passages,
            Purpose::Sentence => &self.inner.sentences,
        }
    }
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedder").field("model", &self.inner.model).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
