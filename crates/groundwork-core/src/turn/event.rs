//! The steps of an answer.

use super::{Signature, ToolKind};
use groundwork_wire::raw::Raw;
use serde::{Deserialize, Serialize};

/// One step of an answer, of a stream as of a whole. `choice` counts the answers that were asked for, `at` the tool calls or the
/// thoughts of one answer, both from 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Comes first, once. `created` is in seconds since 1970.
    Start {
        id: Option<String>,
        model: Option<String>,
        created: Option<u64>,
    },
    Text {
        choice: u32,
        text: String,
    },
    Refusal {
        choice: u32,
        text: String,
    },
    /// A piece of the thought number `at`.
    Reasoning {
        choice: u32,
        at: u32,
        text: String,
    },
    /// A piece of the `part`th paragraph of what the service says that the thought was about.
    ReasoningSummary {
        choice: u32,
        at: u32,
        part: u32,
        text: String,
    },
    /// The end of a thought: what must come back unchanged. A redacted thought has nothing else.
    ReasoningEnd {
        choice: u32,
        at: u32,
        id: Option<String>,
        signature: Option<Signature>,
        redacted: bool,
    },
    /// A call begins; its id and name are whole.
    ToolCall {
        choice: u32,
        at: u32,
        id: String,
        name: String,
        kind: ToolKind,
    },
    /// A piece of a call's arguments; pieces of parallel calls may alternate. Never before its `ToolCall`.
    ToolArguments {
        choice: u32,
        at: u32,
        fragment: String,
    },
    /// An array of annotations, in the shape of chat completions.
    Annotations {
        choice: u32,
        raw: Raw,
    },
    /// `{"content": […], "refusal": …}`, as in chat completions.
    Logprobs {
        choice: u32,
        raw: Raw,
    },
    /// What was said of the answer is taken back: a filter that ran beside it found fault with what had gone out already. Said once.
    Retracted {
        choice: u32,
    },
    Finish {
        choice: u32,
        reason: FinishReason,
    },
    /// What was read, where a service tells it before it answers: its tokens are exact, those of the answer are not known yet.
    Prompted(Usage),
    /// The last one counts.
    Usage(Usage),
    /// The service tier that did the work, in the words of chat completions.
    Tier(String),
}

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    Stop,
    /// One of the client's stop sequences came up: this one.
    StopSequence(String),
    Length,
    ToolCalls,
    ContentFilter,
    /// The service paused a long turn of its own tools; the client sends it back to go on.
    Pause,
    Other(String),
}

/// Tokens that a call used, as the target counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All of them: read from a cache, written to it, or neither.
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Of the input: read from the prompt cache.
    pub cached_tokens: u64,
    /// Of the input: written to the prompt cache.
    pub cache_write_tokens: u64,
    /// Of the output.
    pub reasoning_tokens: u64,
    /// Of the input.
    pub input_audio_tokens: u64,
    /// Of the output.
    pub output_audio_tokens: u64,
    /// Of the output: in a prediction that the client sent, and used.
    pub accepted_prediction_tokens: u64,
    /// Of the output: in a prediction that the client sent, and not used.
    pub rejected_prediction_tokens: u64,
}
