//! Why a response failed, in the words that its clients know.

use crate::pipeline::CallError;
use groundwork_inference::target;
use groundwork_wire::error::Error;
use groundwork_wire::object::Object;

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
        match error {
            CallError::Call(
                target::CallError::MidStream { said, message, .. }
                | target::CallError::Refused { said, message, .. }
                | target::CallError::ContentFilter { said, message, .. },
            ) => {
                let told = said.body.as_deref().and_then(code);
                Self { code: told.unwrap_or_else(|| ours.to_owned()), message: message.clone() }
            }
            // The cause is for the log.
            error if error.http_status() == 500 => Self::new(ours, "The server failed to answer."),
            error => Self::new(ours, error.to_string()),
        }
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        groundwork_wire::responses::failure(&self.code, &self.message)
    }
}

/// The code that the target itself gave, in an error object or in one of the events that end a stream.
fn code(body: &[u8]) -> Option<String> {
    if let Some(code) = Error::parse(body).and_then(|error| error.code) {
        return Some(code);
    }
    let event = Object::parse(body.to_vec()).ok()?;
    let text = |object: &Object| object.get::<String>("code", "a string").ok().flatten();
    let inner = |object: &Object, key: &str| object.get::<Object>(key, "an object").ok().flatten();
    text(&event).or_else(|| text(&inner(&inner(&event, "response")?, "error")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_inference::target::Said;

    #[test]
    fn a_target_that_says_why_is_taken_at_its_word() {
        for (body, code) in [
            (r#"{"error":{"message":"m","code":"insufficient_quota"}}"#, "insufficient_quota"),
            (r#"{"type":"error","code":"rate_limit_exceeded","message":"m"}"#, "rate_limit_exceeded"),
            (r#"{"type":"response.failed","response":{"error":{"code":"invalid_image","message":"m"}}}"#, "invalid_image"),
            ("nothing", "server_error"),
        ] {
            let said = Box::new(Said { body: Some(body.into()), ..Said::default() });
            let error = target::CallError::MidStream { target: "t".into(), message: "m".into(), said };
            assert_eq!(Failure::of(&CallError::Call(error)), Failure::new(code, "m"), "{body}");
        }
        assert_eq!(Failure::of(&CallError::DeadlineExceeded).code, "server_error");
        assert_eq!(Failure::of(&CallError::UnknownModel("m".into())).code, "invalid_prompt");
    }
}
