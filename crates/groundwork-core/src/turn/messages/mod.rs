//! Anthropic's messages, version 2023-06-01.

mod body;
mod read;
mod reader;
mod said;
mod whole;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::Reader;
pub use whole::{read, write};
pub use write::DEFAULT_MAX_TOKENS;
pub use writer::Writer;

use super::{FinishReason, Frame, Usage};
use groundwork_wire::messages;

/// The totals of `turn` are of everything, Anthropic's of what is neither read from the cache nor written to it.
impl From<&messages::Usage> for Usage {
    fn from(usage: &messages::Usage) -> Self {
        let cached_tokens = usage.cache_read_input_tokens.unwrap_or(0);
        let cache_write_tokens = usage.cache_creation_input_tokens.unwrap_or(0);
        let fresh = usage.input_tokens.unwrap_or(0);
        Self {
            input_tokens: fresh.saturating_add(cached_tokens).saturating_add(cache_write_tokens),
            output_tokens: usage.output_tokens.unwrap_or(0),
            cached_tokens,
            cache_write_tokens,
            reasoning_tokens: usage.output_tokens_details.and_then(|details| details.thinking_tokens).unwrap_or(0),
            ..Self::default()
        }
    }
}

impl From<Usage> for messages::Usage {
    fn from(usage: Usage) -> Self {
        let Usage { input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, .. } = usage;
        let thinking = messages::OutputDetails { thinking_tokens: Some(reasoning_tokens) };
        Self {
            input_tokens: Some(input_tokens.saturating_sub(cached_tokens).saturating_sub(cache_write_tokens)),
            cache_creation_input_tokens: Some(cache_write_tokens),
            cache_read_input_tokens: Some(cached_tokens),
            output_tokens: Some(output_tokens),
            output_tokens_details: (reasoning_tokens > 0).then_some(thinking),
            service_tier: None,
        }
    }
}

/// The event that ends a stream.
pub(super) fn last_frame() -> Frame {
    Frame::named("message_stop", r#"{"type":"message_stop"}"#)
}

/// Clients go by the name of an event, which some servers leave out.
pub(super) fn named(frame: Frame) -> Frame {
    if frame.event.is_some() {
        return frame;
    }
    match groundwork_wire::responses::kind_of(&frame.data) {
        Some(kind) => Frame::new(Some(kind.into()), frame.data),
        None => frame,
    }
}

/// Why a message stopped, from `stop_reason` and `stop_sequence`.
fn finish_reason(reason: &str, sequence: Option<&str>) -> FinishReason {
    match reason {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence(sequence.unwrap_or_default().to_owned()),
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        "pause_turn" => FinishReason::Pause,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// `stop_reason` and `stop_sequence`.
fn stop_reason(reason: &FinishReason) -> (&'static str, Option<&str>) {
    match reason {
        FinishReason::StopSequence(sequence) => ("stop_sequence", Some(sequence.as_str()).filter(|sequence| !sequence.is_empty())),
        FinishReason::Length => ("max_tokens", None),
        FinishReason::ToolCalls => ("tool_use", None),
        FinishReason::ContentFilter => ("refusal", None),
        FinishReason::Pause => ("pause_turn", None),
        // A reason that only one server knows is an end like another.
        FinishReason::Stop | FinishReason::Other(_) => ("end_turn", None),
    }
}

/// OpenAI's words for Anthropic's tiers.
fn tier(tier: &str) -> &str {
    if tier == "standard" { "default" } else { tier }
}
