//! The connections to one server, kept open between calls. One over HTTP/1 has one call at a time, and the one that was used last is taken
//! first, so that few stay warm; one over HTTP/2 has many.

use super::connector::Connector;
use super::driven::Driven;
use super::origin::SendError;
use super::{Payload, innermost};
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{TrySendError, http2};
use hyper::rt::Executor;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Calls at once over one HTTP/2 connection. Servers usually allow 100, beyond which a call would wait in silence.
const CALLS_PER_CONNECTION: usize = 90;

/// How often a busy HTTP/2 connection is asked whether it still lives, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);

/// The least time between two looks for what is idle.
const SWEEP: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    connector: Connector,
    /// After so much idleness a connection is closed.
    keep: Duration,
    kept: Mutex<Kept>,
    swept: AtomicBool,
    /// Of the connections over HTTP/2, which end with the pool.
    tasks: TokioExecutor,
}

#[derive(Default)]
struct Kept {
    /// HTTP/1, the one that was used last at the end.
    idle: Vec<Idle>,
    shared: Vec<Shared>,
}

struct Idle {
    connection: Driven,
    since: Instant,
}

struct Shared {
    sender: http2::SendRequest<Payload>,
    /// Each call has a clone.
    calls: Arc<()>,
    used: Instant,
}

impl Shared {
    fn calls(&self) -> usize {
        Arc::strong_count(&self.calls) - 1
    }
}

/// A connection, for one call.
pub(super) struct Lease {
    connection: Connection,
    /// It has served before.
    pub(super) reused: bool,
}

enum Connection {
    Http1(Driven),
    Http2(http2::SendRequest<Payload>, #[expect(dead_code, reason = "counted while it is there")] Arc<()>),
}

impl Lease {
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.connection, Connection::Http2(..))
    }

    /// Waits for the head of the answer. An error has the request in it when nothing of it was sent.
    pub(super) async fn send(&mut self, request: Request<Payload>) -> Result<Response<Incoming>, TrySendError<Request<Payload>>> {
        match &mut self.connection {
            Connection::Http1(connection) => connection.send(request).await,
            Connection::Http2(sender, _) => sender.try_send_request(request).await,
        }
    }

    /// The next piece of `answer`, which came over it.
    pub(super) fn poll_frame(&mut self, answer: &mut Incoming, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match &mut self.connection {
            Connection::Http1(connection) => connection.poll_frame(answer, context),
            Connection::Http2(..) => Pin::new(answer).poll_frame(context),
        }
    }
}

impl Pool {
    pub(super) fn new(connector: Connector, keep: Duration) -> Arc<Self> {
        Arc::new(Self { connector, keep, kept: Mutex::default(), swept: AtomicBool::new(false), tasks: TokioExecutor::new() })
    }

    /// A connection that is open already, or another.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Lease, SendError> {
        if let Some(lease) = self.kept().take(Instant::now(), self.keep) {
            return Ok(lease);
        }
        // It is much larger than all that a call needs on a connection that is there.
        Box::pin(self.connect()).await
    }

    /// Takes a connection back whose answer was read, or is not wanted. If the rest of it is not there already, the connection is closed.
    pub(super) fn put(&self, lease: Lease) {
        if let Connection::Http1(mut connection) = lease.connection
            && connection.is_free()
        {
            self.kept().idle.push(Idle { connection, since: Instant::now() });
        }
    }

    async fn connect(self: &Arc<Self>) -> Result<Lease, SendError> {
        let lost = |error: hyper::Error| SendError::Connect(innermost(&error));
        let socket = self.connector.connect().await?;
        if !self.swept.swap(true, Ordering::Relaxed) {
            self.sweep();
        }
        if !socket.is_http2() {
            let connection = Driven::open(socket).await.map_err(lost)?;
            return Ok(Lease { connection: Connection::Http1(connection), reused: false });
        }
        let mut http2 = http2::Builder::new(self.tasks.clone());
        http2.timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(PONG);
        let (sender, connection) = http2.handshake(socket).await.map_err(lost)?;
        self.tasks.execute(connection);
        let calls = Arc::new(());
        self.kept().shared.push(Shared { sender: sender.clone(), calls: calls.clone(), used: Instant::now() });
        Ok(Lease { connection: Connection::Http2(sender, calls), reused: false })
    }

    /// Closes what is idle too long, as long as the pool is there.
    fn sweep(self: &Arc<Self>) {
        let (pool, keep) = (Arc::downgrade(self), self.keep);
        self.tasks.execute(async move {
            loop {
                tokio::time::sleep(keep.max(SWEEP)).await;
                let Some(pool) = pool.upgrade() else { return };
                pool.kept().close_old(Instant::now(), keep);
            }
        });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn take(&mut self, now: Instant, keep: Duration) -> Option<Lease> {
        self.shared.retain(|shared| !shared.sender.is_closed());
        if let Some(shared) = self.shared.iter_mut().find(|shared| shared.calls() < CALLS_PER_CONNECTION) {
            shared.used = now;
            return Some(Lease { connection: Connection::Http2(shared.sender.clone(), shared.calls.clone()), reused: true });
        }
        while let Some(Idle { mut connection, since }) = self.idle.pop() {
            if now.duration_since(since) >= keep {
                // The others are older.
                self.idle.clear();
            } else if connection.is_free() {
                return Some(Lease { connection: Connection::Http1(connection), reused: true });
            }
        }
        None
    }

    fn close_old(&mut self, now: Instant, keep: Duration) {
        self.idle.retain_mut(|idle| now.duration_since(idle.since) < keep && idle.connection.is_free());
        self.shared.retain(|shared| !shared.sender.is_closed() && (shared.calls() > 0 || now.duration_since(shared.used) < keep));
    }
}
