//! Responses in the background: each is a task that goes on when its client has gone. They wait for a place, and there is an end to how
//! many may wait.

use super::create::{Answer, ask};
use super::draft::Draft;
use super::error::CreateError;
use super::failure::Failure;
use super::find::read_along;
use super::recall::Recalled;
use super::telling::Telling;
use crate::app::Interrupted;
use crate::pipeline::{self, CallError, Item, Request, now, shutting_down};
use futures::StreamExt;
use groundwork_core::access::Caller;
use groundwork_store::db::DbError;
use groundwork_wire::responses::Status;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// For a client that comes when there is no room.
const LATER: Duration = Duration::from_secs(5);

struct Work {
    caller: Caller,
    request: Request,
    recalled: Recalled,
    draft: Draft,
    telling: Telling,
    _room: OwnedSemaphorePermit,
}

/// Stores the response and lets it run. What the client gets is that it waits, or its events as they come.
pub(super) async fn begin(caller: &Caller, request: Request, draft: Draft, recalled: Recalled) -> Result<Answer, CreateError> {
    let app = draft.app.clone();
    if app.stopping().is_cancelled() {
        return Err(shutting_down().into());
    }
    let board = &app.inner().responses;
    let room = board.room().ok_or(CreateError::Busy { retry_after: LATER })?;
    let mut telling = Telling::new(draft.clone(), Some(board.post(&draft.id, &draft.owner)));
    telling.announce();
    let live = telling.live().cloned();
    let (told, stored) = oneshot::channel();
    let shown = draft.clone();
    let work = Work { caller: caller.clone(), request, recalled, draft, telling, _room: room };
    // From here on the client may go.
    app.tasks().spawn(work.run(told));
    stored.await.map_err(|_gone| Interrupted)?.map_err(CreateError::NotStored)?;
    match live.filter(|_| shown.streamed) {
        Some(live) => Ok(Answer::Stream { head: None, items: read_along(live, 0) }),
        None => Ok(Answer::Whole { head: None, body: shown.echo.empty(Status::Queued).to_bytes() }),
    }
}

impl Work {
    async fn run(mut self, told: oneshot::Sender<Result<(), DbError>>) {
        if let Err(error) = self.draft.begin(Status::Queued).await {
            self.telling.forget();
            // Whoever asked for it has gone, or hears of it.
            let _ = told.send(Err(error));
            return;
        }
        let _ = told.send(Ok(()));
        match self.work().await {
            Ok(()) => {}
            Err(Broken::Cancelled) => drop(self.telling.cancel().await),
            Err(Broken::Failed(error)) => {
                tracing::warn!(response = %self.draft.id, kind = error.kind(), "a response in the background failed");
                self.telling.fail(&Failure::of(&error)).await;
            }
        }
    }

    /// What comes of it, unless it is told that nobody wants more.
    async fn work(&mut self) -> Result<(), Broken> {
        let app = self.draft.app.clone();
        let (inner, live) = (app.inner(), self.telling.live().cloned());
        let cancelled = || async {
            match &live {
                Some(live) => live.cancel.cancelled().await,
                None => std::future::pending().await,
            }
        };
        let _place = tokio::select! {
            place = inner.responses.place() => place?,
            () = cancelled() => return Err(Broken::Cancelled),
            () = inner.stop.cancelled() => return Err(shutting_down().into()),
        };
        if let Err(error) = self.draft.work().await {
            tracing::error!(response = %self.draft.id, %error, "that a response is worked on could not be stored");
        }
        self.request.deadline = Some(now() + inner.limits.background_timeout);
        let answer = tokio::select! {
            answer = ask(&app, &self.caller, &self.request, &self.recalled) => answer,
            () = cancelled() => return Err(Broken::Cancelled),
        };
        let mut items = match answer {
            Ok(pipeline::Answer::Stream(_, items)) => items,
            Ok(pipeline::Answer::Whole(_, body)) => {
                self.telling.hear_whole(body).await;
                return Ok(());
            }
            Err(CallError::Response(failed)) => {
                self.telling.hear_whole(failed.body).await;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        loop {
            let item = tokio::select! {
                item = items.next() => item,
                () = cancelled() => return Err(Broken::Cancelled),
            };
            match item {
                Some(Item::Frame(frame)) => drop(self.telling.hear(&frame).await),
                Some(Item::Retracted) => self.telling.retract(),
                Some(Item::Error(error)) => return Err(error.into()),
                None if self.telling.is_over() => return Ok(()),
                None => return Err(Broken::Failed(Interrupted.into())),
            }
        }
    }
}

/// Why it did not come to its end.
enum Broken {
    Cancelled,
    Failed(CallError),
}

impl<E: Into<CallError>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
