//! Who answers: a closed set of targets behind one call.

mod ambient;
mod call;
mod compose;
mod error;
mod reply;
mod settings;
pub(crate) mod within;

pub use crate::credential::{AUTHORITY, Credential, CredentialError, Identities, Identity, SCOPE, ServicePrincipal};
pub use crate::extractive::{WHO as QUOTES, decline};
pub use ambient::Ambient;
pub use call::{Call, Embed, EmbedCall, FileUpload, Forward, Grounding};
pub use compose::Composed;
pub(crate) use compose::{Manner, Pen, reply};
pub use error::{CallError, Said, Stage, Throttle};
pub use reply::{
    ANSWER_HEADER, Embedded, FIT_HEADER, Forwarded, Frames, HangUp, Passing, REASON_HEADER, RERANK_HEADER, Reply, SEARCH_HEADER, Served,
    Spoken,
};
pub use settings::{AzureOpenAi, Kind, Local, Place, Settings, Timeouts, Unfiltered};
pub use within::Within;

use crate::anthropic::Anthropic;
use crate::azure_openai;
use crate::egress::EgressError;
use crate::extractive::Extractive;
use crate::fake::Fake;
#[cfg(feature = "local-chat")]
use crate::local::chat::ChatModel;
use crate::openai::OpenAi;
use crate::service::{Service, Vendor};
use bytes::Bytes;
use groundwork_core::call::TargetKind;
use groundwork_core::turn::Dialect;
use std::sync::Arc;

/// A place that answers requests to models, and perhaps for embeddings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Target(Arc<Inner>);

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error("{0} would run on this machine, and this program was built without that (feature local-chat): name another target")]
    WithoutChat(String),
}

#[derive(Debug)]
struct Inner {
    name: String,
    /// Asked for when a pool names none.
    model: String,
    kind: TargetKind,
    hang_up: HangUp,
    answers: Answers,
}

#[derive(Debug)]
enum Answers {
    Service(Box<Service>),
    Fake(Fake),
    Extractive(Extractive),
    #[cfg(feature = "local-chat")]
    Local(ChatModel),
}

impl Target {
    pub fn open(settings: &Settings, ambient: &Ambient) -> Result<Self, OpenError> {
        let name = settings.name.clone();
        let service = |vendor| Ok::<_, OpenError>(Answers::Service(Box::new(Service::open(settings, vendor)?)));
        let (answers, kind, default_model) = match &settings.kind {
            Kind::OpenAi { base_url, key } => {
                (service(Vendor::OpenAi(OpenAi::open(base_url, key.as_ref())?))?, TargetKind::Openai, "gpt-5-mini")
            }
            Kind::AzureOpenAi(azure) => {
                (service(Vendor::AzureOpenAi(azure_openai::AzureOpenAi::open(azure, ambient)?))?, TargetKind::AzureOpenai, "gpt-5-mini")
            }
            Kind::Anthropic { base_url, credential } => {
                (service(Vendor::Anthropic(Anthropic::open(base_url, credential, ambient)?))?, TargetKind::Anthropic, "claude-sonnet-4-5")
            }
            Kind::Fake(script) => (Answers::Fake(Fake::new(&name, script.clone(), settings.timeouts)), TargetKind::Fake, "fake"),
            Kind::Extractive { marks: None } => (Answers::Extractive(Extractive::new(&name)), TargetKind::Extractive, "extractive"),
            #[cfg(feature = "local-chat")]
            Kind::Extractive { marks: Some(local) } => {
                let extractive = Extractive::new(&name).with_marker(ChatModel::new(&name, local.clone(), ambient));
                (Answers::Extractive(extractive), TargetKind::Extractive, "extractive")
            }
            #[cfg(feature = "local-chat")]
            Kind::Local(local) => (Answers::Local(ChatModel::new(&name, local.clone(), ambient)), TargetKind::Local, local.model.as_str()),
            #[cfg(not(feature = "local-chat"))]
            Kind::Local(local) | Kind::Extractive { marks: Some(local) } => return Err(OpenError::WithoutChat(local.model.clone())),
        };
        let model = settings.model.clone().unwrap_or_else(|| default_model.to_owned());
        Ok(Self(Arc::new(Inner { name, model, kind, hang_up: settings.hang_up, answers })))
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The model that is asked when a call names none.
    pub fn default_model(&self) -> &str {
        &self.0.model
    }

    /// The most tokens of prompt and answer together, where the target knows.
    pub fn window(&self) -> Option<usize> {
        match &self.0.answers {
            #[cfg(feature = "local-chat")]
            Answers::Local(local) => Some(local.window()),
            Answers::Service(_) | Answers::Fake(_) | Answers::Extractive(_) => None,
        }
    }

    pub fn kind(&self) -> TargetKind {
        self.0.kind
    }

    /// What is to become of calls whose clients have hung up.
    pub fn hang_up(&self) -> HangUp {
        self.0.hang_up
    }

    /// Whether a call in `dialect` passes as it is; others are translated.
    pub fn speaks(&self, dialect: Dialect) -> bool {
        match &self.0.answers {
            Answers::Service(service) => service.speaks(dialect),
            Answers::Fake(_) | Answers::Extractive(_) => true,
            #[cfg(feature = "local-chat")]
            Answers::Local(_) => true,
        }
    }

    /// Asks a model. What fails before the answer says something is returned as an error, what fails later is the stream's last item.
    /// Dropping the future or the reply cancels the call.
    pub async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let model = call.model.clone().unwrap_or_else(|| self.0.model.clone());
        match &self.0.answers {
            Answers::Service(service) => service.call(&model, call).await,
            Answers::Fake(fake) => fake.call(&model, call).await,
            Answers::Extractive(extractive) => extractive.call(&model, call).await,
            #[cfg(feature = "local-chat")]
            Answers::Local(local) => local.call(&model, call).await,
        }
    }

    /// Asks for embeddings: an OpenAI request in, a response body out.
    pub async fn embed(&self, call: EmbedCall) -> Result<Embedded, CallError> {
        let model = call.model.clone().unwrap_or_else(|| self.0.model.clone());
        match &self.0.answers {
            Answers::Service(service) => service.embed(&model, call).await,
            Answers::Fake(fake) => fake.embed(&model, call).await,
            Answers::Extractive(_) => Err(self.cannot("it makes no embeddings")),
            #[cfg(feature = "local-chat")]
            Answers::Local(_) => Err(self.cannot("it makes no embeddings")),
        }
    }

    /// Passes on what is neither a call nor embeddings: files, images, audio, moderations and what else a service has.
    pub async fn forward(&self, forward: Forward) -> Result<Forwarded, CallError> {
        let model = forward.model.clone().unwrap_or_else(|| self.0.model.clone());
        match &self.0.answers {
            Answers::Service(service) => service.forward(&model, forward).await,
            Answers::Fake(fake) => fake.forward(&model, forward).await,
            Answers::Extractive(_) => Err(self.cannot("it answers chats only")),
            #[cfg(feature = "local-chat")]
            Answers::Local(_) => Err(self.cannot("it answers chats only")),
        }
    }

    /// Whether it runs batches of requests by itself.
    pub fn has_batches(&self) -> bool {
        matches!(&self.0.answers, Answers::Service(service) if service.has_batches())
    }

    /// Gives a service a file; the answer is its own object of it.
    pub async fn upload(&self, upload: FileUpload) -> Result<Bytes, CallError> {
        match &self.0.answers {
            Answers::Service(service) => service.upload(&self.0.model, upload).await,
            Answers::Fake(_) | Answers::Extractive(_) => Err(self.cannot("it keeps no files")),
            #[cfg(feature = "local-chat")]
            Answers::Local(_) => Err(self.cannot("it keeps no files")),
        }
    }

    fn cannot(&self, message: &str) -> CallError {
        CallError::Unsupported { target: self.0.name.clone(), message: message.to_owned() }
    }
}
