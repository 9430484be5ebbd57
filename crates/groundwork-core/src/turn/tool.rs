//! Tools that the model may call, and how freely.

use super::Dialect;
use groundwork_wire::raw::Raw;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolKind {
    /// Called with a JSON object.
    #[default]
    Function,
    /// Called with free text.
    Custom,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Tool {
    Function(Function),
    Custom {
        name: String,
        description: Option<String>,
        format: Option<Raw>,
    },
    /// One that the service runs itself, by its `type`; only its own dialect can ask for it.
    Hosted {
        dialect: Dialect,
        kind: String,
        raw: Raw,
    },
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Function {
    pub name: String,
    pub description: Option<String>,
    /// A JSON schema.
    pub parameters: Option<Raw>,
    pub strict: Option<bool>,
    /// `cache_control`: a hint.
    pub cache: Option<Raw>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice {
    Auto,
    None,
    /// Some tool must be called.
    Required,
    Named {
        name: String,
        kind: ToolKind,
    },
    /// Only these, by name; `required` that one of them is called.
    Allowed {
        names: Vec<String>,
        required: bool,
    },
    /// What one dialect alone can say.
    Other {
        dialect: Dialect,
        raw: Raw,
    },
}

impl Tool {
    /// `None` for a hosted tool.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Function(Function { name, .. }) | Self::Custom { name, .. } => Some(name),
            Self::Hosted { .. } => None,
        }
    }
}
