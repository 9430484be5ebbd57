//! One exchange with a server over HTTP: send, watch the time, sort what goes wrong, cut the stream into frames. Every vendor's calls
//! go through here; only addresses, credentials and dialects are theirs.

mod encoding;
mod failure;
mod frames;
mod timing;

pub(crate) use failure::{Refusal, client_headers, refusal, refusal_beside};
pub(crate) use frames::Frames;
pub(crate) use timing::{Limit, now};

use crate::egress::{self, Body, Origin, Outgoing, Payload, SendError};
use crate::target::{CallError, Stage, Timeouts};
use bytes::{Bytes, BytesMut};
use encoding::Decoding;
use http::response::Parts;
use http::{HeaderMap, Method, Uri};
use http_body_util::BodyExt;
use std::time::Instant;
use url::Url;

/// Bytes of a whole answer beyond which the target is not believed.
const MAX_ANSWER: usize = 64 << 20;
/// Bytes of a refusal that are read.
const MAX_REFUSAL: usize = 256 << 10;

/// A server that the operator has set up, and how long its answers may take.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub target: String,
    pub timeouts: Timeouts,
    origin: Origin,
}

/// What is asked of a server.
pub(crate) struct Ask<'a> {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Payload,
    /// The model or deployment, for errors.
    pub model: &'a str,
    /// The end of the call.
    pub until: Limit,
}

/// An answer that has begun.
pub(crate) struct Begun {
    pub head: Parts,
    pub body: Incoming,
}

/// The body of an answer on its way in.
pub(crate) struct Incoming {
    body: Body,
    decoding: Decoding,
}

impl Server {
    /// The operator has named the host, so it may be any, but only that one.
    pub(crate) fn open(target: &str, url: &Url, timeouts: Timeouts) -> Result<Self, egress::EgressError> {
        let policy = egress::Policy {
            hosts: url.host_str().map(str::to_owned).into_iter().collect(),
            redirects: Vec::new(),
            addresses: egress::Addresses::Any,
            connect_timeout: timeouts.connect,
            read_timeout: timeouts.idle,
        };
        Ok(Self { target: target.to_owned(), timeouts, origin: Origin::open(url.as_str(), &policy, timeouts.keep_alive)? })
    }

    /// The end of a call that begins now.
    pub(crate) fn until(&self, callers_deadline: Instant) -> Limit {
        Limit::call(callers_deadline, self.timeouts.total)
    }

    /// The time within which a stream must say something.
    pub(crate) fn first_token(&self, until: Limit) -> Limit {
        until.stage(self.timeouts.first_token, Stage::FirstToken)
    }

    /// The time within which an answer in one piece must begin to come.
    pub(crate) fn first_byte(&self, until: Limit) -> Limit {
        until.stage(self.timeouts.first_byte, Stage::FirstByte)
    }

    /// The time between two pieces of an answer.
    pub(crate) fn idle(&self, until: Limit) -> Limit {
        until.stage(self.timeouts.idle, Stage::NextChunk)
    }

    /// Sends, and waits for the head of an answer that is no refusal.
    pub(crate) async fn send(&self, ask: Ask<'_>, limit: Limit) -> Result<Begun, CallError> {
        let Ask { method, uri, headers, body, model, until } = ask;
        let sent = self.origin.send(Outgoing { method, uri, headers, body });
        let answer = limit.on(&self.target, sent).await?.map_err(|error| self.unsent(error))?;
        let (head, body) = answer.into_parts();
        let decoding = Decoding::of(&head.headers).map_err(|error| self.broken(error.to_string()))?;
        let mut body = Incoming { body, decoding };
        if head.status.is_success() {
            return Ok(Begun { head, body });
        }
        // A refusal whose body breaks off is still that refusal.
        let body = self.idle(until).on(&self.target, body.whole(MAX_REFUSAL)).await.ok().and_then(Result::ok).unwrap_or_default();
        Err(refusal(Refusal { target: &self.target, model, status: head.status.as_u16(), headers: &head.headers, body }))
    }

    /// Sends and reads the whole answer, which must begin within `first`.
    pub(crate) async fn whole(&self, ask: Ask<'_>, first: Limit) -> Result<(HeaderMap, Bytes), CallError> {
        let until = ask.until;
        let mut begun = self.send(ask, first).await?;
        let body = self.rest(&mut begun.body, first, until).await?;
        Ok((begun.head.headers, body))
    }

    /// The body of an answer: its first piece within `first`, each other before a silence has been too long.
    pub(crate) async fn rest(&self, body: &mut Incoming, first: Limit, until: Limit) -> Result<Bytes, CallError> {
        let mut parts = Parted::default();
        let mut limit = first;
        while let Some(piece) = limit.on(&self.target, body.next()).await?.map_err(|reason| self.broken(reason))? {
            parts.push(piece, MAX_ANSWER).map_err(|reason| self.broken(reason))?;
            limit = self.idle(until);
        }
        Ok(parts.whole())
    }

    fn unsent(&self, error: SendError) -> CallError {
        let target = self.target.clone();
        match error {
            SendError::ConnectTimeout => CallError::Timeout { target, stage: Stage::Connect, waited: self.timeouts.connect },
            SendError::Connect(message) => CallError::Unreachable { target, message },
            SendError::Lost(message) => CallError::Broken { target, message: format!("before it began: {message}") },
        }
    }

    pub(crate) fn broken(&self, message: impl Into<String>) -> CallError {
        CallError::Broken { target: self.target.clone(), message: message.into() }
    }
}

impl Incoming {
    /// The next piece; `None` at the end, a reason when it breaks off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| egress::innermost(&error))?;
            // Trailers say nothing here.
            if let Ok(piece) = frame.into_data() {
                let piece = self.decoding.decode(piece).map_err(|error| format!("its encoding is damaged: {error}"))?;
                if !piece.is_empty() {
                    return Ok(Some(piece));
                }
            }
        }
        Ok(None)
    }

    /// All of it, when it has at most `limit` bytes.
    pub(crate) async fn whole(&mut self, limit: usize) -> Result<Bytes, String> {
        let mut parts = Parted::default();
        while let Some(piece) = self.next().await? {
            parts.push(piece, limit)?;
        }
        Ok(parts.whole())
    }
}

/// A body put together of its pieces; of one, it is that one.
#[derive(Default)]
struct Parted {
    first: Bytes,
    all: BytesMut,
}

impl Parted {
    /// `limit` bytes at most.
    fn push(&mut self, piece: Bytes, limit: usize) -> Result<(), String> {
        if self.first.len().max(self.all.len()) + piece.len() > limit {
            return Err(format!("it is longer than {limit} bytes"));
        }
        if self.first.is_empty() {
            self.first = piece;
            return Ok(());
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&piece);
        Ok(())
    }

    fn whole(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

/// Reads an address that was put together from one that had been read before.
pub(crate) fn uri(target: &str, address: &str) -> Result<Uri, CallError> {
    address.parse().map_err(|error: http::uri::InvalidUri| CallError::Unreachable {
        target: target.to_owned(),
        message: format!("{address} is no address: {error}"),
    })
}
