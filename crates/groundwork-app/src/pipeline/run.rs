//! A request to a model, from the client's bytes to the last byte of the answer. Reads as a table of contents.

use super::admit::{Admitted, Model, admit, guard};
use super::annotate::Grounds;
use super::call::{Prompt, call, decline};
use super::error::CallError;
use super::other_dialect::OtherDialect;
use super::retrieve::{Retrieved, retrieve};
use super::settle::Settlement;
use super::{stream, talk, whole};
use crate::App;
use bytes::Bytes;
use futures::stream::BoxStream;
use groundwork_core::access::Caller;
use groundwork_core::ids::CallId;
use groundwork_core::turn::{Dialect, Frame};
use groundwork_inference::target::Reply;
use http::HeaderMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Request {
    /// Of the body, and of the answer.
    pub dialect: Dialect,
    /// The client's JSON body.
    pub body: Bytes,
    /// Wins over the body's `model` (Azure's paths name the deployment).
    pub model: Option<String>,
    /// The client's. What of them a target may want goes on to it: trace context, beta features.
    pub headers: Arc<HeaderMap>,
    /// When the client no longer waits; `limits.call_timeout` from now when it does not say.
    pub deadline: Option<Instant>,
    /// The client's own id of the request, a label in the ledger.
    pub request_id: Option<String>,
}

/// An answer on its way out. Dropping a stream cancels the call and settles it.
pub enum Answer {
    /// A response body.
    Whole(Head, Bytes),
    /// Ends by itself, with the dialect's own end mark.
    Stream(Head, BoxStream<'static, Item>),
}

/// What is known before the first byte of the answer.
#[derive(Debug, Clone)]
pub struct Head {
    pub call: CallId,
    /// Headers that are the client's too: `x-ratelimit-*`, `retry-after`, `x-ms-*` of the upstream, and `groundwork-answer`
    /// (`quotes` when no model wrote the answer, `declined` when there is nothing to answer from, with `groundwork-reason`).
    pub headers: HeaderMap,
}

pub enum Item {
    /// An event of the answer, the target's own bytes where nothing had to be changed.
    Frame(Frame),
    /// All that was said is taken back: a filter found fault with it. It is neither to be shown nor to be kept.
    Retracted,
    /// The answer broke off; nothing follows.
    Error(CallError),
}

/// Answers a request. However it ends, one record of it goes to the ledger.
pub async fn run(app: &App, caller: &Caller, request: Request) -> Result<Answer, CallError> {
    let admitted = admit(app, caller, request)?;
    let settlement = admitted.settlement(app);
    let reply = tokio::select! {
        biased;
        reply = answer(app, caller, &admitted, &settlement) => reply,
        () = tokio::time::sleep_until(admitted.deadline.into()) => Err(CallError::DeadlineExceeded),
        () = app.inner().cut.cancelled() => Err(shutting_down()),
    };
    let other = OtherDialect::of(app, &admitted);
    let keeping = admitted.keeping(app, caller);
    let error = match reply {
        Ok((Reply::Whole { headers, served: _, body, events }, grounds)) => {
            let body = whole::respond(app, (body, events), grounds, admitted.deadline, &settlement).await;
            match body.and_then(|body| other.map_or(Ok(body.clone()), |other| other.whole(&body))) {
                Ok(body) => {
                    settlement.complete();
                    let body = match keeping {
                        Some(keeping) => keeping.whole(body).await,
                        None => body,
                    };
                    return Ok(Answer::Whole(Head { call: admitted.id, headers }, body));
                }
                Err(error) => error,
            }
        }
        Ok((Reply::Stream { headers, served: _, frames }, grounds)) => {
            let items = stream::respond(app, frames, grounds, &admitted, settlement);
            let items = match keeping {
                Some(keeping) => keeping.stream(items),
                None => items,
            };
            let items = match other {
                Some(other) => other.stream(items),
                None => items,
            };
            return Ok(Answer::Stream(Head { call: admitted.id, headers }, items));
        }
        Err(error) => error.of_call(&admitted.id),
    };
    settlement.fail(error.kind(), error.http_status());
    Err(error)
}

/// The steps up to the first byte: guard → retrieve → route and call. (A call has no cached answer yet, so nothing stands between.)
async fn answer(app: &App, caller: &Caller, admitted: &Admitted, settlement: &Settlement) -> Result<(Reply, Option<Grounds>), CallError> {
    guard(app, admitted)?;
    let prompt = match &admitted.model {
        Model::Pool(_) => Prompt { dialect: admitted.asked.dialect, body: admitted.asked.object.clone(), grounds: None },
        Model::Assistant(assistant) => match Box::pin(retrieve(app, caller, admitted, assistant, settlement)).await? {
            Retrieved::Prompt(prompt) => prompt,
            Retrieved::BelowFloor(grounds) => return decline(app, admitted, grounds).await,
            Retrieved::Unsearched(prompt) => {
                let (reply, grounds) = call(app, admitted, prompt, settlement).await?;
                return Ok((reply.with_headers(talk::told()), grounds));
            }
            Retrieved::Nothing(reply) => return Ok((reply, None)),
        },
    };
    call(app, admitted, prompt, settlement).await
}

/// When a server that is shutting down may be there again.
pub(crate) const SHUTDOWN_RETRY: Duration = Duration::from_secs(5);

pub(crate) fn shutting_down() -> CallError {
    CallError::ShuttingDown { retry_after: SHUTDOWN_RETRY }
}
