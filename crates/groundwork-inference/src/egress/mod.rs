//! The one way out. Every connection has a purpose and a policy, checked on the URL, on each address its host resolves to and on every
//! redirect, so that no caller can make this process connect where the operator did not mean it to.

mod address;
mod connector;
mod driven;
mod origin;
mod payload;
mod pool;
mod resolver;
mod tls;

use address::HostPattern;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

pub use address::Addresses;
pub(crate) use origin::{Body, Origin, Outgoing, SendError, innermost};
pub(crate) use payload::Payload;

/// Redirects followed in a row.
const MOST_REDIRECTS: usize = 5;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Files of a model from the hub.
    ModelDownload,
    /// A chat or embedding target that the operator has set up.
    Target,
    /// Where tokens come from that prove who we are.
    Identity,
}

/// What is allowed on the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Hosts that may be connected to: `example.com`, or `*.example.com` for every name below it. Empty means any.
    pub hosts: Vec<String>,
    /// Hosts that a redirect may lead to, beside the one it comes from.
    pub redirects: Vec<String>,
    /// Behind a proxy of the environment it is the proxy that resolves names, and the proxy's own address that is checked.
    pub addresses: Addresses,
    pub connect_timeout: Duration,
    /// The longest silence between two pieces of an answer.
    pub read_timeout: Duration,
}

impl Policy {
    /// For the one host of a URL that the operator has set up; redirects stay on it.
    pub fn for_host_of(url: &str) -> Result<Self, EgressError> {
        let host = parse(url)?.host_str().unwrap_or_default().to_owned();
        Ok(Self {
            hosts: vec![host],
            redirects: Vec::new(),
            addresses: Addresses::Any,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(120),
        })
    }
}

/// Why a request is not sent.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error("{url} is not an address one can connect to: {reason}")]
    Address { url: String, reason: String },
    #[error("connections to {host} are not allowed for {purpose:?}")]
    Host { host: String, purpose: Purpose },
    #[error("the proxy {proxy} of the environment is not one that begins with http://; use such a one, or name the host in NO_PROXY")]
    Proxy { proxy: String },
    #[error("the HTTP client could not be set up: {0}")]
    Setup(#[source] reqwest::Error),
}

/// An HTTP client with a purpose. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    purpose: Purpose,
    rules: Arc<Rules>,
}

impl Client {
    /// A request to `url`, when the policy allows it.
    pub fn request(&self, method: http::Method, url: &str) -> Result<reqwest::RequestBuilder, EgressError> {
        let url = parse(url)?;
        if !self.rules.allow(&url, &self.rules.hosts) {
            return Err(EgressError::Host { host: url.host_str().unwrap_or_default().to_owned(), purpose: self.purpose });
        }
        Ok(self.http.request(method, url))
    }
}

/// The client for `purpose` under `policy`. Proxies are taken from the environment (never for this machine's own addresses), trusted
/// roots from the system's store or `SSL_CERT_FILE`.
pub fn client(purpose: Purpose, policy: &Policy) -> Result<Client, EgressError> {
    tls::install_crypto();
    let rules = Arc::new(Rules {
        hosts: policy.hosts.iter().map(|host| HostPattern::new(host)).collect(),
        redirects: policy.redirects.iter().map(|host| HostPattern::new(host)).collect(),
        addresses: policy.addresses,
    });
    let http = match builder(policy, &rules).build() {
        Ok(http) => http,
        Err(error) => {
            let http = builder(policy, &rules).tls_certs_only([]).build().map_err(EgressError::Setup)?;
            tls::warn_of_no_roots(&error);
            http
        }
    };
    Ok(Client { http, purpose, rules })
}

fn builder(policy: &Policy, rules: &Arc<Rules>) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("groundwork/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(policy.connect_timeout)
        .read_timeout(policy.read_timeout)
        .redirect(redirects(rules.clone()))
        .dns_resolver(resolver::Checked { addresses: policy.addresses });
    let only_this_machine = !rules.hosts.is_empty() && rules.hosts.iter().all(HostPattern::is_loopback);
    if only_this_machine || policy.addresses == Addresses::Machine { builder.no_proxy() } else { builder }
}

fn redirects(rules: Arc<Rules>) -> reqwest::redirect::Policy {
    reqwest::redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > MOST_REDIRECTS {
            return attempt.error("too many redirects");
        }
        let from = attempt.previous().last();
        let same_place = from.is_some_and(|from| from.host() == attempt.url().host());
        let downgraded = from.is_some_and(|from| from.scheme() == "https") && attempt.url().scheme() != "https";
        let allowed = if same_place { rules.reachable(attempt.url()) } else { rules.allow_redirect(attempt.url()) };
        if allowed && !downgraded {
            attempt.follow()
        } else {
            let refusal = format!("a redirect to {} is not allowed", attempt.url().host_str().unwrap_or_default());
            attempt.error(refusal)
        }
    })
}

/// A policy in the form it is asked in.
#[derive(Debug)]
struct Rules {
    hosts: Vec<HostPattern>,
    redirects: Vec<HostPattern>,
    addresses: Addresses,
}

impl Rules {
    fn allow(&self, url: &Url, hosts: &[HostPattern]) -> bool {
        let named = hosts.is_empty() || url.host_str().is_some_and(|host| hosts.iter().any(|pattern| pattern.matches(host)));
        named && self.reachable(url)
    }

    fn allow_redirect(&self, url: &Url) -> bool {
        !self.redirects.is_empty() && self.allow(url, &self.redirects)
    }

    /// Names are checked when they are resolved; an address in the URL itself never is, so it is checked here.
    fn reachable(&self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Ipv4(address)) => self.addresses.allow(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => self.addresses.allow(IpAddr::V6(address)),
            Some(Host::Domain(_)) => true,
            None => false,
        }
    }
}

fn parse(url: &str) -> Result<Url, EgressError> {
    let wrong = |reason: &str| EgressError::Address { url: url.to_owned(), reason: reason.to_owned() };
    let parsed = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(wrong("it must begin with http:// or https://"));
    }
    if parsed.host_str().is_none_or(str::is_empty) {
        return Err(wrong("it names no host"));
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests;
