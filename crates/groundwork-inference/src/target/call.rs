//! What a target is asked.

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use groundwork_core::clock::UnixMs;
use groundwork_core::prompt::Source;
use groundwork_core::turn::{Dialect, Heading};
use groundwork_wire::object::Object;
use http::{HeaderMap, Method};
use std::sync::Arc;
use std::time::Instant;

/// A request to a model, in any dialect.
#[derive(Clone)]
pub struct Call {
    /// The id of an answer that is made or translated here; an answer that passes raw has the target's own.
    pub id: String,
    pub now: UnixMs,
    /// The client's, of `body` and of the answer.
    pub dialect: Dialect,
    /// The target sets what it must (`model`, `stream`, `stream_options`) and leaves the rest as it came.
    pub body: Object,
    /// The target's own name of the model or deployment; its default when `None`.
    pub model: Option<String>,
    pub stream: bool,
    /// Another could answer in the target's place: the beginning of a stream waits until something is said, so that what fails behind it
    /// still fails before the first byte.
    pub replaceable: bool,
    pub deadline: Instant,
    /// What the extractive target quotes from; the others have it in the prompt.
    pub grounding: Option<Grounding>,
    /// The client's, of which those go on that the target understands: trace context, beta features, spill-over.
    pub headers: Arc<HeaderMap>,
}

impl Call {
    /// How an answer is headed that is made or translated here.
    pub(crate) fn heading(&self, model: &str) -> Heading {
        Heading { id: self.id.clone(), model: model.to_owned(), created: self.now / 1000, include_usage: self.includes_usage() }
    }

    /// Whether the client of a stream wants to see its usage.
    pub(crate) fn includes_usage(&self) -> bool {
        let options = self.body.raw("stream_options").and_then(|raw| Object::parse(raw.clone()).ok());
        options.is_some_and(|options| options.raw("include_usage").is_some_and(|raw| raw.as_ref() == b"true"))
    }
}

/// A request for embeddings, in OpenAI's shape.
#[derive(Debug, Clone)]
pub struct EmbedCall {
    pub body: Object,
    pub model: Option<String>,
    pub deadline: Instant,
    pub headers: Arc<HeaderMap>,
}

/// A request of another kind, which goes on as it came.
#[derive(Debug, Clone)]
pub struct Forward {
    pub method: Method,
    /// Behind the base address, like `/images/generations`.
    pub path: String,
    pub query: Option<String>,
    /// `content-type` and `accept` go on, and what goes on with every call.
    pub headers: Arc<HeaderMap>,
    pub body: Bytes,
    /// Takes the place of `model` in a JSON or multipart body, and stands in Azure's dated addresses.
    pub model: Option<String>,
    pub deadline: Instant,
}

/// A file that a service is to keep. Its name and media type stand in a header as they are.
pub struct FileUpload {
    /// Of ours, with enough chance in it that no file holds it.
    pub id: String,
    pub purpose: &'static str,
    pub name: String,
    pub media_type: &'static str,
    pub bytes: u64,
    pub content: BoxStream<'static, std::io::Result<Bytes>>,
    pub deadline: Instant,
}

/// The question and the packed sources, with the numbers they have in the prompt.
#[derive(Clone)]
pub struct Grounding {
    pub question: String,
    pub sources: Arc<[Source]>,
    /// Scores sentences by meaning when there is an embedder.
    pub embed: Option<Embed>,
}

/// Turns texts into vectors of length 1; a reason when it cannot.
pub type Embed = Arc<dyn Fn(Vec<String>) -> BoxFuture<'static, Result<Vec<Vec<f32>>, String>> + Send + Sync>;
