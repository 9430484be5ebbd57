//! The request.

use crate::error::Invalid;
use crate::object::Object;
use bytes::Bytes;
use std::collections::BTreeMap;

/// A chat request: the original body, and what we read of it.
#[derive(Debug, Clone)]
pub struct Request {
    pub object: Object,
    pub model: String,
    pub messages: Vec<Message>,
    pub stream: bool,
    /// `stream_options.include_usage`.
    pub include_usage: bool,
    /// `max_completion_tokens`, else `max_tokens`.
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub n: u32,
    pub stop: Vec<String>,
    pub seed: Option<i64>,
    pub user: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// Whether `tools` or `functions` are offered.
    pub has_tools: bool,
    /// Whether `response_format` asks for anything but text.
    pub wants_json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

#[derive(Debug, Clone)]
pub struct Message {
    pub object: Object,
    pub role: Role,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub enum Content {
    /// Missing or null, as beside tool calls.
    Empty,
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Clone)]
pub enum Part {
    Text(String),
    Refusal(String),
    /// An image, sound, file or what else there may be, by its `type`.
    Other { kind: String, object: Object },
}

impl Request {
    /// Parses a body. Every way of being wrong is an `Invalid` that names the parameter.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        let _ = Object::parse(body)?;
        unimplemented!()
    }
}

impl Message {
    /// The text of the content; `None` when a part of it is no text.
    pub fn text(&self) -> Option<String> {
        unimplemented!()
    }
}
