//! The connections to one server, kept open between calls. One over HTTP/1 has one call at a time, and the one that was used last is taken
//! first, so that few stay warm; one over HTTP/2 has many.

use super::connector::Connector;
use super::origin::SendError;
use super::{Payload, innermost};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Calls at once over one HTTP/2 connection. Servers usually allow 100, beyond which a call would wait in silence.
const CALLS_PER_CONNECTION: usize = 90;

/// How often a busy HTTP/2 connection is asked whether it still lives, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);

/// The least time between two looks for what is idle.
const SWEEP: Duration = Duration::from_secs(1);

/// What a connection may take to see that its last answer was read to the end.
const MOMENT: Duration = Duration::from_millis(10);

pub(super) struct Pool {
    connector: Connector,
    /// After so much idleness a connection is closed.
    keep: Duration,
    kept: Mutex<Kept>,
    swept: AtomicBool,
    /// Of the connections, which end with the pool.
    tasks: TokioExecutor,
}

#[derive(Default)]
struct Kept {
    /// HTTP/1, the one that was used last at the end.
    idle: Vec<Idle>,
    shared: Vec<Shared>,
}

struct Idle {
    sender: http1::SendRequest<Payload>,
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
    Http1(http1::SendRequest<Payload>),
    Http2(http2::SendRequest<Payload>, #[expect(dead_code, reason = "counted while it is there")] Arc<()>),
}

impl Lease {
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.connection, Connection::Http2(..))
    }

    /// Waits for the head of the answer. An error has the request in it when nothing of it was sent.
    pub(super) async fn send(&mut self, request: Request<Payload>) -> Result<Response<Incoming>, TrySendError<Request<Payload>>> {
        match &mut self.connection {
            Connection::Http1(sender) => sender.try_send_request(request).await,
            Connection::Http2(sender, _) => sender.try_send_request(request).await,
        }
    }

    /// False when it was closed in the meantime, or is still busy with what was not wanted.
    async fn ready(&mut self) -> bool {
        match &mut self.connection {
            Connection::Http1(sender) => sender.is_ready() || matches!(timeout(MOMENT, sender.ready()).await, Ok(Ok(()))),
            Connection::Http2(sender, _) => sender.is_ready(),
        }
    }
}

impl Pool {
    pub(super) fn new(connector: Connector, keep: Duration) -> Arc<Self> {
        Arc::new(Self { connector, keep, kept: Mutex::default(), swept: AtomicBool::new(false), tasks: TokioExecutor::new() })
    }

    /// A connection that is open already, or another.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Lease, SendError> {
        while let Some(mut lease) = self.take_kept() {
            if lease.ready().await {
                return Ok(lease);
            }
        }
        // It is much larger than all that a call needs on a connection that is there.
        Box::pin(self.connect()).await
    }

    fn take_kept(&self) -> Option<Lease> {
        self.kept().take(Instant::now(), self.keep)
    }

    /// Takes a connection back whose answer was read, or is not wanted: if the rest of it is not there already, it closes by itself.
    pub(super) fn put(&self, lease: Lease) {
        if let Connection::Http1(sender) = lease.connection
            && !sender.is_closed()
        {
            self.kept().idle.push(Idle { sender, since: Instant::now() });
        }
    }

    async fn connect(self: &Arc<Self>) -> Result<Lease, SendError> {
        let lost = |error: hyper::Error| SendError::Connect(innermost(&error));
        let socket = self.connector.connect().await?;
        if !self.swept.swap(true, Ordering::Relaxed) {
            self.sweep();
        }
        if !socket.is_http2() {
            let (sender, connection) = http1::Builder::new().handshake(socket).await.map_err(lost)?;
            // What goes wrong is told to the call.
            self.tasks.execute(connection);
            return Ok(Lease { connection: Connection::Http1(sender), reused: false });
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
        let ready = self.idle.iter().rposition(|idle| idle.sender.is_ready()).or(self.idle.len().checked_sub(1))?;
        let Idle { sender, since } = self.idle.remove(ready);
        if now.duration_since(since) < keep {
            return Some(Lease { connection: Connection::Http1(sender), reused: true });
        }
        // The others are older.
        self.idle.truncate(ready);
        None
    }

    fn close_old(&mut self, now: Instant, keep: Duration) {
        self.idle.retain(|idle| !idle.sender.is_closed() && now.duration_since(idle.since) < keep);
        self.shared.retain(|shared| !shared.sender.is_closed() && (shared.calls() > 0 || now.duration_since(shared.used) < keep));
    }
}
