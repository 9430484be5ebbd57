//! The one way out. Every connection has a purpose and a policy, checked on the URL, on each address its host resolves to and on every
//! redirect, so that no caller can make this process connect where the operator did not mean it to.

use std::time::Duration;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Files of a model from the hub.
    ModelDownload,
    /// A chat or embedding target that the operator has set up.
    Target,
}

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Any but those that belong to a cloud's own metadata service: for hosts that the operator has named.
    Any,
    /// Only addresses of the public internet: for hosts that someone else has named.
    Public,
}

/// What is allowed on the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Hosts that may be connected to: `example.com`, or `*.example.com` for every name below it. Empty means any.
    pub hosts: Vec<String>,
    /// Hosts that a redirect may lead to beside the first one.
    pub redirects: Vec<String>,
    pub addresses: Addresses,
    pub connect_timeout: Duration,
    /// The longest silence between two pieces of an answer.
    pub read_timeout: Duration,
}

/// Why a request is not sent.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error("{url} is not an address one can connect to: {reason}")]
    Address { url: String, reason: String },
    #[error("connections to {host} for {purpose:?} are not allowed")]
    Host { host: String, purpose: Purpose },
    #[error("the TLS client could not be set up: {0}")]
    Setup(String),
}

/// A client with a purpose.
#[derive(Debug, Clone)]
pub struct Client {}

impl Client {
    /// A request to `url`, when the policy allows it.
    pub fn request(
        &self,
        _method: http::Method,
        _url: &str,
    ) -> Result<reqwest::RequestBuilder, EgressError> {
        unimplemented!()
    }
}

/// The client for `purpose` under `policy`. Proxies are taken from the environment, roots from the system's store.
pub fn client(_purpose: Purpose, _policy: &Policy) -> Result<Client, EgressError> {
    unimplemented!()
}
