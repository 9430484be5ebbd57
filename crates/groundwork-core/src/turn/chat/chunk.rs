//! An answer of a target as it is read: once, borrowing what can be borrowed, lenient where compatible servers differ.

use crate::turn::borrowed::{Text, lenient};
use groundwork_wire::cursor::{Cursor, Spelled, Unexpected};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A chunk of a stream, or a whole answer: its messages have the same fields as deltas.
#[derive(Default)]
pub(super) struct Chunk<'a> {
    pub(super) id: Option<Spelled<'a>>,
    pub(super) model: Option<Spelled<'a>>,
    pub(super) created: Option<Spelled<'a>>,
    pub(super) service_tier: Option<Spelled<'a>>,
    pub(super) choices: Option<Vec<Choice<'a>>>,
    /// Also a null, which may have to be cut out.
    pub(super) usage: Option<Spelled<'a>>,
    /// OpenAI's `obfuscation`, which hides from eavesdroppers how long the words are.
    pub(super) padding: Option<Spelled<'a>>,
    pub(super) error: Option<Spelled<'a>>,
    /// Our own: the choices that are taken back.
    pub(super) retracted: Option<Spelled<'a>>,
}

#[derive(Default)]
pub(super) struct Choice<'a> {
    pub(super) index: u32,
    /// Azure's annotation chunks have none.
    pub(super) delta: Option<Delta<'a>>,
    pub(super) logprobs: Option<Spelled<'a>>,
    pub(super) finish_reason: Option<Text<'a>>,
    /// Azure's, beside the words or later by themselves.
    content_filter_results: Option<Spelled<'a>>,
    /// vLLM's: the stop sequence that came up, or a token's number.
    pub(super) stop_reason: Option<Spelled<'a>>,
}

#[derive(Default)]
pub(super) struct Delta<'a> {
    pub(super) content: Option<Text<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) reasoning_content: Option<Text<'a>>,
    /// Another name for the same; of other shapes too.
    pub(super) reasoning: Option<Spelled<'a>>,
    pub(super) thinking_blocks: Option<Vec<Thought<'a>>>,
    pub(super) tool_calls: Option<Vec<Call<'a>>>,
    /// What tool calls were once.
    pub(super) function_call: Option<Called<'a>>,
    pub(super) annotations: Option<Spelled<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Thought<'a> {
    #[serde(borrow)]
    pub(super) thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) signature: Option<Text<'a>>,
    /// Of a redacted one.
    #[serde(borrow)]
    pub(super) data: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Call<'a> {
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) function: Option<Called<'a>>,
    #[serde(borrow)]
    pub(super) custom: Option<Called<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Called<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    /// A string; some servers send the object itself.
    #[serde(borrow, alias = "input")]
    pub(super) arguments: Option<&'a RawValue>,
}

impl Called<'_> {
    pub(super) fn arguments(&self) -> Option<Text<'_>> {
        let raw = self.arguments?.get();
        serde_json::from_str(raw).unwrap_or_else(|_object| Some(Text::whole(raw.into())))
    }
}

impl<'a> Chunk<'a> {
    pub(super) fn read(data: &'a [u8]) -> Result<Self, Unexpected> {
        let (mut chunk, mut cursor) = (Self::default(), Cursor::new(data));
        cursor.object(|key, cursor| {
            match key {
                b"id" => chunk.id = cursor.some()?,
                b"model" => chunk.model = cursor.some()?,
                b"created" => chunk.created = cursor.some()?,
                b"service_tier" => chunk.service_tier = cursor.some()?,
                b"choices" => chunk.choices = cursor.optional(choices)?,
                b"usage" => chunk.usage = Some(cursor.value()?),
                b"obfuscation" => chunk.padding = cursor.some()?,
                b"error" => chunk.error = cursor.some()?,
                b"retracted" => chunk.retracted = cursor.some()?,
                _ => _ = cursor.value()?,
            }
            Ok(())
        })?;
        cursor.end().map(|()| chunk)
    }
}

impl<'a> Choice<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Unexpected> {
        let mut choice = Self::default();
        cursor.object(|key, cursor| {
            match key {
                b"index" => choice.index = index(cursor)?.unwrap_or(0),
                b"delta" | b"message" => choice.delta = cursor.optional(Delta::read)?.or(choice.delta.take()),
                b"logprobs" => choice.logprobs = cursor.some()?,
                b"finish_reason" => choice.finish_reason = as_given(cursor)?,
                b"content_filter_results" => choice.content_filter_results = cursor.some()?,
                b"stop_reason" => choice.stop_reason = cursor.some()?,
                _ => _ = cursor.value()?,
            }
            Ok(())
        })?;
        Ok(choice)
    }

    /// Whether a filter found fault with the answer.
    pub(super) fn is_filtered(&self) -> bool {
        #[derive(Deserialize)]
        struct Verdict {
            filtered: Option<bool>,
        }
        // Most verdicts are that nothing is wrong, and say it with each chunk.
        let results = self.content_filter_results.filter(|results| String::from_utf8_lossy(results.bytes()).contains("true"));
        let verdicts: BTreeMap<String, Option<&RawValue>> = results.and_then(Spelled::to).unwrap_or_default();
        verdicts.into_values().any(|verdict| lenient::<Verdict>(verdict).is_some_and(|verdict| verdict.filtered == Some(true)))
    }
}

impl<'a> Delta<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Unexpected> {
        let mut delta = Self::default();
        cursor.object(|key, cursor| {
            match key {
                b"content" => delta.content = as_given(cursor)?,
                b"refusal" => delta.refusal = as_given(cursor)?,
                b"reasoning_content" => delta.reasoning_content = as_given(cursor)?,
                b"reasoning" => delta.reasoning = cursor.some()?,
                b"thinking_blocks" => delta.thinking_blocks = by_serde(cursor)?,
                b"tool_calls" => delta.tool_calls = by_serde(cursor)?,
                b"function_call" => delta.function_call = by_serde(cursor)?,
                b"annotations" => delta.annotations = cursor.some()?,
                _ => _ = cursor.value()?,
            }
            Ok(())
        })?;
        Ok(delta)
    }
}

fn choices<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<Choice<'a>>, Unexpected> {
    let mut choices = Vec::with_capacity(1);
    cursor.array(|cursor| Choice::read(cursor).map(|choice| choices.push(choice)))?;
    Ok(choices)
}

fn index(cursor: &mut Cursor<'_>) -> Result<Option<u32>, Unexpected> {
    let Some(value) = cursor.some()? else { return Ok(None) };
    value.number().and_then(|number| u32::try_from(number).ok()).map(Some).ok_or_else(|| cursor.unexpected())
}

/// A text; `None` for null.
fn as_given<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Text<'a>>, Unexpected> {
    let Some(value) = cursor.some()? else { return Ok(None) };
    value.plain().map(Text::whole).or_else(|| value.to()).map(Some).ok_or_else(|| cursor.unexpected())
}

/// What comes seldom, or in shapes of its own.
fn by_serde<'a, T: Deserialize<'a>>(cursor: &mut Cursor<'a>) -> Result<Option<T>, Unexpected> {
    let Some(value) = cursor.some()? else { return Ok(None) };
    value.to().map(Some).ok_or_else(|| cursor.unexpected())
}
