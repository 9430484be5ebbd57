//! What a target's messages stream says, event by event.

use super::said::{Block, Delta, Message, New, Said, StopDetails, Typed};
use super::{finish_reason, tier};
use crate::turn::borrowed::{Halves, Text, lenient};
use crate::turn::{Dialect, Event, Frame, ReadError, Signature, ToolKind, Usage};
use groundwork_wire::error::Error;
use groundwork_wire::messages;
use serde_json::value::RawValue;

/// Listens to one stream. Each event is parsed once.
#[derive(Debug, Default)]
pub struct Reader {
    /// What is known so far: events tell of it bit by bit.
    usage: messages::Usage,
    blocks: Vec<Open>,
    halves: Halves,
    calls: u32,
    thoughts: u32,
    /// Why it stopped has been told: what is missing then is only the last event.
    stopped: bool,
    ended: bool,
    /// Something has gone out.
    said: bool,
}

/// A block that has begun and not ended.
#[derive(Debug)]
struct Open {
    index: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Thought {
        at: u32,
        signature: Option<String>,
    },
    ToolCall {
        at: u32,
        /// The input that the block began with, which counts unless pieces follow.
        whole: Option<String>,
    },
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// What one frame says.
    pub fn read(&mut self, frame: &Frame) -> Result<Vec<Event>, ReadError> {
        if frame.data.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        let said: Said<'_> = match serde_json::from_slice(&frame.data) {
            Ok(said) => said,
            Err(_new) if is_new(&frame.data) => return Ok(Vec::new()),
            Err(error) => return Err(refused(&frame.data).unwrap_or_else(|| ReadError::Malformed(error.to_string()))),
        };
        let mut events = Vec::new();
        match said.kind.text.as_ref() {
            "message_start" => {
                if let Some(message) = &said.message {
                    self.start(message, &mut events);
                    let prompted = Usage { output_tokens: 0, ..Usage::from(&self.usage) };
                    events.extend((prompted.input_tokens > 0).then_some(Event::Prompted(prompted)));
                }
            }
            "content_block_start" => {
                if let Some(block) = &said.content_block {
                    self.begin(said.index.unwrap_or(0), block, &mut events);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = &said.delta {
                    self.more(said.index.unwrap_or(0), delta, &mut events);
                    self.said |= !events.is_empty();
                }
            }
            "content_block_stop" => self.end(said.index.unwrap_or(0), &mut events),
            "message_delta" => {
                if let Some(Delta { stop_reason: Some(reason), stop_sequence, stop_details, .. }) = &said.delta {
                    // The service's own filter stopped it, and what was said before is not to be used.
                    if self.said && reason.text == "refusal" {
                        events.push(Event::Retracted { choice: 0 });
                    }
                    events.extend(self.halves.rest());
                    stopped(reason, stop_sequence.as_ref(), stop_details.as_ref(), &mut events);
                    self.stopped = true;
                }
                if let Some(usage) = said.usage {
                    self.usage.update(usage);
                    events.push(Event::Usage(Usage::from(&self.usage)));
                }
            }
            "message_stop" => self.ended = true,
            "error" => {
                let unknown = || ReadError::Malformed("an error event that says nothing".to_owned());
                return Err(refused(&frame.data).unwrap_or_else(unknown));
            }
            // `ping`, and what may be added.
            _ => {}
        }
        Ok(events)
    }

    /// What is left to say at the end of the stream. Further calls say nothing.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut events: Vec<Event> = self.halves.rest().collect();
        while let Some(index) = self.blocks.first().map(|open| open.index) {
            self.end(index, &mut events);
        }
        events
    }

    /// Whether the message has come to its end. A stream that ends before was cut.
    pub fn is_finished(&self) -> bool {
        self.stopped || self.ended
    }

    /// Whether its last event has come.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// What a whole message says.
    pub(super) fn whole(&mut self, message: &Message<'_>, events: &mut Vec<Event>) -> Result<(), ReadError> {
        self.start(message, events);
        for (index, block) in (0..).zip(message.content.iter().flatten()) {
            match serde_json::from_str(block.get()) {
                Ok(block) => self.begin(index, &block, events),
                Err(_new) if serde_json::from_str::<Typed<'_>>(block.get()).is_ok_and(|block| block.is_new(&BLOCKS)) => {}
                Err(error) => return Err(ReadError::Malformed(error.to_string())),
            }
            self.end(index, events);
        }
        if let Some(reason) = &message.stop_reason {
            stopped(reason, message.stop_sequence.as_ref(), message.stop_details.as_ref(), events);
        }
        events.push(Event::Usage(Usage::from(&self.usage)));
        Ok(())
    }

    fn start(&mut self, message: &Message<'_>, events: &mut Vec<Event>) {
        let filled = |text: &Option<Text<'_>>| Text::said(text.as_ref()).map(str::to_owned);
        events.push(Event::Start { id: filled(&message.id), model: filled(&message.model), created: None });
        if let Some(usage) = &message.usage {
            events.extend(usage.service_tier.as_deref().map(|word| Event::Tier(tier(word).to_owned())));
            self.usage.update(usage.clone());
        }
    }

    fn begin(&mut self, index: u32, block: &Block<'_>, events: &mut Vec<Event>) {
        let kind = match block.kind.text.as_ref() {
            "text" => {
                events.extend(Text::said(block.text.as_ref()).map(|text| Event::Text { choice: 0, text: text.to_owned() }));
                return;
            }
            "thinking" => {
                let at = self.next_thought();
                let text = Text::said(block.thinking.as_ref());
                events.extend(text.map(|text| Event::Reasoning { choice: 0, at, text: text.to_owned() }));
                Kind::Thought { at, signature: Text::said(block.signature.as_ref()).map(str::to_owned) }
            }
            "redacted_thinking" => {
                let value = Text::said(block.data.as_ref()).unwrap_or_default().to_owned();
                let signature = Some(Signature { dialect: Dialect::Messages, value });
                let at = self.next_thought();
                events.push(Event::ReasoningEnd { choice: 0, at, id: None, signature, redacted: true });
                return;
            }
            "tool_use" => {
                let at = self.calls;
                self.calls += 1;
                let filled = |text: &Option<Text<'_>>| Text::said(text.as_ref()).unwrap_or_default().to_owned();
                let (id, name) = (filled(&block.id), filled(&block.name));
                events.push(Event::ToolCall { choice: 0, at, id, name, kind: ToolKind::Function });
                let whole = block.input.map(RawValue::get).filter(|input| !["{}", "null"].contains(input));
                Kind::ToolCall { at, whole: whole.map(str::to_owned) }
            }
            // What the service's own tools do is no part of what the model says.
            _ => return,
        };
        self.blocks.push(Open { index, kind });
    }

    fn next_thought(&mut self) -> u32 {
        self.thoughts += 1;
        self.thoughts - 1
    }

    fn more(&mut self, index: u32, delta: &Delta<'_>, events: &mut Vec<Event>) {
        if delta.kind.as_ref().is_none_or(|kind| kind.text == "text_delta") && Text::said(delta.text.as_ref()).is_some() {
            events.extend(self.halves.say(Event::Text { choice: 0, text: String::new() }, delta.text.as_ref()));
            return;
        }
        let Some(open) = self.blocks.iter_mut().find(|open| open.index == index) else { return };
        match &mut open.kind {
            Kind::Thought { at, signature } => {
                let thought = Event::Reasoning { choice: 0, at: *at, text: String::new() };
                events.extend(self.halves.say(thought, delta.thinking.as_ref()));
                if let Some(value) = Text::said(delta.signature.as_ref()) {
                    *signature = Some(value.to_owned());
                }
            }
            Kind::ToolCall { at, whole } => {
                if Text::said(delta.partial_json.as_ref()).is_some() {
                    *whole = None;
                    let arguments = Event::ToolArguments { choice: 0, at: *at, fragment: String::new() };
                    events.extend(self.halves.say(arguments, delta.partial_json.as_ref()));
                }
            }
        }
    }

    fn end(&mut self, index: u32, events: &mut Vec<Event>) {
        events.extend(self.halves.rest());
        let Some(place) = self.blocks.iter().position(|open| open.index == index) else { return };
        match self.blocks.remove(place).kind {
            Kind::Thought { at, signature } => {
                let signature = signature.map(|value| Signature { dialect: Dialect::Messages, value });
                events.push(Event::ReasoningEnd { choice: 0, at, id: None, signature, redacted: false });
            }
            Kind::ToolCall { at, whole } => {
                events.extend(whole.map(|fragment| Event::ToolArguments { choice: 0, at, fragment }));
            }
        }
    }
}

fn stopped(reason: &Text<'_>, sequence: Option<&Text<'_>>, details: Option<&StopDetails<'_>>, events: &mut Vec<Event>) {
    if let Some(text) = Text::said(details.and_then(|details| details.explanation.as_ref())) {
        events.push(Event::Refusal { choice: 0, text: text.to_owned() });
    }
    let reason = finish_reason(&reason.text, sequence.map(|sequence| sequence.text.as_ref()));
    events.push(Event::Finish { choice: 0, reason });
}

/// The blocks that say something of the answer.
const BLOCKS: [&str; 4] = ["text", "thinking", "redacted_thinking", "tool_use"];
const DELTAS: [&str; 4] = ["text_delta", "thinking_delta", "signature_delta", "input_json_delta"];

/// Whether an event that cannot be read is of a kind, or about something of a kind, that is none of those that are: what was added to the
/// dialect later says nothing here, whatever it looks like.
fn is_new(data: &[u8]) -> bool {
    const EVENTS: [&str; 7] =
        ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "error"];
    let Ok(New { kind, content_block, delta }) = serde_json::from_slice(data) else { return false };
    let is_new = |part, known| lenient::<Typed<'_>>(part).is_some_and(|part| part.is_new(known));
    !EVENTS.contains(&kind.text.as_ref()) || is_new(content_block, &BLOCKS) || is_new(delta, &DELTAS)
}

/// The error that a body tells of, if it does.
pub(super) fn refused(data: &[u8]) -> Option<ReadError> {
    let error = messages::Error::parse(data)?;
    Some(ReadError::Refused(Error { message: error.message, kind: error.kind, param: None, code: None }))
}
