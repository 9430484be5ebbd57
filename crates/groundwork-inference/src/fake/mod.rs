//! The scripted target: answers, delays and faults as its script says. For tests, demos and load, and documented as a target.

mod script;

pub use script::{Answer, Fault, Script, Tokens};

use crate::openai::{Refusal, refusal};
use crate::target::{Call, CallError, Headers, Reply, Stage};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use groundwork_wire::chat::{self, Chunk, Request, Response, Usage};
use groundwork_wire::error::Error;
use groundwork_wire::object::Object;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Fake {
    name: String,
    script: Script,
    calls: AtomicUsize,
}

impl Fake {
    pub(crate) fn new(name: &str, script: Script) -> Self {
        Self { name: name.to_owned(), script, calls: AtomicUsize::new(0) }
    }

    pub(crate) async fn chat(&self, model: &str, call: Call) -> Result<Reply, CallError> {
        let turn = self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = match self.script.answers.len() {
            0 => Answer::default(),
            length => self.script.answers[turn % length].clone(),
        };
        let play = Play::new(&self.name, model, &call, answer);
        if let Some(Fault::Refuse { status, code, message, retry_after_ms }) = &play.answer.fault {
            play.wait(play.answer.first_token_ms).await?;
            return Err(self.refuse(model, *status, (code, message), *retry_after_ms));
        }
        if call.stream { play.stream().await } else { play.whole().await }
    }

    fn refuse(&self, model: &str, status: u16, (code, message): (&str, &str), retry_after_ms: Option<u64>) -> CallError {
        let code = (!code.is_empty()).then(|| code.to_owned());
        let error = Error { message: message.to_owned(), kind: "scripted_error".to_owned(), param: None, code };
        refusal(Refusal {
            target: &self.name,
            model,
            status,
            retry_after: retry_after_ms.map(Duration::from_millis),
            headers: retry_after_ms.map(|millis| ("retry-after-ms".to_owned(), millis.to_string())).into_iter().collect(),
            body: error.to_bytes(),
        })
    }
}

/// One answer being played.
struct Play {
    target: String,
    deadline: Instant,
    answer: Answer,
    pieces: Vec<String>,
    usage: Usage,
    chunks: chat::Stream,
}

impl Play {
    fn new(target: &str, model: &str, call: &Call, answer: Answer) -> Self {
        let prompt = prompt(&call.body);
        let pieces = answer.pieces.clone().unwrap_or_else(|| prompt.split_inclusive(' ').map(str::to_owned).collect());
        let counted = Tokens { input: words(&prompt), output: pieces.iter().map(|piece| words(piece)).sum() };
        let Tokens { input, output } = answer.usage.unwrap_or(counted);
        Self {
            target: target.to_owned(),
            deadline: call.deadline,
            pieces,
            usage: Usage { prompt_tokens: input, completion_tokens: output, total_tokens: input + output, ..Usage::default() },
            chunks: chat::Stream { id: call.id.clone(), created: call.now / 1000, model: model.to_owned(), include_usage: true },
            answer,
        }
    }

    async fn whole(self) -> Result<Reply, CallError> {
        self.wait(self.answer.first_token_ms).await?;
        for at in 0..self.pieces.len() {
            self.fault(at).await?;
            self.wait(self.answer.chunk_ms).await?;
        }
        self.fault(self.pieces.len()).await?;
        let body = chat::Reply {
            id: &self.chunks.id,
            created: self.chunks.created,
            model: &self.chunks.model,
            content: &self.pieces.concat(),
            annotations: &[],
            context: None,
            finish_reason: &self.answer.finish,
            usage: self.usage,
        }
        .to_bytes();
        let response = Response::parse(body).map_err(|error| self.broken(error.to_string()))?;
        Ok(Reply::Whole { headers: Headers::new(), response: Box::new(response) })
    }

    async fn stream(self) -> Result<Reply, CallError> {
        self.wait(self.answer.first_token_ms).await?;
        self.fault(0).await?;
        let first = self.parse(self.chunks.role());
        let rest = stream::unfold((Some(self), 0), |(play, at)| async move {
            let play = play?;
            match play.step(at).await {
                Ok(Some(chunk)) => Some((Ok(chunk), (Some(play), at + 1))),
                Ok(None) => None,
                Err(error) => Some((Err(error), (None, at))),
            }
        });
        Ok(Reply::Stream { headers: Headers::new(), chunks: stream::once(std::future::ready(first)).chain(rest).boxed() })
    }

    /// The pieces, then the finish, then the usage.
    async fn step(&self, at: usize) -> Result<Option<Chunk>, CallError> {
        let last = self.pieces.len();
        if at <= last {
            self.fault(at).await?;
            if at > 0 {
                self.wait(self.answer.chunk_ms).await?;
            }
        }
        let data = match self.pieces.get(at) {
            Some(piece) => self.chunks.text(piece),
            None if at == last => self.chunks.finish(&self.answer.finish),
            None if at == last + 1 => match self.chunks.usage(&self.usage) {
                Some(data) => data,
                None => return Ok(None),
            },
            None => return Ok(None),
        };
        self.parse(data).map(Some)
    }

    async fn fault(&self, at: usize) -> Result<(), CallError> {
        match &self.answer.fault {
            Some(Fault::Hang { after }) if *after <= at => {
                tokio::time::sleep_until(self.deadline.into()).await;
                Err(self.late())
            }
            Some(Fault::Break { after }) if *after <= at => Err(self.broken("the connection ended in mid-answer".to_owned())),
            Some(Fault::Error { after, message }) if *after <= at => {
                let error = Error { message: message.clone(), kind: "server_error".to_owned(), param: None, code: None };
                Err(CallError::MidStream { target: self.target.clone(), message: message.clone(), body: error.to_bytes() })
            }
            _ => Ok(()),
        }
    }

    async fn wait(&self, millis: u64) -> Result<(), CallError> {
        if millis == 0 {
            return Ok(());
        }
        let pause = tokio::time::sleep(Duration::from_millis(millis));
        tokio::time::timeout_at(self.deadline.into(), pause).await.map_err(|_elapsed| self.late())
    }

    fn late(&self) -> CallError {
        CallError::Timeout { target: self.target.clone(), stage: Stage::End, waited: Duration::ZERO }
    }

    fn parse(&self, data: String) -> Result<Chunk, CallError> {
        Chunk::parse(Bytes::from(data)).map_err(|error| self.broken(error.to_string()))
    }

    fn broken(&self, message: String) -> CallError {
        CallError::Broken { target: self.target.clone(), message }
    }
}

/// All messages of the request, as `role: text` lines.
fn prompt(body: &Object) -> String {
    let Ok(request) = Request::parse(body.to_bytes()) else { return String::new() };
    let line =
        |message: &chat::Message| format!("{}: {}", format!("{:?}", message.role).to_lowercase(), message.text().unwrap_or_default());
    request.messages.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}
