//! A request for a response, from the client's bytes to what is stored.

use super::background;
use super::draft::Draft;
use super::error::CreateError;
use super::failure::Failure;
use super::recall::{Form, Recalled, recall};
use super::telling::Telling;
use crate::App;
use crate::owned::owner;
use crate::pipeline::{self, CallError, FailedResponse, Head, Item, Model, Request, now};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use groundwork_core::access::Caller;
use groundwork_core::turn::{Dialect, Frame};
use groundwork_inference::target;
use groundwork_wire::error::Error;
use groundwork_wire::object::Object;
use groundwork_wire::responses as wire;
use std::collections::VecDeque;
use std::time::Duration;

/// A response on its way out. Dropping a stream cancels the call and settles it, but for one in the background.
pub enum Answer {
    /// `head` is of the call; one in the background has not been called yet.
    Whole { head: Option<Head>, body: Bytes },
    /// The target told it as one that failed, and why. It is kept like any other.
    Failed { head: Head, body: Bytes, error: CallError },
    /// Ends by itself. After an error has been told, it is the last item.
    Stream { head: Option<Head>, items: BoxStream<'static, Item> },
}

/// Answers a request for a response in its own dialect, with the state around it. Nobody waits for a store longer than for the answer.
pub async fn create(app: &App, caller: &Caller, request: Request) -> Result<Answer, CreateError> {
    let until = request.deadline.unwrap_or_else(|| now() + app.inner().limits.call_timeout);
    let answered = tokio::time::timeout_at(until.into(), answer(app, caller, Request { deadline: Some(until), ..request })).await;
    answered.unwrap_or_else(|_late| Err(CallError::DeadlineExceeded.into()))
}

async fn answer(app: &App, caller: &Caller, request: Request) -> Result<Answer, CreateError> {
    let asked = wire::Request::parse(request.body.clone())?;
    let model = pipeline::model(app, caller, &asked.model)?;
    let owner = owner(caller).map_err(|_stranger| CallError::UnknownModel(asked.model.clone()))?;
    let recalled = recall(app, &owner, &asked, thinks(&asked, &model)).await?;
    let draft = Draft::new(app, owner, &asked, &recalled)?;
    if asked.background {
        return background::begin(caller, request, draft, recalled).await;
    }
    let (head, items) = match ask(app, caller, &request, &recalled).await {
        Ok(pipeline::Answer::Whole(head, body)) => {
            let body = keep(&draft, body).await?;
            return Ok(Answer::Whole { head: Some(head), body });
        }
        Ok(pipeline::Answer::Stream(head, items)) => (head, items),
        Err(CallError::Response(failed)) => {
            let FailedResponse { head, body, error } = *failed;
            if !asked.stream {
                let body = keep(&draft, body).await?;
                return Ok(Answer::Failed { head, body, error: CallError::Call(error) });
            }
            let told = wire::replay(&Object::parse(body)?).into_iter().map(|event| Item::Frame(Frame::new(Some(event.kind), event.data)));
            (head, stream::iter(told.chain([Item::Error(CallError::Call(error))]).collect::<Vec<_>>()).boxed())
        }
        Err(error) => return Err(error.into()),
    };
    let post = draft.echo.store.then(|| app.inner().responses.post(&draft.id, &draft.owner));
    draft.begin(wire::Status::InProgress).await.map_err(CreateError::NotStored)?;
    Ok(Answer::Stream { head: Some(head), items: told(items, Telling::new(draft, post)) })
}

/// Stores a response that has ended, and gives it as the client sees it.
async fn keep(draft: &Draft, body: Bytes) -> Result<Bytes, CreateError> {
    // What the pipeline answers is an object.
    let mut response = Object::parse(body)?;
    draft.echo.dress(&mut response, draft.now());
    draft.store(&response).await.map_err(CreateError::NotStored)?;
    Ok(draft.echo.include.response(&response).to_bytes())
}

/// Asks with all that was said before. A target that cannot read what its model thought, or has none of that to give, is asked without.
pub(super) async fn ask(app: &App, caller: &Caller, request: &Request, recalled: &Recalled) -> Result<pipeline::Answer, CallError> {
    let in_form = |form| Request {
        dialect: Dialect::Responses,
        body: recalled.request(form).to_bytes(),
        model: None,
        headers: request.headers.clone(),
        deadline: request.deadline,
        request_id: request.request_id.clone(),
    };
    match pipeline::run(app, caller, in_form(Form::Whole)).await {
        Err(error) if recalled.has_thoughts() && is_about_thoughts(&error) => pipeline::run(app, caller, in_form(Form::Plain)).await,
        answered => answered,
    }
}

/// Whether the model is one that thinks: it is told how much to, or its name is that of one.
fn thinks(asked: &wire::Request, model: &Model) -> bool {
    let told = asked.object.get::<Object>("reasoning", "an object").ok().flatten();
    if let Some(reasoning) = told {
        return reasoning.get::<String>("effort", "a string").ok().flatten().as_deref() != Some("none");
    }
    model.pool().deployments.iter().any(|deployment| {
        let name = deployment.model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let numbered = name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
        numbered || name.contains("codex") || (name.starts_with("gpt-5") && !name.contains("chat"))
    })
}

fn is_about_thoughts(error: &CallError) -> bool {
    let call = match error {
        CallError::Call(call) => call,
        CallError::Response(failed) => &failed.error,
        _ => return false,
    };
    let target::CallError::Refused { said, .. } = call else { return false };
    let Some(Error { message, param, code, .. }) = said.body.as_deref().and_then(Error::parse) else { return false };
    code.as_deref() == Some("invalid_encrypted_content")
        || param.is_some_and(|param| param.starts_with("include"))
        || ["ncrypted content", "encrypted_content", "'reasoning' item"].iter().any(|words| message.contains(words))
}

/// The stream that the client reads.
fn told(items: BoxStream<'static, Item>, telling: Telling) -> BoxStream<'static, Item> {
    let told = Told { items: Some(items), telling, ready: VecDeque::new() };
    stream::unfold(told, |mut told| async move { told.next().await.map(|item| (item, told)) }).boxed()
}

struct Told {
    /// `None` at the end.
    items: Option<BoxStream<'static, Item>>,
    telling: Telling,
    ready: VecDeque<Item>,
}

/// How long the end of a call is awaited behind its last event, so that it is settled even if the client leaves with that one.
const TAIL: Duration = Duration::from_millis(100);

impl Told {
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            let items = self.items.as_mut()?;
            let live = self.telling.live().cloned();
            let cancelled = async {
                match &live {
                    Some(live) => live.cancel.cancelled().await,
                    None => std::future::pending().await,
                }
            };
            let item = tokio::select! {
                item = items.next() => item,
                () = cancelled => {
                    self.items = None;
                    self.ready.extend(self.telling.cancel().await.into_iter().map(Item::Frame));
                    continue;
                }
            };
            match item {
                Some(Item::Frame(frame)) => {
                    let frames = self.telling.hear(&frame).await;
                    if self.telling.is_over() {
                        // That it failed has been told by its last event.
                        let mut errors = items.filter(|item| std::future::ready(matches!(item, Item::Error(_))));
                        let error = tokio::time::timeout(TAIL, errors.next()).await.ok().flatten();
                        self.items = None;
                        self.ready.extend(frames.into_iter().map(Item::Frame).chain(error));
                        continue;
                    }
                    self.ready.extend(frames.into_iter().map(Item::Frame));
                }
                Some(Item::Retracted) => {
                    self.telling.retract();
                    return Some(Item::Retracted);
                }
                Some(Item::Error(error)) => self.fail(error).await,
                None => {
                    let (target, message) = ("the target".to_owned(), "it ended without its last event".to_owned());
                    self.fail(CallError::Call(target::CallError::Broken { target, message })).await;
                }
            }
        }
    }

    async fn fail(&mut self, error: CallError) {
        self.items = None;
        self.ready.extend(self.telling.fail(&Failure::of(&error)).await.into_iter().map(Item::Frame));
        self.ready.push_back(Item::Error(error));
    }
}
