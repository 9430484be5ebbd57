//! Why a response failed, in the words that its clients know.

use crate::pipeline::CallError;
use groundwork_inference::target;
use groundwork_wire::error::Error;

/// What a response shows of the error that ended it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    pub(super) fn of(error: &CallError) -> Self {
        let ours = match error.http_status() {
            429 => "rate_limit_exceeded",
            400..500 => "invalid_prompt",
            _ => "server_error",
        };
        if let Some(told) = told(error) {
            // Some say their status again.
            let code = told.code.filter(|code| code.parse::<u16>().is_err());
            return Self { code: code.unwrap_or_else(|| ours.to_owned()), message: told.message };
        }
        match error {
            // The cause is for the log.
            error if error.http_status() == 500 => Self::new(ours, "The server failed to answer."),
            error => Self::new(ours, error.to_string()),
        }
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        groundwork_wire::responses::failure(&self.code, &self.message)
    }
}

/// What the target itself said, in an error object or in one of the events that end a stream. The credential and the name of the model
/// are the operator's: what a target says of them is not for the client.
fn told(error: &CallError) -> Option<Error> {
    let CallError::Call(call) = error else { return None };
    if matches!(call, target::CallError::Auth { .. } | target::CallError::NotFound { .. }) {
        return None;
    }
    Error::parse(call.said()?.body.as_deref()?).filter(|error| !error.message.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_inference::target::Said;

    fn mid_stream(body: &'static str) -> CallError {
        let said = Box::new(Said { body: Some(body.into()), ..Said::default() });
        CallError::Call(target::CallError::MidStream { target: "t".into(), message: "m".into(), said })
    }

    #[test]
    fn a_target_that_says_why_is_taken_at_its_word() {
        for (body, code) in [
            (r#"{"error":{"message":"m","code":"insufficient_quota"}}"#, "insufficient_quota"),
            (r#"{"type":"error","code":"rate_limit_exceeded","message":"m"}"#, "rate_limit_exceeded"),
            (r#"{"type":"response.failed","response":{"error":{"code":"invalid_image","message":"m"}}}"#, "invalid_image"),
            (r#"{"error":{"message":"m","code":429}}"#, "server_error"),
        ] {
            assert_eq!(Failure::of(&mid_stream(body)), Failure::new(code, "m"), "{body}");
        }
        assert_eq!(Failure::of(&mid_stream("nothing")), Failure::new("server_error", "t reported an error in mid-answer: m"));
        let said = Box::new(Said { body: Some(r#"{"error":{"message":"out of order","code":"c"}}"#.into()), ..Said::default() });
        let fault = target::CallError::Fault { target: "t".into(), status: 500, retry_after: None, message: "m".into(), said };
        assert_eq!(Failure::of(&CallError::Call(fault)), Failure::new("c", "out of order"));
        let said = Box::new(Said { body: Some(r#"{"error":{"message":"Incorrect API key provided: sk-1"}}"#.into()), ..Said::default() });
        let auth = target::CallError::NotFound { target: "t".into(), model: "m".into(), code: None, message: "no such".into(), said };
        assert!(!Failure::of(&CallError::Call(auth)).message.contains("sk-1"));
        assert_eq!(Failure::of(&CallError::DeadlineExceeded).code, "server_error");
        assert_eq!(Failure::of(&CallError::UnknownModel("m".into())).code, "invalid_prompt");
    }
}
