//! Messages and tools of a chat request, as they are written.

use crate::turn::{Role, ToolCall, ToolKind};
use groundwork_wire::raw::Raw;
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// A message in the making.
pub(super) struct Wire<'a> {
    pub(super) role: &'static str,
    pub(super) parts: Vec<Content<'a>>,
    pub(super) name: Option<&'a str>,
    pub(super) refusal: Option<&'a str>,
    pub(super) reasoning_content: Option<String>,
    pub(super) tool_calls: Vec<WireCall<'a>>,
    pub(super) tool_call_id: Option<&'a str>,
}

impl<'a> Wire<'a> {
    pub(super) fn of(role: Role) -> Self {
        let role = match role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        Self { role, parts: Vec::new(), name: None, refusal: None, reasoning_content: None, tool_calls: Vec::new(), tool_call_id: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.tool_calls.is_empty() && self.refusal.is_none()
    }

    /// Adds what the same speaker says next.
    pub(super) fn join(&mut self, next: Self) {
        self.parts.extend(next.parts);
        self.tool_calls.extend(next.tool_calls);
        self.refusal = self.refusal.or(next.refusal);
        if let Some(thought) = next.reasoning_content {
            self.reasoning_content.get_or_insert_default().push_str(&thought);
        }
    }
}

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Whole<'a> {
            Text(&'a str),
            Parts(&'a [Content<'a>]),
        }
        #[derive(Serialize)]
        struct Fields<'a> {
            role: &'a str,
            content: Option<Whole<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            refusal: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reasoning_content: Option<&'a str>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            tool_calls: &'a [WireCall<'a>],
            #[serde(skip_serializing_if = "Option::is_none")]
            tool_call_id: Option<&'a str>,
        }
        let content = match self.parts.as_slice() {
            [] if self.role == "assistant" && !self.is_empty() => None,
            [] => Some(Whole::Text("")),
            [Content::Text { text }] => Some(Whole::Text(text)),
            parts => Some(Whole::Parts(parts)),
        };
        let fields = Fields {
            role: self.role,
            content,
            name: self.name,
            refusal: self.refusal,
            reasoning_content: self.reasoning_content.as_deref(),
            tool_calls: &self.tool_calls,
            tool_call_id: self.tool_call_id,
        };
        fields.serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content<'a> {
    Text {
        text: Cow<'a, str>,
    },
    ImageUrl {
        image_url: ImageUrl<'a>,
    },
    InputAudio {
        input_audio: InputAudio<'a>,
    },
    File {
        file: File<'a>,
    },
    #[serde(untagged)]
    Raw(&'a Raw),
}

#[derive(Serialize)]
pub(super) struct ImageUrl<'a> {
    pub(super) url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct InputAudio<'a> {
    pub(super) data: &'a str,
    pub(super) format: &'a str,
}

#[derive(Serialize)]
pub(super) struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_id: Option<&'a str>,
}

/// A whole tool call, of a request or of an answer.
#[derive(Serialize)]
pub(super) struct WireCall<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Called<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<Given<'a>>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Given<'a> {
    name: &'a str,
    input: &'a str,
}

impl<'a> From<&'a ToolCall> for WireCall<'a> {
    fn from(call: &'a ToolCall) -> Self {
        let ToolCall { id, name, arguments, kind } = call;
        match kind {
            ToolKind::Function => {
                // A call without arguments is one with none.
                let arguments = if arguments.is_empty() { "{}" } else { arguments };
                Self { id, kind: "function", function: Some(Called { name, arguments }), custom: None }
            }
            ToolKind::Custom => Self { id, kind: "custom", function: None, custom: Some(Given { name, input: arguments }) },
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum WireTool<'a> {
    Function {
        function: WireFunction<'a>,
    },
    Custom {
        custom: WireCustom<'a>,
    },
    #[serde(untagged)]
    Raw(&'a Raw),
}

#[derive(Serialize)]
pub(super) struct WireFunction<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<&'a Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct WireCustom<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<&'a Raw>,
}

#[derive(Serialize)]
pub(super) struct ResponseFormat<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) json_schema: JsonSchema<'a>,
}

#[derive(Serialize)]
pub(super) struct JsonSchema<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<&'a Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
}
