//! What a target answers: the response and its chunks.

use crate::chat::{Annotation, Context};
use crate::error::Error;
use crate::object::Object;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Tokens as the target counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
    /// Of `prompt_tokens`.
    pub cached_tokens: u64,
    /// Of `completion_tokens`.
    pub reasoning_tokens: u64,
}

#[derive(Debug, Clone)]
pub struct Response {
    pub object: Object,
    pub id: Option<String>,
    pub model: Option<String>,
    pub choices: Vec<Choice>,
    pub usage: Option<Usage>,
}

#[derive(Debug, Clone)]
pub struct Choice {
    pub index: u32,
    pub content: Option<String>,
    pub refusal: Option<String>,
    pub has_tool_calls: bool,
    pub annotations: Vec<Annotation>,
    pub context: Option<Context>,
    pub finish_reason: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Chunk {
    pub object: Object,
    pub choices: Vec<ChunkChoice>,
    pub usage: Option<Usage>,
}

#[derive(Debug, Clone)]
pub struct ChunkChoice {
    pub index: u32,
    /// Azure's annotation chunks have none.
    pub delta: Option<Delta>,
    pub finish_reason: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Delta {
    pub role: Option<String>,
    pub content: Option<String>,
    pub refusal: Option<String>,
    pub has_tool_calls: bool,
    pub annotations: Vec<Annotation>,
    pub context: Option<Context>,
}

/// Why a target's body is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseResponseError {
    /// The body is an error object, also inside a 200.
    #[error("the target answered with an error: {}", .0.message)]
    Error(Error),
    #[error("the target's answer cannot be read: {0}")]
    Malformed(String),
}

impl Response {
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, ParseResponseError> {
        let _: Bytes = body.into();
        unimplemented!()
    }
}

impl Chunk {
    /// Parses the data of one frame, which must not be `[DONE]`.
    pub fn parse(data: impl Into<Bytes>) -> Result<Self, ParseResponseError> {
        let _: Bytes = data.into();
        unimplemented!()
    }
}
