//! Who answers: a closed set of targets behind one call.

mod compose;
mod error;
mod settings;

pub use compose::Composed;
pub use error::{CallError, Stage};
pub use settings::{Kind, Settings, Timeouts};

use crate::azure_openai::AzureOpenAi;
use crate::egress::EgressError;
use crate::extractive::Extractive;
use crate::fake::Fake;
use crate::openai::OpenAi;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use groundwork_core::call::TargetKind;
use groundwork_core::clock::UnixMs;
use groundwork_core::prompt::Source;
use groundwork_wire::chat;
use groundwork_wire::object::Object;
use std::sync::Arc;
use std::time::Instant;

/// A place that answers chat completions, and perhaps embeddings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Target(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    /// Asked for when a pool names no model.
    model: String,
    vendor: Vendor,
}

#[derive(Debug)]
enum Vendor {
    OpenAi(OpenAi),
    AzureOpenAi(AzureOpenAi),
    Fake(Fake),
    Extractive(Extractive),
}

/// What a target is asked.
pub struct Call {
    /// The id of an answer that the target makes itself; the others send their own.
    pub id: String,
    pub now: UnixMs,
    /// A chat completion request in OpenAI's shape; the target sets what it must (`model`, `stream_options`) and leaves the rest as it came.
    pub body: Object,
    /// The target's own name of the model or deployment; its default when `None`.
    pub model: Option<String>,
    pub stream: bool,
    pub deadline: Instant,
    /// What the extractive target quotes from; the others have it in the prompt.
    pub grounding: Option<Grounding>,
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

/// The header that tells what kind of answer this is: `quotes` when no model wrote it, `declined` when it answers nothing.
pub const ANSWER_HEADER: &str = "groundwork-answer";

/// Headers that came with an answer and are the client's too.
pub type Headers = Vec<(String, String)>;

/// The chunks of an answer; an error is the last item. Dropping it cancels the call upstream.
pub type Chunks = BoxStream<'static, Result<chat::Chunk, CallError>>;

/// An answer. The first chunk of a stream has arrived when the reply is given, so that an error hidden in a stream's first frame is
/// an error of the call.
pub enum Reply {
    Whole { headers: Headers, response: Box<chat::Response> },
    Stream { headers: Headers, chunks: Chunks },
}

impl Target {
    pub fn open(settings: &Settings) -> Result<Self, EgressError> {
        let name = settings.name.clone();
        let (vendor, default_model) = match &settings.kind {
            Kind::OpenAi { base_url, key } => {
                (Vendor::OpenAi(OpenAi::open(&name, base_url, key.clone(), settings.timeouts)?), "gpt-5-mini")
            }
            Kind::AzureOpenAi { endpoint, key, api_version } => (
                Vendor::AzureOpenAi(AzureOpenAi::open(&name, endpoint, key.clone(), api_version.clone(), settings.timeouts)?),
                "gpt-5-mini",
            ),
            Kind::Fake(script) => (Vendor::Fake(Fake::new(&name, script.clone())), "fake"),
            Kind::Extractive => (Vendor::Extractive(Extractive::new(&name)), "extractive"),
        };
        let model = settings.model.clone().unwrap_or_else(|| default_model.to_owned());
        Ok(Self(Arc::new(Inner { name, model, vendor })))
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The model that is asked when a call names none.
    pub fn default_model(&self) -> &str {
        &self.0.model
    }

    pub fn kind(&self) -> TargetKind {
        match self.0.vendor {
            Vendor::OpenAi(_) => TargetKind::Openai,
            Vendor::AzureOpenAi(_) => TargetKind::AzureOpenai,
            Vendor::Fake(_) => TargetKind::Fake,
            Vendor::Extractive(_) => TargetKind::Extractive,
        }
    }

    /// Asks for a chat completion. What fails before the first chunk is returned as an error, what fails later is the stream's last item.
    pub async fn chat(&self, call: Call) -> Result<Reply, CallError> {
        let model = call.model.clone().unwrap_or_else(|| self.0.model.clone());
        match &self.0.vendor {
            Vendor::OpenAi(target) => target.chat(&model, call).await,
            Vendor::AzureOpenAi(target) => target.chat(&model, call).await,
            Vendor::Fake(target) => target.chat(&model, call).await,
            Vendor::Extractive(target) => target.chat(&model, call).await,
        }
    }

    /// Asks for embeddings: an OpenAI request in, a response body out.
    pub async fn embed(&self, model: Option<&str>, body: Object, deadline: Instant) -> Result<Bytes, CallError> {
        let model = model.unwrap_or(&self.0.model);
        match &self.0.vendor {
            Vendor::OpenAi(target) => target.embed(model, body, deadline).await,
            Vendor::AzureOpenAi(target) => target.embed(model, body, deadline).await,
            Vendor::Fake(_) | Vendor::Extractive(_) => {
                Err(CallError::Unsupported { target: self.0.name.clone(), message: "it makes no embeddings".to_owned() })
            }
        }
    }
}
