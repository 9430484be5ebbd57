//! What the program and the child that runs a chat model say to each other: JSON, one message a line.

use super::generate::End;
use super::prepare::Source;
use super::template::Message;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// To the child. The first message opens the model, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    Open {
        source: Source,
        /// Tokens of prompt and answer together, at most; the model's own window when it says less.
        window: usize,
    },
    /// With its number: they grow.
    Do(u64, Task),
    /// Ends the task of this number and all before it.
    Cancel(u64),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Task {
    Answer(Ask),
    /// Which words of the quote answer the question?
    Mark {
        question: String,
        quote: String,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) messages: Vec<Message>,
    pub(super) stops: Vec<String>,
    /// Tokens of the answer, at most; what the window leaves when absent.
    pub(super) most: Option<usize>,
    pub(super) temperature: f64,
    pub(super) top_p: f64,
    pub(super) seed: u64,
}

/// From the child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Response {
    /// The answer to `Open`, and to every request after a failure.
    Failed(String),
    /// The prompt fits, and is about to be read.
    Begun {
        input_tokens: usize,
    },
    /// The model's template cannot write these messages.
    Refused(String),
    /// The prompt, and what may be answered, do not fit.
    TooLong {
        tokens: usize,
        window: usize,
    },
    Text(String),
    Ended {
        end: End,
        output_tokens: usize,
    },
    /// Bytes of the quote.
    Marked(Option<Range<usize>>),
}

impl Response {
    /// Whether nothing more comes for the request.
    pub(super) fn is_last(&self) -> bool {
        !matches!(self, Self::Begun { .. } | Self::Text(_))
    }
}
