//! New connections to a target: straight, or through the proxy that the environment names, with TLS where the address asks for it.

use super::{Addresses, EgressError, resolver::Checked, tls};
use futures::future::BoxFuture;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
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

/// Nothing was connected in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(super) struct TooSlow(Duration);

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
        Ok(Self { route, limit })
    }

    /// What a proxy that is asked for whole addresses wants with each request.
    pub(super) fn proxy_authorization(server: &Uri, own_machine: bool) -> Option<HeaderValue> {
        if own_machine || server.scheme_str() != Some("http") {
            return None;
        }
        Matcher::from_env().intercept(server)?.basic_auth().cloned()
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

impl Service<Uri> for Connector {
    type Response = Socket;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Socket, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.route {
            Route::Direct(connector) => connector.poll_ready(context),
            Route::Tunnel(connector) => connector.poll_ready(context),
            Route::Plain { http, .. } => http.poll_ready(context).map_err(Into::into),
        }
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let limit = self.limit;
        let forwarded = matches!(self.route, Route::Plain { proxy: Some(_), .. });
        let connecting: BoxFuture<'static, Result<Stream, BoxError>> = match &mut self.route {
            Route::Direct(connector) => Box::pin(connector.call(server)),
            Route::Tunnel(connector) => Box::pin(connector.call(server)),
            Route::Plain { proxy, http } => {
                let connecting = http.call(proxy.clone().unwrap_or(server));
                Box::pin(async move { Ok(connecting.await?.into()) })
            }
        };
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(stream) => Ok(Socket { stream: stream?, forwarded }),
                Err(_elapsed) => Err(TooSlow(limit).into()),
            }
        })
    }
}

/// A connection.
pub(super) struct Socket {
    stream: Stream,
    forwarded: bool,
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.forwarded)
    }
}

impl Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }
}
