//! Batches: the object, the lines of the file that says what is asked, and the lines of the files that say what was answered.

use crate::error::Invalid;
use crate::object::Object;
use crate::raw::Raw;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the lines of a batch may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    ChatCompletions,
    Responses,
    Embeddings,
    Completions,
    Moderations,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Batch {
    pub id: String,
    pub object: Kind,
    pub endpoint: String,
    pub model: Option<String>,
    pub errors: Option<Errors>,
    pub input_file_id: String,
    pub completion_window: &'static str,
    pub status: &'static str,
    pub output_file_id: Option<String>,
    pub error_file_id: Option<String>,
    /// Seconds since 1970, like every time here.
    pub created_at: u64,
    pub in_progress_at: Option<u64>,
    pub expires_at: Option<u64>,
    pub finalizing_at: Option<u64>,
    pub completed_at: Option<u64>,
    pub failed_at: Option<u64>,
    pub expired_at: Option<u64>,
    pub cancelling_at: Option<u64>,
    pub cancelled_at: Option<u64>,
    pub request_counts: Counts,
    pub usage: Option<Usage>,
    pub metadata: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Kind {
    #[serde(rename = "batch")]
    Batch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub total: u64,
    pub completed: u64,
    pub failed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    pub input_tokens: u64,
    pub input_tokens_details: InputDetails,
    pub output_tokens: u64,
    pub output_tokens_details: OutputDetails,
    pub total_tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InputDetails {
    pub cached_tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutputDetails {
    pub reasoning_tokens: u64,
}

/// Why a batch failed before a line was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    #[serde(default)]
    pub object: String,
    pub data: Vec<Fault>,
}

/// What is wrong with the file, or with one of its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub code: String,
    pub message: String,
    #[serde(default)]
    pub param: Option<String>,
    /// From 1; none when it is the whole file.
    #[serde(default)]
    pub line: Option<u32>,
}

/// What one line asks for.
#[derive(Debug, Clone)]
pub struct Task {
    pub custom_id: String,
    pub model: String,
    pub body: Object,
}

/// What one line of an output or error file says.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    pub id: &'a str,
    pub custom_id: &'a str,
    pub response: Option<Response<'a>>,
    pub error: Option<Unanswered<'a>>,
}

#[derive(Debug, Serialize)]
pub struct Response<'a> {
    pub status_code: u16,
    pub request_id: &'a str,
    pub body: &'a Raw,
}

/// Why a line has no answer.
#[derive(Debug, Serialize)]
pub struct Unanswered<'a> {
    pub code: &'a str,
    pub message: &'a str,
}

/// What one line of a server's output or error file says.
#[derive(Debug, Deserialize)]
pub struct Heard {
    pub custom_id: String,
    pub response: Option<Answered>,
    #[serde(default)]
    pub error: Option<Reason>,
}

/// Why a server has no answer to a line.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Reason {
    pub code: String,
    pub message: String,
}

#[derive(Debug, Deserialize)]
pub struct Answered {
    pub status_code: u16,
    #[serde(default)]
    pub request_id: Option<String>,
    pub body: Raw,
}

impl Endpoint {
    /// With OpenAI's `/v1` before it, with Azure's `/openai/v1`, or bare.
    pub fn parse(path: &str) -> Option<Self> {
        let path = ["/openai/v1", "/v1"].iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(path);
        [Self::ChatCompletions, Self::Responses, Self::Embeddings, Self::Completions, Self::Moderations]
            .into_iter()
            .find(|endpoint| endpoint.path() == path)
    }

    /// Behind the base address.
    pub fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/chat/completions",
            Self::Responses => "/responses",
            Self::Embeddings => "/embeddings",
            Self::Completions => "/completions",
            Self::Moderations => "/moderations",
        }
    }
}

impl Task {
    /// Reads a line; `at` is its number.
    pub fn parse(line: Bytes, endpoint: Endpoint, at: u32) -> Result<Self, Fault> {
        if line.starts_with(b"\xef\xbb\xbf") {
            return Err(Fault::of("invalid_json_line", "the file begins with a byte order mark: save it without one", None, at));
        }
        let object = Object::parse(line).map_err(|invalid| Fault::of("invalid_json_line", &invalid.to_string(), None, at))?;
        let wrong = |invalid: &Invalid| Fault::of("invalid_request", &invalid.to_string(), invalid.param(), at);
        Self::read(&object, endpoint, at).unwrap_or_else(|invalid| Err(wrong(&invalid)))
    }

    fn read(object: &Object, endpoint: Endpoint, at: u32) -> Result<Result<Self, Fault>, Invalid> {
        let text = |key: &str| {
            let text: Option<String> = object.get(key, "a string")?;
            text.filter(|text| !text.is_empty()).ok_or_else(|| Invalid::Missing { param: key.to_owned() })
        };
        let custom_id = text("custom_id")?;
        let method = text("method")?;
        if method != "POST" {
            return Err(Invalid::Value { param: "method".to_owned(), reason: format!("{method:?} is not \"POST\"") });
        }
        let url = text("url")?;
        if Endpoint::parse(&url) != Some(endpoint) {
            let message = format!("the line asks for {url:?}, and the batch is for {:?}", endpoint.path());
            return Ok(Err(Fault::of("url_mismatch", &message, Some("url"), at)));
        }
        let body: Object = object.get("body", "an object")?.ok_or_else(|| Invalid::Missing { param: "body".to_owned() })?;
        let model: Option<String> = body.get("model", "a string").map_err(|error| error.within("body"))?;
        let model = model.ok_or_else(|| Invalid::Missing { param: "body.model".to_owned() })?;
        Ok(Ok(Self { custom_id, model, body }))
    }
}

impl Fault {
    pub fn of(code: &str, message: &str, param: Option<&str>, line: u32) -> Self {
        Self { code: code.to_owned(), message: message.to_owned(), param: param.map(str::to_owned), line: Some(line) }
    }

    pub fn of_file(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned(), param: None, line: None }
    }
}

impl Errors {
    pub fn new(data: Vec<Fault>) -> Self {
        Self { object: "list".to_owned(), data }
    }
}

impl Told<'_> {
    /// With its line end.
    pub fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(line: &str) -> Result<Task, Fault> {
        Task::parse(Bytes::copy_from_slice(line.as_bytes()), Endpoint::ChatCompletions, 7)
    }

    #[test]
    fn an_endpoint_has_a_name_with_either_vendor() {
        for path in ["/v1/chat/completions", "/chat/completions", "/openai/v1/chat/completions"] {
            assert_eq!(Endpoint::parse(path), Some(Endpoint::ChatCompletions), "{path}");
        }
        for path in ["/v1/images/generations", "chat/completions", "", "/v1", "/v1/v1/embeddings"] {
            assert_eq!(Endpoint::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_line_is_read_and_its_body_is_kept_as_it_is_spelled() {
        let line = r#"{"custom_id":"a","method":"POST","url":"/chat/completions","body":{"model":"m","seed":9007199254740993,"x": 1.50}}"#;
        let task = task(line).unwrap();
        assert_eq!((task.custom_id.as_str(), task.model.as_str()), ("a", "m"));
        assert_eq!(task.body.to_bytes(), r#"{"model":"m","seed":9007199254740993,"x": 1.50}"#);
    }

    #[test]
    fn every_wrong_line_has_the_code_of_what_is_wrong() {
        let with = |from: &str, to: &str| {
            r#"{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}"#.replace(from, to)
        };
        for (line, code, param) in [
            ("{".to_owned(), "invalid_json_line", None),
            ("[1]".to_owned(), "invalid_json_line", None),
            ("\u{feff}{}".to_owned(), "invalid_json_line", None),
            ("{}".to_owned(), "invalid_request", Some("custom_id")),
            (with(r#""a""#, "7"), "invalid_request", Some("custom_id")),
            (with(r#""a""#, r#""""#), "invalid_request", Some("custom_id")),
            (with("POST", "GET"), "invalid_request", Some("method")),
            (with("/v1/chat/completions", "/v1/embeddings"), "url_mismatch", Some("url")),
            (with("/v1/chat/completions", "nowhere"), "url_mismatch", Some("url")),
            (with(r#"{"model":"m"}"#, "7"), "invalid_request", Some("body")),
            (with(r#"{"model":"m"}"#, "{}"), "invalid_request", Some("body.model")),
            (with(r#"{"model":"m"}"#, r#"{"model":7}"#), "invalid_request", Some("body.model")),
        ] {
            let fault = task(&line).unwrap_err();
            assert_eq!((fault.code.as_str(), fault.param.as_deref(), fault.line), (code, param, Some(7)), "{line}");
        }
    }

    #[test]
    fn an_answer_stands_in_its_line_as_it_was_spelled() {
        let body = Raw::parse(r#"{"id":"x","n": 1.50}"#).unwrap();
        let response = Response { status_code: 200, request_id: "call_1", body: &body };
        let told = Told { id: "batch_req_1", custom_id: "a", response: Some(response), error: None };
        assert_eq!(
            told.to_line(),
            "{\"id\":\"batch_req_1\",\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"request_id\":\"call_1\",\"body\":{\"id\":\"x\",\"n\": 1.50}},\"error\":null}\n"
        );
        let heard: Heard = serde_json::from_str(&told.to_line()).unwrap();
        assert_eq!(heard.response.unwrap().body, body);
        assert_eq!(heard.error, None);
    }
}
