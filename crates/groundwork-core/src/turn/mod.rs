//! The one typed model of a conversation turn and of the events of its answer, and each dialect's way to and from it.
//!
//! A call whose target speaks the client's dialect does not come through here: its bytes pass as they are, and a `Reader` listens
//! beside them for usage, text and the end. Only between dialects a request is read into a [`Turn`] and written anew, and an answer
//! into [`Event`]s. There the rule is: what changes the answer and cannot be said in the other dialect is an error that names the
//! field; hints that change only cost, speed or bookkeeping (`metadata`, `store`, cache marks, predictions) are left out.

mod answer;
mod borrowed;
pub mod chat;
mod event;
mod fields;
mod frame;
mod message;
pub mod messages;
mod plain;
pub mod recast;
pub mod responses;
mod tool;
pub mod translate;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Choice};
pub use event::{Event, FinishReason, Usage};
pub use frame::Frame;
pub use message::{Media, Message, Part, Reasoning, Role, Signature, ToolCall, ToolResult, text_of};
pub use tool::{Function, Tool, ToolChoice, ToolKind};

use groundwork_wire::error::{Error, Invalid};
use groundwork_wire::raw::Raw;
use std::collections::BTreeMap;

/// A way to say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// OpenAI's chat completions.
    #[default]
    Chat,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
}

/// What the model is asked. `None` everywhere means that the client said nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turn {
    /// What it was read from: the names of fields in errors are that dialect's.
    pub dialect: Dialect,
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    pub parallel_tool_calls: Option<bool>,
    pub format: Format,
    /// With the tokens of reasoning.
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u32>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub logit_bias: Option<Raw>,
    pub stop: Vec<String>,
    pub seed: Option<i64>,
    pub reasoning: Option<Thinking>,
    pub n: Option<u32>,
    pub logprobs: Option<Logprobs>,
    pub user: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub service_tier: Option<String>,
    pub prompt_cache_key: Option<String>,
    pub verbosity: Option<String>,
    /// Fields that only `dialect` knows, by name: they go back into it, and are refused by every other.
    pub rest: Vec<(String, Raw)>,
    /// Full names of fields inside messages and tools that nothing here stands for: every dialect refuses the first of them.
    pub unsaid: Vec<String>,
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Format {
    #[default]
    Text,
    JsonObject,
    JsonSchema(JsonSchema),
    /// What one dialect alone can say.
    Other {
        dialect: Dialect,
        raw: Raw,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct JsonSchema {
    /// `None` from a dialect that does not name schemas.
    pub name: Option<String>,
    pub description: Option<String>,
    pub schema: Option<Raw>,
    pub strict: Option<bool>,
}

/// How much the model is to think, and what is to be seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Thinking {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    pub effort: Option<String>,
    /// `auto`, `concise`, `detailed`.
    pub summary: Option<String>,
    pub budget_tokens: Option<u32>,
}

/// Probabilities of the answer's tokens, and of how many others at each place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Logprobs {
    pub top: Option<u8>,
}

/// Why what a target sent is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is an error object, also inside a 200 or a stream.
    #[error("the target answered with an error: {}", .0.message)]
    Refused(Error),
    #[error("the target's answer cannot be read: {0}")]
    Malformed(String),
}

/// A frame on its way to a client that speaks the target's dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Passed {
    /// What the client is to see; of a chat stream `None` for usage that it did not ask for, and for nothing at all.
    pub frame: Option<Frame>,
    pub events: Vec<Event>,
}

/// How an answer that is written anew is headed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Our own, in the dialect's form: `chatcmpl-…`, `resp_…`, `msg_…`.
    pub id: String,
    /// Unless the target names one.
    pub model: String,
    /// Seconds since 1970, unless the target says.
    pub created: u64,
    /// The client asked for the usage in a chat stream.
    pub include_usage: bool,
}

impl Thinking {
    /// How much, in a word: for a model that is told a number of tokens, what its makers' own documentation has for such sizes.
    fn word(&self) -> Option<&str> {
        let of_size = |tokens| match tokens {
            0..=4_096 => "low",
            4_097..=16_384 => "medium",
            _ => "high",
        };
        self.effort.as_deref().or_else(|| self.budget_tokens.map(of_size))
    }
}

impl Turn {
    /// Refuses what only another dialect than `target` knows. Whoever writes a turn begins with it.
    pub fn check_for(&self, target: Dialect) -> Result<(), Invalid> {
        let own = self.dialect == target;
        let foreign = self.rest.iter().map(|(key, _)| key).filter(|_| !own).chain(&self.unsaid).next();
        foreign.map_or(Ok(()), |param| Err(target.cannot(param, "has no such field")))
    }

    /// The parameter in the dialect that the client spoke; `field` is its name in this struct.
    pub fn param(&self, field: &'static str) -> &'static str {
        match (field, self.dialect) {
            ("format", Dialect::Chat) => "response_format",
            ("format", Dialect::Responses) => "text.format",
            ("format", Dialect::Messages) => "output_config.format",
            ("max_output_tokens", Dialect::Chat) => "max_completion_tokens",
            ("max_output_tokens", Dialect::Messages) => "max_tokens",
            ("stop", Dialect::Messages) => "stop_sequences",
            ("effort", Dialect::Chat) => "reasoning_effort",
            ("effort", Dialect::Responses) => "reasoning.effort",
            ("effort", Dialect::Messages) => "output_config.effort",
            ("verbosity", Dialect::Responses) => "text.verbosity",
            ("logprobs", Dialect::Responses) => "top_logprobs",
            ("messages", Dialect::Responses) => "input",
            _ => field,
        }
    }

    /// The name of message number `index` in the dialect that the client spoke.
    pub fn place(&self, index: usize) -> String {
        match self.dialect {
            Dialect::Messages => match self.messages.first() {
                // The `system` field is the first message.
                Some(first) if first.role == Role::System && index == 0 => "system".to_owned(),
                Some(first) if first.role == Role::System => format!("messages[{}]", index - 1),
                _ => format!("messages[{index}]"),
            },
            Dialect::Chat => format!("messages[{index}]"),
            Dialect::Responses => "input".to_owned(),
        }
    }

    /// The name of the part `at` of that message.
    pub fn part_place(&self, index: usize, at: usize) -> String {
        let place = self.place(index);
        let Some(message) = self.messages.get(index) else { return place };
        let is_call = |part: &&Part| matches!(part, Part::ToolCall(_));
        let before = || message.parts[..at].iter().filter(is_call).count();
        match (self.dialect, message.parts.get(at)) {
            (Dialect::Chat, Some(Part::ToolCall(_))) => format!("{place}.tool_calls[{}]", before()),
            (Dialect::Messages, _) if place == "system" => format!("system[{at}]"),
            (Dialect::Responses, _) => place,
            _ => format!("{place}.content[{at}]"),
        }
    }
}

impl Dialect {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "OpenAI chat completions",
            Self::Responses => "OpenAI responses",
            Self::Messages => "Anthropic messages",
        }
    }

    /// The error for what this dialect cannot say.
    pub fn cannot(self, param: impl Into<String>, what: &str) -> Invalid {
        let reason = format!("the model behind this name is asked in the form of {}, which {what}", self.as_str());
        Invalid::Value { param: param.into(), reason }
    }
}
