//! A chat completion, from the client's bytes to the last byte of the answer. Reads as a table of contents.

use super::admit::{Admitted, Model, admit, guard};
use super::call::{Prompt, call};
use super::error::ChatError;
use super::retrieve::{Retrieved, retrieve};
use super::settle::Settlement;
use super::{stream, whole};
use crate::App;
use bytes::Bytes;
use futures::stream::BoxStream;
use groundwork_core::access::Caller;
use groundwork_core::ids::CallId;
use groundwork_inference::target::{Headers, Reply};
use std::time::Instant;

pub struct Request {
    /// The client's JSON body: an OpenAI chat completion request.
    pub body: Bytes,
    /// Wins over the body's `model` (Azure's paths name the deployment).
    pub model: Option<String>,
    /// When the client no longer waits; `limits.call_timeout` from now when it does not say.
    pub deadline: Option<Instant>,
    /// The client's own id of the request, a label in the ledger.
    pub request_id: Option<String>,
}

/// An answer on its way out. Dropping a stream cancels the call and settles it.
pub enum Answer {
    /// A response body.
    Whole(Head, Bytes),
    /// Ends by itself; after the last chunk comes `[DONE]`, which is not an item.
    Stream(Head, BoxStream<'static, Item>),
}

/// What is known before the first byte of the answer.
#[derive(Debug, Clone)]
pub struct Head {
    pub call: CallId,
    /// Headers that are the client's too: `x-ratelimit-*`, `retry-after`, `x-ms-*` of the upstream, and `groundwork-answer`
    /// (`quotes` when no model wrote the answer, `declined` when there is nothing to answer from).
    pub headers: Headers,
}

pub enum Item {
    /// The JSON of one `chat.completion.chunk`.
    Chunk(Bytes),
    /// The answer broke off; nothing follows.
    Error(ChatError),
}

/// Answers a chat completion request. However it ends, one record of it goes to the ledger.
pub async fn chat(app: &App, caller: &Caller, request: Request) -> Result<Answer, ChatError> {
    let admitted = admit(app, caller, request)?;
    let mut settlement = admitted.settlement(app);
    let reply = tokio::select! {
        reply = answer(app, caller, &admitted, &mut settlement) => reply,
        () = tokio::time::sleep_until(admitted.deadline.into()) => Err(ChatError::DeadlineExceeded),
        () = app.inner().cut.cancelled() => Err(shutting_down()),
    };
    match reply {
        Ok((Reply::Whole { headers, served: _, body, events }, grounds)) => {
            let head = Head { call: admitted.id, headers };
            Ok(Answer::Whole(head, whole::respond(app, (body, events), grounds, settlement).await))
        }
        Ok((Reply::Stream { headers, served: _, frames }, grounds)) => {
            let head = Head { call: admitted.id, headers };
            Ok(Answer::Stream(head, stream::respond(app, frames, grounds, admitted.request.include_usage, settlement)))
        }
        Err(error) => {
            settlement.fail(error.kind(), error.http_status(), error.may_be_charged()).await;
            Err(error)
        }
    }
}

/// The steps up to the first byte: guard → retrieve → route and call. (A call has no cached answer yet, so nothing stands between.)
async fn answer(
    app: &App,
    caller: &Caller,
    admitted: &Admitted,
    settlement: &mut Settlement,
) -> Result<(Reply, Option<super::annotate::Grounds>), ChatError> {
    guard(app, admitted)?;
    let prompt = match &admitted.model {
        Model::Pool(_) => Prompt { body: admitted.request.object.clone(), grounds: None },
        Model::Assistant(assistant) => match retrieve(app, caller, admitted, assistant, settlement).await? {
            Retrieved::Prompt(prompt) => prompt,
            Retrieved::Nothing(reply) => return Ok((reply, None)),
        },
    };
    call(app, admitted, prompt, settlement).await
}

pub(super) fn shutting_down() -> ChatError {
    ChatError::ShuttingDown { retry_after: std::time::Duration::from_secs(5) }
}
