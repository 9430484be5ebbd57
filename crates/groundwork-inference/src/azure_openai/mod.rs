//! Azure OpenAI: its v1 API, or the dated URLs of deployments, with a key or an identity of Microsoft Entra.

use crate::credential::{Authority, CredentialError};
use crate::exchange;
use crate::openai;
use crate::service::Operation;
use crate::target::{self, Ambient, CallError, Unfiltered};
use groundwork_core::turn::Dialect;
use http::{HeaderMap, HeaderName, Uri};
use std::time::Instant;
use url::Url;

#[derive(Debug)]
pub(crate) struct AzureOpenAi {
    endpoint: Url,
    authority: Authority,
    api_version: Option<String>,
    unfiltered: Unfiltered,
}

const API_KEY: HeaderName = HeaderName::from_static("api-key");

impl AzureOpenAi {
    pub(crate) fn open(settings: &target::AzureOpenAi, ambient: &Ambient) -> Result<Self, CredentialError> {
        let target::AzureOpenAi { endpoint, credential, api_version, unfiltered } = settings;
        Ok(Self {
            endpoint: endpoint.clone(),
            authority: Authority::open(credential, API_KEY, ambient)?,
            api_version: api_version.clone(),
            unfiltered: *unfiltered,
        })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.endpoint
    }

    pub(crate) fn unfiltered(&self) -> Unfiltered {
        self.unfiltered
    }

    /// The dated URLs of deployments have no responses.
    pub(crate) fn speaks(&self) -> Vec<Dialect> {
        match self.api_version {
            None => vec![Dialect::Chat, Dialect::Responses],
            Some(_) => vec![Dialect::Chat],
        }
    }

    pub(crate) fn uri(&self, target: &str, operation: Operation<'_>, deployment: &str) -> Result<Uri, CallError> {
        exchange::uri(target, address(&self.endpoint, self.api_version.as_deref(), deployment, operation).as_str())
    }

    pub(crate) async fn authorize(&self, target: &str, headers: &mut HeaderMap, deadline: Instant) -> Result<(), CallError> {
        self.authority.authorize(target, headers, deadline).await
    }
}

/// The address of an operation. An endpoint may be copied from the portal with the path of either API behind it; only its root counts.
fn address(endpoint: &Url, api_version: Option<&str>, deployment: &str, operation: Operation<'_>) -> Url {
    let mut url = endpoint.clone();
    let root = endpoint.path().split("/openai").next().unwrap_or_default().trim_end_matches('/').to_owned();
    let behind = openai::path(operation);
    let (path, query) = behind.split_once('?').map_or((behind.as_str(), None), |(path, query)| (path, Some(query)));
    url.set_fragment(None);
    url.set_query(query);
    match api_version {
        None => url.set_path(&format!("{root}/openai/v1{path}")),
        Some(version) => {
            url.set_path(&root);
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.pop_if_empty().push("openai");
                if by_deployment(path) {
                    segments.extend(["deployments", deployment]);
                }
                segments.extend(path.split('/').filter(|segment| !segment.is_empty()));
            }
            url.query_pairs_mut().append_pair("api-version", version);
        }
    }
    url
}

/// Files, batches and the like belong to the resource and not to a deployment.
fn by_deployment(path: &str) -> bool {
    ["/chat/", "/completions", "/embeddings", "/images/", "/audio/"].iter().any(|start| path.starts_with(start))
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
            assert_eq!(address(&endpoint, version, "my dep/1", Operation::Answer(Dialect::Chat)).as_str(), expected);
        }
    }

    #[test]
    fn what_belongs_to_the_resource_has_no_deployment_in_its_address() {
        let endpoint: Url = "https://r.openai.azure.com".parse().unwrap();
        let other = |path, query| Operation::Other { path, query };
        for (operation, version, expected) in [
            (other("/files", Some("limit=2")), None, "https://r.openai.azure.com/openai/v1/files?limit=2"),
            (other("/files/f-1", Some("a=b")), Some("v"), "https://r.openai.azure.com/openai/files/f-1?a=b&api-version=v"),
            (other("/audio/speech", None), Some("v"), "https://r.openai.azure.com/openai/deployments/d/audio/speech?api-version=v"),
            (Operation::Embeddings, Some("v"), "https://r.openai.azure.com/openai/deployments/d/embeddings?api-version=v"),
        ] {
            assert_eq!(address(&endpoint, version, "d", operation).as_str(), expected);
        }
    }
}
