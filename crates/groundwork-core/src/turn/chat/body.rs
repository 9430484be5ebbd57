//! Chat answers as they are written.

use super::message::WireCall;
use crate::turn::{Dialect, Reasoning, Signature, ToolKind};
use groundwork_wire::chat;
use groundwork_wire::raw::Raw;
use serde::Serialize;
use std::borrow::Cow;

/// Fields that are `Option<Option<_>>` tell an absent field from a null.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) id: &'a str,
    pub(super) object: &'static str,
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) choices: &'a [WireChoice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Option<chat::Usage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) retracted: &'a [u32],
}

#[derive(Serialize)]
pub(super) struct WireChoice<'a> {
    pub(super) index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a Delta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<Message<'a>>,
    pub(super) logprobs: Option<&'a Raw>,
    pub(super) finish_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) thinking_blocks: &'a [Block<'a>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) tool_calls: &'a [CallDelta<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<&'a Raw>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Option<&'a str>,
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) thinking_blocks: &'a [Block<'a>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) tool_calls: &'a [WireCall<'a>],
    pub(super) annotations: &'a [Raw],
}

/// A thought with its signature, as a client must send it back for the model to go on from it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Thinking {
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<u32>,
        thinking: &'a str,
        signature: Cow<'a, str>,
    },
    RedactedThinking {
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<u32>,
        data: &'a str,
    },
}

impl<'a> Block<'a> {
    /// In a stream each block has the `index` of its thought: clients put lists together by it.
    pub(super) fn of(thought: &'a Reasoning, index: Option<u32>) -> Option<Self> {
        let signature = thought.signature.as_ref().filter(|signature| signature.dialect != Dialect::Chat)?;
        Some(match thought.redacted {
            false => Self::Thinking { index, thinking: &thought.text, signature: Signature::seal(Some(signature), thought.id.as_deref()) },
            true => Self::RedactedThinking { index, data: &signature.value },
        })
    }
}

#[derive(Serialize)]
pub(super) struct CallDelta<'a> {
    pub(super) index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function: Option<Called<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom: Option<Given<'a>>,
}

#[derive(Serialize)]
pub(super) struct Called<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct Given<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) input: &'a str,
}

impl<'a> CallDelta<'a> {
    pub(super) fn begin(index: u32, id: &'a str, name: &'a str, kind: ToolKind) -> Self {
        let word = match kind {
            ToolKind::Function => "function",
            ToolKind::Custom => "custom",
        };
        Self { id: Some(id), kind: Some(word), ..Self::of(index, Some(name), "", kind) }
    }

    pub(super) fn more(index: u32, fragment: &'a str, kind: ToolKind) -> Self {
        Self::of(index, None, fragment, kind)
    }

    fn of(index: u32, name: Option<&'a str>, text: &'a str, kind: ToolKind) -> Self {
        let none = Self { index, id: None, kind: None, function: None, custom: None };
        match kind {
            ToolKind::Function => Self { function: Some(Called { name, arguments: text }), ..none },
            ToolKind::Custom => Self { custom: Some(Given { name, input: text }), ..none },
        }
    }
}
