//! The embedder that retrieval is given: an async function with the facts of its model.

use futures::future::BoxFuture;
use groundwork_core::tokens::Tokenizer;
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use std::sync::Arc;

/// What a text is embedded for; some models embed questions and what is to be found differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A question. It never waits behind other work: where there is too much, it is refused.
    Query,
    /// Something to be found.
    Passage,
    /// A sentence that is compared with others while someone waits for an answer. It waits for those before it, and neither for passages
    /// nor before questions.
    Sentence,
}

/// Why texts could not be embedded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmbedError {
    /// It passes by itself.
    #[error("the embedding model {model} has too much to do: {reason}")]
    Busy { model: String, reason: String },
    /// It will not pass by itself: the message says what to do.
    #[error("there is no embedding model {model}: {reason}")]
    Missing { model: String, reason: String },
    #[error("the embedding model {model} failed: {reason}")]
    Failed { model: String, reason: String },
}

type Run = dyn Fn(Purpose, Vec<String>) -> BoxFuture<'static, Result<Vec<Vec<f32>>, EmbedError>> + Send + Sync;

/// An embedding model as retrieval sees it. Vectors have `dimensions` elements and Euclidean length 1.
#[derive(Clone)]
pub struct Embedder {
    /// Name and revision; vectors of two different names are never compared.
    pub model: String,
    pub dimensions: usize,
    /// The most tokens of one text that the model reads, special tokens included.
    pub window: usize,
    /// Tokens of one chunk's body, and how many of them the next chunk of the same section repeats.
    pub chunk_tokens: usize,
    pub chunk_overlap: usize,
    pub tokenizer: Tokenizer,
    pub run: Arc<Run>,
}

/// A question longer than this is a document; its beginning says what it is about.
const MOST_QUESTION_BYTES: usize = 16 * 1024;

impl Embedder {
    /// The beginning of a question that the model can read.
    pub fn question<'a>(&self, text: &'a str) -> &'a str {
        /// What the model puts around a text.
        const SPECIAL: usize = 2;
        let text = &text[..text.floor_char_boundary(MOST_QUESTION_BYTES)];
        let room = self.window.saturating_sub(SPECIAL);
        if text.len() <= room || self.tokenizer.count(text) <= room {
            return text;
        }
        let end = self.tokenizer.spans(text).get(room).map_or(text.len(), |span| span.start);
        &text[..end]
    }

    /// The model as a knowledge base remembers it.
    pub fn embedding(&self) -> EmbeddingModel {
        EmbeddingModel { model: self.model.clone(), dimensions: u32::try_from(self.dimensions).unwrap_or(u32::MAX) }
    }
}
