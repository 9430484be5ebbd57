//! Any server that speaks OpenAI's API: OpenAI itself, Foundry models, vLLM, Ollama, llama.cpp, LiteLLM.

use crate::credential::{Authority, CredentialError};
use crate::exchange;
use crate::service::Operation;
use crate::target::CallError;
use groundwork_core::turn::Dialect;
use http::{HeaderMap, HeaderValue, Uri};
use secrecy::{ExposeSecret, SecretString};
use std::time::Instant;
use url::Url;

#[derive(Debug)]
pub(crate) struct OpenAi {
    url: Url,
    /// Without a slash at its end.
    base: String,
    /// Where most calls go.
    chat: Option<Uri>,
    authority: Authority,
}

impl OpenAi {
    pub(crate) fn open(base_url: &Url, key: Option<&SecretString>) -> Result<Self, CredentialError> {
        let base = base_url.as_str().trim_end_matches('/').to_owned();
        let chat = format!("{base}{}", path(Operation::Answer(Dialect::Chat))).parse().ok();
        Ok(Self { url: base_url.clone(), base, chat, authority: Authority::bearer(key)? })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.url
    }

    /// Every compatible server has chat completions; OpenAI's own has responses too.
    pub(crate) fn speaks(&self) -> Vec<Dialect> {
        if self.is_openai() { vec![Dialect::Chat, Dialect::Responses] } else { vec![Dialect::Chat] }
    }

    /// OpenAI's own server.
    pub(crate) fn is_openai(&self) -> bool {
        self.url.host_str() == Some("api.openai.com")
    }

    pub(crate) fn uri(&self, target: &str, operation: Operation<'_>) -> Result<Uri, CallError> {
        match (operation, &self.chat) {
            (Operation::Answer(Dialect::Chat), Some(chat)) => Ok(chat.clone()),
            (operation, _) => exchange::uri(target, &format!("{}{}", self.base, path(operation))),
        }
    }

    pub(crate) async fn authorize(&self, target: &str, headers: &mut HeaderMap, deadline: Instant) -> Result<(), CallError> {
        self.authority.authorize(target, headers, deadline).await
    }
}

/// Where OpenAI's API has an operation, behind its base address.
pub(crate) fn path(operation: Operation<'_>) -> String {
    match operation {
        Operation::Answer(Dialect::Chat) => "/chat/completions".to_owned(),
        Operation::Answer(Dialect::Responses) => "/responses".to_owned(),
        Operation::Answer(Dialect::Messages) => "/messages".to_owned(),
        Operation::Embeddings => "/embeddings".to_owned(),
        Operation::Other { path, query: None } => path.to_owned(),
        Operation::Other { path, query: Some(query) } => format!("{path}?{query}"),
    }
}

/// `None` for a key that cannot stand in a header.
pub(crate) fn bearer(key: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret().trim())).ok()?;
    value.set_sensitive(true);
    Some(value)
}
