//! An answer of a target as it is read: once, borrowing what can be borrowed, lenient where compatible servers differ.

use crate::turn::borrowed::{Text, lenient};
use groundwork_wire::chat::Usage;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A chunk of a stream, or a whole answer: its messages have the same fields as deltas.
#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) model: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) created: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    /// Also a null, which may have to be cut out.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    /// Our own: the choices that are taken back.
    #[serde(borrow)]
    pub(super) retracted: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    pub(super) index: Option<u32>,
    /// Azure's annotation chunks have none.
    #[serde(borrow, alias = "message")]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow)]
    pub(super) logprobs: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    /// Azure's, beside the words or later by themselves.
    #[serde(borrow)]
    pub(super) content_filter_results: Option<&'a RawValue>,
    /// vLLM's: the stop sequence that came up, or a token's number.
    #[serde(borrow)]
    pub(super) stop_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reasoning_content: Option<Text<'a>>,
    /// Another name for the same; of other shapes too.
    #[serde(borrow)]
    pub(super) reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) thinking_blocks: Option<Vec<Thought<'a>>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<Call<'a>>>,
    /// What tool calls were once.
    #[serde(borrow)]
    pub(super) function_call: Option<Called<'a>>,
    #[serde(borrow)]
    pub(super) annotations: Option<&'a RawValue>,
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
    pub(super) fn arguments(&self) -> Option<String> {
        let raw = self.arguments?.get();
        match serde_json::from_str::<Option<String>>(raw) {
            Ok(text) => text,
            Err(_) => Some(raw.to_owned()),
        }
    }
}

impl Choice<'_> {
    /// Whether a filter found fault with the answer.
    pub(super) fn is_filtered(&self) -> bool {
        #[derive(Deserialize)]
        struct Verdict {
            filtered: Option<bool>,
        }
        // Most verdicts are that nothing is wrong, and say it with each chunk.
        let results = self.content_filter_results.filter(|results| results.get().contains("true"));
        let verdicts = lenient::<BTreeMap<String, Option<&RawValue>>>(results).unwrap_or_default();
        verdicts.into_values().any(|verdict| lenient::<Verdict>(verdict).is_some_and(|verdict| verdict.filtered == Some(true)))
    }
}

fn present<'a, 'de: 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

pub(super) fn usage(raw: Option<&RawValue>) -> Option<Usage> {
    lenient::<Option<Usage>>(raw).flatten()
}
