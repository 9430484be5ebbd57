//! Why no deployment gave an answer.

use groundwork_core::pool::Why;
use groundwork_inference::target::CallError;
use groundwork_store::wal::WalError;
use std::time::Duration;

pub(crate) enum RouteError {
    /// The most useful one of those that the deployments gave.
    Call(CallError),
    /// None was asked.
    Nobody(Unavailable),
    /// A call that cannot be recorded does not go out.
    Books(WalError),
}

impl From<WalError> for RouteError {
    fn from(error: WalError) -> Self {
        Self::Books(error)
    }
}

/// No deployment of the model takes a call at the moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The model {model:?} takes no more calls at the moment: {}. Try again in {} seconds.", because(*.why), seconds(*.retry_after))]
pub struct Unavailable {
    pub model: String,
    /// `None` when all places are taken.
    pub why: Option<Why>,
    pub retry_after: Duration,
}

impl Unavailable {
    /// Whether it is the caller's rate, and not a fault of the deployments.
    pub fn is_limit(&self) -> bool {
        matches!(self.why, Some(Why::RateLimited | Why::Quota))
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self.why {
            None => "overloaded",
            Some(Why::RateLimited | Why::Quota) => "rate_limited",
            Some(Why::Failures | Why::Denied | Why::Missing | Why::Exhausted | Why::Ejected) => "no_deployment_available",
        }
    }

    pub(crate) fn http_status(&self) -> u16 {
        if self.is_limit() { 429 } else { 503 }
    }
}

fn because(why: Option<Why>) -> &'static str {
    match why {
        None => "all places of its deployments are taken, and enough calls wait for one",
        Some(Why::RateLimited) => "its deployments limit the rate",
        Some(Why::Quota) => "the quota of its deployments is used up",
        Some(Why::Exhausted) => "the account of its deployments has no quota left",
        Some(Why::Failures | Why::Ejected) => "its deployments rest after failures",
        Some(Why::Denied) => "its deployments refuse our credential",
        Some(Why::Missing) => "its deployments are not there",
    }
}

fn seconds(wait: Duration) -> u128 {
    wait.as_millis().div_ceil(1000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_short_and_when_to_come_again() {
        let unavailable = |why, millis: u64| Unavailable { model: "m".to_owned(), why, retry_after: Duration::from_millis(millis) };
        for (unavailable, status, kind, says) in [
            (
                unavailable(None, 900),
                503,
                "overloaded",
                "all places of its deployments are taken, and enough calls wait for one. Try again in 1 seconds.",
            ),
            (unavailable(Some(Why::Quota), 1200), 429, "rate_limited", "the quota of its deployments is used up. Try again in 2 seconds."),
            (
                unavailable(Some(Why::Failures), 5000),
                503,
                "no_deployment_available",
                "its deployments rest after failures. Try again in 5 seconds.",
            ),
        ] {
            assert_eq!((unavailable.http_status(), unavailable.kind()), (status, kind));
            assert!(unavailable.to_string().ends_with(says), "{unavailable}");
        }
    }
}
