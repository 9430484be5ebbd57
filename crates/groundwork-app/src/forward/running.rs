//! An answer that goes through, piece by piece. It settles the call at its end; dropped before, it cancels the call or lets it be heard
//! out, as the target's policy says.

use super::ear::{self, Ear};
use crate::App;
use crate::pipeline::{CallError, Echo, Heard, Item, Settlement, shutting_down};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use groundwork_core::turn::{Event, Frame};
use groundwork_inference::target::{self, Forwarded, Passing, Said};

type Incoming<T> = BoxStream<'static, Result<T, target::CallError>>;

/// What is heard of an answer that nobody waits for.
pub(super) fn echo(forwarded: Result<Forwarded, target::CallError>) -> Echo {
    match forwarded {
        Ok(Forwarded { content_type, served, body, .. }) => {
            let rest = match body {
                Passing::Bytes(bytes) => echo_of_bytes(Ear::of(content_type.as_deref()), bytes),
                Passing::Events(events) => echo_of_events(events),
            };
            stream::iter([Heard::Begun(served)]).chain(rest).boxed()
        }
        Err(error) => Heard::failed(error),
    }
}

fn echo_of_bytes(ear: Ear, bytes: Incoming<Bytes>) -> Echo {
    let heard = stream::once(async move {
        let mut ear = ear;
        let mut bytes = bytes;
        while let Some(piece) = bytes.next().await {
            match piece {
                Ok(piece) => ear.hear(&piece),
                Err(error) => return Heard::Failed(error),
            }
        }
        Heard::Said(ear.usage().map(Event::Usage).into_iter().collect())
    });
    heard.boxed()
}

fn echo_of_events(events: Incoming<Frame>) -> Echo {
    let heard = events.map(|frame| match frame.map(|frame| ear::listen(frame, false)) {
        Ok(Ok(told)) => Heard::Said(told.events),
        Ok(Err(fault)) => Heard::Failed(mid_stream(fault)),
        Err(error) => Heard::Failed(error),
    });
    heard.boxed()
}

fn mid_stream(ear::Fault { message, body }: ear::Fault) -> target::CallError {
    target::CallError::MidStream { target: "the target".to_owned(), message, said: Box::new(Said { body: Some(body), ..Said::default() }) }
}

/// An answer of bytes.
pub(super) struct Bytewise {
    app: App,
    bytes: Incoming<Bytes>,
    ear: Ear,
    /// `None` at the end.
    settlement: Option<Settlement>,
}

impl Bytewise {
    pub(super) fn run(
        app: &App,
        content_type: Option<&str>,
        bytes: Incoming<Bytes>,
        settlement: Settlement,
    ) -> BoxStream<'static, Result<Bytes, CallError>> {
        let running = Self { app: app.clone(), bytes, ear: Ear::of(content_type), settlement: Some(settlement) };
        stream::unfold(running, |mut running| async move { running.next().await.map(|item| (item, running)) }).boxed()
    }

    async fn next(&mut self) -> Option<Result<Bytes, CallError>> {
        let settlement = self.settlement.as_ref()?;
        let next = tokio::select! {
            next = self.bytes.next() => next.map(|next| next.map_err(CallError::from)),
            () = self.app.inner().cut.cancelled() => Some(Err(shutting_down())),
        };
        match next {
            Some(Ok(bytes)) => {
                settlement.said("");
                self.ear.hear(&bytes);
                Some(Ok(bytes))
            }
            Some(Err(error)) => {
                self.settlement.take()?.fail(error.kind(), error.http_status());
                Some(Err(error))
            }
            None => {
                let settlement = self.settlement.take()?;
                settlement.heard(&self.ear.usage().map(Event::Usage).into_iter().collect::<Vec<_>>());
                settlement.complete();
                None
            }
        }
    }
}

impl Drop for Bytewise {
    fn drop(&mut self) {
        if let Some(settlement) = self.settlement.take() {
            let bytes = std::mem::replace(&mut self.bytes, stream::empty().boxed());
            settlement.hang_up(echo_of_bytes(std::mem::replace(&mut self.ear, Ear::Deaf), bytes));
        }
    }
}

/// An answer of events.
pub(super) struct Eventwise {
    app: App,
    events: Incoming<Frame>,
    /// Completions say when they are at their end; other streams just end.
    is_completion: bool,
    hides_usage: bool,
    is_finished: bool,
    is_marked: bool,
    /// `None` at the end.
    settlement: Option<Settlement>,
}

impl Eventwise {
    pub(super) fn run(
        app: &App,
        events: Incoming<Frame>,
        (is_completion, hides_usage): (bool, bool),
        settlement: Settlement,
    ) -> BoxStream<'static, Item> {
        let running = Self {
            app: app.clone(),
            events,
            is_completion,
            hides_usage,
            is_finished: false,
            is_marked: false,
            settlement: Some(settlement),
        };
        stream::unfold(running, |mut running| async move { running.next().await.map(|item| (item, running)) }).boxed()
    }

    async fn next(&mut self) -> Option<Item> {
        loop {
            let settlement = self.settlement.as_ref()?;
            let next = tokio::select! {
                next = self.events.next() => next.map(|next| next.map_err(CallError::from)),
                () = self.app.inner().cut.cancelled() => Some(Err(shutting_down())),
            };
            match next {
                Some(Ok(frame)) => match ear::listen(frame, self.hides_usage) {
                    Ok(ear::Told { frame, events, is_last }) => {
                        settlement.said("");
                        settlement.heard(&events);
                        self.is_finished |= is_last;
                        self.is_marked |= frame.as_ref().is_some_and(Frame::is_done);
                        if let Some(frame) = frame {
                            return Some(Item::Frame(frame));
                        }
                    }
                    Err(fault) => return self.fail(mid_stream(fault).into()),
                },
                Some(Err(error)) => return self.fail(error),
                None if self.is_completion && !self.is_finished => return self.fail(unfinished().into()),
                None => {
                    self.settlement.take()?.complete();
                    return (self.is_completion && !self.is_marked).then(|| Item::Frame(Frame::done()));
                }
            }
        }
    }

    fn fail(&mut self, error: CallError) -> Option<Item> {
        self.settlement.take()?.fail(error.kind(), error.http_status());
        Some(Item::Error(error))
    }
}

impl Drop for Eventwise {
    fn drop(&mut self) {
        if let Some(settlement) = self.settlement.take() {
            let events = std::mem::replace(&mut self.events, stream::empty().boxed());
            settlement.hang_up(echo_of_events(events));
        }
    }
}

fn unfinished() -> target::CallError {
    target::CallError::Broken { target: "the target".to_owned(), message: "the connection ended in mid-answer".to_owned() }
}
