//! The pair of functions between `turn` and OpenAI's chat completions.

use super::{Event, Turn};
use groundwork_wire::chat;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;

impl Turn {
    /// What a chat request asks. Content that `Turn` cannot hold (images, tool calls) is an error that names it.
    pub fn from_chat(request: &chat::Request) -> Result<Self, Invalid> {
        unimplemented!("{}", request.model)
    }

    /// The body for a target: `model`, the messages, the parameters that are set, `stream`, and usage asked for when streaming.
    pub fn to_chat(&self, model: &str, stream: bool) -> Result<Object, serde_json::Error> {
        unimplemented!("{model} {stream}")
    }
}

/// What a chunk of a target's stream says, of its first choice.
pub fn events(chunk: &chat::Chunk) -> Vec<Event> {
    unimplemented!("{}", chunk.choices.len())
}
