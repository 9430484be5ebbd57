//! What the scripted target does: the answers to successive calls, with their delays and faults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The first call gets the first answer, and so on; after the last one the first follows again. An empty script echoes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    pub answers: Vec<Answer>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// The pieces in which the text is streamed; `None` echoes all messages of the request, a word at a time.
    pub pieces: Option<Vec<String>>,
    pub finish: String,
    /// What the answer says it used; counted in words when absent.
    pub usage: Option<Tokens>,
    /// Milliseconds before the first piece, and between two.
    pub first_token_ms: u64,
    pub chunk_ms: u64,
    pub fault: Option<Fault>,
}

impl Default for Answer {
    fn default() -> Self {
        Self { pieces: None, finish: "stop".to_owned(), usage: None, first_token_ms: 0, chunk_ms: 0, fault: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    pub input: u64,
    pub output: u64,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Refused before anything is answered.
    Refuse {
        status: u16,
        #[serde(default)]
        code: String,
        message: String,
        #[serde(default)]
        retry_after_ms: Option<u64>,
    },
    /// Goes silent for good after so many pieces.
    Hang { after: usize },
    /// The connection breaks after so many pieces.
    Break { after: usize },
    /// An error event instead of the next piece.
    Error { after: usize, message: String },
}

impl Script {
    /// Answers `text` every time.
    pub fn say(text: &str) -> Self {
        Self::new([Answer { pieces: Some(vec![text.to_owned()]), ..Answer::default() }])
    }

    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: answers.into_iter().collect() }
    }
}
