//! Any server that speaks OpenAI's API: OpenAI itself, Foundry models, vLLM, Ollama, llama.cpp, LiteLLM.

pub(crate) mod exchange;
mod failure;
pub(crate) mod request;

use crate::egress::{self, EgressError};
use crate::target::{Call, CallError, Reply, Timeouts};
use bytes::Bytes;
use exchange::Exchange;
pub(crate) use failure::{Refusal, refusal};
use groundwork_wire::object::Object;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use std::time::Instant;
use url::Url;

#[derive(Debug)]
pub(crate) struct OpenAi {
    name: String,
    /// Without a slash at its end.
    base: String,
    key: Option<SecretString>,
    timeouts: Timeouts,
    client: egress::Client,
}

impl OpenAi {
    pub(crate) fn open(name: &str, base_url: &Url, key: Option<SecretString>, timeouts: Timeouts) -> Result<Self, EgressError> {
        let base = base_url.as_str().trim_end_matches('/').to_owned();
        let client = egress::client(egress::Purpose::Target, &exchange::policy(base_url, timeouts))?;
        Ok(Self { name: name.to_owned(), base, key, timeouts, client })
    }

    pub(crate) async fn chat(&self, model: &str, call: Call) -> Result<Reply, CallError> {
        let body = request::chat_body(&self.name, call.body, model, call.stream)?;
        let request = self.post("/chat/completions")?.body(body);
        self.exchange(model, call.deadline).chat(request, call.stream).await
    }

    pub(crate) async fn embed(&self, model: &str, body: Object, deadline: Instant) -> Result<Bytes, CallError> {
        let body = request::with_model(&self.name, body, model)?;
        let request = self.post("/embeddings")?.body(body.to_bytes());
        Ok(self.exchange(model, deadline).whole(request).await?.1)
    }

    fn post(&self, path: &str) -> Result<reqwest::RequestBuilder, CallError> {
        let request = exchange::post(&self.name, &self.client, &format!("{}{path}", self.base))?;
        Ok(match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        })
    }

    fn exchange<'a>(&'a self, model: &'a str, deadline: Instant) -> Exchange<'a> {
        Exchange { target: &self.name, model, timeouts: self.timeouts, deadline }
    }
}

/// The method of every call to a model.
pub(crate) const METHOD: Method = Method::POST;
