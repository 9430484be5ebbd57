//! What a conversation is made of: messages and their parts.

use super::chat::THOUGHT_ALOUD;
use super::{Dialect, ToolKind};
use groundwork_wire::raw::Raw;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    System,
    Developer,
    #[default]
    User,
    Assistant,
    Tool,
}

/// One message. The results of tools stand in messages of the role `Tool`, or in those of the user beside what it says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
    /// Which of several participants of that role.
    pub name: Option<String>,
    /// `cache_control` of the parts that have one, by their place in `parts`: a hint, which a dialect without it leaves out.
    pub cache: BTreeMap<usize, Raw>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Text(String),
    Image {
        media: Media,
        detail: Option<String>,
    },
    Audio {
        /// Base64.
        data: String,
        format: String,
    },
    File {
        media: Media,
        name: Option<String>,
    },
    /// The model's words for why it does not answer.
    Refusal(String),
    Reasoning(Reasoning),
    ToolCall(ToolCall),
    ToolResult(ToolResult),
    /// Content of a message that one dialect alone can say, by its `type`.
    Other {
        dialect: Dialect,
        kind: String,
        raw: Raw,
    },
    /// What stands between messages in the responses API, and what it alone can say, by its `type`.
    Item {
        kind: String,
        raw: Raw,
    },
}

/// Where the bytes of an image or a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    Url(String),
    Base64 {
        media_type: String,
        data: String,
    },
    /// A file of the service that the dialect belongs to.
    Id(String),
    /// A document that is plain text.
    Text(String),
}

/// What the model thought before it spoke.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    pub id: Option<String>,
    pub text: String,
    pub summary: Vec<String>,
    /// Must come back to the model unchanged.
    pub signature: Option<Signature>,
    /// The thought itself is withheld; `signature` is all there is of it.
    pub redacted: bool,
}

/// An opaque proof or ciphertext that only the service that made it can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub dialect: Dialect,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON as the model wrote it, which need not be valid; free text for a custom tool.
    pub arguments: String,
    pub kind: ToolKind,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// Of the call.
    pub id: String,
    pub parts: Vec<Part>,
    pub is_error: bool,
    pub kind: ToolKind,
}

impl Message {
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, ..Self::default() }
    }

    pub fn of_text(role: Role, text: impl Into<String>) -> Self {
        Self::new(role, vec![Part::Text(text.into())])
    }

    /// The message as text, its parts joined by line feeds; `None` when one of them is no text.
    pub fn text(&self) -> Option<String> {
        text_of(&self.parts)
    }
}

/// Parts as one text, joined by line feeds; `None` when one of them is no text.
pub fn text_of(parts: &[Part]) -> Option<String> {
    if let [Part::Text(text) | Part::Refusal(text)] = parts {
        return Some(text.clone());
    }
    fn text(part: &Part) -> Option<&str> {
        match part {
            Part::Text(text) | Part::Refusal(text) => Some(text),
            _ => None,
        }
    }
    parts.iter().map(text).collect::<Option<Vec<_>>>().map(|texts| texts.join("\n"))
}

/// What a proof of the responses API begins with where signatures of messages are at home.
const CARRIED: &str = "groundwork:responses:";

impl Signature {
    /// The proof in the place of one of Anthropic's, so that any client hands it back. `id` is that of the thought.
    pub(super) fn seal<'a>(signature: Option<&'a Self>, id: Option<&str>) -> Cow<'a, str> {
        match signature {
            Some(Self { dialect: Dialect::Responses, value }) => format!("{CARRIED}{}:{value}", id.unwrap_or_default()).into(),
            Some(Self { value, .. }) => value.into(),
            None => THOUGHT_ALOUD.into(),
        }
    }

    /// A proof from the place of one of Anthropic's, and the id of its thought.
    pub(super) fn open(value: String) -> (Option<String>, Self) {
        match value.strip_prefix(CARRIED).and_then(|rest| rest.split_once(':')) {
            Some((id, proof)) => {
                let signature = Self { dialect: Dialect::Responses, value: proof.to_owned() };
                (Some(id.to_owned()).filter(|id| !id.is_empty()), signature)
            }
            None if value == THOUGHT_ALOUD => (None, Self { dialect: Dialect::Chat, value }),
            None => (None, Self { dialect: Dialect::Messages, value }),
        }
    }
}

impl Media {
    /// A `data:` URL taken apart, any other address as it is.
    pub fn from_url(url: &str) -> Self {
        let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(','));
        match inline.and_then(|(head, data)| Some((head.strip_suffix(";base64")?, data))) {
            Some((media_type, data)) if !media_type.is_empty() && !media_type.contains(';') => {
                Self::Base64 { media_type: media_type.to_owned(), data: data.to_owned() }
            }
            _ => Self::Url(url.to_owned()),
        }
    }

    /// The address, or the bytes as a `data:` URL; `None` for what has neither.
    pub fn to_url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Base64 { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
            Self::Id(_) | Self::Text(_) => None,
        }
    }
}
