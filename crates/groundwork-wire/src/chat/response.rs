//! What a target answers: the response and its chunks. Reading is lenient, because every compatible server leaves something out; what
//! is not read here survives in `object`.

use crate::chat::{Annotation, Context};
use crate::count::{self, Count};
use crate::cursor::{Cursor, Spelled, Unexpected};
use crate::error::Error;
use crate::object::Object;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Tokens as the target counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "WireUsage", into = "WireUsage")]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
    /// Of `prompt_tokens`, as the next two.
    pub cached_tokens: u64,
    pub cache_write_tokens: u64,
    pub prompt_audio_tokens: u64,
    /// Of `completion_tokens`, as all that follow.
    pub reasoning_tokens: u64,
    pub completion_audio_tokens: u64,
    pub accepted_prediction_tokens: u64,
    pub rejected_prediction_tokens: u64,
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
    /// Empty in Azure's first chunk (`prompt_filter_results`) and in the usage chunk.
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

#[derive(Debug, Clone, PartialEq, Default)]
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

impl Usage {
    /// The same as by serde, for what comes with every answer; `None` for what is no usage.
    pub fn read(value: Spelled<'_>) -> Option<Self> {
        let (mut usage, mut cursor) = (WireUsage::default(), Cursor::new(value.bytes()));
        cursor
            .object(|key, cursor| {
                match key {
                    b"prompt_tokens" => usage.prompt_tokens = count(cursor)?,
                    b"completion_tokens" => usage.completion_tokens = count(cursor)?,
                    b"total_tokens" => usage.total_tokens = count(cursor)?,
                    b"prompt_tokens_details" => usage.prompt_tokens_details = cursor.optional(prompt_details)?,
                    b"completion_tokens_details" => usage.completion_tokens_details = cursor.optional(completion_details)?,
                    _ => _ = cursor.value()?,
                }
                Ok(())
            })
            .ok()?;
        Some(usage.into())
    }
}

fn prompt_details(cursor: &mut Cursor<'_>) -> Result<PromptDetails, Unexpected> {
    let mut details = PromptDetails::default();
    cursor.object(|key, cursor| {
        match key {
            b"cached_tokens" => details.cached_tokens = count(cursor)?,
            b"audio_tokens" => details.audio_tokens = count(cursor)?,
            b"cache_write_tokens" => details.cache_write_tokens = count(cursor)?,
            _ => _ = cursor.value()?,
        }
        Ok(())
    })?;
    Ok(details)
}

fn completion_details(cursor: &mut Cursor<'_>) -> Result<CompletionDetails, Unexpected> {
    let mut details = CompletionDetails::default();
    cursor.object(|key, cursor| {
        match key {
            b"reasoning_tokens" => details.reasoning_tokens = count(cursor)?,
            b"audio_tokens" => details.audio_tokens = count(cursor)?,
            b"accepted_prediction_tokens" => details.accepted_prediction_tokens = count(cursor)?,
            b"rejected_prediction_tokens" => details.rejected_prediction_tokens = count(cursor)?,
            _ => _ = cursor.value()?,
        }
        Ok(())
    })?;
    Ok(details)
}

fn count(cursor: &mut Cursor<'_>) -> Result<Option<u64>, Unexpected> {
    let Some(value) = cursor.some()? else { return Ok(None) };
    let count = value.number().or_else(|| value.to().map(|Count(count)| count));
    count.map(Some).ok_or_else(|| cursor.unexpected())
}

impl Response {
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, ParseResponseError> {
        let (object, wire) = parse(&body.into())?;
        let choices = wire.choices.ok_or_else(|| ParseResponseError::Malformed("it has no 'choices'".to_owned()))?;
        Ok(Self {
            id: wire.id,
            model: wire.model,
            usage: wire.usage,
            choices: choices
                .into_iter()
                .map(|WireChoice { index, message, finish_reason, .. }| {
                    let Delta { content, refusal, has_tool_calls, annotations, context, .. } = message.map(Delta::from).unwrap_or_default();
                    Choice { index, content, refusal, has_tool_calls, annotations, context, finish_reason }
                })
                .collect(),
            object,
        })
    }
}

impl Chunk {
    /// Parses the data of one frame, which must not be `[DONE]`.
    pub fn parse(data: impl Into<Bytes>) -> Result<Self, ParseResponseError> {
        let (object, wire) = parse(&data.into())?;
        Ok(Self {
            usage: wire.usage,
            choices: wire
                .choices
                .unwrap_or_default()
                .into_iter()
                .map(|WireChoice { index, delta, finish_reason, .. }| ChunkChoice { index, delta: delta.map(Delta::from), finish_reason })
                .collect(),
            object,
        })
    }
}

fn parse(body: &Bytes) -> Result<(Object, Wire), ParseResponseError> {
    let object = Object::parse(body.clone()).map_err(|error| ParseResponseError::Malformed(error.to_string()))?;
    if object.has("error") {
        let error = Error::parse(body).unwrap_or(Error { message: String::new(), kind: String::new(), param: None, code: None });
        return Err(ParseResponseError::Error(error));
    }
    let wire = serde_json::from_slice(body).map_err(|error| ParseResponseError::Malformed(error.to_string()))?;
    Ok((object, wire))
}

#[derive(Deserialize)]
struct Wire {
    id: Option<String>,
    model: Option<String>,
    choices: Option<Vec<WireChoice>>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct WireChoice {
    #[serde(default)]
    index: u32,
    message: Option<WireMessage>,
    delta: Option<WireMessage>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    role: Option<String>,
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<serde::de::IgnoredAny>>,
    function_call: Option<serde::de::IgnoredAny>,
    /// Of many shapes between servers: read one by one, so that a strange one does not cost the answer.
    annotations: Option<Vec<serde_json::Value>>,
    context: Option<serde_json::Value>,
}

impl From<WireMessage> for Delta {
    fn from(message: WireMessage) -> Self {
        let WireMessage { role, content, refusal, tool_calls, function_call, annotations, context } = message;
        Self {
            role,
            content,
            refusal,
            has_tool_calls: tool_calls.is_some_and(|calls| !calls.is_empty()) || function_call.is_some(),
            annotations: annotations.into_iter().flatten().filter_map(|one| serde_json::from_value(one).ok()).collect(),
            context: context.and_then(|one| serde_json::from_value(one).ok()),
        }
    }
}

/// Servers leave fields out or send null for them.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct WireUsage {
    #[serde(deserialize_with = "count::some")]
    prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    completion_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct PromptDetails {
    #[serde(deserialize_with = "count::some")]
    cached_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    audio_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "count::some")]
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    #[serde(deserialize_with = "count::some")]
    reasoning_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    audio_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    accepted_prediction_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    rejected_prediction_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    fn from(usage: WireUsage) -> Self {
        let WireUsage { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details, completion_tokens_details } = usage;
        let prompt = prompt_tokens_details.unwrap_or_default();
        let completion = completion_tokens_details.unwrap_or_default();
        let (prompt_tokens, completion_tokens) = (prompt_tokens.unwrap_or(0), completion_tokens.unwrap_or(0));
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: total_tokens.unwrap_or(prompt_tokens.saturating_add(completion_tokens)),
            cached_tokens: prompt.cached_tokens.unwrap_or(0),
            cache_write_tokens: prompt.cache_write_tokens.unwrap_or(0),
            prompt_audio_tokens: prompt.audio_tokens.unwrap_or(0),
            reasoning_tokens: completion.reasoning_tokens.unwrap_or(0),
            completion_audio_tokens: completion.audio_tokens.unwrap_or(0),
            accepted_prediction_tokens: completion.accepted_prediction_tokens.unwrap_or(0),
            rejected_prediction_tokens: completion.rejected_prediction_tokens.unwrap_or(0),
        }
    }
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: Some(usage.prompt_tokens),
            completion_tokens: Some(usage.completion_tokens),
            total_tokens: Some(usage.total_tokens),
            prompt_tokens_details: Some(PromptDetails {
                cached_tokens: Some(usage.cached_tokens),
                audio_tokens: Some(usage.prompt_audio_tokens),
                cache_write_tokens: Some(usage.cache_write_tokens).filter(|tokens| *tokens > 0),
            }),
            completion_tokens_details: Some(CompletionDetails {
                reasoning_tokens: Some(usage.reasoning_tokens),
                audio_tokens: Some(usage.completion_audio_tokens),
                accepted_prediction_tokens: Some(usage.accepted_prediction_tokens),
                rejected_prediction_tokens: Some(usage.rejected_prediction_tokens),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azures_odd_chunks_are_read() {
        let first =
            Chunk::parse(r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}"#)
                .unwrap();
        assert!(first.choices.is_empty() && first.object.has("prompt_filter_results"));

        let annotated = r#"{"id":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{"hate":{"filtered":false}},"content_filter_offsets":{"check_offset":44}}]}"#;
        let annotated = Chunk::parse(annotated).unwrap();
        assert_eq!(annotated.choices[0].delta, None);

        let last = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":null}}"#;
        let usage = Usage { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11, cached_tokens: 4, ..Usage::default() };
        assert_eq!(Chunk::parse(last).unwrap().usage, Some(usage));
    }

    #[test]
    fn a_usage_is_the_same_however_it_is_read() {
        let details = r#""prompt_tokens_details":{"cached_tokens":4,"audio_tokens":1,"cache_write_tokens":2,"x":[1]},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":5,"accepted_prediction_tokens":6,"rejected_prediction_tokens":7}"#;
        for text in [
            format!(r#"{{"prompt_tokens":9,"completion_tokens":2,"total_tokens":12,{details},"x":{{"y":null}}}}"#),
            r#"{ "prompt_tokens" : null , "completion_tokens":18446744073709551615,"prompt_tokens_details":null }"#.to_owned(),
            r#"{"prompt_tokens":1.5}"#.to_owned(),
            r#"{"prompt_tokens":"9"}"#.to_owned(),
            r#"{"prompt_tokens":9.0,"prompt_tokens_details":{"cached_tokens":4.0}}"#.to_owned(),
            r#"{"prompt_tokens":-9}"#.to_owned(),
            r#"{"prompt_tokens_details":7}"#.to_owned(),
            "{}".to_owned(),
            "null".to_owned(),
            "[]x".to_owned(),
        ] {
            let usage = Cursor::new(text.as_bytes()).value().ok().and_then(Usage::read);
            assert_eq!(usage, serde_json::from_str::<Usage>(&text).ok(), "{text}");
        }
    }

    #[test]
    fn a_delta_is_read_whatever_else_stands_beside_it() {
        let chunk = r#"{"choices":[{"index":1,"delta":{"role":"assistant","content":"","annotations":[{"type":"odd"},7],"reasoning_content":"hm"},"logprobs":null,"finish_reason":"stop"}],"usage":null}"#;
        let chunk = Chunk::parse(chunk).unwrap();
        let choice = &chunk.choices[0];
        assert_eq!((choice.index, choice.finish_reason.as_deref()), (1, Some("stop")));
        let delta = choice.delta.as_ref().unwrap();
        assert_eq!((delta.content.as_deref(), delta.annotations.len(), delta.has_tool_calls), (Some(""), 1, false));
        assert_eq!(chunk.usage, None);
    }

    #[test]
    fn a_response_is_read() {
        let body = r#"{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a"}]},"finish_reason":"tool_calls"}]}"#;
        let response = Response::parse(body).unwrap();
        assert_eq!(response.object.to_bytes(), body);
        let choice = &response.choices[0];
        assert!(choice.has_tool_calls && choice.content.is_none());
        assert_eq!(response.usage, None);
    }

    #[test]
    fn an_error_inside_a_good_status_is_an_error() {
        for body in [r#"{"error":{"message":"overloaded","type":"server_error"}}"#, r#"{"error":"overloaded"}"#] {
            assert!(matches!(Chunk::parse(body), Err(ParseResponseError::Error(error)) if error.message == "overloaded"), "{body}");
        }
        for body in ["[DONE]", "{", r#"{"choices":{}}"#, r#"{"choices":[{"delta":{"content":5}}]}"#] {
            assert!(matches!(Chunk::parse(body), Err(ParseResponseError::Malformed(_))), "{body}");
        }
        assert!(matches!(Response::parse("{}"), Err(ParseResponseError::Malformed(_))));
        assert!(Response::parse(r#"{"error":null,"choices":[]}"#).is_ok());
    }
}
