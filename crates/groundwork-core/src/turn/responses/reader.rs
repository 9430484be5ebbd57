//! What a target's response says, whole or event by event.

use crate::turn::borrowed::{Halves, Text, lenient};
use crate::turn::{Dialect, Event, FinishReason, Frame, ReadError, Signature, ToolKind, Usage};
use bytes::Bytes;
use groundwork_wire::count;
use groundwork_wire::error::Error;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Listens to one stream.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    finished: bool,
    items: Vec<Heard>,
    halves: Halves,
    thoughts: u32,
    calls: u32,
    /// Of a response that failed.
    used: Option<Usage>,
}

/// What was heard of one output item.
#[derive(Debug, Clone, Copy)]
struct Heard {
    index: u64,
    /// Which of the thoughts or of the calls it is.
    at: u32,
    /// Some of it was told in pieces.
    told: bool,
    ended: bool,
}

/// The fields of events that say something of the answer.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    output_index: u64,
    #[serde(default)]
    summary_index: u32,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
    #[serde(borrow)]
    annotation: Option<&'a RawValue>,
    item: Option<Object>,
    response: Option<Object>,
}

/// What a whole answer says.
pub fn read(body: &Object) -> Result<Vec<Event>, ReadError> {
    if !body.has("output") && (body.has("error") || is_failed(body)) {
        return Err(refused(body));
    }
    if !body.has("output") {
        return Err(ReadError::Malformed("it has no 'output'".to_owned()));
    }
    let mut reader = Reader::new();
    let mut events = Vec::new();
    reader.start(body, &mut events);
    reader.end(body, &mut events)?;
    Ok(events)
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// What one frame says.
    pub fn read(&mut self, frame: &Frame) -> Result<Vec<Event>, ReadError> {
        let mut events = Vec::new();
        if frame.is_done() || frame.data.trim_ascii().is_empty() {
            return Ok(events);
        }
        let said: Said<'_> = serde_json::from_slice(&frame.data).map_err(|error| ReadError::Malformed(error.to_string()))?;
        self.hear(&said, frame, &mut events)?;
        Ok(events)
    }

    /// What is left to say at the end of the stream: nothing, for the last event has said it.
    pub fn finish(&mut self) -> Vec<Event> {
        Vec::new()
    }

    /// Whether the answer has come to its end. A stream that ends before was cut.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// What a response that failed says it used all the same.
    pub fn used(&self) -> Option<Usage> {
        self.used
    }

    fn hear(&mut self, said: &Said<'_>, frame: &Frame, events: &mut Vec<Event>) -> Result<(), ReadError> {
        let choice = 0;
        let (delta, text) = (lenient::<Text<'_>>(said.delta), String::new());
        match said.kind.as_ref() {
            "response.output_text.delta" => {
                self.item(said.output_index).told = true;
                events.extend(self.halves.say(Event::Text { choice, text }, delta.as_ref()));
                events.extend(said.logprobs.and_then(logprobs));
            }
            "response.refusal.delta" => {
                self.item(said.output_index).told = true;
                events.extend(self.halves.say(Event::Refusal { choice, text }, delta.as_ref()));
            }
            "response.reasoning_text.delta" => {
                let at = self.thought(said.output_index);
                events.extend(self.halves.say(Event::Reasoning { choice, at, text }, delta.as_ref()));
            }
            "response.reasoning_summary_text.delta" => {
                let (at, part) = (self.thought(said.output_index), said.summary_index);
                events.extend(self.halves.say(Event::ReasoningSummary { choice, at, part, text }, delta.as_ref()));
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                let item = self.item(said.output_index);
                item.told = true;
                let at = item.at;
                events.extend(self.halves.say(Event::ToolArguments { choice, at, fragment: text }, delta.as_ref()));
            }
            "response.output_text.annotation.added" => events.extend(said.annotation.and_then(|raw| annotations(&[Raw::from(raw)]))),
            "response.output_item.added" => {
                if let Some(item) = &said.item {
                    self.add(said.output_index, item, events);
                }
            }
            "response.output_item.done" => {
                events.extend(self.halves.rest());
                if let Some(item) = &said.item {
                    self.close(said.output_index, item, events);
                }
            }
            "error" => return Err(refused_event(&frame.data)),
            "response.created" => {
                if let Some(response) = &said.response {
                    self.start(response, events);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                events.extend(self.halves.rest());
                if let Some(response) = &said.response {
                    self.start(response, events);
                    self.end(response, events)?;
                }
                self.finished = true;
            }
            "" => {
                // An error object without a name, as gateways send it.
                return Error::parse(&frame.data).map_or(Ok(()), |error| Err(ReadError::Refused(error)));
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, response: &Object, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let created = response.get::<f64>("created_at", "a number").ok().flatten().map(|seconds| seconds as u64);
        events.push(Event::Start { id: text(response, "id"), model: text(response, "model"), created });
    }

    /// The end: what no piece has told, why it ended, what it used.
    fn end(&mut self, response: &Object, events: &mut Vec<Event>) -> Result<(), ReadError> {
        let status = text(response, "status").unwrap_or_else(|| "completed".to_owned());
        if is_failed(response) || (response.has("error") && status != "incomplete") {
            self.used = usage(response);
            return Err(refused(response));
        }
        let output: Vec<Object> = response.get("output", "an array").ok().flatten().unwrap_or_default();
        for (index, item) in output.iter().enumerate() {
            self.close(index as u64, item, events);
        }
        let details: Option<Object> = response.get("incomplete_details", "an object").ok().flatten();
        let reason = match (status.as_str(), details.and_then(|details| text(&details, "reason")).as_deref()) {
            ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
            ("incomplete", _) => FinishReason::Length,
            ("completed", _) if self.calls > 0 => FinishReason::ToolCalls,
            ("completed", _) => FinishReason::Stop,
            (other, _) => FinishReason::Other(other.to_owned()),
        };
        events.push(Event::Finish { choice: 0, reason });
        events.extend(usage(response).map(Event::Usage));
        events.extend(text(response, "service_tier").map(Event::Tier));
        Ok(())
    }

    fn item(&mut self, index: u64) -> &mut Heard {
        let at = self.items.iter().position(|heard| heard.index == index).unwrap_or_else(|| {
            self.items.push(Heard { index, at: 0, told: false, ended: false });
            self.items.len() - 1
        });
        &mut self.items[at]
    }

    /// The number of a thought that has begun to be told.
    fn thought(&mut self, index: u64) -> u32 {
        let (known, thoughts) = (self.items.iter().any(|heard| heard.index == index), self.thoughts);
        let item = self.item(index);
        item.told = true;
        if !known {
            item.at = thoughts;
        }
        let at = item.at;
        self.thoughts += u32::from(!known);
        at
    }

    fn add(&mut self, index: u64, item: &Object, events: &mut Vec<Event>) {
        if self.items.iter().any(|heard| heard.index == index) {
            return;
        }
        let (thoughts, calls) = (self.thoughts, self.calls);
        let heard = self.item(index);
        match text(item, "type").as_deref() {
            Some("reasoning") => {
                heard.at = thoughts;
                self.thoughts += 1;
            }
            Some(kind @ ("function_call" | "custom_tool_call")) => {
                heard.at = calls;
                self.calls += 1;
                let id = text(item, "call_id").or_else(|| text(item, "id")).unwrap_or_default();
                let kind = if kind == "custom_tool_call" { ToolKind::Custom } else { ToolKind::Function };
                events.push(Event::ToolCall { choice: 0, at: calls, id, name: text(item, "name").unwrap_or_default(), kind });
            }
            _ => {}
        }
    }

    /// A whole item: what was not told of it in pieces.
    fn close(&mut self, index: u64, item: &Object, events: &mut Vec<Event>) {
        self.add(index, item, events);
        let heard = self.item(index);
        let (at, told) = (heard.at, heard.told);
        if std::mem::replace(&mut heard.ended, true) {
            return;
        }
        let choice = 0;
        match text(item, "type").as_deref() {
            Some("message") if !told => content(item, events),
            Some("reasoning") => {
                if !told {
                    for (part, summary) in list(item, "summary").iter().enumerate() {
                        let text = text(summary, "text").filter(|text| !text.is_empty());
                        events.extend(text.map(|text| Event::ReasoningSummary { choice, at, part: part as u32, text }));
                    }
                    for piece in list(item, "content") {
                        let text = text(&piece, "text").filter(|text| !text.is_empty());
                        events.extend(text.map(|text| Event::Reasoning { choice, at, text }));
                    }
                }
                let signature = text(item, "encrypted_content").map(|value| Signature { dialect: Dialect::Responses, value });
                events.push(Event::ReasoningEnd { choice, at, id: text(item, "id"), signature, redacted: false });
            }
            Some(kind @ ("function_call" | "custom_tool_call")) if !told => {
                let field = if kind == "function_call" { "arguments" } else { "input" };
                let fragment = text(item, field).filter(|text| !text.is_empty());
                events.extend(fragment.map(|fragment| Event::ToolArguments { choice, at, fragment }));
            }
            _ => {}
        }
    }
}

/// The parts of a message.
fn content(item: &Object, events: &mut Vec<Event>) {
    let choice = 0;
    for part in list(item, "content") {
        match text(&part, "type").as_deref() {
            Some("refusal") => events.extend(text(&part, "refusal").map(|text| Event::Refusal { choice, text })),
            _ => {
                events.extend(text(&part, "text").filter(|text| !text.is_empty()).map(|text| Event::Text { choice, text }));
                events.extend(part.get::<Vec<Raw>>("annotations", "an array").ok().flatten().and_then(|raw| annotations(&raw)));
                events.extend(part.get::<Box<RawValue>>("logprobs", "an array").ok().flatten().and_then(|raw| logprobs(&raw)));
            }
        }
    }
}

/// In the shape of chat completions: the fields of a citation of an address are an object of their own.
fn annotations(raw: &[Raw]) -> Option<Event> {
    const INNER: [&str; 4] = ["start_index", "end_index", "title", "url"];
    let nest = |raw: &Raw| {
        let Some(flat) = raw.to::<Object>().filter(|flat| text(flat, "type").as_deref() == Some("url_citation")) else {
            return raw.clone();
        };
        let (mut outer, mut inner) = (Object::new(), Object::new());
        for key in flat.keys() {
            let to = if INNER.contains(&key) { &mut inner } else { &mut outer };
            // Raw JSON always has a form in JSON.
            let _ = flat.value(key).map(|value| to.set(key, &value));
        }
        let _ = outer.set("url_citation", &inner);
        Raw::from(&outer)
    };
    let nested: Vec<Raw> = raw.iter().map(nest).collect();
    (!nested.is_empty()).then_some(Event::Annotations { choice: 0, raw: Raw::of(&nested).ok()? })
}

/// In the shape of chat completions.
fn logprobs(raw: &RawValue) -> Option<Event> {
    let tokens: Vec<Raw> = serde_json::from_str::<Option<_>>(raw.get()).ok()??;
    if tokens.is_empty() {
        return None;
    }
    let mut shaped = Object::new();
    shaped.set("content", &tokens).and(shaped.set("refusal", &())).ok()?;
    Some(Event::Logprobs { choice: 0, raw: Raw::from(&shaped) })
}

fn usage(response: &Object) -> Option<Usage> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Wire {
        #[serde(deserialize_with = "count::needed")]
        input_tokens: u64,
        input_tokens_details: Option<Input>,
        #[serde(deserialize_with = "count::needed")]
        output_tokens: u64,
        output_tokens_details: Option<Output>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Input {
        #[serde(deserialize_with = "count::needed")]
        cached_tokens: u64,
        #[serde(deserialize_with = "count::needed")]
        cache_write_tokens: u64,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Output {
        #[serde(deserialize_with = "count::needed")]
        reasoning_tokens: u64,
    }
    let Wire { input_tokens, input_tokens_details, output_tokens, output_tokens_details } = response.get("usage", "an object").ok()??;
    let Input { cached_tokens, cache_write_tokens } = input_tokens_details.unwrap_or_default();
    let Output { reasoning_tokens } = output_tokens_details.unwrap_or_default();
    Some(Usage { input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, ..Usage::default() })
}

/// A response that failed, whole or in the event that ends its stream, and what it says it used all the same.
pub fn failed(data: &Bytes) -> Option<(Object, Option<Usage>)> {
    let body = Object::parse(data.clone()).ok()?;
    let response = body.get("response", "an object").ok().flatten().unwrap_or(body);
    is_failed(&response).then(|| {
        let used = usage(&response);
        (response, used)
    })
}

fn is_failed(response: &Object) -> bool {
    text(response, "status").as_deref() == Some("failed")
}

/// The `error` of a response, or an error object.
fn refused(body: &Object) -> ReadError {
    let details: Option<Object> = body.get("error", "an object").ok().flatten();
    let of = |key: &str| details.as_ref().and_then(|details| text(details, key));
    let message = of("message").unwrap_or_else(|| "the response failed".to_owned());
    ReadError::Refused(Error { message, kind: of("type").unwrap_or_default(), param: of("param"), code: of("code") })
}

/// An `error` event: its fields stand beside its type, or in an object as everywhere else.
fn refused_event(data: &[u8]) -> ReadError {
    let Ok(event) = Object::parse(data.to_vec()) else { return ReadError::Malformed("an error event is no object".to_owned()) };
    if event.has("error") {
        return refused(&event);
    }
    let message = text(&event, "message").unwrap_or_default();
    ReadError::Refused(Error { message, kind: String::new(), param: text(&event, "param"), code: text(&event, "code") })
}

fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key, "a string").ok().flatten()
}

fn list(object: &Object, key: &str) -> Vec<Object> {
    object.get(key, "an array").ok().flatten().unwrap_or_default()
}
