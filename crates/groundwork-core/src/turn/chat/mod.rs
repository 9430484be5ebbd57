//! OpenAI's chat completions, with Azure's and compatible servers' additions: `reasoning_content`, and `thinking_blocks` for thoughts
//! whose signatures must come back.

mod body;
mod chunk;
mod likeness;
mod message;
mod read;
mod reader;
mod whole;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use super::Passed;
pub use reader::Reader;
pub use whole::{chunks, read, write};
pub use writer::Writer;

use super::{FinishReason, Usage};
use groundwork_wire::chat;

/// In place of a signature: the thought came from a model that speaks it as plain `reasoning_content`, and may want it back.
pub(super) const THOUGHT_ALOUD: &str = "reasoning_content";

/// Our own field of a chunk: the indexes of the choices of which all that was said is taken back.
pub(super) const RETRACTED: &str = "retracted";

impl From<chat::Usage> for Usage {
    fn from(usage: chat::Usage) -> Self {
        let chat::Usage {
            prompt_tokens,
            completion_tokens,
            total_tokens: _,
            cached_tokens,
            cache_write_tokens,
            prompt_audio_tokens,
            reasoning_tokens,
            completion_audio_tokens,
            accepted_prediction_tokens,
            rejected_prediction_tokens,
        } = usage;
        Self {
            input_tokens: prompt_tokens,
            output_tokens: completion_tokens,
            cached_tokens,
            cache_write_tokens,
            reasoning_tokens,
            input_audio_tokens: prompt_audio_tokens,
            output_audio_tokens: completion_audio_tokens,
            accepted_prediction_tokens,
            rejected_prediction_tokens,
        }
    }
}

impl From<Usage> for chat::Usage {
    fn from(usage: Usage) -> Self {
        let Usage {
            input_tokens,
            output_tokens,
            cached_tokens,
            cache_write_tokens,
            reasoning_tokens,
            input_audio_tokens,
            output_audio_tokens,
            accepted_prediction_tokens,
            rejected_prediction_tokens,
        } = usage;
        Self {
            prompt_tokens: input_tokens,
            completion_tokens: output_tokens,
            total_tokens: input_tokens.saturating_add(output_tokens),
            cached_tokens,
            cache_write_tokens,
            prompt_audio_tokens: input_audio_tokens,
            reasoning_tokens,
            completion_audio_tokens: output_audio_tokens,
            accepted_prediction_tokens,
            rejected_prediction_tokens,
        }
    }
}

impl From<&str> for FinishReason {
    fn from(reason: &str) -> Self {
        match reason {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" | "function_call" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl FinishReason {
    /// OpenAI's word for it, or that of the one server that knows it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(other) => other,
            known => known.in_chat(),
        }
    }

    /// OpenAI's word for it.
    fn in_chat(&self) -> &'static str {
        match self {
            // A reason that only one server knows is an end like another.
            Self::Stop | Self::StopSequence(_) | Self::Other(_) => "stop",
            // Cut short, and the client may ask for the rest.
            Self::Length | Self::Pause => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}
