//! One answer being played.

use super::pace::{Pace, before_the_first_byte};
use super::{Answer, Tokens, headers, served};
use crate::target::{CallError, Manner, Pen, Reply, Spoken, reply};
use futures::StreamExt;
use futures::stream;
use groundwork_core::turn::{Dialect, Event, FinishReason, Heading, ToolKind, Usage};
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use std::collections::VecDeque;

pub(super) struct Play {
    pace: Pace,
    answer: Answer,
    dialect: Dialect,
    heading: Heading,
    /// What each piece says. The first is the beginning of the answer, the last its end.
    pieces: VecDeque<Vec<Event>>,
    played: usize,
}

impl Play {
    pub(super) fn new(pace: Pace, dialect: Dialect, heading: Heading, body: &Object, answer: Answer) -> Self {
        let pieces = pieces(&answer, body);
        Self { pace, answer, dialect, heading, pieces, played: 0 }
    }

    pub(super) async fn whole(mut self) -> Result<Reply, CallError> {
        let events = self.all().await?;
        let mut whole = reply(self.manner(false), events);
        if let Reply::Whole { served: who, .. } = &mut whole {
            *who = served(&self.answer);
        }
        Ok(whole)
    }

    /// All that the answer says, when it has come to its end.
    pub(super) async fn all(&mut self) -> Result<Vec<Event>, CallError> {
        let mut events = Vec::new();
        while let Some(piece) = self.piece().await.map_err(before_the_first_byte)? {
            events.extend(piece);
        }
        Ok(events)
    }

    pub(super) async fn stream(mut self) -> Result<Reply, CallError> {
        let mut pen = Pen::new(self.dialect, self.heading.clone());
        let first = self.piece().await.map_err(before_the_first_byte)?.unwrap_or_default();
        let ready: VecDeque<Spoken> = first.into_iter().flat_map(|event| pen.write(event)).collect();
        let (headers, served) = (headers(&self.answer), served(&self.answer));
        let frames = stream::unfold(Some((self, pen, ready)), |state| async move {
            let (mut play, mut pen, mut ready) = state?;
            loop {
                if let Some(spoken) = ready.pop_front() {
                    return Some((Ok(spoken), Some((play, pen, ready))));
                }
                match play.piece().await {
                    Ok(Some(events)) => ready.extend(events.into_iter().flat_map(|event| pen.write(event))),
                    Ok(None) => {
                        ready.extend(pen.finish());
                        let spoken = ready.pop_front()?;
                        return Some((Ok(spoken), Some((play, pen, ready))));
                    }
                    Err(error) => return Some((Err(error), None)),
                }
            }
        });
        Ok(Reply::Stream { headers, served, frames: frames.boxed() })
    }

    /// The next piece, when its time has come; `None` at the end.
    pub(super) async fn piece(&mut self) -> Result<Option<Vec<Event>>, CallError> {
        self.pace.fault(&self.answer, self.played).await?;
        let Some(piece) = self.pieces.pop_front() else { return Ok(None) };
        if self.played > 0 {
            self.pace.wait(self.played, self.answer.chunk_ms).await?;
        }
        self.played += 1;
        Ok(Some(piece))
    }

    fn manner(&self, stream: bool) -> Manner {
        Manner { dialect: self.dialect, heading: self.heading.clone(), stream, headers: headers(&self.answer) }
    }
}

fn pieces(answer: &Answer, body: &Object) -> VecDeque<Vec<Event>> {
    let prompt = prompt(body);
    let echoes = answer.refusal.is_none() && answer.tool_calls.is_empty();
    let echo = || if echoes { prompt.split_inclusive(' ').map(str::to_owned).collect() } else { Vec::new() };
    let texts: Vec<String> = answer.pieces.clone().unwrap_or_else(echo);
    let usage = answer.usage.unwrap_or_else(|| Tokens {
        input: words(&prompt),
        output: answer.reasoning.iter().chain(&texts).map(|text| words(text)).sum(),
        ..Tokens::default()
    });
    let mut pieces = VecDeque::new();
    for text in &answer.reasoning {
        pieces.push_back(vec![Event::Reasoning { choice: 0, at: 0, text: text.clone() }]);
    }
    for text in texts {
        let logprobs = answer.logprobs.then(|| logprob(&text)).flatten().map(|raw| Event::Logprobs { choice: 0, raw });
        pieces.push_back(std::iter::once(Event::Text { choice: 0, text }).chain(logprobs).collect());
    }
    if let Some(text) = &answer.refusal {
        pieces.push_back(vec![Event::Refusal { choice: 0, text: text.clone() }]);
    }
    for (at, call) in (0..).zip(&answer.tool_calls) {
        let id = call.id.clone().unwrap_or_else(|| format!("call_{at}"));
        pieces.push_back(vec![Event::ToolCall { choice: 0, at, id, name: call.name.clone(), kind: ToolKind::Function }]);
        for fragment in &call.arguments {
            pieces.push_back(vec![Event::ToolArguments { choice: 0, at, fragment: fragment.clone() }]);
        }
    }
    let finish = answer.finish.as_deref().unwrap_or(if answer.tool_calls.is_empty() { "stop" } else { "tool_calls" });
    let finish = Event::Finish { choice: 0, reason: FinishReason::from(finish) };
    // As a filter does that runs beside the model.
    let retracted = matches!(&finish, Event::Finish { reason: FinishReason::ContentFilter, .. }) && !pieces.is_empty();
    let Tokens { input, output, cached, reasoning } = usage;
    let usage =
        Usage { input_tokens: input, output_tokens: output, cached_tokens: cached, reasoning_tokens: reasoning, ..Usage::default() };
    let retracted = retracted.then_some(Event::Retracted { choice: 0 });
    pieces.push_back(retracted.into_iter().chain([finish, Event::Usage(usage)]).collect());
    let start = Event::Start { id: None, model: None, created: None };
    if let Some(first) = pieces.front_mut() {
        first.insert(0, start);
    }
    pieces
}

/// Certainty, to a hundredth.
fn logprob(text: &str) -> Option<Raw> {
    let token = serde_json::json!({ "token": text, "logprob": -0.01, "bytes": text.as_bytes(), "top_logprobs": [] });
    Raw::of(&serde_json::json!({ "content": [token], "refusal": null })).ok()
}

/// All that the request says in words: the texts of its messages or input, as `role: text` lines.
fn prompt(body: &Object) -> String {
    let texts = |key: &str| body.raw(key).and_then(|raw| serde_json::from_slice::<serde_json::Value>(raw).ok());
    let lines = ["system", "instructions", "messages", "input", "prompt"].into_iter().filter_map(texts);
    lines.flat_map(|value| lines_of(&value)).collect::<Vec<_>>().join("\n")
}

fn lines_of(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) => vec![text.clone()],
        serde_json::Value::Array(items) => items.iter().flat_map(lines_of).collect(),
        serde_json::Value::Object(item) => {
            let content = item.get("content").or_else(|| item.get("text")).map(lines_of).unwrap_or_default().join("");
            match item.get("role").and_then(serde_json::Value::as_str) {
                Some(role) => vec![format!("{role}: {content}")],
                None => vec![content],
            }
        }
        _ => Vec::new(),
    }
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}
