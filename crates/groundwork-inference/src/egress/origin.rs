//! The connections to one target, kept open between calls.

use super::connector::{Connector, TooSlow};
use super::{EgressError, HostPattern, Payload, Policy, Rules, parse};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use url::Url;

/// Calls at once over one pool. A server that speaks HTTP/2 gets one connection per pool and usually allows 100 calls on it, beyond
/// which they would wait in silence.
const CALLS_PER_LANE: usize = 90;
const LANES: usize = 16;

/// How often a busy HTTP/2 connection is asked whether it still lives, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);

/// One server that the operator has set up. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub(crate) struct Origin {
    lanes: Arc<[Lane]>,
    /// Of a server without TLS, which speaks HTTP/1; where it is not known before, it is made for each request.
    host: Option<HeaderValue>,
    proxy_authorization: Option<HeaderValue>,
}

struct Lane {
    calls: Arc<AtomicUsize>,
    client: Client<Connector, Payload>,
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
        let lane = |_| Lane {
            calls: Arc::default(),
            client: Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(keep)
                .http2_keep_alive_interval(PING)
                .http2_keep_alive_timeout(PONG)
                .build(connector.clone()),
        };
        let host = (parsed.scheme() == "http").then(|| host(&parsed)).flatten();
        Ok(Self { lanes: (0..LANES).map(lane).collect(), host, proxy_authorization: Connector::proxy_authorization(&server, own_machine) })
    }

    /// Sends, and waits for the head of the answer. A request that certainly has not been looked at, because the connection was closed
    /// before it or the server says so, is sent once more. Any other that gets no answer may have been worked on and charged for, and is
    /// never doubled here.
    pub(crate) async fn send(&self, mut outgoing: Outgoing) -> Result<http::Response<Body>, SendError> {
        if let Some(authorization) = &self.proxy_authorization {
            outgoing.headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        if let Some(host) = &self.host {
            outgoing.headers.entry(header::HOST).or_insert_with(|| host.clone());
        }
        let (lane, place) = self.lane();
        let repeatable = outgoing.body.is_whole();
        let answer = match lane.client.request(outgoing.request()).await {
            Err(error) if repeatable && was_not_looked_at(&error) => lane.client.request(outgoing.request()).await,
            answer => answer,
        };
        let answer = answer.map_err(|error| sort(&error))?;
        Ok(answer.map(|incoming| Body { incoming, _place: place }))
    }

    /// The first pool with room, so that few connections stay warm; the least busy when all are full.
    fn lane(&self) -> (&Lane, Place) {
        let calls = |lane: &&Lane| lane.calls.load(Ordering::Relaxed);
        let free = self.lanes.iter().find(|lane| calls(lane) < CALLS_PER_LANE);
        let lane = free.or_else(|| self.lanes.iter().min_by_key(calls)).unwrap_or(&self.lanes[0]);
        lane.calls.fetch_add(1, Ordering::Relaxed);
        (lane, Place(lane.calls.clone()))
    }
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

impl Outgoing {
    fn request(&mut self) -> Request<Payload> {
        let mut request = Request::new(self.body.take());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// One call on a lane.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer. Dropping it before its end cancels the call.
pub(crate) struct Body {
    incoming: Incoming,
    _place: Place,
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Not a byte of the request was sent, because its kept connection had been closed; or, on HTTP/2, the server says that it has not been
/// processed.
fn was_not_looked_at(error: &legacy::Error) -> bool {
    sources(error).any(|cause| {
        let unsent = cause.downcast_ref::<hyper::Error>().is_some_and(|error| error.is_closed() || error.is_canceled());
        let refused = cause.downcast_ref::<h2::Error>().is_some_and(|error| {
            error.reason() == Some(h2::Reason::REFUSED_STREAM)
                || (error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR))
        });
        unsent || refused
    })
}

fn sort(error: &legacy::Error) -> SendError {
    if sources(error).any(<dyn Error>::is::<TooSlow>) {
        return SendError::ConnectTimeout;
    }
    let message = innermost(error);
    if error.is_connect() { SendError::Connect(message) } else { SendError::Lost(message) }
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost reason: what a person can act upon.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    sources(error).last().map_or_else(String::new, ToString::to_string)
}
