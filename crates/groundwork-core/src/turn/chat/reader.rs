//! What a target's chat answer says, chunk by chunk.

use super::RETRACTED;
use super::chunk::{Call, Called, Choice, Chunk, Delta};
use super::likeness::Likeness;
use crate::turn::borrowed::{Halves, Text};
use crate::turn::{Dialect, Event, FinishReason, Frame, Passed, ReadError, Signature, ToolKind};
use bytes::{Bytes, BytesMut};
use groundwork_wire::chat::Usage;
use groundwork_wire::cursor::Spelled;
use groundwork_wire::error::Error;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::ops::Range;

/// Listens to one stream. Each chunk is parsed once, and not even that when it is like one before it.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    finished: bool,
    done: bool,
    /// Made use of when a target gives its tool calls no ids.
    id: String,
    choices: Vec<Heard>,
    /// Of the last chunk that was parsed, when it said words and nothing else.
    likeness: Option<Likeness>,
}

/// What one chunk says.
struct Told {
    events: Vec<Event>,
    /// Where the value of `usage` stands in it.
    usage: Option<Range<usize>>,
    /// It tells of usage and says nothing besides.
    only_usage: bool,
}

/// What was heard of one choice.
#[derive(Debug, Default)]
struct Heard {
    index: u32,
    calls: Vec<Calling>,
    halves: Halves,
    /// How many thoughts have ended.
    thoughts: u32,
    /// The one that has not ended has been told in part.
    thinking: bool,
    /// Something of it has gone out.
    said: bool,
    retracted: bool,
}

/// A call in the making.
#[derive(Debug, Default)]
struct Calling {
    index: u32,
    id: String,
    name: String,
    kind: ToolKind,
    /// What came of the arguments before the name did.
    waiting: String,
    begun: bool,
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// What one frame says.
    pub fn read(&mut self, frame: &Frame) -> Result<Vec<Event>, ReadError> {
        if frame.is_done() {
            self.done = true;
            return Ok(self.finish());
        }
        if frame.data.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        self.told(&frame.data).map(|told| told.events)
    }

    /// What one frame says, and the frame as the client is to see it: its own bytes, unless they tell of usage that the client did not
    /// ask for, or take back what was said.
    pub fn pass(&mut self, frame: Frame, include_usage: bool) -> Result<Passed, ReadError> {
        let Passed { frame, events } = self.pass_usage(frame, include_usage)?;
        Ok(Passed { frame: frame.map(|frame| mark_retracted(frame, &events)), events })
    }

    fn pass_usage(&mut self, frame: Frame, include_usage: bool) -> Result<Passed, ReadError> {
        if frame.data.trim_ascii().is_empty() {
            // It says nothing, and official clients take it for broken JSON.
            return Ok(Passed { frame: None, events: Vec::new() });
        }
        if include_usage || frame.is_done() {
            let events = self.read(&frame)?;
            return Ok(Passed { frame: Some(frame), events });
        }
        let Told { events, usage, only_usage } = self.told(&frame.data)?;
        // A null is told from a missing field by where it stands.
        let frame = match usage {
            _ if only_usage => None,
            Some(value) => {
                let data = without_usage(&frame.data, value);
                Some(frame.with_data(data))
            }
            None => Some(frame),
        };
        Ok(Passed { frame, events })
    }

    /// What is left to say at the end of the stream. Further calls say nothing.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for heard in &mut self.choices {
            events.extend(heard.halves.rest());
            heard.close_calls(&self.id, &mut events);
        }
        events
    }

    /// Whether the answer has come to its end: to a finish reason or to `[DONE]`. A stream that ends before was cut.
    pub fn is_finished(&self) -> bool {
        self.finished || self.done
    }

    fn told(&mut self, data: &Bytes) -> Result<Told, ReadError> {
        if let Some(alike) = self.likeness.as_ref().and_then(|likeness| likeness.read(data)) {
            let event = Event::Text { choice: alike.choice, text: alike.words.to_owned() };
            return Ok(Told { events: vec![event], usage: alike.usage, only_usage: false });
        }
        let chunk = parse(data)?;
        let known = self.choices.iter().filter(|heard| heard.said).count();
        let events = self.hear(&chunk, data)?;
        // The first words of a choice are heard in another way than those that follow them.
        let says_words =
            matches!(events.as_slice(), [Event::Text { .. }]) && known == self.choices.iter().filter(|heard| heard.said).count();
        self.likeness = if says_words { Likeness::of(&chunk, data) } else { None };
        let only_usage = chunk.choices.as_ref().is_none_or(Vec::is_empty) && events.iter().any(|event| matches!(event, Event::Usage(_)));
        Ok(Told { events, usage: chunk.usage.and_then(|value| value.place_in(data)), only_usage })
    }

    pub(super) fn hear(&mut self, chunk: &Chunk<'_>, data: &Bytes) -> Result<Vec<Event>, ReadError> {
        // Some servers send the inside of an error object by itself.
        let error = if chunk.error.is_some() || chunk.choices.is_none() { Error::parse(data) } else { None };
        if chunk.error.is_some() || error.is_some() {
            return Err(ReadError::Refused(error.unwrap_or_else(|| Error {
                message: String::new(),
                kind: String::new(),
                param: None,
                code: None,
            })));
        }
        let mut events = Vec::new();
        self.start(chunk, &mut events);
        for choice in chunk.choices.iter().flatten() {
            self.choice(choice, &mut events);
        }
        for index in chunk.retracted.and_then(Spelled::to::<Vec<u32>>).unwrap_or_default() {
            self.retract(index, &mut events);
        }
        if let Some(usage) = chunk.usage.and_then(Usage::read) {
            events.push(Event::Usage(usage.into()));
        }
        Ok(events)
    }

    fn start(&mut self, chunk: &Chunk<'_>, events: &mut Vec<Event>) {
        if self.started {
            return;
        }
        let filled = |value: Option<Spelled<'_>>| value.and_then(Spelled::text).filter(|text| !text.is_empty()).map(Cow::into_owned);
        let id = filled(chunk.id);
        // Azure's first chunk has neither an id nor a choice.
        if id.is_none() && chunk.choices.as_ref().is_none_or(Vec::is_empty) {
            return;
        }
        self.started = true;
        self.id = id.clone().unwrap_or_default();
        let seconds = |value: Spelled<'_>| value.number().or_else(|| value.to::<f64>().map(|seconds| seconds as u64));
        let created = chunk.created.and_then(seconds).filter(|seconds| *seconds > 0);
        events.push(Event::Start { id, model: filled(chunk.model), created });
        events.extend(filled(chunk.service_tier).map(Event::Tier));
    }

    fn choice(&mut self, choice: &Choice<'_>, events: &mut Vec<Event>) {
        let index = choice.index;
        let said = self.choices.iter().any(|heard| heard.index == index && heard.said);
        let before = events.len();
        if let Some(delta) = &choice.delta {
            self.delta(index, delta, events);
        }
        if !said && events.len() > before {
            self.heard(index).said = true;
        }
        if let Some(raw) = choice.logprobs.map(Raw::from) {
            events.push(Event::Logprobs { choice: index, raw });
        }
        let reason = Text::said(choice.finish_reason.as_ref());
        // What comes with its verdict was never shown without it.
        if said && (reason == Some("content_filter") || choice.is_filtered()) {
            self.retract(index, events);
        }
        if let Some(reason) = reason {
            self.finished = true;
            let mut has_calls = false;
            if let Some(heard) = self.choices.iter_mut().find(|heard| heard.index == index) {
                events.extend(heard.halves.rest());
                heard.close_calls(&self.id, events);
                has_calls = !heard.calls.is_empty();
            }
            let reason = match (FinishReason::from(reason), choice.stop_reason.and_then(Spelled::text)) {
                // Some servers call tools and say that they stopped, or a word of their own.
                (FinishReason::Stop | FinishReason::Other(_), _) if has_calls => FinishReason::ToolCalls,
                (FinishReason::Stop, Some(sequence)) => FinishReason::StopSequence(sequence.into_owned()),
                (reason, _) => reason,
            };
            events.push(Event::Finish { choice: index, reason });
        }
    }

    fn retract(&mut self, choice: u32, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.heard(choice).retracted, true) {
            events.push(Event::Retracted { choice });
        }
    }

    fn delta(&mut self, choice: u32, delta: &Delta<'_>, events: &mut Vec<Event>) {
        let thinks = delta.reasoning_content.is_some() || delta.reasoning.is_some() || delta.thinking_blocks.is_some();
        if thinks {
            self.heard(choice).think(delta, events);
        }
        if Text::said(delta.content.as_ref()).is_some() {
            let text = Event::Text { choice, text: String::new() };
            events.extend(self.heard(choice).halves.say(text, delta.content.as_ref()));
        }
        if Text::said(delta.refusal.as_ref()).is_some() {
            let refusal = Event::Refusal { choice, text: String::new() };
            events.extend(self.heard(choice).halves.say(refusal, delta.refusal.as_ref()));
        }
        for call in delta.tool_calls.iter().flatten() {
            self.heard(choice).call(call, events);
        }
        if let Some(called) = &delta.function_call {
            self.heard(choice).called((0, None), called, ToolKind::Function, events);
        }
        if let Some(raw) = delta.annotations.filter(|value| value.bytes() != b"[]") {
            events.push(Event::Annotations { choice, raw: raw.into() });
        }
    }

    fn heard(&mut self, index: u32) -> &mut Heard {
        let at = self.choices.iter().position(|heard| heard.index == index).unwrap_or_else(|| {
            self.choices.push(Heard { index, ..Heard::default() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }
}

impl Heard {
    /// Thoughts come as plain text, as blocks with signatures, or as both at once.
    fn think(&mut self, delta: &Delta<'_>, events: &mut Vec<Event>) {
        let other = delta.reasoning.and_then(Spelled::to::<Text<'_>>);
        let plain = [&delta.reasoning_content, &other].into_iter().flatten().find(|text| !text.text.is_empty());
        let blocks = delta.thinking_blocks.as_deref().unwrap_or_default();
        if blocks.is_empty() {
            self.thinks(plain, events);
            return;
        }
        for block in blocks {
            let (signature, data) = (Text::said(block.signature.as_ref()), Text::said(block.data.as_ref()));
            // The block that ends a thought repeats it.
            if !(self.thinking && signature.is_some() && plain.is_none()) {
                self.thinks(block.thinking.as_ref(), events);
            }
            let Some(value) = signature.or(data) else { continue };
            let redacted = signature.is_none();
            let (id, signature) = match redacted {
                true => (None, Signature { dialect: Dialect::Messages, value: value.to_owned() }),
                false => Signature::open(value.to_owned()),
            };
            events.extend(self.halves.rest());
            events.push(Event::ReasoningEnd { choice: self.index, at: self.thoughts, id, signature: Some(signature), redacted });
            self.thoughts += 1;
            self.thinking = false;
        }
    }

    fn thinks(&mut self, text: Option<&Text<'_>>, events: &mut Vec<Event>) {
        if Text::said(text).is_some() {
            self.thinking = true;
            let thought = Event::Reasoning { choice: self.index, at: self.thoughts, text: String::new() };
            events.extend(self.halves.say(thought, text));
        }
    }

    /// Pieces of calls belong together by `index`. Where there is none, a new id begins a new call; some servers number every call the same,
    /// and begin each with an id and a name.
    fn call(&mut self, call: &Call<'_>, events: &mut Vec<Event>) {
        let id = Text::said(call.id.as_ref());
        let last = self.calls.last();
        let index = call.index.unwrap_or_else(|| match (last, id) {
            (None, _) => 0,
            (Some(last), Some(id)) if last.id != id => last.index + 1,
            (Some(last), _) => last.index,
        });
        let nothing = Called { name: None, arguments: None };
        let (called, kind) = match (&call.function, &call.custom) {
            (_, Some(custom)) => (custom, ToolKind::Custom),
            (Some(function), None) => (function, ToolKind::Function),
            (None, None) => (&nothing, ToolKind::Function),
        };
        self.called((index, id), called, kind, events);
    }

    fn called(&mut self, (index, id): (u32, Option<&str>), called: &Called<'_>, kind: ToolKind, events: &mut Vec<Event>) {
        let name = Text::said(called.name.as_ref());
        let is_another = |call: &Calling| call.begun && name.is_some() && id.is_some_and(|id| id != call.id);
        let known = self.calls.iter().rposition(|call| call.index == index).filter(|at| !is_another(&self.calls[*at]));
        let at = known.unwrap_or_else(|| {
            self.calls.push(Calling { index, kind, ..Calling::default() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        // Both come once; some servers repeat them with every piece.
        if !call.begun {
            if call.id.is_empty() {
                call.id.push_str(id.unwrap_or_default());
            }
            if call.name.is_empty() {
                call.name.push_str(name.unwrap_or_default());
                call.kind = kind;
            }
        }
        let arguments = Event::ToolArguments { choice: self.index, at: at as u32, fragment: String::new() };
        let said = self.halves.say(arguments, called.arguments().as_ref());
        if call.begun {
            events.extend(said);
        } else {
            if let Some(Event::ToolArguments { fragment, .. }) = said {
                call.waiting.push_str(&fragment);
            }
            if !call.id.is_empty() && !call.name.is_empty() {
                call.begin(self.index, at, events);
            }
        }
    }

    /// Calls that have a name but were given no id get one that is their own in the conversation.
    fn close_calls(&mut self, answer: &str, events: &mut Vec<Event>) {
        for (at, call) in self.calls.iter_mut().enumerate() {
            if !call.begun && !call.name.is_empty() {
                call.id = format!("call_{answer}_{}_{}", self.index, call.index);
                call.begin(self.index, at, events);
            }
        }
    }
}

impl Calling {
    fn begin(&mut self, choice: u32, at: usize, events: &mut Vec<Event>) {
        self.begun = true;
        events.push(Event::ToolCall { choice, at: at as u32, id: self.id.clone(), name: self.name.clone(), kind: self.kind });
        let waiting = std::mem::take(&mut self.waiting);
        self.argue(choice, at, waiting, events);
    }

    fn argue(&self, choice: u32, at: usize, fragment: String, events: &mut Vec<Event>) {
        if !fragment.is_empty() {
            events.push(Event::ToolArguments { choice, at: at as u32, fragment });
        }
    }
}

/// Reads a chunk or a whole answer.
pub(super) fn parse(data: &[u8]) -> Result<Chunk<'_>, ReadError> {
    Chunk::read(data).map_err(|unexpected| {
        // What is no JSON at all is told in the words of a library that knows why.
        let reason = serde_json::from_slice::<IgnoredAny>(data).err().map(|error| error.to_string());
        ReadError::Malformed(reason.unwrap_or_else(|| unexpected.to_string()))
    })
}

/// Clients of this dialect have no other way to learn that words are taken back which they have shown.
fn mark_retracted(frame: Frame, events: &[Event]) -> Frame {
    let retracted: Vec<u32> =
        events.iter().filter_map(|event| if let Event::Retracted { choice } = event { Some(*choice) } else { None }).collect();
    if retracted.is_empty() {
        return frame;
    }
    let Ok(mut chunk) = Object::parse(frame.data.clone()) else { return frame };
    match chunk.set(RETRACTED, &retracted) {
        Ok(()) => frame.with_data(chunk.to_bytes()),
        Err(_unwritable) => frame,
    }
}

/// The chunk without its `usage`, whose value stands at `value`.
fn without_usage(data: &Bytes, value: Range<usize>) -> Bytes {
    cut_field(data, value).unwrap_or_else(|| match Object::parse(data.clone()) {
        Ok(mut object) => {
            object.remove("usage");
            object.to_bytes()
        }
        Err(_) => data.clone(),
    })
}

/// Cuts the field `usage`, whose value stands at `value`, and one comma. `None` when the key is spelled in another way.
fn cut_field(data: &Bytes, value: Range<usize>) -> Option<Bytes> {
    let before = data[..value.start].trim_ascii_end().strip_suffix(b":")?.trim_ascii_end().strip_suffix(b"\"usage\"")?.trim_ascii_end();
    let after = data[value.end..].trim_ascii_start();
    let (before, after) = match (before.strip_suffix(b","), after.strip_prefix(b",")) {
        (Some(before), _) => (before, after),
        (None, Some(after)) => (before, after),
        (None, None) => (before, after),
    };
    let mut cut = BytesMut::with_capacity(before.len() + after.len());
    cut.extend_from_slice(before);
    cut.extend_from_slice(after);
    Some(cut.freeze())
}
