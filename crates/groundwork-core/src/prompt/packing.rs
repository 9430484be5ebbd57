//! Packing: what of history and sources goes into the prompt, so that it never passes the model's window.

use super::{Template, TemplateError};
use crate::ids::DocumentId;
use crate::tokens::Tokenize;
use crate::turn::Message;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A chunk that the search found, best first in a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    pub document: DocumentId,
    /// The document's name as its people know it, such as `handbook.pdf`.
    pub name: String,
    pub title: Option<String>,
    pub version: u32,
    /// First and last page, counted from 1, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// Outermost first.
    pub heading_path: Vec<String>,
    /// Characters of the document version's text.
    pub span: Range<usize>,
    /// For display and prompt: the document's own words at `span`.
    pub text: String,
    pub score: f32,
}

/// A source as it stands in the prompt: one passage, or neighbours joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The integer that citations name, from 1 in the order of the prompt.
    pub id: u32,
    pub passage: Passage,
    /// Tokens of `passage.text`.
    pub tokens: usize,
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The model's context window, in tokens.
    pub window: usize,
    /// Kept free for the answer.
    pub reserved_output: usize,
    /// Tokens that the model's chat format adds around each message.
    pub per_message: usize,
    /// Tokens that it adds once.
    pub per_prompt: usize,
    /// Of the room that the fixed part leaves, what history may take before the sources, in percent.
    pub history_percent: u8,
}

impl Budget {
    /// The budget of a model whose chat format is that of OpenAI's models: 3 tokens around a message, and one for its role; 3 once.
    pub fn new(window: usize, reserved_output: usize) -> Self {
        Self { window, reserved_output, per_message: 4, per_prompt: 3, history_percent: 30 }
    }
}

/// What a prompt is made of.
#[derive(Debug, Clone, Copy)]
pub struct Prompt<'a> {
    pub template: &'a Template,
    /// The assistant's name, a value of the template.
    pub assistant: &'a str,
    /// Earlier messages, oldest first, without the question.
    pub history: &'a [Message],
    pub question: &'a str,
    /// Best first.
    pub passages: &'a [Passage],
}

/// What goes to the model, and what a citation may point at.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    /// The static part first, then history, then one message with sources and question.
    pub messages: Vec<Message>,
    pub sources: Vec<Source>,
    pub accounting: Accounting,
}

/// Where the tokens went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Accounting {
    /// All of the prompt, framing included; never more than window less reserved output.
    pub prompt_tokens: usize,
    pub history_tokens: usize,
    pub source_tokens: usize,
    pub history_messages_dropped: usize,
    pub passages_dropped: usize,
    /// False when counted by an upper bound.
    pub exact: bool,
}

/// The parts that are never cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breakdown {
    pub system: usize,
    pub question: usize,
    pub framing: usize,
    pub reserved_output: usize,
    pub window: usize,
}

/// Why no prompt was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(
        "the question does not fit the model's window of {} tokens: rules {}, question {}, framing {}, reserved for the answer {}; shorten the question or choose a model with a larger window",
        .0.window, .0.system, .0.question, .0.framing, .0.reserved_output
    )]
    FixedPartTooLarge(Breakdown),
}

/// Packs a prompt. For any input the result has at most `window - reserved_output` tokens.
pub fn pack(prompt: &Prompt<'_>, budget: &Budget, tokenizer: &dyn Tokenize) -> Result<Packed, PackError> {
    unimplemented!("{} {} {}", prompt.question, budget.window, tokenizer.is_exact())
}
