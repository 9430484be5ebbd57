//! One server that the operator has set up, and what is sent to it.

use super::connector::Connector;
use super::pool::{Lease, Pool};
use super::{EgressError, HostPattern, Payload, Policy, Rules, parse};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use url::Url;

/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub(crate) struct Origin {
    pool: Arc<Pool>,
    host: Option<HeaderValue>,
    proxy_authorization: Option<HeaderValue>,
    /// A proxy is asked for whole addresses.
    forwarded: bool,
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Payload,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("no connection within the time for it")]
    ConnectTimeout,
    #[error("{0}")]
    Connect(String),
    /// The connection ended before the head of an answer.
    #[error("{0}")]
    Lost(String),
}

impl Origin {
    /// For the server of `url`. A connection that was idle for `keep` is closed.
    pub(crate) fn open(url: &str, policy: &Policy, keep: Duration) -> Result<Self, EgressError> {
        let parsed = parse(url)?;
        let rules = Rules {
            hosts: policy.hosts.iter().map(|host| HostPattern::new(host)).collect(),
            redirects: Vec::new(),
            addresses: policy.addresses,
        };
        if !rules.allow(&parsed, &rules.hosts) {
            return Err(EgressError::Host { host: parsed.host_str().unwrap_or_default().to_owned(), purpose: super::Purpose::Target });
        }
        let server: Uri = parsed
            .as_str()
            .parse()
            .map_err(|error: http::uri::InvalidUri| EgressError::Address { url: url.to_owned(), reason: error.to_string() })?;
        let own_machine = HostPattern::new(parsed.host_str().unwrap_or_default()).is_loopback();
        let connector = Connector::new(&server, own_machine, policy.addresses, policy.connect_timeout)?;
        let forwarded = connector.is_forwarded();
        let proxy_authorization = Connector::proxy_authorization(&server, own_machine);
        Ok(Self { pool: Pool::new(connector, keep), host: host(&parsed), proxy_authorization, forwarded })
    }

    /// Sends, and waits for the head of the answer. A request that certainly has not been looked at, because its kept connection was closed
    /// before it, is sent on another; one that a new connection did not take, or of which the server says so, once more. Any other that
    /// gets no answer may have been worked on and charged for, and is never doubled here.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<http::Response<Body>, SendError> {
        let Outgoing { method, uri, headers, body } = outgoing;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        let mut sent_again = false;
        loop {
            let mut lease = self.pool.take().await?;
            self.address(&mut request, &uri, lease.is_http2());
            // What HTTP/2 has taken it does not give back, and the server may say that it has not looked at it.
            let copy = if lease.is_http2() { copy(&request) } else { None };
            let mut error = match lease.send(request).await {
                Ok(answer) => {
                    return Ok(answer.map(|incoming| Body { incoming: Some(incoming), lease: Some(lease), pool: self.pool.clone() }));
                }
                Err(error) => error,
            };
            let unsent = error.take_message();
            let error = error.into_error();
            // There may be many that were closed while nobody looked.
            let costs_nothing = unsent.is_some() && lease.reused;
            let again = unsent.or(copy.filter(|_| was_refused(&error)));
            request = match again {
                Some(again) if costs_nothing || !std::mem::replace(&mut sent_again, true) => again,
                _ => return Err(SendError::Lost(innermost(&error))),
            };
        }
    }

    /// Addresses `request` as a connection wants it.
    fn address(&self, request: &mut Request<Payload>, uri: &Uri, http2: bool) {
        let path = uri.path_and_query().filter(|_| !http2 && !self.forwarded);
        *request.uri_mut() = path.map_or_else(|| uri.clone(), |path| Uri::from(path.clone()));
        let headers = request.headers_mut();
        // One that the operator has set stays.
        if let Some(host) = self.host.as_ref().filter(|_| !http2) {
            headers.entry(header::HOST).or_insert_with(|| host.clone());
        } else if headers.get(header::HOST) == self.host.as_ref() {
            headers.remove(header::HOST);
        }
        if let Some(authorization) = &self.proxy_authorization {
            headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
    }
}

/// Another of the same, when its body can be sent twice.
fn copy(request: &Request<Payload>) -> Option<Request<Payload>> {
    let mut copy = Request::new(request.body().again()?);
    *copy.method_mut() = request.method().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

fn host(server: &Url) -> Option<HeaderValue> {
    let port = server.port().map(|port| format!(":{port}")).unwrap_or_default();
    HeaderValue::try_from(format!("{}{port}", server.host_str()?)).ok()
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Origin").finish_non_exhaustive()
    }
}

/// The body of an answer. Dropping it before its end cancels the call.
pub(crate) struct Body {
    /// `None` once nobody wants it.
    incoming: Option<Incoming>,
    lease: Option<Lease>,
    pool: Arc<Pool>,
}

impl Body {
    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.pool.put(lease);
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // First, so that the connection sees it.
        self.incoming = None;
        self.give_back();
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { incoming: Some(incoming), lease, .. } = &mut *self else { return Poll::Ready(None) };
        let polled = match lease {
            Some(lease) => lease.poll_frame(incoming, context),
            None => Pin::new(incoming).poll_frame(context),
        };
        if matches!(polled, Poll::Ready(None)) {
            self.give_back();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}

/// The server says that it has not processed the request.
fn was_refused(error: &hyper::Error) -> bool {
    sources(error).filter_map(|cause| cause.downcast_ref::<h2::Error>()).any(|error| {
        error.reason() == Some(h2::Reason::REFUSED_STREAM)
            || (error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR))
    })
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost reason: what a person can act upon.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    sources(error).last().map_or_else(String::new, ToString::to_string)
}
