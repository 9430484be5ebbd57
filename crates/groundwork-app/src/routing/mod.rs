//! Which deployment of a model answers a call. The decisions are those of `groundwork_core::pool`; here they are told the time, and calls
//! go out as they say: one deployment after another until one answers, with no more patience for a silent one than leaves time for the
//! next. Everything that goes to a model goes through `route`.

pub(crate) mod affinity;
mod attempt;
mod course;
mod decision;
mod error;
mod failure;
mod probe;
pub(crate) mod spillover;
mod state;
mod switchboard;
mod waiting;

pub(crate) use attempt::Attempt;
pub(crate) use error::RouteError;
pub use error::Unavailable;
pub(crate) use probe::keep_probing;
pub use state::{Deployment as DeploymentState, Part, list};
pub(crate) use switchboard::{Declared, Queue, Shares, Switchboard};

use crate::App;
use crate::pipeline::{Asking, Booking, now};
use crate::published::{Deployment, Pool};
use course::Course;
use futures::FutureExt;
use futures::future::Either;
use groundwork_core::pool::{Failure, Key, Next};
use groundwork_inference::target::{CallError, Stage};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;
use switchboard::{Choice, Patience};

/// A call on its way to a model.
pub(crate) struct Errand<'a> {
    pub(crate) pool: &'a Arc<Pool>,
    /// In whose line it waits.
    pub(crate) caller: &'a str,
    pub(crate) deadline: Instant,
    /// Of the prompt and the longest answer, about.
    pub(crate) tokens: u64,
    /// The answer is heard from its first token on, not as a whole.
    pub(crate) streamed: bool,
    /// Every server does this. Of what only some do a refusal says nothing about the deployment.
    pub(crate) everywhere: bool,
    /// What it has in common with calls that should meet the same prompt cache.
    pub(crate) affinity: Option<Key>,
}

/// Asks deployments by `ask`, which is told of each whether another could answer in its place, until one begins to answer. The attempt that comes with the answer ends when the answer does.
pub(crate) async fn route<'a, T, F>(
    app: &App,
    errand: &Errand<'a>,
    booking: Option<Booking<'_, T>>,
    ask: impl Fn(&'a Deployment, bool) -> F,
) -> Result<(T, Attempt), RouteError>
where
    T: 'static,
    F: Future<Output = Result<T, CallError>> + Send + 'static,
{
    let switchboard = &app.inner().switchboard;
    let mut route = Route { switchboard, errand, booking: booking.as_ref(), ask, course: Course::default() };
    loop {
        let (attempt, patience) = match switchboard.choose(errand, &route.course) {
            Choice::Ask(attempt, patience) => (attempt, patience),
            Choice::Wait { at, waiting } => match waiting.wait().await {
                Some(attempt) => {
                    let patience = switchboard.patience(errand, &route.course, at);
                    (attempt, patience)
                }
                None => {
                    route.course.waited(at);
                    continue;
                }
            },
            Choice::Pause { at, until } => {
                tokio::time::sleep_until(until.into()).await;
                route.course.paused(at);
                continue;
            }
            Choice::Nobody(unavailable) => return Err(route.course.error().map_or(RouteError::Nobody(unavailable), RouteError::Call)),
        };
        let answer = match patience.hedge {
            // Two calls at once need more room than most calls should carry.
            Some(hedge) => Box::pin(route.race(attempt, patience, hedge)).await?,
            None => route.attempt(attempt, patience).await?,
        };
        if let Some(answer) = answer {
            return Ok(answer);
        }
    }
}

struct Route<'r, 'a, A, T: 'static> {
    switchboard: &'r Switchboard,
    errand: &'r Errand<'a>,
    /// How its attempts are booked, if they are.
    booking: Option<&'r Booking<'r, T>>,
    ask: A,
    course: Course,
}

/// An attempt under way: the deployment, how long it may be silent, and its place among those that are booked.
struct Out {
    attempt: Attempt,
    patience: Patience,
    asking: Option<Asking>,
}

/// The answer, or `None` when there is to be another attempt.
type Answered<T> = Result<Option<(T, Attempt)>, RouteError>;

impl<'r, 'a, A, F, T> Route<'r, 'a, A, T>
where
    A: Fn(&'a Deployment, bool) -> F,
    F: Future<Output = Result<T, CallError>> + Send + 'static,
{
    async fn attempt(&mut self, attempt: Attempt, patience: Patience) -> Answered<T> {
        let (out, answer) = self.ask(attempt, patience)?;
        let answer = answer.await;
        self.heard(out, answer)
    }

    /// The same, with a second deployment that is asked when the first is slow: whoever answers first has answered, the other is given up.
    async fn race(&mut self, attempt: Attempt, patience: Patience, hedge: Instant) -> Answered<T> {
        let first_at = attempt.at();
        let (out, first) = self.ask(attempt, patience)?;
        let mut first = pin!(first);
        tokio::select! {
            biased;
            answer = &mut first => return self.heard(out, answer),
            () = tokio::time::sleep_until(hedge.into()) => {}
        }
        let Some(other) = self.switchboard.second(self.errand, &self.course, first_at) else {
            let answer = first.await;
            return self.heard(out, answer);
        };
        let its_patience = self.switchboard.patience(self.errand, &self.course, other.at());
        let (other, second) = self.ask(other, its_patience)?;
        let mut second = pin!(second);
        tokio::select! {
            biased;
            answer = &mut first => match self.heard(out, answer)? {
                Some(answered) => Ok(Some(answered)),
                None => {
                    let answer = second.await;
                    self.heard(other, answer)
                }
            },
            answer = &mut second => match self.heard(other, answer)? {
                Some(answered) => Ok(Some(answered)),
                None => {
                    let answer = first.await;
                    self.heard(out, answer)
                }
            },
        }
    }

    /// Sends the call to the deployment, once that is recorded.
    fn ask(
        &self,
        attempt: Attempt,
        patience: Patience,
    ) -> Result<(Out, impl Future<Output = Result<T, CallError>> + use<'r, 'a, A, F, T>), RouteError> {
        let pool: &'a Arc<Pool> = self.errand.pool;
        let deployment = &pool.deployments[attempt.at()];
        let asking = self.booking.map(|booking| booking.asks(deployment)).transpose()?;
        let work = (self.ask)(deployment, patience.limit.is_some());
        let answer = match self.booking.zip(asking) {
            Some((booking, asking)) => booking.listen(asking, work),
            None => Either::Left(work),
        };
        let answer = within(patience.limit, self.errand.streamed, deployment, answer);
        Ok((Out { attempt, patience, asking }, answer))
    }

    /// What follows from what came back.
    fn heard(&mut self, Out { attempt, patience, asking }: Out, answer: Result<T, CallError>) -> Answered<T> {
        let booked = self.booking.zip(asking);
        let error = match answer {
            Ok(answer) => {
                if let Some((booking, asking)) = booked {
                    booking.answered(asking, &answer);
                }
                return Ok(Some((answer, attempt)));
            }
            Err(error) => error,
        };
        if let Some((booking, asking)) = booked {
            booking.failed(asking, &error);
        }
        let (at, began) = (attempt.at(), attempt.began());
        let failure = self.switchboard.failure(&error, self.errand.everywhere, (began, self.errand.deadline));
        // Whoever was given less than the call's own time may have been about to answer.
        let cut_short = matches!(error, CallError::Timeout { .. }) && patience.limit.is_some_and(|limit| limit <= now());
        let deployment = self.errand.pool.deployments[at].label();
        if failure == Failure::Unable {
            tracing::debug!(deployment, kind = error.kind(), "a deployment cannot do what is asked");
        } else {
            tracing::warn!(deployment, kind = error.kind(), "a deployment failed before its first byte");
        }
        attempt.fail(if cut_short { Failure::Deadline { patience: now() - began } } else { failure }, &error);
        match failure.next() {
            Next::Stop => Err(RouteError::Call(error)),
            next => {
                self.course.failed((self.errand.pool, at), (next, failure.retry_after()), error);
                Ok(None)
            }
        }
    }
}

/// Waits for an answer for as long as others could still take its place. No `async fn`, which would hold `answer` twice.
fn within<T>(
    limit: Option<Instant>,
    streamed: bool,
    deployment: &Deployment,
    answer: impl Future<Output = Result<T, CallError>>,
) -> impl Future<Output = Result<T, CallError>> {
    let Some(limit) = limit else { return Either::Left(answer) };
    let began = now();
    Either::Right(tokio::time::timeout_at(limit.into(), answer).map(move |answered| {
        answered.unwrap_or_else(|_elapsed| {
            let stage = if streamed { Stage::FirstToken } else { Stage::FirstByte };
            Err(CallError::Timeout { target: deployment.target.name().to_owned(), stage, waited: now() - began })
        })
    }))
}
