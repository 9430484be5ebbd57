//! Answers that are heard out although nobody waits for them any more, because their targets charge for all of them anyway: what they
//! used is then exact.

use super::open::Open;
use super::{Asking, Settlement, write};
use crate::App;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use groundwork_core::call::Outcome;
use groundwork_core::turn::Event;
use groundwork_inference::target::{CallError, HangUp, Reply, Served, Spoken};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What is heard of an answer. Ends with it.
pub(crate) type Echo = BoxStream<'static, Heard>;

pub(crate) enum Heard {
    /// Who answers.
    Begun(Served),
    Said(Vec<Event>),
    /// It broke off, or did not begin.
    Failed(CallError),
}

impl Heard {
    pub(crate) fn failed(error: CallError) -> Echo {
        stream::iter([Self::Failed(error)]).boxed()
    }

    pub(crate) fn spoken(spoken: Result<Spoken, CallError>) -> Self {
        spoken.map_or_else(Self::Failed, |spoken| Self::Said(spoken.events))
    }

    /// Of an answer that had not begun.
    pub(crate) fn reply(reply: Result<Reply, CallError>) -> Echo {
        match reply {
            Ok(Reply::Whole { served, events, .. }) => stream::iter([Self::Begun(served), Self::Said(events)]).boxed(),
            Ok(Reply::Stream { served, frames, .. }) => stream::iter([Self::Begun(served)]).chain(frames.map(Self::spoken)).boxed(),
            Err(error) => Self::failed(error),
        }
    }
}

/// An attempt whose answer is to be heard out. Dropped before its end, it is parked with the settlement.
pub(crate) struct Hearing<'a, T: 'static> {
    settlement: &'a Settlement,
    asking: Asking,
    /// `None` at its end.
    work: Option<BoxFuture<'static, T>>,
    echo: fn(T) -> Echo,
}

impl<'a, T> Hearing<'a, T> {
    pub(super) fn new(settlement: &'a Settlement, asking: Asking, work: BoxFuture<'static, T>, echo: fn(T) -> Echo) -> Self {
        Self { settlement, asking, work: Some(work), echo }
    }
}

impl<T> Future for Hearing<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let done = work.as_mut().poll(context);
        if done.is_ready() {
            self.work = None;
        }
        done
    }
}

impl<T> Drop for Hearing<'_, T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            let echo = self.echo;
            self.settlement.park(self.asking, work.map(echo).flatten_stream().boxed());
        }
    }
}

/// Books a call whose client has hung up when its answer has been heard out, or has been heard for long enough. Where too many are being
/// heard out already, the answer is cancelled instead.
pub(super) fn hear_out(app: &App, mut open: Open, asking: Asking, mut echo: Echo) {
    let place = app.inner().drains.clone().try_acquire_owned();
    let (HangUp::Drain { within }, Ok(place)) = (open.policy(asking), place) else {
        return write(app, open, Outcome::Abandoned);
    };
    let (app, drains) = (app.clone(), app.inner().metrics.drains());
    app.tasks().clone().spawn(async move {
        let until = tokio::time::Instant::now() + within;
        loop {
            let heard = tokio::select! {
                heard = tokio::time::timeout_at(until, echo.next()) => heard,
                () = app.inner().cut.cancelled() => break,
            };
            match heard {
                Ok(Some(Heard::Begun(served))) => open.answered(asking, &served),
                Ok(Some(Heard::Said(events))) => open.heard(&events, app.inner().clock.now()),
                Ok(Some(Heard::Failed(error))) => {
                    open.failed(asking, &error);
                    open.usage = error.used().or(open.usage);
                    break;
                }
                // At its end, or what was heard by now counts.
                Ok(None) | Err(_) => break,
            }
        }
        drop((echo, place, drains));
        write(&app, open, Outcome::Abandoned);
    });
}
