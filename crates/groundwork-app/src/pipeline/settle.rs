//! Settling a call exactly once: at its end, at an error, or when the client hangs up.

mod booking;
mod estimate;
mod hearing;
mod open;

pub(crate) use booking::Booking;
pub(crate) use estimate::{Estimate, most_output};
pub(crate) use hearing::{Echo, Heard};

use crate::App;
use crate::published::Deployment;
use futures::future::Either;
use groundwork_core::call::{Citations, Operation, Outcome, Retrieval};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{CallId, ModelName, TenantId};
use groundwork_core::turn::{Event, Usage};
use groundwork_inference::target::{self, HangUp, Served};
use groundwork_store::wal::WalError;
use hearing::Hearing;
use open::Open;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The record of a call in the making. When it is dropped before it was completed, the client has hung up, and that is what is booked:
/// at once, or when the answer was heard out, as the target's policy says.
pub(crate) struct Settlement {
    app: App,
    state: Mutex<State>,
    /// Shutdown waits for the call.
    _running: TaskTrackerToken,
}

struct State {
    /// `None` once it was handed over.
    open: Option<Open>,
    /// What would be heard if attempts that were dropped went on.
    parked: Vec<(Asking, Echo)>,
}

/// Who calls what.
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) label: Option<String>,
    pub(crate) tenant: TenantId,
    pub(crate) principal: String,
    pub(crate) operation: Operation,
    pub(crate) model: ModelName,
    pub(crate) streamed: bool,
    pub(crate) started: UnixMs,
}

/// One deployment being asked. Until it is said how it ended it may be charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asking(usize);

impl Settlement {
    pub(crate) fn begin(app: &App, call: Call, estimate: Option<Estimate>) -> Self {
        app.inner().metrics.began();
        let state = State { open: Some(Open::new(call, estimate)), parked: Vec::new() };
        Self { app: app.clone(), state: Mutex::new(state), _running: app.tasks().token() }
    }

    pub(crate) fn retrieved(&self, retrieval: Retrieval) {
        self.edit(|open| open.record.retrieval = Some(retrieval));
    }

    /// Counted when the prompt was packed.
    pub(crate) fn prompt_tokens(&self, tokens: usize) {
        self.edit(|open| open.prompt_tokens = Some(tokens));
    }

    /// A deployment is about to be asked; after an error it must not be. What is recorded now is what a kill would leave.
    pub(crate) fn asks(&self, deployment: &Deployment) -> Result<Asking, WalError> {
        let mut state = self.state();
        let Some(open) = &mut state.open else { return Ok(Asking(0)) };
        let asking = open.asks(deployment);
        open.at_most(|estimate| self.app.inner().books.hold(estimate)).inspect_err(|_full| open.not_asked())?;
        Ok(asking)
    }

    /// Waits for `work`, which asks the deployment. When the client hangs up in the meantime and the target's policy is to hear its
    /// answers out, `work` goes on, and `echo` tells what its outcome says.
    fn listen<T, F>(&self, asking: Asking, work: F, echo: fn(T) -> Echo) -> Either<F, Hearing<'_, T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        match self.state().open.as_ref().map_or(HangUp::Cancel, |open| open.policy(asking)) {
            HangUp::Cancel => Either::Left(work),
            HangUp::Drain { .. } => Either::Right(Hearing::new(self, asking, Box::pin(work), echo)),
        }
    }

    /// The deployment did not answer, and why.
    pub(crate) fn failed(&self, asking: Asking, error: &target::CallError) {
        self.state().parked.retain(|(parked, _)| *parked != asking);
        self.edit(|open| open.failed(asking, error));
    }

    /// The deployment answers: what is heard from here on is its answer.
    fn answered(&self, asking: Asking, served: &Served) {
        self.state().parked.clear();
        self.edit(|open| open.answered(asking, served));
    }

    /// What an answer says of itself.
    pub(crate) fn heard(&self, events: &[Event]) {
        let now = self.app.inner().clock.now();
        self.edit(|open| open.heard(events, now));
    }

    /// A piece of the answer has come.
    pub(crate) fn said(&self, text: &str) {
        let now = self.app.inner().clock.now();
        self.edit(|open| open.said(text, now));
    }

    pub(crate) fn used(&self, usage: Usage) {
        self.edit(|open| open.usage = Some(usage));
    }

    pub(crate) fn finished(&self, reason: &str) {
        self.edit(|open| open.finish = Some(reason.to_owned()));
    }

    pub(crate) fn checked(&self, citations: Citations) {
        self.edit(|open| open.record.citations = Some(citations));
    }

    /// The whole answer is there.
    pub(crate) fn complete(self) {
        let finish = self.state().open.as_ref().and_then(|open| open.finish.clone()).unwrap_or_else(|| "unknown".to_owned());
        self.book(Outcome::Completed { finish });
    }

    /// The call failed.
    pub(crate) fn fail(self, kind: &'static str, http_status: u16) {
        self.book(Outcome::Failed { kind: kind.to_owned(), http_status });
    }

    /// The client has hung up while this was to be heard.
    pub(crate) fn hang_up(self, echo: Echo) {
        let mut state = self.state();
        if let Some(asking) = state.open.as_ref().and_then(Open::decisive) {
            state.parked.push((asking, echo));
        }
    }

    /// Another answer may have been chosen; then nobody wants to hear this one.
    fn park(&self, asking: Asking, echo: Echo) {
        let mut state = self.state();
        if state.open.as_ref().is_some_and(|open| open.is_waiting_for(asking)) {
            state.parked.push((asking, echo));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, edit: impl FnOnce(&mut Open)) {
        if let Some(open) = &mut self.state().open {
            edit(open);
        }
    }

    fn book(&self, outcome: Outcome) {
        let open = self.state().open.take();
        if let Some(open) = open {
            write(&self.app, open, outcome);
        }
    }

    fn abandon(&mut self) {
        let State { open, parked } = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (Some(open), heard) = (open.take(), parked.pop()) else { return };
        match heard {
            Some((asking, echo)) => hearing::hear_out(&self.app, open, asking, echo),
            None => write(&self.app, open, Outcome::Abandoned),
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        // Dropped outside the runtime there is nobody left to write; inside it the tracker waits for the task.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.abandon();
        }
        self.app.inner().metrics.ended();
        self.app.inner().gate.left.notify_waiters();
    }
}

/// Books a call that has ended: at once, or, where tokens have to be counted for it, in a task, for which no answer waits. Where too many
/// are to be counted already, it is booked at once with the most that they can be.
fn write(app: &App, mut open: Open, outcome: Outcome) {
    open.record.outcome = outcome;
    open.record.ended = app.inner().clock.now();
    if !open.has_to_count() {
        return book(app, open.close(None));
    }
    let Ok(place) = app.inner().counts.clone().try_acquire_owned() else {
        let most = open.at_most_counted();
        return book(app, open.close(Some(most)));
    };
    let app = app.clone();
    app.tasks().clone().spawn(async move {
        let counted = match open.counting() {
            Some(counting) => app.compute(counting).await.ok(),
            None => None,
        };
        drop(place);
        book(&app, open.close(counted));
    });
}

fn book(app: &App, record: groundwork_core::call::Record) {
    app.inner().metrics.settled(&record.sample());
    log(&record);
    let id = record.id.clone();
    if let Err(error) = app.inner().books.settle(record) {
        tracing::error!(call = %id, %error, "how a call ended could not be recorded at once");
    }
}

fn log(record: &groundwork_core::call::Record) {
    if !tracing::enabled!(target: "groundwork::call", tracing::Level::INFO) {
        return;
    }
    tracing::info!(target: "groundwork::call", call = record.id.as_str(), message = record.access_line());
}
