//! Anthropic's error object.

use crate::error;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// `{"type":"error","error":{"type":…,"message":…}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// As `rate_limit_error`: the SDKs read it, beside the status.
    pub kind: String,
    pub message: String,
    pub request_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    error: Inside,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Inside {
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

impl Error {
    /// The kind that goes with a status.
    pub fn kind_of(status: u16) -> &'static str {
        match status {
            400 | 422 => "invalid_request_error",
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            409 => "conflict_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            408 | 504 => "timeout_error",
            503 | 529 => "overloaded_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        }
    }

    /// OpenAI's error in Anthropic's words. The parameter at fault has no place of its own and is in the message.
    pub fn of(error: &error::Error, status: u16) -> Self {
        let kind = match error.kind.as_str() {
            kind @ ("overloaded_error" | "api_error" | "timeout_error" | "rate_limit_error") => kind,
            _ => Self::kind_of(status),
        };
        Self { kind: kind.to_owned(), message: error.message.clone(), request_id: None }
    }

    pub fn to_bytes(&self) -> Bytes {
        let Self { kind, message, request_id } = self.clone();
        let body = Body { kind: "error".to_owned(), error: Inside { kind, message }, request_id };
        serde_json::to_vec(&body).unwrap_or_default().into()
    }

    /// `None` for what is no such object.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let Body { kind, error, request_id } = serde_json::from_slice(body).ok()?;
        (kind == "error").then_some(Self { kind: error.kind, message: error.message, request_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_anthropics_object() {
        let given = error::Error { message: "slow down".to_owned(), kind: "requests".to_owned(), param: None, code: None };
        let mut made = Error::of(&given, 429);
        assert_eq!(made.to_bytes(), r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#);
        made.request_id = Some("req_1".to_owned());
        assert_eq!(Error::parse(&made.to_bytes()), Some(made));
        assert_eq!(Error::parse(br#"{"error":{"message":"m"}}"#), None);
        assert_eq!((Error::kind_of(418), Error::kind_of(502)), ("invalid_request_error", "api_error"));
    }
}
