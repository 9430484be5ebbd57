//! A call that is out at a deployment. However it ends, and if it is only dropped, the deployment's place is free again.

use super::switchboard::Switchboard;
use crate::pipeline::now;
use crate::published::{Deployment, Pool};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use groundwork_core::pool::{Ended, Failure, Ticket};
use groundwork_core::turn::{Event, Frame};
use groundwork_inference::target::{CallError, Frames, Spoken, Throttle};
use http::HeaderMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

pub(crate) struct Attempt {
    switchboard: Switchboard,
    pool: Arc<Pool>,
    /// Where the deployment stands in the pool.
    at: usize,
    began: Instant,
    /// Of the call.
    deadline: Instant,
    answered: bool,
    /// `None` once it has ended.
    ticket: Option<Ticket>,
}

impl Attempt {
    pub(super) fn new(switchboard: Switchboard, pool: Arc<Pool>, at: usize, deadline: Instant, ticket: Ticket) -> Self {
        Self { switchboard, pool, at, began: now(), deadline, answered: false, ticket: Some(ticket) }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn began(&self) -> Instant {
        self.began
    }

    fn deployment(&self) -> &Deployment {
        &self.pool.deployments[self.at]
    }

    /// The answer is there as a whole.
    pub(crate) fn done(mut self, headers: &HeaderMap, tokens: Option<u64>) {
        let slot = self.deployment().slot;
        if let Some(ticket) = self.ticket.take() {
            self.switchboard.done(slot, ticket, &self.switchboard.told(Some(headers)), tokens);
        }
    }

    /// The answer has begun.
    fn answered(&mut self, headers: &HeaderMap, streamed: bool) {
        self.answered = true;
        let slot = self.deployment().slot;
        if let Some(ticket) = &mut self.ticket {
            self.switchboard.answered(slot, ticket, &self.switchboard.told(Some(headers)), streamed);
        }
    }

    /// There is no answer, or it broke off.
    pub(super) fn fail(mut self, failure: Failure, error: &CallError) {
        self.end_failed(failure, error);
    }

    fn end_failed(&mut self, failure: Failure, error: &CallError) {
        let Some(ticket) = self.ticket.take() else { return };
        let (told, provisioned) = match error {
            CallError::RateLimited { throttle, .. } => (self.switchboard.told(error.headers()), *throttle == Throttle::Provisioned),
            error => (self.switchboard.told(error.headers()), false),
        };
        self.switchboard.failed((&self.pool, self.at), ticket, failure, (&told, provisioned));
    }

    /// The frames of an answer that has begun, which end the attempt when they end.
    pub(crate) fn follow(self, headers: &HeaderMap, frames: Frames) -> Frames {
        self.followed(headers, true, (frames, hear))
    }

    /// The same for bytes that are not looked into.
    pub(crate) fn follow_bytes(self, headers: &HeaderMap, bytes: Pieces<Bytes>) -> Pieces<Bytes> {
        self.followed(headers, false, (bytes, |_, _| {}))
    }

    /// The same for events that are not looked into.
    pub(crate) fn follow_events(self, headers: &HeaderMap, events: Pieces<Frame>) -> Pieces<Frame> {
        self.followed(headers, false, (events, |_, _| {}))
    }

    fn followed<T: Send + 'static>(mut self, headers: &HeaderMap, streamed: bool, (pieces, hear): (Pieces<T>, Hear<T>)) -> Pieces<T> {
        self.answered(headers, streamed);
        Followed { pieces, attempt: Some(self), heard: Heard::default(), hear }.boxed()
    }

    fn end(&mut self, ended: Ended) {
        let slot = self.deployment().slot;
        if let Some(ticket) = self.ticket.take() {
            self.switchboard.end(slot, ticket, ended);
        }
    }

    /// Gives the ticket back to one who ends it under the lock.
    pub(super) fn into_ticket(mut self) -> Option<Ticket> {
        self.ticket.take()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.ticket.is_none() {
            return;
        }
        let now = now();
        // Who stops waiting at the call's deadline has waited in vain; who stops before it has other reasons.
        let in_vain = !self.answered && now >= self.deadline;
        self.end(if in_vain { Ended::Failed(Failure::Deadline { patience: now - self.began }) } else { Ended::GivenUp });
    }
}

type Pieces<T> = BoxStream<'static, Result<T, CallError>>;
type Hear<T> = fn(&T, &mut Heard);

/// What an answer has told of its end.
#[derive(Default)]
struct Heard {
    tokens: Option<u64>,
    /// The model has said why it stops: all that counts is there.
    finished: bool,
}

fn hear(spoken: &Spoken, heard: &mut Heard) {
    for event in &spoken.events {
        match event {
            Event::Usage(usage) => heard.tokens = Some(usage.input_tokens + usage.output_tokens),
            Event::Finish { .. } => heard.finished = true,
            _ => {}
        }
    }
}

struct Followed<T> {
    pieces: Pieces<T>,
    /// `None` once it has ended.
    attempt: Option<Attempt>,
    heard: Heard,
    hear: Hear<T>,
}

impl<T> Followed<T> {
    fn succeeded(&mut self) {
        if let Some(mut attempt) = self.attempt.take() {
            attempt.end(Ended::Succeeded { tokens: self.heard.tokens });
        }
    }
}

impl<T> Stream for Followed<T> {
    type Item = Result<T, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let item = ready!(this.pieces.poll_next_unpin(context));
        match &item {
            Some(Ok(piece)) => (this.hear)(piece, &mut this.heard),
            Some(Err(error)) => {
                if let Some(mut attempt) = this.attempt.take() {
                    let failure = attempt.switchboard.failure(error, true, (attempt.began, attempt.deadline));
                    attempt.end_failed(failure, error);
                }
            }
            None => this.succeeded(),
        }
        Poll::Ready(item)
    }
}

impl<T> Drop for Followed<T> {
    fn drop(&mut self) {
        if self.heard.finished {
            self.succeeded();
        }
    }
}
