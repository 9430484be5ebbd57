//! An output item in the making, and how it stands in the response.

use crate::turn::ToolKind;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use serde::Serialize;
use serde_json::value::RawValue;

/// An output item in the making; its place in the list is its `output_index`.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) body: Body,
    /// `completed` or `incomplete`, once it is done.
    pub(super) done: Option<&'static str>,
}

#[derive(Debug)]
pub(super) enum Body {
    Message(Vec<Part>),
    Reasoning { at: u32, text: String, has_text: bool, summary: Vec<String>, encrypted: Option<String> },
    Call { at: u32, call_id: String, name: String, arguments: String, kind: ToolKind },
}

#[derive(Debug)]
pub(super) enum Part {
    Text { text: String, annotations: Vec<Raw>, logprobs: Vec<Box<RawValue>> },
    Refusal(String),
}

impl Item {
    /// Whether it is a call whose arguments may not be whole: of free text nobody knows, and after a whole object nothing can follow.
    pub(super) fn may_go_on(&self) -> bool {
        match &self.body {
            Body::Call { arguments, kind, .. } if self.done.is_none() => {
                *kind == ToolKind::Custom || Object::parse(arguments.clone()).is_err()
            }
            _ => false,
        }
    }

    /// An item as it stands in the output.
    pub(super) fn shown(&self) -> Object {
        let status = self.done.unwrap_or("in_progress");
        let mut shown = Object::new();
        put(&mut shown, "id", &self.id);
        match &self.body {
            Body::Message(parts) => {
                put(&mut shown, "type", "message");
                put(&mut shown, "status", status);
                put(&mut shown, "role", "assistant");
                put(&mut shown, "content", &parts.iter().map(Part::shown).collect::<Vec<_>>());
            }
            Body::Reasoning { text, has_text, summary, encrypted, .. } => {
                put(&mut shown, "type", "reasoning");
                put(&mut shown, "summary", &summary.iter().map(|text| summary_text(text)).collect::<Vec<_>>());
                if *has_text {
                    put(&mut shown, "content", &[reasoning_text(text)]);
                }
                put(&mut shown, "encrypted_content", encrypted);
            }
            Body::Call { call_id, name, arguments, kind, .. } => {
                let arguments = if self.done.is_some() { whole(arguments, *kind) } else { arguments.clone() };
                let (kind, field) = match kind {
                    ToolKind::Function => ("function_call", "arguments"),
                    ToolKind::Custom => ("custom_tool_call", "input"),
                };
                put(&mut shown, "type", kind);
                put(&mut shown, "status", status);
                put(&mut shown, "call_id", call_id);
                put(&mut shown, "name", name);
                put(&mut shown, field, &arguments);
            }
        }
        shown
    }
}

impl Part {
    pub(super) fn shown(&self) -> Object {
        let mut shown = Object::new();
        match self {
            Self::Text { text, annotations, logprobs } => {
                put(&mut shown, "type", "output_text");
                put(&mut shown, "text", text);
                put(&mut shown, "annotations", annotations);
                put(&mut shown, "logprobs", logprobs);
            }
            Self::Refusal(text) => {
                put(&mut shown, "type", "refusal");
                put(&mut shown, "refusal", text);
            }
        }
        shown
    }
}

/// A call without arguments is one with none.
pub(super) fn whole(arguments: &str, kind: ToolKind) -> String {
    if arguments.is_empty() && kind == ToolKind::Function { "{}".to_owned() } else { arguments.to_owned() }
}

pub(super) fn reasoning_text(text: &str) -> Object {
    kind_and_text("reasoning_text", text)
}

pub(super) fn summary_text(text: &str) -> Object {
    kind_and_text("summary_text", text)
}

fn kind_and_text(kind: &str, text: &str) -> Object {
    let mut part = Object::new();
    put(&mut part, "type", kind);
    put(&mut part, "text", text);
    part
}

/// Everything that is put here has a form in JSON.
pub(super) fn put<T: Serialize + ?Sized>(object: &mut Object, key: &str, value: &T) {
    let _ = object.set(key, value);
}
