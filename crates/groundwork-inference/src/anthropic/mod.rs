//! Anthropic's messages API, at Anthropic itself or on Microsoft Foundry.

use crate::credential::{Authority, Credential, CredentialError};
use crate::exchange;
use crate::service::Operation;
use crate::target::{Ambient, CallError};
use groundwork_core::turn::Dialect;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::time::Instant;
use url::Url;

#[derive(Debug)]
pub(crate) struct Anthropic {
    url: Url,
    /// Without `/v1` and without a slash at its end.
    base: String,
    authority: Authority,
}

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// Sent unless the client asks for another.
const DEFAULT_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

impl Anthropic {
    pub(crate) fn open(base_url: &Url, credential: &Credential, ambient: &Ambient) -> Result<Self, CredentialError> {
        let base = base_url.as_str().trim_end_matches('/').trim_end_matches("/v1").trim_end_matches('/').to_owned();
        Ok(Self { url: base_url.clone(), base, authority: Authority::open(credential, API_KEY, ambient)? })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.url
    }

    pub(crate) fn uri(&self, target: &str, operation: Operation<'_>) -> Result<Uri, CallError> {
        let path = match operation {
            Operation::Answer(Dialect::Messages) => "/messages".to_owned(),
            Operation::Other { path, query: None } => path.to_owned(),
            Operation::Other { path, query: Some(query) } => format!("{path}?{query}"),
            Operation::Embeddings => {
                return Err(CallError::Unsupported { target: target.to_owned(), message: "it makes no embeddings".to_owned() });
            }
            Operation::Answer(Dialect::Chat | Dialect::Responses) => {
                return Err(CallError::Unsupported {
                    target: target.to_owned(),
                    message: "it speaks Anthropic's messages only".to_owned(),
                });
            }
        };
        exchange::uri(target, &format!("{}/v1{path}", self.base))
    }

    pub(crate) async fn authorize(&self, target: &str, headers: &mut HeaderMap, deadline: Instant) -> Result<(), CallError> {
        headers.entry(VERSION).or_insert(DEFAULT_VERSION);
        self.authority.authorize(target, headers, deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_core::clock::{Clock, Dice};
    use secrecy::SecretString;
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    #[test]
    fn the_address_is_the_same_with_and_without_the_version_behind_it() {
        let ambient = Ambient::new(Clock::fake(0).0, Dice::counting(0), TaskTracker::new(), CancellationToken::new());
        for (base, expected) in [
            ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
            ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
            ("https://house.services.ai.azure.com/anthropic", "https://house.services.ai.azure.com/anthropic/v1/messages"),
        ] {
            let anthropic = Anthropic::open(&base.parse().unwrap(), &Credential::Key(SecretString::from("k")), &ambient).unwrap();
            assert_eq!(anthropic.uri("t", Operation::Answer(Dialect::Messages)).unwrap(), expected);
        }
    }
}
