//! How a target is reached.

use crate::fake::Script;
use secrecy::SecretString;
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
}

#[derive(Debug, Clone)]
pub enum Kind {
    /// Any server that speaks OpenAI's API: `base_url` ends where `/chat/completions` begins, like `https://api.openai.com/v1`.
    OpenAi { base_url: Url, key: Option<SecretString> },
    /// An Azure OpenAI resource, like `https://name.openai.azure.com`. Without `api_version` its v1 API is used, with one the dated
    /// URLs of deployments.
    AzureOpenAi { endpoint: Url, key: SecretString, api_version: Option<String> },
    /// Answers from a script, for tests, demos and load.
    Fake(Script),
    /// Quotes the sources word for word; needs no model and no account.
    Extractive,
}

/// How long each stage of a call may take. The call's own deadline holds beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request to the first chunk of a stream.
    pub first_token: Duration,
    /// Between two chunks.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), first_token: Duration::from_secs(120), idle: Duration::from_secs(60) }
    }
}
