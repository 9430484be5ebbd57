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
    #[error("An object in the body has more than {limit} fields.")]
    TooManyFields { limit: usize },
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
    /// What serde_json says, without the place that it appends to its message.
    pub fn json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let reason = text.split_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned();
        Self::Json { reason, line: error.line(), column: error.column() }
    }

    /// Why a value of an object that is JSON could not be read: it is of another type, or what JSON can spell and nothing can hold.
    pub fn unread(error: &serde_json::Error, param: &str, expected: &'static str) -> Self {
        let param = param.to_owned();
        if error.is_syntax() {
            return Self::Value { param, reason: "it has half a surrogate pair in a text, or a number out of range".to_owned() };
        }
        Self::Type { param, expected }
    }

    /// The same error, seen from the object that holds this one's under `prefix`: `role` becomes `messages[0].role`.
    pub fn within(self, prefix: &str) -> Self {
        let join = |param: String| if param.starts_with('[') { format!("{prefix}{param}") } else { format!("{prefix}.{param}") };
        match self {
            Self::NotAnObject => Self::Type { param: prefix.to_owned(), expected: "an object" },
            Self::Duplicate { key } => Self::Duplicate { key: join(key) },
            Self::Missing { param } => Self::Missing { param: join(param) },
            Self::Type { param, expected } => Self::Type { param: join(param), expected },
            Self::Value { param, reason } => Self::Value { param: join(param), reason },
            Self::Json { .. } | Self::TooDeep { .. } | Self::TooManyFields { .. } => self,
        }
    }

    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Json { .. } | Self::NotAnObject | Self::TooDeep { .. } | Self::TooManyFields { .. } => None,
            Self::Duplicate { key: param } | Self::Missing { param } | Self::Type { param, .. } | Self::Value { param, .. } => Some(param),
        }
    }

    /// OpenAI's `code`.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } => Some("missing_required_parameter"),
            Self::Type { .. } => Some("invalid_type"),
            Self::Value { .. } => Some("invalid_value"),
            Self::Json { .. } | Self::NotAnObject | Self::TooDeep { .. } | Self::TooManyFields { .. } | Self::Duplicate { .. } => None,
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

    /// Reads a target's error body, in any of the shapes that compatible servers send: OpenAI's object, a bare string under `error`,
    /// `{"message"}` (with a code or without) or `{"detail"}` alone, and the events that end a stream of a response. `None` when it is
    /// none of them.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let Loose { error, response, message, kind, param, code, detail } = serde_json::from_slice(body).ok()?;
        match (error, response) {
            (Some(Inner::Object(inner)), _) => Some(inner.error(message)),
            (Some(Inner::Text(message)), _) => Some(Self::plain(message)),
            (_, Some(Ended::Failed { error })) => Some(error.error(message)),
            _ if message.is_some() => Some(Details { message, kind, param, code }.error(None)),
            _ => detail.and_then(word).map(Self::plain),
        }
    }

    fn plain(message: String) -> Self {
        Self { message, kind: String::new(), param: None, code: None }
    }
}

#[derive(Deserialize)]
struct Loose {
    error: Option<Inner>,
    response: Option<Ended>,
    message: Option<String>,
    #[serde(rename = "type")]
    kind: Option<serde_json::Value>,
    param: Option<serde_json::Value>,
    code: Option<serde_json::Value>,
    detail: Option<serde_json::Value>,
}

/// The response of a `response.failed`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ended {
    Failed { error: Details },
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Inner {
    Object(Details),
    Text(String),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Details {
    message: Option<String>,
    #[serde(rename = "type")]
    kind: Option<serde_json::Value>,
    param: Option<serde_json::Value>,
    code: Option<serde_json::Value>,
}

impl Details {
    fn error(self, otherwise: Option<String>) -> Error {
        Error {
            message: self.message.or(otherwise).unwrap_or_default(),
            // An event that is an error says so in the place where an error says of what kind it is.
            kind: self.kind.and_then(word).filter(|kind| kind != "error").unwrap_or_default(),
            param: self.param.and_then(word),
            code: self.code.and_then(word),
        }
    }
}

/// A text, or a number as text: some servers send the status as `code`.
fn word(value: serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_openais_object_with_null_for_what_is_unknown() {
        let missing = Invalid::Missing { param: "role".to_owned() }.within("messages[2]");
        assert_eq!(
            missing.to_error().to_bytes(),
            r#"{"error":{"message":"Missing required parameter: 'messages[2].role'.","type":"invalid_request_error","param":"messages[2].role","code":"missing_required_parameter"}}"#
        );
        assert_eq!(
            Invalid::NotAnObject.to_error().to_bytes(),
            r#"{"error":{"message":"The body must be a JSON object.","type":"invalid_request_error","param":null,"code":null}}"#
        );
    }

    #[test]
    fn the_errors_of_all_kinds_of_servers_are_read() {
        let read = |body: &str| Error::parse(body.as_bytes()).map(|error| (error.message, error.kind, error.code));
        let expect = |message: &str, kind: &str, code: Option<&str>| Some((message.to_owned(), kind.to_owned(), code.map(str::to_owned)));
        for (body, expected) in [
            (r#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#, expect("m", "t", Some("c"))),
            (r#"{"error":{"code":429,"message":"m"}}"#, expect("m", "", Some("429"))),
            (
                r#"{"error":{"code":"DeploymentNotFound","message":"m","innererror":{"code":"x"}}}"#,
                expect("m", "", Some("DeploymentNotFound")),
            ),
            (r#"{"error":"model not found"}"#, expect("model not found", "", None)),
            (r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#, expect("m", "BadRequestError", Some("400"))),
            (r#"{"type":"error","code":"rate_limit_exceeded","message":"m","param":null}"#, expect("m", "", Some("rate_limit_exceeded"))),
            (
                r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}"#,
                expect("m", "", Some("server_error")),
            ),
            (r#"{"object":"response","status":"failed","error":{"code":"c","message":"m"}}"#, expect("m", "", Some("c"))),
            (r#"{"message":"m","response":"r"}"#, expect("m", "", None)),
            (r#"{"response":{"error":null}}"#, None),
            (r#"{"detail":"Not Found"}"#, expect("Not Found", "", None)),
            (r#"{"statusCode":401,"message":"denied"}"#, expect("denied", "", None)),
            (r#"{"id":"x"}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
    }
}
