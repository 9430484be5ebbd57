//! One line of a batch on the way that every request takes, with what its owner may do at this moment.

use super::{Asker, Batch};
use crate::App;
use crate::embeddings::{self, EmbedError};
use crate::forward::{self, forward};
use crate::pipeline::{self, Answer, CallError, now};
use crate::responses::{self, CreateError};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use groundwork_core::access::Caller;
use groundwork_core::call::Operation;
use groundwork_core::ids::CallId;
use groundwork_inference::target;
use groundwork_store::db::batches::{LineResult, Usage};
use groundwork_wire::batches::{Endpoint, Response, Task, Told};
use groundwork_wire::count;
use groundwork_wire::error::Error;
use groundwork_wire::raw::Raw;
use http::HeaderMap;
use serde::Deserialize;
use std::time::Duration;

/// What a line was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// The call in the ledger; none when it did not come to one.
    pub(super) call: Option<CallId>,
    pub(super) body: Bytes,
    /// It may go better later.
    pub(super) again: Option<Again>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Again {
    /// How long the target asks to wait.
    pub(super) after: Option<Duration>,
    /// There was too much to do, and nothing was wrong.
    pub(super) busy: bool,
}

/// Bytes of an answer.
const MOST_BYTES: usize = 64 << 20;

/// `None` when the program is stopping: the line is run again after the next start.
pub(super) async fn answer(app: &App, batch: &Batch, endpoint: Endpoint, task: &Task) -> Option<Answered> {
    let caller = match Asker::now(app, batch) {
        Ok(caller) => caller,
        Err(refused) => return Some(Answered::refused(401, "invalid_api_key", &refused.to_string())),
    };
    let asked = match endpoint {
        Endpoint::ChatCompletions => Box::pin(chat(app, &caller, batch, task)).await,
        Endpoint::Responses => match Box::pin(respond(app, &caller, batch, task)).await {
            Err(CreateError::Call(error)) => Err(error),
            Err(error) => return Some(Answered::unmade(&error)),
            Ok(answer) => Ok(answer),
        },
        Endpoint::Embeddings => Box::pin(embed(app, &caller, batch, task)).await,
        Endpoint::Completions => Box::pin(pass_on(app, &caller, batch, task, (Operation::Completions, "/completions"))).await,
        Endpoint::Moderations => Box::pin(pass_on(app, &caller, batch, task, (Operation::Moderations, "/moderations"))).await,
    };
    match asked {
        Ok((call, body)) => Some(Answered { status: 200, call: Some(call), body, again: None }),
        Err(CallError::ShuttingDown { .. } | CallError::Interrupted(_)) => None,
        Err(error) => Some(Answered::failed(&error)),
    }
}

fn request(batch: &Batch, task: &Task) -> pipeline::Request {
    pipeline::Request { body: task.body.to_bytes(), request_id: Some(batch.id.to_string()), ..Default::default() }
}

async fn respond(app: &App, caller: &Caller, batch: &Batch, task: &Task) -> Result<(CallId, Bytes), CreateError> {
    match responses::create(app, caller, request(batch, task)).await? {
        responses::Answer::Whole { head: Some(head), body } => Ok((head.call, body)),
        responses::Answer::Failed { error, .. } => Err(error.into()),
        // Neither a stream nor one in the background is asked for: the line was looked over.
        _ => Err(CallError::Interrupted(crate::Interrupted).into()),
    }
}

async fn chat(app: &App, caller: &Caller, batch: &Batch, task: &Task) -> Result<(CallId, Bytes), CallError> {
    match pipeline::run(app, caller, request(batch, task)).await? {
        Answer::Whole(head, body) => Ok((head.call, body)),
        // None is asked for: the line was looked over.
        Answer::Stream(..) => Err(CallError::Interrupted(crate::Interrupted)),
    }
}

async fn embed(app: &App, caller: &Caller, batch: &Batch, task: &Task) -> Result<(CallId, Bytes), CallError> {
    let request = embeddings::Request { body: task.body.to_bytes(), request_id: Some(batch.id.to_string()), ..Default::default() };
    match embeddings::create(app, caller, request).await {
        Ok(answer) => Ok((answer.call, answer.body)),
        Err(error) => Err(called(error)),
    }
}

/// The same in the words of a call.
fn called(error: EmbedError) -> CallError {
    let message = error.to_string();
    let busy = |message| target::CallError::Fault {
        target: "the embedding model".to_owned(),
        status: 503,
        retry_after: None,
        message,
        said: Box::default(),
    };
    match error {
        EmbedError::Invalid(invalid) => invalid.into(),
        EmbedError::UnknownModel(model) => CallError::UnknownModel(model),
        EmbedError::NotAnEmbeddingModel(model) => CallError::NotSoAsked(model),
        EmbedError::NotReady(_) | EmbedError::Failed(_) => CallError::Call(busy(message)),
        EmbedError::Call(error) => error.into(),
        EmbedError::Unavailable(unavailable) => unavailable.into(),
        EmbedError::DeadlineExceeded => CallError::DeadlineExceeded,
        EmbedError::ShuttingDown { retry_after } => CallError::ShuttingDown { retry_after },
        EmbedError::Interrupted(interrupted) => interrupted.into(),
        EmbedError::Books(error) => error.into(),
    }
}

async fn pass_on(
    app: &App,
    caller: &Caller,
    batch: &Batch,
    task: &Task,
    (operation, path): (Operation, &'static str),
) -> Result<(CallId, Bytes), CallError> {
    let request = forward::Request {
        operation,
        path,
        headers: forward::with_json(&HeaderMap::new()),
        body: task.body.to_bytes(),
        model: task.model.clone(),
        deadline: now() + app.inner().limits.call_timeout,
        request_id: Some(batch.id.to_string()),
        only: None,
    };
    let answer = forward(app, caller, request).await?;
    let broken = |message: String| CallError::Call(target::CallError::Broken { target: task.model.clone(), message });
    let forward::Body::Bytes(mut pieces) = answer.body else { return Err(broken("it is a stream of events".to_owned())) };
    let mut body = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece?);
        if body.len() > MOST_BYTES {
            return Err(broken(format!("it is longer than {MOST_BYTES} bytes")));
        }
    }
    Ok((answer.head.call, body.freeze()))
}

impl Answered {
    fn refused(status: u16, code: &str, message: &str) -> Self {
        Self { status, call: None, body: error_body(status, code, message), again: None }
    }

    /// A response that did not come to a call, or could not be stored after it.
    fn unmade(error: &CreateError) -> Self {
        let message = error.to_string();
        match error {
            CreateError::Call(error) => Self::failed(error),
            CreateError::UnknownPrevious(_) => Self::refused(400, "previous_response_not_found", &message),
            CreateError::UnknownConversation(_) => Self::refused(404, "conversation_not_found", &message),
            CreateError::UnknownItem(_) => Self::refused(404, "item_not_found", &message),
            CreateError::PreviousRuns(..) => Self::refused(409, "response_in_progress", &message),
            CreateError::Busy { .. } | CreateError::NotStored(_) | CreateError::Db(_) => {
                Self { again: Some(Again { after: None, busy: false }), ..Self::refused(503, "database_busy", &message) }
            }
        }
    }

    fn failed(error: &CallError) -> Self {
        let status = error.http_status();
        let (after, told) = match error {
            // The credential and the name of the model are the operator's: what a target says of them is not for the owner.
            CallError::Call(target::CallError::Auth { .. } | target::CallError::NotFound { .. }) => (None, None),
            CallError::Call(call) => (call.retry_after(), call.said().and_then(|said| said.body.clone())),
            CallError::Unavailable(unavailable) => (Some(unavailable.retry_after), None),
            _ => (None, None),
        };
        let body = match error {
            CallError::Invalid(invalid) | CallError::Call(target::CallError::Invalid { invalid, .. }) => invalid.to_error().to_bytes(),
            // The cause is for the log.
            _ if status == 500 && told.is_none() => error_body(status, code(error), "The server failed to answer."),
            error => told.unwrap_or_else(|| error_body(status, code(error), &error.to_string())),
        };
        let exhausted = matches!(error, CallError::Call(target::CallError::QuotaExhausted { .. }));
        let again = match status {
            429 | 503 | 529 if !exhausted => Some(Again { after, busy: true }),
            408 | 500 | 502 | 504 => Some(Again { after, busy: false }),
            _ => None,
        };
        Self { status, call: None, body, again }
    }

    /// The line of the output or error file, and what was used for it.
    pub(super) fn result(&self, app: &App, number: u32, task: &Task) -> (LineResult, Usage) {
        let made = |prefix| app.make_id::<CallId>(prefix).map(String::from).unwrap_or_default();
        let body = Raw::parse(self.body.clone()).unwrap_or_default();
        let request_id = self.call.clone().map_or_else(|| made("req"), String::from);
        let response = Response { status_code: self.status, request_id: &request_id, body: &body };
        let told = Told { id: &made("batch_req"), custom_id: &task.custom_id, response: Some(response), error: None };
        let succeeded = self.status == 200;
        let usage = if succeeded { usage(&self.body) } else { Usage::default() };
        (LineResult { line: number, succeeded, text: told.to_line() }, usage)
    }
}

/// OpenAI's code where the ledger has a word of its own.
fn code(error: &CallError) -> &'static str {
    match error {
        CallError::TooLarge { .. } => "request_too_large",
        CallError::Call(target::CallError::RateLimited { .. }) => "rate_limit_exceeded",
        CallError::Call(target::CallError::QuotaExhausted { .. }) => "insufficient_quota",
        error => error.kind(),
    }
}

fn error_body(status: u16, code: &str, message: &str) -> Bytes {
    let kind = match status {
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    Error { message: message.to_owned(), kind: kind.to_owned(), param: None, code: Some(code.to_owned()) }.to_bytes()
}

/// Usage under the names of either generation of OpenAI's API.
pub(super) fn usage(body: &[u8]) -> Usage {
    #[derive(Deserialize, Default)]
    struct Outer {
        usage: Option<Inner>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Inner {
        #[serde(alias = "prompt_tokens", deserialize_with = "count::needed")]
        input_tokens: u64,
        #[serde(alias = "completion_tokens", deserialize_with = "count::needed")]
        output_tokens: u64,
        #[serde(alias = "prompt_tokens_details")]
        input_tokens_details: Option<Details>,
        #[serde(alias = "completion_tokens_details")]
        output_tokens_details: Option<Details>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Details {
        #[serde(deserialize_with = "count::some")]
        cached_tokens: Option<u64>,
        #[serde(deserialize_with = "count::some")]
        reasoning_tokens: Option<u64>,
    }
    let used = serde_json::from_slice::<Outer>(body).unwrap_or_default().usage.unwrap_or_default();
    Usage {
        input: used.input_tokens,
        cached: used.input_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0),
        output: used.output_tokens,
        reasoning: used.output_tokens_details.and_then(|details| details.reasoning_tokens).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_inference::target::Throttle;

    #[test]
    fn what_a_line_used_is_read_under_either_name() {
        let chat = br#"{"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":1}}}"#;
        let responses = br#"{"usage":{"input_tokens":9,"output_tokens":4,"input_tokens_details":{"cached_tokens":2},"output_tokens_details":{"reasoning_tokens":1}}}"#;
        let odd = br#"{"usage":{"input_tokens":9.0,"output_tokens":"4","input_tokens_details":{"cached_tokens":2.0},"output_tokens_details":{"reasoning_tokens":1.0}}}"#;
        for body in [chat.as_slice(), responses, odd] {
            assert_eq!(usage(body), Usage { input: 9, cached: 2, output: 4, reasoning: 1 });
        }
        for body in [r#"{"usage":null}"#, "{}", "[]", ""] {
            assert_eq!(usage(body.as_bytes()), Usage::default());
        }
    }

    #[test]
    fn what_may_go_better_later_is_told_from_what_is_final() {
        let target = || "t".to_owned();
        let limited = target::CallError::RateLimited {
            target: target(),
            throttle: Throttle::Quota,
            status: 429,
            retry_after: Some(Duration::from_secs(3)),
            message: target(),
            said: Box::default(),
        };
        let exhausted = target::CallError::QuotaExhausted { target: target(), message: target(), said: Box::default() };
        let unreachable = target::CallError::Unreachable { target: target(), message: target() };
        let busy = Some(Again { after: Some(Duration::from_secs(3)), busy: true });
        for (error, status, code, again) in [
            (CallError::Call(limited), 429, "rate_limit_exceeded", busy),
            (CallError::Call(exhausted), 429, "insufficient_quota", None),
            (CallError::Call(unreachable), 502, "upstream_unreachable", Some(Again { after: None, busy: false })),
            (CallError::UnknownModel(target()), 404, "model_not_found", None),
        ] {
            let answered = Answered::failed(&error);
            assert_eq!((answered.status, answered.again), (status, again), "{error}");
            assert_eq!(Error::parse(&answered.body).unwrap().code.as_deref(), Some(code));
        }
    }
}
