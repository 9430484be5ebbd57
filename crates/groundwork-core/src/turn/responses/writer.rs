//! An answer as a response: whole, or event by event in the official order.

use super::item::{Body, Item, Part, put, reasoning_text, summary_text, whole};
use super::seal;
use crate::turn::{Event, FinishReason, Frame, Heading, Signature, ToolKind, Usage};
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use groundwork_wire::responses::{self as wire, Fields, Sequence};
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::VecDeque;

/// Writes one stream. Of several choices only the first is told: nobody can ask for more in this dialect.
#[derive(Debug)]
pub struct Writer {
    heading: Heading,
    sequence: Sequence,
    begun: bool,
    ended: bool,
    items: Vec<Item>,
    /// Calls that begin when the open one is whole: clients expect one item after the other.
    waiting: VecDeque<Waiting>,
    reason: Option<FinishReason>,
    retracted: bool,
    usage: Option<Usage>,
    tier: Option<String>,
}

/// A call that has not been told yet.
#[derive(Debug)]
struct Waiting {
    at: u32,
    call_id: String,
    name: String,
    arguments: String,
    kind: ToolKind,
}

/// A whole answer.
pub fn write(events: impl IntoIterator<Item = Event>, heading: &Heading) -> Object {
    let mut writer = Writer::new(heading.clone());
    for event in events {
        writer.write(event);
    }
    writer.finish();
    writer.response(writer.status())
}

impl Writer {
    pub fn new(heading: Heading) -> Self {
        let (sequence, items, waiting) = (Sequence::default(), Vec::new(), VecDeque::new());
        Self { heading, sequence, begun: false, ended: false, items, waiting, reason: None, retracted: false, usage: None, tier: None }
    }

    /// The frames that say an event. Usage waits for the end, where it has its place.
    pub fn write(&mut self, event: Event) -> Vec<Frame> {
        let mut frames = Vec::new();
        match event {
            Event::Start { id: _, model, created } => {
                self.heading.model = model.unwrap_or_else(|| std::mem::take(&mut self.heading.model));
                self.heading.created = created.unwrap_or(self.heading.created);
                self.begin(&mut frames);
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Prompted(_) => {}
            Event::Tier(tier) => self.tier = Some(tier),
            Event::Text { choice: 0, text } => self.say(&text, &mut frames),
            Event::Refusal { choice: 0, text } => self.refuse(&text, &mut frames),
            Event::Reasoning { choice: 0, at, text } => self.think(at, &text, &mut frames),
            Event::ReasoningSummary { choice: 0, at, part, text } => self.summarize(at, part as usize, &text, &mut frames),
            Event::ReasoningEnd { choice: 0, at, id: _, signature, redacted } => {
                self.thought(at, signature.as_ref(), redacted, &mut frames);
            }
            Event::ToolCall { choice: 0, at, id, name, kind } => {
                self.waiting.push_back(Waiting { at, call_id: id, name, arguments: String::new(), kind });
                self.advance(&mut frames);
            }
            Event::ToolArguments { choice: 0, at, fragment } => self.argue(at, &fragment, &mut frames),
            Event::Annotations { choice: 0, raw } => self.annotate(&raw, &mut frames),
            Event::Logprobs { choice: 0, raw } => self.weigh(&raw, &mut frames),
            Event::Retracted { choice: 0 } => {
                self.retracted = true;
                // Also behind its end.
                self.reason = self.reason.take().map(|_ended| FinishReason::ContentFilter);
            }
            Event::Finish { choice: 0, reason } => {
                self.begin(&mut frames);
                // Items stay open: sources may still be named.
                self.reason = Some(if self.retracted { FinishReason::ContentFilter } else { reason });
            }
            Event::Text { .. }
            | Event::Refusal { .. }
            | Event::Reasoning { .. }
            | Event::ReasoningSummary { .. }
            | Event::ReasoningEnd { .. }
            | Event::ToolCall { .. }
            | Event::ToolArguments { .. }
            | Event::Annotations { .. }
            | Event::Logprobs { .. }
            | Event::Retracted { .. }
            | Event::Finish { .. } => {}
        }
        frames
    }

    /// The end of the stream: the whole response. Further calls write nothing.
    pub fn finish(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        if std::mem::replace(&mut self.ended, true) {
            return frames;
        }
        self.begin(&mut frames);
        self.close_all(&mut frames);
        let status = self.status();
        let kind = if status == "completed" { "response.completed" } else { "response.incomplete" };
        let response = self.response(status);
        self.tell(kind, &Fields { response: Some(&response), ..Fields::default() }, &mut frames);
        frames
    }

    fn status(&self) -> &'static str {
        match self.reason {
            Some(FinishReason::Length | FinishReason::Pause | FinishReason::ContentFilter) => "incomplete",
            _ => "completed",
        }
    }

    /// The response as far as it is.
    fn response(&self, status: &'static str) -> Object {
        let Heading { id, model, created, include_usage: _ } = &self.heading;
        let details = match self.reason {
            Some(FinishReason::ContentFilter) => Some(json!({ "reason": "content_filter" })),
            Some(FinishReason::Length | FinishReason::Pause) => Some(json!({ "reason": "max_output_tokens" })),
            _ => None,
        };
        let mut response = Object::new();
        put(&mut response, "id", id);
        put(&mut response, "object", "response");
        put(&mut response, "created_at", created);
        put(&mut response, "status", status);
        put(&mut response, "error", &());
        put(&mut response, "incomplete_details", &details.filter(|_| status == "incomplete"));
        put(&mut response, "model", model);
        let output: Vec<Object> = if status == "in_progress" { Vec::new() } else { self.items.iter().map(Item::shown).collect() };
        put(&mut response, "output", &output);
        if let Some(tier) = &self.tier {
            put(&mut response, "service_tier", tier);
        }
        put(&mut response, "usage", &self.usage.filter(|_| status != "in_progress").map(usage));
        response
    }

    fn begin(&mut self, frames: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let response = self.response("in_progress");
        let fields = Fields { response: Some(&response), ..Fields::default() };
        self.tell("response.created", &fields, frames);
        self.tell("response.in_progress", &fields, frames);
    }

    /// Begins an item and gives its place. Each ends where another begins, but for a call that may go on.
    fn open(&mut self, body: Body, frames: &mut Vec<Frame>) -> usize {
        self.begin(frames);
        for index in 0..self.items.len() {
            if matches!(body, Body::Call { .. }) || !self.items[index].may_go_on() {
                self.close(index, frames);
            }
        }
        let index = self.items.len();
        let prefix = match &body {
            Body::Message(_) => "msg",
            Body::Reasoning { .. } => "rs",
            Body::Call { kind: ToolKind::Function, .. } => "fc",
            Body::Call { kind: ToolKind::Custom, .. } => "ctc",
        };
        let tail = self.heading.id.split_once('_').map_or(self.heading.id.as_str(), |(_, tail)| tail);
        self.items.push(Item { id: format!("{prefix}_{tail}_{index}"), body, done: None });
        let item = self.items[index].shown();
        self.tell("response.output_item.added", &Fields { output_index: Some(index), item: Some(&item), ..Fields::default() }, frames);
        index
    }

    /// The message that is being said, and its last part if that is of the wanted kind.
    fn message(&mut self, frames: &mut Vec<Frame>) -> usize {
        match self.items.iter().rposition(|item| matches!(item.body, Body::Message(_)) && item.done.is_none()) {
            Some(index) => index,
            None => self.open(Body::Message(Vec::new()), frames),
        }
    }

    /// The place of the text that is being said.
    fn text(&mut self, frames: &mut Vec<Frame>) -> (usize, usize) {
        let index = self.message(frames);
        let part = Part::Text { text: String::new(), annotations: Vec::new(), logprobs: Vec::new() };
        (index, self.part(index, part, frames))
    }

    /// The last part of a message when it is of the kind of `wanted`, else that one as a new part.
    fn part(&mut self, index: usize, wanted: Part, frames: &mut Vec<Frame>) -> usize {
        let Body::Message(parts) = &self.items[index].body else { return 0 };
        let last = parts.len().checked_sub(1);
        if let Some(last) = last {
            if std::mem::discriminant(&parts[last]) == std::mem::discriminant(&wanted) {
                return last;
            }
            self.close_part(index, last, frames);
        }
        let at = last.map_or(0, |last| last + 1);
        let shown = wanted.shown();
        if let Body::Message(parts) = &mut self.items[index].body {
            parts.push(wanted);
        }
        self.tell_at(
            "response.content_part.added",
            index,
            &Fields { content_index: Some(at), part: Some(&shown), ..Fields::default() },
            frames,
        );
        at
    }

    fn say(&mut self, said: &str, frames: &mut Vec<Frame>) {
        let (index, at) = self.text(frames);
        if let Body::Message(parts) = &mut self.items[index].body
            && let Some(Part::Text { text, .. }) = parts.get_mut(at)
        {
            text.push_str(said);
        }
        let fields = Fields { content_index: Some(at), delta: Some(said), logprobs: Some(&[]), ..Fields::default() };
        self.tell_at("response.output_text.delta", index, &fields, frames);
    }

    fn refuse(&mut self, said: &str, frames: &mut Vec<Frame>) {
        let index = self.message(frames);
        let at = self.part(index, Part::Refusal(String::new()), frames);
        if let Body::Message(parts) = &mut self.items[index].body
            && let Some(Part::Refusal(text)) = parts.get_mut(at)
        {
            text.push_str(said);
        }
        self.tell_at("response.refusal.delta", index, &Fields { content_index: Some(at), delta: Some(said), ..Fields::default() }, frames);
    }

    /// Probabilities of text that has been said.
    fn weigh(&mut self, raw: &Raw, frames: &mut Vec<Frame>) {
        let content = raw.to::<Object>().and_then(|raw| raw.get::<Vec<Box<RawValue>>>("content", "an array").ok().flatten());
        let Some(tokens) = content.filter(|tokens| !tokens.is_empty()) else { return };
        let (index, at) = self.text(frames);
        let fields = Fields { content_index: Some(at), delta: Some(""), logprobs: Some(&tokens), ..Fields::default() };
        self.tell_at("response.output_text.delta", index, &fields, frames);
        if let Body::Message(parts) = &mut self.items[index].body
            && let Some(Part::Text { logprobs, .. }) = parts.get_mut(at)
        {
            logprobs.extend(tokens);
        }
    }

    fn annotate(&mut self, raw: &Raw, frames: &mut Vec<Frame>) {
        for annotation in raw.to::<Vec<Raw>>().unwrap_or_default() {
            let annotation = flat(annotation);
            let (index, at) = self.text(frames);
            let mut place = 0;
            if let Body::Message(parts) = &mut self.items[index].body
                && let Some(Part::Text { annotations, .. }) = parts.get_mut(at)
            {
                place = annotations.len();
                annotations.push(annotation.clone());
            }
            let Some(value) = annotation.to::<Box<RawValue>>() else { continue };
            let fields = Fields { content_index: Some(at), annotation_index: Some(place), annotation: Some(&value), ..Fields::default() };
            self.tell_at("response.output_text.annotation.added", index, &fields, frames);
        }
    }

    fn reasoning(&mut self, wanted: u32, frames: &mut Vec<Frame>) -> usize {
        let open =
            self.items.iter().rposition(|item| matches!(item.body, Body::Reasoning { at, .. } if at == wanted) && item.done.is_none());
        open.unwrap_or_else(|| {
            let body = Body::Reasoning { at: wanted, text: String::new(), has_text: false, summary: Vec::new(), encrypted: None };
            self.open(body, frames)
        })
    }

    fn think(&mut self, at: u32, thought: &str, frames: &mut Vec<Frame>) {
        let index = self.reasoning(at, frames);
        let Body::Reasoning { text, has_text, .. } = &mut self.items[index].body else { return };
        text.push_str(thought);
        if !std::mem::replace(has_text, true) {
            let part = reasoning_text("");
            self.tell_at(
                "response.content_part.added",
                index,
                &Fields { content_index: Some(0), part: Some(&part), ..Fields::default() },
                frames,
            );
        }
        self.tell_at(
            "response.reasoning_text.delta",
            index,
            &Fields { content_index: Some(0), delta: Some(thought), ..Fields::default() },
            frames,
        );
    }

    fn summarize(&mut self, at: u32, part: usize, said: &str, frames: &mut Vec<Frame>) {
        let index = self.reasoning(at, frames);
        let Body::Reasoning { summary, .. } = &mut self.items[index].body else { return };
        let known = summary.len();
        // Paragraphs come in order.
        let place = part.min(known);
        match summary.get_mut(place) {
            Some(paragraph) => paragraph.push_str(said),
            None => summary.push(said.to_owned()),
        }
        if place == known {
            if let Some(before) = known.checked_sub(1) {
                self.close_summary(index, before, frames);
            }
            let part = summary_text("");
            self.tell_at(
                "response.reasoning_summary_part.added",
                index,
                &Fields { summary_index: Some(place), part: Some(&part), ..Fields::default() },
                frames,
            );
        }
        self.tell_at(
            "response.reasoning_summary_text.delta",
            index,
            &Fields { summary_index: Some(place), delta: Some(said), ..Fields::default() },
            frames,
        );
    }

    fn thought(&mut self, at: u32, signature: Option<&Signature>, redacted: bool, frames: &mut Vec<Frame>) {
        let index = self.reasoning(at, frames);
        if let Body::Reasoning { encrypted, .. } = &mut self.items[index].body {
            *encrypted = seal(signature, redacted);
        }
        self.close(index, frames);
    }

    fn argue(&mut self, wanted: u32, fragment: &str, frames: &mut Vec<Frame>) {
        if let Some(call) = self.waiting.iter_mut().find(|call| call.at == wanted) {
            call.arguments.push_str(fragment);
            return;
        }
        let call = self.items.iter().rposition(|item| matches!(item.body, Body::Call { at, .. } if at == wanted) && item.done.is_none());
        let Some(index) = call else { return };
        let Body::Call { arguments, kind, .. } = &mut self.items[index].body else { return };
        arguments.push_str(fragment);
        let event = match kind {
            ToolKind::Function => "response.function_call_arguments.delta",
            ToolKind::Custom => "response.custom_tool_call_input.delta",
        };
        self.tell_at(event, index, &Fields { delta: Some(fragment), ..Fields::default() }, frames);
        self.advance(frames);
    }

    /// Goes on to the calls that wait, unless one is open that may go on.
    fn advance(&mut self, frames: &mut Vec<Frame>) {
        while !self.waiting.is_empty() && !self.items.iter().any(Item::may_go_on) {
            self.next_call(frames);
        }
    }

    fn next_call(&mut self, frames: &mut Vec<Frame>) {
        let Some(Waiting { at, call_id, name, arguments, kind }) = self.waiting.pop_front() else { return };
        self.open(Body::Call { at, call_id, name, arguments: String::new(), kind }, frames);
        if !arguments.is_empty() {
            self.argue(at, &arguments, frames);
        }
    }

    fn close_all(&mut self, frames: &mut Vec<Frame>) {
        while !self.waiting.is_empty() {
            self.next_call(frames);
        }
        self.close_items(frames);
    }

    fn close_items(&mut self, frames: &mut Vec<Frame>) {
        for index in 0..self.items.len() {
            self.close(index, frames);
        }
    }

    fn close(&mut self, index: usize, frames: &mut Vec<Frame>) {
        if self.items[index].done.is_some() {
            return;
        }
        match &self.items[index].body {
            Body::Message(parts) => {
                if let Some(last) = parts.len().checked_sub(1) {
                    self.close_part(index, last, frames);
                }
            }
            Body::Reasoning { text, has_text, summary, .. } => {
                let (text, has_text, last) = (text.clone(), *has_text, summary.len().checked_sub(1));
                if let Some(last) = last {
                    self.close_summary(index, last, frames);
                }
                if has_text {
                    let at = || Fields { content_index: Some(0), ..Fields::default() };
                    self.tell_at("response.reasoning_text.done", index, &Fields { text: Some(&text), ..at() }, frames);
                    let part = reasoning_text(&text);
                    self.tell_at("response.content_part.done", index, &Fields { part: Some(&part), ..at() }, frames);
                }
            }
            Body::Call { name, arguments, kind, .. } => {
                let (name, arguments) = (name.clone(), whole(arguments, *kind));
                match kind {
                    ToolKind::Function => {
                        let fields = Fields { name: Some(&name), arguments: Some(&arguments), ..Fields::default() };
                        self.tell_at("response.function_call_arguments.done", index, &fields, frames);
                    }
                    ToolKind::Custom => {
                        let fields = Fields { input: Some(&arguments), ..Fields::default() };
                        self.tell_at("response.custom_tool_call_input.done", index, &fields, frames);
                    }
                }
            }
        }
        self.items[index].done = Some(self.status());
        let item = self.items[index].shown();
        self.tell("response.output_item.done", &Fields { output_index: Some(index), item: Some(&item), ..Fields::default() }, frames);
    }

    fn close_part(&mut self, index: usize, at: usize, frames: &mut Vec<Frame>) {
        let Body::Message(parts) = &mut self.items[index].body else { return };
        let Some(part) = parts.get_mut(at) else { return };
        let shown = part.shown();
        let place = || Fields { content_index: Some(at), ..Fields::default() };
        match part {
            Part::Text { text, logprobs, .. } => {
                let (text, logprobs) = (text.clone(), logprobs.clone());
                self.tell_at(
                    "response.output_text.done",
                    index,
                    &Fields { text: Some(&text), logprobs: Some(&logprobs), ..place() },
                    frames,
                );
            }
            Part::Refusal(text) => {
                let text = text.clone();
                self.tell_at("response.refusal.done", index, &Fields { refusal: Some(&text), ..place() }, frames);
            }
        }
        self.tell_at("response.content_part.done", index, &Fields { part: Some(&shown), ..place() }, frames);
    }

    fn close_summary(&mut self, index: usize, at: usize, frames: &mut Vec<Frame>) {
        let Body::Reasoning { summary, .. } = &self.items[index].body else { return };
        let text = summary.get(at).cloned().unwrap_or_default();
        let place = || Fields { summary_index: Some(at), ..Fields::default() };
        self.tell_at("response.reasoning_summary_text.done", index, &Fields { text: Some(&text), ..place() }, frames);
        let part = summary_text(&text);
        self.tell_at("response.reasoning_summary_part.done", index, &Fields { part: Some(&part), ..place() }, frames);
    }

    /// An event about item `index`.
    fn tell_at(&mut self, kind: &'static str, index: usize, fields: &Fields<'_>, frames: &mut Vec<Frame>) {
        let fields = Fields { item_id: Some(&self.items[index].id), output_index: Some(index), ..*fields };
        let wire::Event { data, .. } = self.sequence.event(kind, &fields);
        frames.push(Frame::named(kind, data));
    }

    fn tell(&mut self, kind: &'static str, fields: &Fields<'_>, frames: &mut Vec<Frame>) {
        let wire::Event { data, .. } = self.sequence.event(kind, fields);
        frames.push(Frame::named(kind, data));
    }
}

/// An annotation of chat completions as one of responses: the fields of its inner object stand beside its type.
fn flat(annotation: Raw) -> Raw {
    let Some(mut outer) = annotation.to::<Object>() else { return annotation };
    let Ok(Some(inner)) = outer.get::<Object>("url_citation", "an object") else { return annotation };
    outer.remove("url_citation");
    for key in inner.keys() {
        if let Some(value) = inner.value(key) {
            put(&mut outer, key, &value);
        }
    }
    Raw::from(&outer)
}

fn usage(usage: Usage) -> serde_json::Value {
    let Usage { input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, .. } = usage;
    json!({
        "input_tokens": input_tokens,
        "input_tokens_details": { "cached_tokens": cached_tokens, "cache_write_tokens": cache_write_tokens },
        "output_tokens": output_tokens,
        "output_tokens_details": { "reasoning_tokens": reasoning_tokens },
        "total_tokens": input_tokens.saturating_add(output_tokens),
    })
}
