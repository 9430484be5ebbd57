//! Whole chat answers, in and out.

use super::body::{Block, Body, Message, WireChoice};
use super::message::WireCall;
use super::reader::{self, Reader};
use crate::turn::{Answer, Choice, Event, FinishReason, Frame, Heading, ReadError, Reasoning};
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use serde::{Deserialize, Serialize};

/// What a whole answer says.
pub fn read(body: &Object) -> Result<Vec<Event>, ReadError> {
    let data = body.to_bytes();
    let chunk = reader::parse(&data)?;
    let mut reader = Reader::new();
    let mut events = reader.hear(&chunk, &data)?;
    if chunk.choices.is_none() {
        return Err(ReadError::Malformed("it has no 'choices'".to_owned()));
    }
    events.extend(reader.finish());
    Ok(events)
}

/// A whole answer of these events.
pub fn write(events: impl IntoIterator<Item = Event>, heading: &Heading) -> Object {
    let answer: Answer = events.into_iter().collect();
    let said: Vec<Said<'_>> = answer.choices.iter().map(Said::of).collect();
    let choices: Vec<WireChoice<'_>> = said.iter().map(Said::choice).collect();
    let body = Body {
        id: &heading.id,
        object: "chat.completion",
        created: answer.created.unwrap_or(heading.created),
        model: answer.model.as_deref().unwrap_or(&heading.model),
        choices: &choices,
        usage: answer.usage.map(|usage| Some(usage.into())),
        service_tier: answer.tier.as_deref(),
        retracted: &[],
    };
    // Writing our own types into memory has no way to fail.
    Object::parse(serde_json::to_vec(&body).unwrap_or_default()).unwrap_or_default()
}

/// A whole answer as a stream: all that it says in one chunk, and what it used in another.
pub fn chunks(body: &Object, include_usage: bool) -> Vec<Frame> {
    let mut chunk = body.clone();
    let usage = body.value("usage").filter(|_| include_usage);
    chunk.remove("usage");
    let choices: Vec<Object> = body.get("choices", "an array").ok().flatten().unwrap_or_default();
    let choices: Vec<Object> = choices.into_iter().map(with_delta).collect();
    // Objects and strings always have a form in JSON.
    let _ = chunk.set("object", "chat.completion.chunk").and(chunk.set("choices", &choices));
    let mut frames = vec![Frame::data(chunk.to_bytes())];
    if let Some(usage) = usage {
        let _ = chunk.set("choices", &[(); 0]);
        chunk.put("usage", &usage);
        frames.push(Frame::data(chunk.to_bytes()));
    }
    frames.push(Frame::done());
    frames
}

/// A choice whose message is its only piece. In pieces, calls are known by their index.
fn with_delta(mut choice: Object) -> Object {
    let Ok(Some(mut message)) = choice.get::<Object>("message", "an object") else { return choice };
    if let Ok(Some(mut calls)) = message.get::<Vec<Object>>("tool_calls", "an array") {
        for (index, call) in calls.iter_mut().enumerate() {
            let _ = call.set("index", &index);
        }
        let _ = message.set("tool_calls", &calls);
    }
    choice.remove("message");
    let _ = choice.set("delta", &message);
    choice
}

/// A choice, gathered into chat's fields.
struct Said<'a> {
    choice: &'a Choice,
    content: Option<String>,
    refusal: Option<String>,
    reasoning: Option<String>,
    blocks: Vec<Block<'a>>,
    calls: Vec<WireCall<'a>>,
    logprobs: Option<Raw>,
}

impl<'a> Said<'a> {
    fn of(choice: &'a Choice) -> Self {
        let thought = |thought: &Reasoning| if thought.text.is_empty() { thought.summary.join("\n\n") } else { thought.text.clone() };
        let reasoning: String = choice.thoughts().map(thought).collect();
        let calls: Vec<_> = choice.tool_calls().map(WireCall::from).collect();
        // An answer without words is empty, but for one that calls tools or refuses.
        let content = choice.text().or_else(|| (calls.is_empty() && choice.refusal().is_none()).then(String::new));
        Self {
            choice,
            content,
            refusal: choice.refusal(),
            reasoning: Some(reasoning).filter(|text| !text.is_empty()),
            blocks: choice.thoughts().filter_map(|thought| Block::of(thought, None)).collect(),
            calls,
            logprobs: join_logprobs(&choice.logprobs),
        }
    }

    fn choice(&self) -> WireChoice<'_> {
        let message = Message {
            role: "assistant",
            content: self.content.as_deref(),
            refusal: self.refusal.as_deref(),
            reasoning_content: self.reasoning.as_deref(),
            thinking_blocks: &self.blocks,
            tool_calls: &self.calls,
            annotations: &self.choice.annotations,
        };
        WireChoice {
            index: self.choice.index,
            delta: None,
            message: Some(message),
            logprobs: self.logprobs.as_ref(),
            finish_reason: self.choice.finish.as_ref().map(FinishReason::in_chat),
        }
    }
}

/// The log probabilities of all pieces as one.
fn join_logprobs(pieces: &[Raw]) -> Option<Raw> {
    #[derive(Default, Serialize, Deserialize)]
    struct Logprobs {
        content: Option<Vec<Raw>>,
        refusal: Option<Vec<Raw>>,
    }
    if pieces.len() < 2 {
        return pieces.first().cloned();
    }
    let mut whole = Logprobs::default();
    for piece in pieces.iter().filter_map(Raw::to::<Logprobs>) {
        for (to, from) in [(&mut whole.content, piece.content), (&mut whole.refusal, piece.refusal)] {
            if let Some(from) = from {
                to.get_or_insert_default().extend(from);
            }
        }
    }
    Raw::of(&whole).ok()
}
