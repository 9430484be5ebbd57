//! Where requests come in: TCP and the socket in the data folder. Each connection is a tracked task with a place, and ends
//! in order when the server does.

use super::patience::Patient;
use super::{Entrance, Front, router};
use crate::config::ServerConfig;
use crate::socket::Socket;
use axum::Router;
use axum::serve::{Listener, ListenerExt};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why the address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error(
        "{address} is taken by another program; end it, or listen elsewhere with --listen, GROUNDWORK__SERVER__LISTEN or server.listen (port 0 takes any free one)"
    )]
    Taken { address: SocketAddr },
    #[error("this user may not listen on {address}; take a port from 1024 up with --listen, GROUNDWORK__SERVER__LISTEN or server.listen")]
    NotAllowed { address: SocketAddr },
    #[error("cannot listen on {address}: {source}; choose another address with --listen, GROUNDWORK__SERVER__LISTEN or server.listen")]
    Other { address: SocketAddr, source: io::Error },
}

/// Listens on TCP. Requests wait in the system's queue until they are served.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken { address },
        io::ErrorKind::PermissionDenied => BindError::NotAllowed { address },
        _ => BindError::Other { address, source },
    })
}

/// A server at work.
pub(crate) struct Serving {
    /// Ends accepting; connections finish the requests they are answering.
    finish: CancellationToken,
    /// Ends connections where they are.
    abort: CancellationToken,
    connections: TaskTracker,
}

/// Serves what comes in, until `Serving::finish`. Without `tcp` only commands of this user get in.
pub(crate) fn serve(front: &Front, config: &ServerConfig, tcp: Option<TcpListener>, socket: Socket) -> Serving {
    let serving = Serving { finish: CancellationToken::new(), abort: CancellationToken::new(), connections: TaskTracker::new() };
    let door = |entrance| Door {
        service: router(front, entrance),
        builder: builder(config),
        patience: (config.header_timeout.duration(), config.client_timeout.duration()),
        finish: serving.finish.clone(),
        abort: serving.abort.clone(),
        connections: serving.connections.clone(),
        places: Arc::new(Semaphore::new(front.limits().connections.get().min(Semaphore::MAX_PERMITS))),
    };
    if let Some(listener) = tcp {
        // Small frames of a stream must not wait for each other; a connection that cannot be told so is as good as any.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        serving.connections.spawn(door(Entrance::Tcp).keep(listener));
    }
    let door = door(Entrance::Socket);
    serving.connections.spawn(async move {
        door.keep(socket.listener).await;
        drop(socket.file);
    });
    serving
}

impl Serving {
    /// Stops accepting; running requests go on.
    pub(crate) fn finish(&self) {
        self.finish.cancel();
    }

    /// Waits until every connection has ended, at most `patience`, and then ends those that are left.
    pub(crate) async fn ended(self, patience: Duration) {
        self.finish.cancel();
        self.connections.close();
        if tokio::time::timeout(patience, self.connections.wait()).await.is_err() {
            self.abort.cancel();
            self.connections.wait().await;
        }
    }
}

/// One listener's accept loop.
struct Door {
    service: Router,
    builder: Builder<TokioExecutor>,
    /// Until a client has said what it speaks, and while it takes nothing.
    patience: (Duration, Duration),
    finish: CancellationToken,
    abort: CancellationToken,
    connections: TaskTracker,
    places: Arc<Semaphore>,
}

impl Door {
    async fn keep(self, mut listener: impl Listener<Addr: Send>) {
        loop {
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                (listener.accept().await.0, place)
            };
            let (stream, place) = tokio::select! {
                () = self.finish.cancelled() => return,
                next = next => next,
            };
            let connection = self.connection(stream);
            self.connections.spawn(async move {
                let _place = place;
                connection.await;
            });
        }
    }

    fn connection<S>(&self, stream: S) -> impl Future<Output = ()> + Send + 'static
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (builder, service) = (self.builder.clone(), TowerToHyperService::new(self.service.clone()));
        let (finish, abort, patience) = (self.finish.clone(), self.abort.clone(), self.patience);
        async move {
            let mut connection = pin!(builder.serve_connection(TokioIo::new(Patient::new(stream, patience)), service));
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = finish.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = connection => ended,
                        () = abort.cancelled() => return,
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(error, "a connection ended early");
            }
        }
    }
}

/// Bytes of a connection that wait to be read or to be taken: of headers, and of a stream whose client reads slowly.
const BUFFERED: usize = 64 << 10;

fn builder(config: &ServerConfig) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(config.header_timeout.duration()).max_buf_size(BUFFERED);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(60)).max_concurrent_streams(256);
    builder
}
