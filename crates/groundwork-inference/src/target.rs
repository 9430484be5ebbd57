//! Who answers: a closed set of targets behind one call.

mod error;
mod settings;

pub use error::CallError;
pub use settings::{Kind, Settings};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::sync::Arc;
use std::time::Instant;

/// A place that answers chat completions, and perhaps embeddings.
#[derive(Clone)]
pub struct Target;

/// What a target is asked.
pub struct Call {
    /// A chat completion request in OpenAI's shape; the target splices in what it must change and leaves the rest as it came.
    pub body: Bytes,
    /// The target's own name of the model or deployment.
    pub model: String,
    pub stream: bool,
    pub deadline: Instant,
    /// What the extractive target quotes from; the others have it in the prompt.
    pub sources: Option<Sources>,
}

/// The packed passages, with the numbers they have in the prompt.
pub struct Sources {
    pub question: String,
    pub passages: Vec<Passage>,
    /// Scores sentences by meaning when there is an embedder.
    pub embed: Option<Embed>,
}

pub struct Passage {
    pub number: u32,
    pub text: String,
    /// Higher is better; only the order and the proportions count.
    pub score: f32,
}

/// Turns texts into vectors of length 1; a reason when it cannot.
pub type Embed = Arc<dyn Fn(Vec<String>) -> BoxFuture<'static, Result<Vec<Vec<f32>>, String>> + Send + Sync>;

/// An answer. Dropping the stream cancels the call upstream.
pub enum Reply {
    Whole { headers: Vec<(String, String)>, body: Bytes },
    /// Each item is the JSON of one chunk, exactly as the target sent it.
    Stream { headers: Vec<(String, String)>, chunks: BoxStream<'static, Result<Bytes, CallError>> },
}

impl Target {
    pub fn open(settings: &Settings) -> Result<Self, CallError> {
        let _ = settings;
        unimplemented!()
    }

    /// Asks for a chat completion. Errors before the first byte are returned, later ones are the stream's last item.
    pub async fn chat(&self, call: Call) -> Result<Reply, CallError> {
        let _ = call;
        unimplemented!()
    }

    /// Asks for embeddings: an OpenAI request body in, a response body out.
    pub async fn embed(&self, model: &str, body: Bytes, deadline: Instant) -> Result<Bytes, CallError> {
        let _ = (model, body, deadline);
        unimplemented!()
    }
}
