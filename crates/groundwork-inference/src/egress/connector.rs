//! New connections to a target: straight, or through the proxy that the environment names, with TLS where the address asks for it.

use super::origin::SendError;
use super::{Addresses, EgressError, innermost, resolver::Checked, tls};
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

#[derive(Clone)]
pub(super) struct Connector {
    server: Uri,
    route: Route,
    /// For name, connection, proxy and TLS together.
    limit: Duration,
}

#[derive(Clone)]
enum Route {
    Direct(HttpsConnector<HttpConnector<Checked>>),
    /// `CONNECT` through a proxy, for HTTPS.
    Tunnel(HttpsConnector<Tunnel<HttpConnector<Checked>>>),
    /// Without TLS; a proxy is asked for the whole address.
    Plain {
        proxy: Option<Uri>,
        http: HttpConnector<Checked>,
    },
}

impl Connector {
    /// For one server. Proxies of the environment are used but for this machine's own addresses.
    pub(super) fn new(server: &Uri, own_machine: bool, addresses: Addresses, limit: Duration) -> Result<Self, EgressError> {
        let mut http = HttpConnector::new_with_resolver(Checked { addresses });
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(KEEP_ALIVE));
        let encrypted = server.scheme_str() == Some("https");
        let proxy = if own_machine { None } else { Matcher::from_env().intercept(server) };
        let route = match proxy {
            None if encrypted => Route::Direct((http, tls::shared()).into()),
            None => Route::Plain { proxy: None, http },
            Some(proxy) if proxy.uri().scheme_str() != Some("http") => {
                return Err(EgressError::Proxy { proxy: proxy.uri().to_string() });
            }
            Some(proxy) if encrypted => Route::Tunnel((tunnel(&proxy, http), tls::shared()).into()),
            Some(proxy) => Route::Plain { proxy: Some(proxy.uri().clone()), http },
        };
        Ok(Self { server: server.clone(), route, limit })
    }

    /// Whether a proxy is asked for whole addresses.
    pub(super) fn is_forwarded(&self) -> bool {
        matches!(self.route, Route::Plain { proxy: Some(_), .. })
    }

    pub(super) async fn connect(&self) -> Result<Socket, SendError> {
        match tokio::time::timeout(self.limit, self.route.connect(&self.server)).await {
            Ok(Ok(stream)) => Ok(Socket(stream)),
            Ok(Err(error)) => Err(SendError::Connect(innermost(&*error))),
            Err(_elapsed) => Err(SendError::ConnectTimeout),
        }
    }

    /// What a proxy that is asked for whole addresses wants with each request.
    pub(super) fn proxy_authorization(server: &Uri, own_machine: bool) -> Option<HeaderValue> {
        if own_machine || server.scheme_str() != Some("http") {
            return None;
        }
        Matcher::from_env().intercept(server)?.basic_auth().cloned()
    }
}

impl Route {
    async fn connect(&self, server: &Uri) -> Result<Stream, BoxError> {
        match self {
            Self::Direct(connector) => connector.clone().call(server.clone()).await,
            Self::Tunnel(connector) => connector.clone().call(server.clone()).await,
            Self::Plain { proxy, http } => Ok(http.clone().call(proxy.as_ref().unwrap_or(server).clone()).await?.into()),
        }
    }
}

/// Seconds between probes of a silent connection, so that one whose other end is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

fn tunnel(proxy: &Intercept, http: HttpConnector<Checked>) -> Tunnel<HttpConnector<Checked>> {
    let tunnel = Tunnel::new(proxy.uri().clone(), http);
    match proxy.basic_auth() {
        Some(auth) => tunnel.with_auth(auth.clone()),
        None => tunnel,
    }
}

/// A connection.
pub(super) struct Socket(Stream);

impl Socket {
    /// As was agreed upon with TLS.
    pub(super) fn is_http2(&self) -> bool {
        self.0.connected().is_negotiated_h2()
    }
}

impl Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, parts)
    }
}
