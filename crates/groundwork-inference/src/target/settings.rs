//! How a target is reached.

use super::HangUp;
use crate::credential::Credential;
use crate::fake::Script;
use crate::models::Library;
use groundwork_core::turn::Dialect;
use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// A target by its name.
#[derive(Debug, Clone)]
pub struct Settings {
    pub name: String,
    pub kind: Kind,
    /// The model or deployment that is asked when a pool names none.
    pub model: Option<String>,
    pub timeouts: Timeouts,
    pub hang_up: HangUp,
    /// The dialects that the server speaks; what its kind speaks when `None`.
    pub speaks: Option<Vec<Dialect>>,
    /// Sent with every call.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether it runs batches of requests; what its kind says when `None`.
    pub has_batches: Option<bool>,
}

#[derive(Debug, Clone)]
pub enum Kind {
    /// Any server that speaks OpenAI's API: `base_url` ends where `/chat/completions` begins, like `https://api.openai.com/v1`.
    OpenAi { base_url: Url, key: Option<SecretString> },
    /// An Azure OpenAI resource, like `https://name.openai.azure.com`.
    AzureOpenAi(AzureOpenAi),
    /// Anthropic's messages API: `base_url` ends where `/v1/messages` begins, like `https://api.anthropic.com` or, on Foundry,
    /// `https://name.services.ai.azure.com/anthropic`.
    Anthropic { base_url: Url, credential: Credential },
    /// Answers from a script, for tests, demos and load.
    Fake(Script),
    /// Quotes the sources word for word; needs no model and no account.
    Extractive {
        /// Marks the words of the best quote that answer.
        marks: Option<Local>,
    },
    /// A chat model that runs on this machine.
    Local(Local),
}

#[derive(Debug, Clone)]
pub struct Local {
    /// Its name in the library, or that of its file.
    pub model: String,
    /// Where its file is looked for at the first call.
    pub place: Place,
    /// The program that is started as the child that runs it: this one.
    pub program: PathBuf,
    /// Tokens of prompt and answer together, at most.
    pub window: usize,
    /// Cores that it may keep busy.
    pub threads: usize,
    /// Calls that may wait for their turn.
    pub queue: usize,
}

#[derive(Debug, Clone)]
pub enum Place {
    /// Fetched, with a hash that is known.
    Library(Library),
    /// Somebody's own.
    File(PathBuf),
}

#[derive(Debug, Clone)]
pub struct AzureOpenAi {
    pub endpoint: Url,
    pub credential: Credential,
    /// Without it the v1 API is used, with it the dated URLs of deployments.
    pub api_version: Option<String>,
    /// What an answer comes to over which the service's content filter did not run.
    pub unfiltered: Unfiltered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unfiltered {
    /// It goes on to the client, and the log tells of it.
    #[default]
    Allow,
    /// It is a fault of the deployment.
    Refuse,
}

/// How long each stage of a call may take. The call's own deadline holds beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request until a stream says something.
    pub first_token: Duration,
    /// From the request to the first byte of an answer in one piece, which comes when the work is done.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// The whole call.
    pub total: Duration,
    /// How long a connection is kept open for the next call; less than the server keeps it.
    pub keep_alive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_token: Duration::from_secs(120),
            first_byte: Duration::from_secs(300),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(3600),
            keep_alive: Duration::from_secs(30),
        }
    }
}

impl Settings {
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            model: None,
            timeouts: Timeouts::default(),
            hang_up: HangUp::default(),
            speaks: None,
            headers: Vec::new(),
            has_batches: None,
        }
    }

    #[must_use]
    pub fn model(self, model: impl Into<String>) -> Self {
        Self { model: Some(model.into()), ..self }
    }
}
