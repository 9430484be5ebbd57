//! Azure OpenAI with a key: its v1 API, or the dated URLs of deployments.

use crate::egress::{self, EgressError};
use crate::openai::exchange::{self, Exchange};
use crate::openai::request;
use crate::target::{Call, CallError, Reply, Timeouts};
use bytes::Bytes;
use groundwork_wire::object::Object;
use secrecy::{ExposeSecret, SecretString};
use std::time::Instant;
use url::Url;

#[derive(Debug)]
pub(crate) struct AzureOpenAi {
    name: String,
    endpoint: Url,
    key: SecretString,
    api_version: Option<String>,
    timeouts: Timeouts,
    client: egress::Client,
}

impl AzureOpenAi {
    pub(crate) fn open(
        name: &str,
        endpoint: &Url,
        key: SecretString,
        api_version: Option<String>,
        timeouts: Timeouts,
    ) -> Result<Self, EgressError> {
        let client = egress::client(egress::Purpose::Target, &exchange::policy(endpoint, timeouts))?;
        Ok(Self { name: name.to_owned(), endpoint: endpoint.clone(), key, api_version, timeouts, client })
    }

    pub(crate) async fn chat(&self, deployment: &str, call: Call) -> Result<Reply, CallError> {
        let body = request::chat_body(&self.name, call.body, deployment, call.stream)?;
        let request = self.post(deployment, "chat/completions")?.body(body);
        self.exchange(deployment, call.deadline).chat(request, call.stream).await
    }

    pub(crate) async fn embed(&self, deployment: &str, body: Object, deadline: Instant) -> Result<Bytes, CallError> {
        let body = request::with_model(&self.name, body, deployment)?;
        let request = self.post(deployment, "embeddings")?.body(body.to_bytes());
        Ok(self.exchange(deployment, deadline).whole(request).await?.1)
    }

    fn post(&self, deployment: &str, operation: &str) -> Result<reqwest::RequestBuilder, CallError> {
        let url = url(&self.endpoint, self.api_version.as_deref(), deployment, operation);
        let request = exchange::post(&self.name, &self.client, url.as_str())?;
        Ok(request.header("api-key", self.key.expose_secret()))
    }

    fn exchange<'a>(&'a self, model: &'a str, deadline: Instant) -> Exchange<'a> {
        Exchange { target: &self.name, model, timeouts: self.timeouts, deadline }
    }
}

/// The address of an operation. An endpoint may be copied from the portal with the path of either API behind it; only its root counts.
fn url(endpoint: &Url, api_version: Option<&str>, deployment: &str, operation: &str) -> Url {
    let mut url = endpoint.clone();
    let root = endpoint.path().split("/openai").next().unwrap_or_default().trim_end_matches('/').to_owned();
    url.set_query(None);
    url.set_fragment(None);
    match api_version {
        None => url.set_path(&format!("{root}/openai/v1/{operation}")),
        Some(version) => {
            url.set_path(&root);
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.pop_if_empty().extend(["openai", "deployments", deployment]).extend(operation.split('/'));
            }
            url.query_pairs_mut().append_pair("api-version", version);
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_follows_the_api_version() {
        for (endpoint, version, expected) in [
            ("https://r.openai.azure.com", None, "https://r.openai.azure.com/openai/v1/chat/completions"),
            ("https://r.openai.azure.com/", None, "https://r.openai.azure.com/openai/v1/chat/completions"),
            ("https://r.services.ai.azure.com/openai/v1/", None, "https://r.services.ai.azure.com/openai/v1/chat/completions"),
            ("https://gateway.example/team", None, "https://gateway.example/team/openai/v1/chat/completions"),
            (
                "https://r.openai.azure.com/openai/v1",
                Some("2024-10-21"),
                "https://r.openai.azure.com/openai/deployments/my%20dep%2F1/chat/completions?api-version=2024-10-21",
            ),
            (
                "https://gateway.example/team/",
                Some("2024-10-21"),
                "https://gateway.example/team/openai/deployments/my%20dep%2F1/chat/completions?api-version=2024-10-21",
            ),
        ] {
            let endpoint: Url = endpoint.parse().unwrap();
            assert_eq!(url(&endpoint, version, "my dep/1", "chat/completions").as_str(), expected);
        }
    }
}
