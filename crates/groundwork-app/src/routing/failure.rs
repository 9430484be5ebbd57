//! What an error of a target means for the pool, and which of several a client is to see.

use crate::pipeline::now;
use groundwork_core::pool::Failure;
use groundwork_inference::target::{CallError, Stage};
use std::time::Instant;

/// Of an attempt that `began` then, in a call that must end by `deadline`. What not `everywhere` is done may be refused by a deployment
/// that is well otherwise.
pub(super) fn of(error: &CallError, everywhere: bool, (began, deadline): (Instant, Instant)) -> Failure {
    match error {
        CallError::Auth { .. } | CallError::NotFound { .. } if !everywhere => Failure::Unable,
        CallError::Auth { .. } => Failure::Denied,
        CallError::NotFound { code, message, .. } if is_about_the_deployment(code.as_deref(), message) => Failure::Missing,
        // Something that the request refers to.
        CallError::NotFound { .. } => Failure::Unable,
        CallError::RateLimited { retry_after, .. } => Failure::Pressure { retry_after: *retry_after },
        CallError::QuotaExhausted { .. } => Failure::Exhausted,
        CallError::TooLong { .. } => Failure::TooLong,
        CallError::ContentFilter { .. } | CallError::Refused { .. } => Failure::Final,
        CallError::Fault { retry_after, .. } => Failure::Sick { retry_after: *retry_after },
        CallError::Unreachable { .. } | CallError::Broken { .. } | CallError::MidStream { .. } => Failure::Sick { retry_after: None },
        // A target's own limits say that it is silent: only what is over at the caller's is over.
        CallError::Timeout { stage: Stage::End, .. } if now() >= deadline => Failure::Deadline { patience: now() - began },
        CallError::Timeout { .. } => Failure::Silent,
        CallError::Unsupported { .. } | CallError::Invalid { .. } => Failure::Unable,
    }
}

/// Its code says so; one that only says that something is not there leaves it to the message.
fn is_about_the_deployment(code: Option<&str>, message: &str) -> bool {
    let code = code.unwrap_or_default().to_lowercase();
    let says = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    match code.as_str() {
        "" | "404" | "not_found" | "notfound" | "not_found_error" => {
            says(&message.to_lowercase(), &["model", "deployment", "resource", "404"])
        }
        code => says(code, &["model", "deployment"]),
    }
}

/// The better of two errors to tell a client who asked once: what says when to come again, before what may pass by itself, before what
/// the client can mend, before what only the operator can.
pub(super) fn better(one: CallError, other: CallError) -> CallError {
    let (a, b) = (use_of(&one), use_of(&other));
    let sooner = || match (one.retry_after(), other.retry_after()) {
        (Some(one), Some(other)) => one < other,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if a > b || (a == b && sooner()) { one } else { other }
}

fn use_of(error: &CallError) -> u8 {
    match error {
        CallError::ContentFilter { .. } | CallError::Refused { .. } => 6,
        CallError::RateLimited { .. } => 5,
        CallError::Fault { .. }
        | CallError::Unreachable { .. }
        | CallError::Broken { .. }
        | CallError::MidStream { .. }
        | CallError::Timeout { .. } => 4,
        CallError::TooLong { .. } | CallError::Unsupported { .. } | CallError::Invalid { .. } => 3,
        CallError::QuotaExhausted { .. } => 2,
        CallError::Auth { .. } => 1,
        CallError::NotFound { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_inference::target::Throttle;
    use std::time::Duration;

    fn limited(seconds: Option<u64>) -> CallError {
        let retry_after = seconds.map(Duration::from_secs);
        let throttle = Throttle::Quota;
        CallError::RateLimited { target: "t".into(), status: 429, throttle, retry_after, message: String::new(), said: Box::default() }
    }

    fn fault() -> CallError {
        CallError::Fault { target: "t".into(), status: 500, retry_after: None, message: String::new(), said: Box::default() }
    }

    fn missing() -> CallError {
        CallError::NotFound { target: "t".into(), model: "m".into(), code: None, message: String::new(), said: Box::default() }
    }

    #[test]
    fn a_client_is_told_when_to_come_again_whoever_failed_last() {
        for (one, other) in [(limited(Some(3)), missing()), (missing(), limited(Some(3))), (fault(), limited(Some(3)))] {
            assert_eq!(better(one, other).retry_after(), Some(Duration::from_secs(3)));
        }
        for (one, other) in [(limited(Some(9)), limited(Some(2))), (limited(Some(2)), limited(Some(9))), (limited(None), limited(Some(2)))]
        {
            assert_eq!(better(one, other).retry_after(), Some(Duration::from_secs(2)));
        }
        assert_eq!(better(missing(), fault()).kind(), "upstream_fault");
        assert_eq!(better(fault(), missing()).kind(), "upstream_fault");
    }

    #[test]
    fn a_targets_own_limit_is_not_the_callers_deadline() {
        let now = now();
        let late = |stage| CallError::Timeout { target: "t".into(), stage, waited: Duration::from_secs(1) };
        assert_eq!(of(&late(Stage::Total), true, (now, now)), Failure::Silent);
        assert!(matches!(of(&late(Stage::End), true, (now, now)), Failure::Deadline { .. }));
    }

    #[test]
    fn only_what_every_server_does_can_show_that_a_deployment_is_missing() {
        let now = now();
        let not_found = |code: Option<&str>, message: &str| {
            let code = code.map(str::to_owned);
            CallError::NotFound { target: "t".into(), model: "m".into(), code, message: message.into(), said: Box::default() }
        };
        for (code, message, everywhere, failure) in [
            (Some("DeploymentNotFound"), "It does not exist.", true, Failure::Missing),
            (Some("model_not_found"), "", true, Failure::Missing),
            (Some("404"), "Resource not found", true, Failure::Missing),
            (Some("response_not_found"), "Response 'resp_1' of the model not found.", true, Failure::Unable),
            (None, "The API deployment for this resource does not exist.", true, Failure::Missing),
            (None, "The model `m` does not exist", true, Failure::Missing),
            (None, "status 404 without a message", true, Failure::Missing),
            (None, "No such File object: file-abc", true, Failure::Unable),
            (Some("model_not_found"), "The model `m` does not exist", false, Failure::Unable),
        ] {
            assert_eq!(of(&not_found(code, message), everywhere, (now, now)), failure, "{code:?} {message}");
        }
    }
}
