//! Which deployment of a model answers a call. The decisions are those of `groundwork_core::pool`; here they are told the time, and calls
//! go out as they say: one deployment after another until one answers, with no more patience for a silent one than leaves time for the
//! next. Everything that goes to a model goes through `route`.

mod attempt;
mod course;
mod decision;
mod error;
mod failure;
mod switchboard;
mod waiting;

pub(crate) use attempt::Attempt;
pub(crate) use error::RouteError;
pub use error::Unavailable;
pub(crate) use switchboard::{Declared, Queue, Switchboard};

use crate::App;
use crate::pipeline::{Settlement, now};
use crate::published::{Deployment, Pool};
use course::Course;
use groundwork_core::pool::{Failure, Next};
use groundwork_inference::target::{CallError, Stage};
use std::sync::Arc;
use std::time::Instant;
use switchboard::Choice;

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
}

/// Asks deployments by `ask` until one begins to answer. The attempt that comes with the answer ends when the answer does.
pub(crate) async fn route<'a, T, F>(
    app: &App,
    errand: &Errand<'a>,
    mut settlement: Option<&mut Settlement>,
    ask: impl Fn(&'a Deployment) -> F,
) -> Result<(T, Attempt), RouteError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let switchboard = &app.inner().switchboard;
    let mut course = Course::default();
    loop {
        let (attempt, limit) = match switchboard.choose(errand, &course) {
            Choice::Ask { attempt, limit } => (attempt, limit),
            Choice::Wait { at, waiting } => match waiting.wait().await {
                Some(attempt) => {
                    let limit = switchboard.limit(errand, &course, at);
                    (attempt, limit)
                }
                None => {
                    course.waited(at);
                    continue;
                }
            },
            Choice::Pause { at, until } => {
                tokio::time::sleep_until(until.into()).await;
                course.paused(at);
                continue;
            }
            Choice::Nobody(unavailable) => return Err(course.error().map_or(RouteError::Nobody(unavailable), RouteError::Call)),
        };
        let at = attempt.at();
        let deployment = &errand.pool.deployments[at];
        if let Some(settlement) = &mut settlement {
            settlement.asks(deployment)?;
        }
        let error = match within(limit, errand, deployment, ask(deployment)).await {
            Ok(answer) => {
                if let Some(settlement) = &mut settlement {
                    settlement.reached();
                }
                return Ok((answer, attempt));
            }
            Err(error) => error,
        };
        let failure = failure::of(&error, errand.everywhere, (attempt.began(), errand.deadline));
        // Whoever was given less than the call's own time may have been about to answer.
        let cut_short = matches!(error, CallError::Timeout { .. }) && limit.is_some_and(|limit| limit <= now());
        if failure == Failure::Unable {
            tracing::debug!(deployment = deployment.label(), kind = error.kind(), "a deployment cannot do what is asked");
        } else {
            tracing::warn!(deployment = deployment.label(), kind = error.kind(), "a deployment failed before its first byte");
        }
        let patience = now() - attempt.began();
        attempt.fail(if cut_short { Failure::Deadline { patience } } else { failure }, &error);
        match failure.next() {
            Next::Stop => return Err(RouteError::Call(error)),
            next => course.failed(at, errand.pool, next, error),
        }
    }
}

/// Waits for an answer for as long as others could still take its place.
async fn within<T>(
    limit: Option<Instant>,
    errand: &Errand<'_>,
    deployment: &Deployment,
    answer: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let Some(limit) = limit else { return answer.await };
    let began = now();
    tokio::time::timeout_at(limit.into(), answer).await.unwrap_or_else(|_elapsed| {
        let stage = if errand.streamed { Stage::FirstToken } else { Stage::End };
        Err(CallError::Timeout { target: deployment.target.name().to_owned(), stage, waited: now() - began })
    })
}
