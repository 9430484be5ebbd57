//! `groundwork ask`: a question, the answer as it comes, and its sources.

use super::backend::Backend;
use super::call::{Call, Reply};
use super::session::Session;
use super::{output, sources};
use crate::exit::{Exit, Failure};
use anyhow::Context;
use futures::StreamExt;
use groundwork_app::declared;
use groundwork_app::settings::Role;
use groundwork_wire::chat::{Annotation, Chunk, Usage};
use groundwork_wire::error::Error;
use groundwork_wire::sse::{Decoder, Frame};
use serde_json::json;

/// The assistant that a fresh installation has.
pub(super) const ASSISTANT: &str = declared::GROUNDWORK;

/// The longest event of a stream that is taken.
const LONGEST_EVENT: usize = 16 << 20;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The question; `-` reads it from standard input
    #[arg(required = true, num_args = 1.., value_name = "QUESTION")]
    question: Vec<String>,
    /// Who answers: an assistant or a model
    #[arg(long, default_value = ASSISTANT)]
    model: String,
}

/// An answer with what came beside its text.
#[derive(Default)]
pub(super) struct Answer {
    text: String,
    pub(super) annotations: Vec<Annotation>,
    finish_reason: Option<String>,
    usage: Option<Usage>,
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let question = match args.question.as_slice() {
        [dash] if dash == "-" => std::io::read_to_string(std::io::stdin()).context("the question on standard input is not text")?,
        words => words.join(" "),
    };
    if question.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "the question is empty").into());
    }
    let backend = Backend::find(session, Role::Visitor).await?;
    let asked = ask(&backend, &args.model, &question, !session.json).await;
    backend.close().await;
    let answer = asked?;
    if session.json {
        output::json(&answer.to_json(&args.model, &question))?;
    } else {
        show_sources(&answer)?;
    }
    Ok(Exit::Done)
}

/// Asks `model`. With `show` the text is written as it comes.
pub(super) async fn ask(backend: &Backend<'_>, model: &str, question: &str, show: bool) -> anyhow::Result<Answer> {
    let body = json!({
        "model": model,
        "messages": [{ "role": "user", "content": question }],
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let reply = backend.send(Call::post("/v1/chat/completions", &body)).await?.accepted().await?;
    let answer = read(reply, show).await?;
    if show && !answer.text.ends_with('\n') {
        output::line("")?;
    }
    Ok(answer)
}

/// Writes the sources of `answer`, one a line.
pub(super) fn show_sources(answer: &Answer) -> anyhow::Result<()> {
    let sources = sources::lines(&answer.annotations);
    if !sources.is_empty() {
        output::line("")?;
    }
    for source in sources {
        output::line(&source)?;
    }
    Ok(())
}

async fn read(reply: Reply, show: bool) -> anyhow::Result<Answer> {
    let mut answer = Answer::default();
    let mut decoder = Decoder::new(LONGEST_EVENT);
    let mut body = reply.body;
    while let Some(bytes) = body.next().await {
        decoder.push(&bytes.context("the answer broke off")?);
        while let Some(frame) = decoder.next()? {
            if answer.take(&frame, show)? {
                return Ok(answer);
            }
        }
    }
    Err(Failure::new(Exit::Server, "the answer broke off before its end; ask again").into())
}

impl Answer {
    /// Takes one event; true when it was the last.
    fn take(&mut self, frame: &Frame, show: bool) -> anyhow::Result<bool> {
        let Some(data) = &frame.data else { return Ok(false) };
        if data == "[DONE]" {
            return Ok(true);
        }
        if let Some(error) = Error::parse(data) {
            return Err(Failure::new(Exit::Server, format!("the answer broke off: {}", error.message)).into());
        }
        let chunk = Chunk::parse(data.clone()).context("the answer is not a stream of chat completion chunks")?;
        self.usage = chunk.usage.or(self.usage.take());
        for choice in chunk.choices {
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
            let Some(delta) = choice.delta else { continue };
            self.annotations.extend(delta.annotations);
            if let Some(text) = delta.content {
                if show {
                    output::text(&text)?;
                }
                self.text.push_str(&text);
            }
        }
        Ok(false)
    }

    pub(super) fn to_json(&self, model: &str, question: &str) -> serde_json::Value {
        let usage =
            self.usage.as_ref().map(|usage| json!({ "prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens }));
        let citations: Vec<_> = self.annotations.iter().filter_map(|annotation| annotation.citation.as_ref()).collect();
        json!({
            "question": question,
            "model": model,
            "answer": self.text,
            "finish_reason": self.finish_reason,
            "sources": sources::lines(&self.annotations),
            "citations": citations,
            "usage": usage,
        })
    }
}
