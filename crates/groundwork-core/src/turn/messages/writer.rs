//! An answer as the events of a messages stream.

use super::body::Content;
use super::{last_frame, stop_reason};
use crate::turn::{Event, FinishReason, Frame, Heading, Signature, Usage};
use groundwork_wire::raw::Raw;
use groundwork_wire::{chat, messages};
use serde::Serialize;
use serde_json::json;
use std::collections::VecDeque;

/// Writes one stream. Blocks come one after another: what begins before a tool call is complete waits.
#[derive(Debug)]
pub struct Writer {
    heading: Heading,
    started: bool,
    ended: bool,
    /// The index of the next block.
    next: u32,
    open: Option<Open>,
    waiting: VecDeque<Waiting>,
    usage: Usage,
    finish: Option<FinishReason>,
    refused: bool,
    retracted: bool,
}

#[derive(Debug)]
enum Open {
    Text,
    Thought { at: u32, part: Option<u32> },
    Call(Call),
}

#[derive(Debug)]
enum Waiting {
    Call(Call),
    Text(String),
    Citation(Raw),
}

#[derive(Debug)]
struct Call {
    at: u32,
    id: String,
    name: String,
    /// What has come of its arguments.
    arguments: String,
}

impl Writer {
    pub fn new(heading: Heading) -> Self {
        Self {
            heading,
            started: false,
            ended: false,
            next: 0,
            open: None,
            waiting: VecDeque::new(),
            usage: Usage::default(),
            finish: None,
            refused: false,
            retracted: false,
        }
    }

    /// The frames that say an event. The reason of the end and the usage wait for it. There is one answer to a message: the first.
    pub fn write(&mut self, event: Event) -> Vec<Frame> {
        let mut frames = Vec::new();
        match event {
            Event::Start { id: _, model, created: _ } => {
                if !self.started {
                    self.heading.model = model.unwrap_or_else(|| std::mem::take(&mut self.heading.model));
                }
                self.start(&mut frames);
            }
            Event::Text { choice: 0, text } => self.say(&text, &mut frames),
            Event::Refusal { choice: 0, text } => {
                self.refused = true;
                self.say(&text, &mut frames);
            }
            Event::Reasoning { choice: 0, at, text } => self.think(at, None, &text, &mut frames),
            Event::ReasoningSummary { choice: 0, at, part, text } => self.think(at, Some(part), &text, &mut frames),
            Event::ReasoningEnd { choice: 0, at: _, id: _, signature: Some(Signature { value, .. }), redacted: true } => {
                self.close(&mut frames);
                self.begin(&Content::RedactedThinking { data: &value }, &mut frames);
                self.stop(&mut frames);
            }
            Event::ReasoningEnd { choice: 0, at, id, signature, redacted: false } if signature.is_some() || self.is_thinking(at) => {
                self.open_thought(at, &mut frames);
                self.end_thought(&Signature::seal(signature.as_ref(), id.as_deref()), &mut frames);
            }
            Event::ToolCall { choice: 0, at, id, name, kind: _ } => {
                self.waiting.push_back(Waiting::Call(Call { at, id, name, arguments: String::new() }));
                self.advance(&mut frames);
            }
            Event::ToolArguments { choice: 0, at, fragment } => self.argue(at, &fragment, &mut frames),
            Event::Annotations { choice: 0, raw } => {
                self.waiting.extend(raw.to::<Vec<Raw>>().unwrap_or_default().iter().filter_map(cite).map(Waiting::Citation));
                self.advance(&mut frames);
            }
            // This dialect's way to take an answer back.
            Event::Retracted { choice: 0 } => self.retracted = true,
            Event::Finish { choice: 0, reason } => self.finish = Some(reason),
            Event::Usage(usage) => self.usage = usage,
            // Nobody can ask for the probabilities here, nor for more than one answer.
            _ => {}
        }
        frames
    }

    /// The end of the stream. Further calls write nothing.
    pub fn finish(&mut self) -> Vec<Frame> {
        if std::mem::replace(&mut self.ended, true) {
            return Vec::new();
        }
        let mut frames = Vec::new();
        self.start(&mut frames);
        self.close(&mut frames);
        while let Some(waiting) = self.waiting.pop_front() {
            self.go_on(waiting, &mut frames);
        }
        self.close(&mut frames);
        let (stop_reason, stop_sequence) = reason(self.finish.as_ref(), self.refused, self.retracted);
        let delta = json!({ "stop_reason": stop_reason, "stop_sequence": stop_sequence });
        let usage = messages::Usage::from(self.usage);
        push("message_delta", &End { kind: "message_delta", delta, usage }, &mut frames);
        frames.push(last_frame());
        frames
    }

    fn start(&mut self, frames: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let Heading { id, model, .. } = &self.heading;
        // What the prompt came to is known at the end, and said there.
        let message = json!({
            "id": id, "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": messages::Usage::from(Usage::default()),
        });
        push("message_start", &json!({ "type": "message_start", "message": message }), frames);
    }

    fn say(&mut self, text: &str, frames: &mut Vec<Frame>) {
        if self.call_may_go_on() {
            self.waiting.push_back(Waiting::Text(text.to_owned()));
            return;
        }
        self.open_text(frames);
        self.delta(&Delta::Text { text }, frames);
    }

    fn open_text(&mut self, frames: &mut Vec<Frame>) {
        if !matches!(self.open, Some(Open::Text)) {
            self.close(frames);
            self.begin(&Content::text(""), frames);
            self.open = Some(Open::Text);
        }
    }

    fn think(&mut self, at: u32, part: Option<u32>, text: &str, frames: &mut Vec<Frame>) {
        self.open_thought(at, frames);
        let Some(Open::Thought { part: before, .. }) = &mut self.open else { return };
        let paragraph = before.is_some() && *before != part;
        *before = part;
        if paragraph {
            self.delta(&Delta::Thinking { thinking: "\n\n" }, frames);
        }
        self.delta(&Delta::Thinking { thinking: text }, frames);
    }

    fn open_thought(&mut self, at: u32, frames: &mut Vec<Frame>) {
        if !matches!(self.open, Some(Open::Thought { at: open, .. }) if open == at) {
            self.close(frames);
            self.begin(&Content::Thinking { thinking: "".into(), signature: "".into() }, frames);
            self.open = Some(Open::Thought { at, part: None });
        }
    }

    /// Clients drop a thought that is not signed; one that was spoken aloud says so instead.
    fn is_thinking(&self, at: u32) -> bool {
        matches!(self.open, Some(Open::Thought { at: open, .. }) if open == at)
    }

    fn end_thought(&mut self, signature: &str, frames: &mut Vec<Frame>) {
        self.delta(&Delta::Signature { signature }, frames);
        self.stop(frames);
    }

    fn argue(&mut self, at: u32, fragment: &str, frames: &mut Vec<Frame>) {
        if let Some(Open::Call(call)) = &mut self.open
            && call.at == at
        {
            call.arguments.push_str(fragment);
            self.delta(&Delta::InputJson { partial_json: fragment }, frames);
            self.advance(frames);
        } else {
            let waiting = self.waiting.iter_mut().find_map(|waiting| match waiting {
                Waiting::Call(call) if call.at == at => Some(call),
                _ => None,
            });
            if let Some(call) = waiting {
                call.arguments.push_str(fragment);
            }
        }
    }

    /// Goes on to what waits, unless a call is open whose arguments are not whole yet.
    fn advance(&mut self, frames: &mut Vec<Frame>) {
        while !self.call_may_go_on()
            && let Some(waiting) = self.waiting.pop_front()
        {
            self.go_on(waiting, frames);
        }
    }

    fn call_may_go_on(&self) -> bool {
        matches!(&self.open, Some(Open::Call(call)) if !is_whole(&call.arguments))
    }

    fn go_on(&mut self, waiting: Waiting, frames: &mut Vec<Frame>) {
        let call = match waiting {
            Waiting::Call(call) => call,
            Waiting::Text(text) => {
                self.open_text(frames);
                return self.delta(&Delta::Text { text: &text }, frames);
            }
            Waiting::Citation(citation) => {
                self.open_text(frames);
                return self.delta(&Delta::Citations { citation: &citation }, frames);
            }
        };
        self.close(frames);
        self.begin(&Content::ToolUse { id: &call.id, name: &call.name, input: Raw::empty_object(), cache_control: None }, frames);
        if !call.arguments.is_empty() {
            self.delta(&Delta::InputJson { partial_json: &call.arguments }, frames);
        }
        self.open = Some(Open::Call(call));
    }

    fn close(&mut self, frames: &mut Vec<Frame>) {
        match self.open {
            None => {}
            Some(Open::Thought { .. }) => self.end_thought(&Signature::seal(None, None), frames),
            Some(Open::Text | Open::Call(_)) => self.stop(frames),
        }
    }

    fn begin(&mut self, block: &Content<'_>, frames: &mut Vec<Frame>) {
        self.start(frames);
        let begin = Begin { kind: "content_block_start", index: self.next, content_block: block };
        push("content_block_start", &begin, frames);
    }

    fn delta(&self, delta: &Delta<'_>, frames: &mut Vec<Frame>) {
        push("content_block_delta", &More { kind: "content_block_delta", index: self.next, delta }, frames);
    }

    fn stop(&mut self, frames: &mut Vec<Frame>) {
        push("content_block_stop", &json!({ "type": "content_block_stop", "index": self.next }), frames);
        self.next += 1;
        self.open = None;
    }
}

/// Whether they are an object to its end. Asked with each piece, so that most of them must cost nothing.
fn is_whole(arguments: &str) -> bool {
    arguments.trim_end().ends_with('}') && Raw::parse(arguments.to_owned()).is_ok()
}

/// `stop_reason` and `stop_sequence` of an answer.
pub(super) fn reason(finish: Option<&FinishReason>, refused: bool, retracted: bool) -> (&'static str, Option<&str>) {
    match finish {
        _ if retracted => ("refusal", None),
        Some(FinishReason::Stop) if refused => ("refusal", None),
        finish => stop_reason(finish.unwrap_or(&FinishReason::Stop)),
    }
}

/// An annotation as a citation: one of our own as a place in a document, one of an address as a document of that name.
pub(super) fn cite(annotation: &Raw) -> Option<Raw> {
    let annotation: chat::Annotation = annotation.to()?;
    let citation = match (annotation.citation, annotation.url_citation) {
        (Some(own), _) => json!({
            "type": "char_location", "cited_text": own.text, "document_index": own.id.saturating_sub(1), "document_title": own.name,
            "start_char_index": own.span.0, "end_char_index": own.span.1, "file_id": own.document,
        }),
        (None, Some(url)) => json!({
            "type": "web_search_result_location", "cited_text": "", "encrypted_index": "", "title": url.title, "url": url.url,
        }),
        (None, None) => return None,
    };
    Raw::of(&citation).ok()
}

fn push<T: Serialize>(event: &'static str, data: &T, frames: &mut Vec<Frame>) {
    // Writing our own types into memory has no way to fail.
    frames.push(Frame::named(event, serde_json::to_vec(data).unwrap_or_default()));
}

#[derive(Serialize)]
struct Begin<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    content_block: &'a Content<'a>,
}

#[derive(Serialize)]
struct More<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    delta: &'a Delta<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
    #[serde(rename = "citations_delta")]
    Citations { citation: &'a Raw },
}

#[derive(Serialize)]
struct End {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: serde_json::Value,
    usage: messages::Usage,
}
