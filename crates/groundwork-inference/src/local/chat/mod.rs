//! Chat models that run on this machine, in a child process with one core and a bounded queue before it: chat completions without an
//! account. One reads GGUF files of the families that `decoder` knows.

mod child;
mod decoder;
mod generate;
mod gguf;
mod host;
mod mark;
mod prepare;
mod protocol;
mod sampler;
mod template;
mod vocabulary;

pub use child::{CHILD_ARGUMENT, child_main};

use crate::target::{Ambient, Call, CallError, Local, Manner, Pen, Place, Reply, Served, Spoken, Stage, Throttle, reply};
use futures::{StreamExt, stream};
use generate::End;
use groundwork_core::clock::Dice;
use groundwork_core::turn::{Dialect, Event, FinishReason, Heading, Role, Turn, Usage};
use groundwork_wire::error::Invalid;
use host::{Host, Piece, Plan};
use http::HeaderMap;
use prepare::Source;
use protocol::{Ask, Response, Task};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use template::Message;
use tokio::sync::mpsc::Receiver;

/// How an answer is chosen where the client does not say: what small models are at their best with.
const TEMPERATURE: f64 = 0.2;
const TOP_P: f64 = 0.9;

/// Of whom a refusal speaks.
const WHO: &str = "a model that runs on this machine";

/// What a client is told to wait when too many wait already.
const BUSY: Duration = Duration::from_secs(2);

pub(crate) struct ChatModel {
    target: String,
    local: Local,
    ambient: Ambient,
    /// Started at the first call.
    host: OnceLock<Host>,
}

impl ChatModel {
    pub(crate) fn new(target: &str, local: Local, ambient: &Ambient) -> Self {
        Self { target: target.to_owned(), local, ambient: ambient.clone(), host: OnceLock::new() }
    }

    pub(crate) fn window(&self) -> usize {
        self.local.window
    }

    pub(crate) async fn call(&self, model: &str, call: Call) -> Result<Reply, CallError> {
        let invalid = |invalid| CallError::Invalid { target: self.target.clone(), invalid };
        let ask = ask(&call, &self.ambient.dice).map_err(invalid)?;
        let pieces = self.host()?.ask(Task::Answer(ask), call.deadline).ok_or_else(|| CallError::RateLimited {
            target: self.target.clone(),
            status: 429,
            throttle: Throttle::Capacity,
            retry_after: Some(BUSY),
            message: format!("{} calls wait for {model} already; it answers one at a time", self.local.queue),
            said: Box::default(),
        })?;
        let mut answer = Answer { target: self.target.clone(), deadline: call.deadline, pieces, input_tokens: 0, ended: false };
        let heading = call.heading(model);
        if !call.stream {
            let mut events = Vec::new();
            while let Some(more) = answer.next().await? {
                events.extend(more);
            }
            return Ok(reply(Manner { dialect: call.dialect, heading, stream: false, headers: HeaderMap::new() }, events));
        }
        let first = answer.first().await?;
        Ok(Reply::Stream { headers: HeaderMap::new(), served: Served::default(), frames: frames(answer, first, call.dialect, heading) })
    }

    /// Bytes of the words in `quote` that answer the question, as far as the model can tell in time.
    pub(crate) async fn mark(&self, question: &str, quote: &str, deadline: Instant) -> Result<Option<Range<usize>>, CallError> {
        let broken = |message: String| CallError::Broken { target: self.target.clone(), message };
        let task = Task::Mark { question: question.to_owned(), quote: quote.to_owned() };
        let mut pieces = self.host()?.ask(task, deadline).ok_or_else(|| broken("too many calls wait for it".to_owned()))?;
        match tokio::time::timeout_at(deadline.into(), pieces.recv()).await {
            Ok(Some(Ok(Response::Marked(at)))) => Ok(at.filter(|at| quote.get(at.clone()).is_some())),
            Ok(Some(Ok(Response::Failed(reason)) | Err(reason))) => Err(broken(reason)),
            _ => Err(broken("it was not done in time".to_owned())),
        }
    }

    fn host(&self) -> Result<&Host, CallError> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let unusable = |message: String| fault(&self.target, message);
        let source = match &self.local.place {
            Place::Library(library) => {
                let (path, sha256) = library.chat_file(&self.local.model).map_err(|error| unusable(error.to_string()))?;
                Source { path, sha256: Some(sha256) }
            }
            Place::File(path) => Source { path: path.clone(), sha256: None },
        };
        let plan = Plan { program: self.local.program.clone(), source, window: self.local.window, threads: self.local.threads };
        Ok(self.host.get_or_init(|| {
            let (host, work) = Host::new(plan, self.local.queue, self.ambient.stop.clone());
            self.ambient.tasks.spawn(work);
            host
        }))
    }
}

impl std::fmt::Debug for ChatModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatModel").field("model", &self.local.model).finish_non_exhaustive()
    }
}

/// What the client asks, when the model can do all of it.
fn ask(call: &Call, dice: &Dice) -> Result<Ask, Invalid> {
    let turn = Turn::read(call.dialect, &call.body)?;
    turn.check_plain(WHO)?;
    let messages = turn.messages.iter().enumerate().map(|(at, message)| {
        let role = match message.role {
            Role::System | Role::Developer => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => {
                return Err(Invalid::Value { param: turn.place(at), reason: format!("{WHO} calls no tools") });
            }
        };
        let content = message.text().ok_or_else(|| Invalid::Value { param: turn.place(at), reason: format!("{WHO} reads text only") })?;
        Ok(Message { role: role.to_owned(), content })
    });
    Ok(Ask {
        messages: messages.collect::<Result<_, _>>()?,
        stops: turn.stop.clone(),
        most: turn.max_output_tokens.map(|most| most as usize),
        temperature: turn.temperature.unwrap_or(TEMPERATURE),
        top_p: turn.top_p.unwrap_or(TOP_P),
        seed: turn.seed.map_or_else(|| dice.roll() as u64, i64::cast_unsigned),
    })
}

/// The model cannot be run: its file is not there, damaged, or of a kind that is not known here.
fn fault(target: &str, message: String) -> CallError {
    CallError::Fault { target: target.to_owned(), status: 503, retry_after: None, message, said: Box::default() }
}

/// An answer that comes in pieces.
struct Answer {
    target: String,
    deadline: Instant,
    pieces: Receiver<Piece>,
    input_tokens: u64,
    ended: bool,
}

impl Answer {
    /// What the next piece says; `None` after the last.
    async fn next(&mut self) -> Result<Option<Vec<Event>>, CallError> {
        if self.ended {
            return Ok(None);
        }
        let target = || self.target.clone();
        let begun = tokio::time::Instant::now();
        let piece = match tokio::time::timeout_at(self.deadline.into(), self.pieces.recv()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(reason))) => return Err(CallError::Broken { target: target(), message: reason }),
            Ok(None) if tokio::time::Instant::now() < self.deadline.into() => {
                return Err(CallError::Broken { target: target(), message: "the program is about to end".to_owned() });
            }
            Ok(None) | Err(_) => return Err(CallError::Timeout { target: target(), stage: Stage::End, waited: begun.elapsed() }),
        };
        self.ended = piece.is_last();
        Ok(Some(match piece {
            Response::Failed(reason) => return Err(fault(&self.target, reason)),
            Response::Refused(message) => {
                return Err(CallError::Refused { target: target(), status: 400, message, said: Box::default() });
            }
            Response::TooLong { tokens, window } => {
                let message =
                    format!("prompt and answer have {tokens} tokens together, its window is {window}: shorten the messages or max_tokens");
                return Err(CallError::TooLong { target: target(), message, said: Box::default() });
            }
            Response::Begun { input_tokens } => {
                self.input_tokens = input_tokens as u64;
                vec![Event::Start { id: None, model: None, created: None }]
            }
            // Is not the answer to what was asked.
            Response::Marked(_) => Vec::new(),
            Response::Text(text) => vec![Event::Text { choice: 0, text }],
            Response::Ended { end, output_tokens } => {
                let reason = match end {
                    End::Turn | End::Cancelled => FinishReason::Stop,
                    End::Stop(sequence) => FinishReason::StopSequence(sequence),
                    End::Length => FinishReason::Length,
                };
                let usage = Usage { input_tokens: self.input_tokens, output_tokens: output_tokens as u64, ..Usage::default() };
                vec![Event::Finish { choice: 0, reason }, Event::Usage(usage)]
            }
        }))
    }

    /// All up to the first words, or the end: what fails before them is an error of the call.
    async fn first(&mut self) -> Result<Vec<Event>, CallError> {
        let mut events = Vec::new();
        while let Some(more) = self.next().await? {
            events.extend(more);
            if events.iter().any(|event| matches!(event, Event::Text { .. } | Event::Finish { .. })) {
                break;
            }
        }
        Ok(events)
    }
}

fn frames(answer: Answer, first: Vec<Event>, dialect: Dialect, heading: Heading) -> crate::target::Frames {
    let mut pen = Pen::new(dialect, heading);
    let ready: VecDeque<Spoken> = first.into_iter().flat_map(|event| pen.write(event)).collect();
    stream::unfold(Some((answer, pen, ready)), |state| async move {
        let (mut answer, mut pen, mut ready) = state?;
        loop {
            if let Some(spoken) = ready.pop_front() {
                return Some((Ok(spoken), Some((answer, pen, ready))));
            }
            match answer.next().await {
                Ok(Some(events)) => ready.extend(events.into_iter().flat_map(|event| pen.write(event))),
                Ok(None) => {
                    ready.extend(pen.finish());
                    let spoken = ready.pop_front()?;
                    return Some((Ok(spoken), Some((answer, pen, ready))));
                }
                Err(error) => return Some((Err(error), None)),
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests;
