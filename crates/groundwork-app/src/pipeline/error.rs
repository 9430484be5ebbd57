//! Why a call has no answer, or broke off.

use super::run::Head;
use crate::app::Interrupted;
use crate::routing::{RouteError, Unavailable};
use crate::search::SearchError;
use bytes::Bytes;
use groundwork_core::ids::CallId;
use groundwork_core::prompt::PackError;
use groundwork_inference::target::{self, Stage};
use groundwork_store::wal::WalError;
use groundwork_wire::error::Invalid;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("The model {0:?} does not exist, or you may not use it. GET /v1/models lists those you may.")]
    UnknownModel(String),
    #[error("The model {0:?} makes embeddings and does not chat.")]
    NotAChatModel(String),
    #[error("The model {0:?} is an assistant: it answers chat completions, responses and messages, and nothing else.")]
    NotSoAsked(String),
    #[error("The messages have {bytes} bytes, more than the {limit} that limits.question allows.")]
    TooLarge { bytes: usize, limit: usize },
    /// The rules and the question alone do not fit, or a template failed.
    #[error(transparent)]
    Prompt(#[from] PackError),
    /// Retrieval failed, so there is no answer: it would stand on nothing.
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Call(target::CallError),
    /// To a client of responses one that failed is an answer.
    #[error("{}", .0.error)]
    Response(Box<FailedResponse>),
    /// No deployment of the model takes a call at the moment.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("The call did not end before its deadline.")]
    DeadlineExceeded,
    #[error("The server is shutting down. Try again in {} seconds.", retry_after.as_secs())]
    ShuttingDown { retry_after: Duration },
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A call that cannot be recorded does not go out.
    #[error(transparent)]
    Books(#[from] WalError),
}

/// A response that failed, as its target told it.
#[derive(Debug)]
pub struct FailedResponse {
    pub head: Head,
    pub body: Bytes,
    pub error: target::CallError,
}

/// A target that ran into the deadline of the call did nothing wrong.
impl From<target::CallError> for CallError {
    fn from(error: target::CallError) -> Self {
        match error {
            target::CallError::Timeout { stage: Stage::End, .. } => Self::DeadlineExceeded,
            error => Self::Call(error),
        }
    }
}

impl From<RouteError> for CallError {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::Call(error) => error.into(),
            RouteError::Nobody(unavailable) => Self::Unavailable(unavailable),
            RouteError::Books(error) => Self::Books(error),
        }
    }
}

impl CallError {
    /// The same, seen from the call.
    pub(super) fn of_call(self, call: &CallId) -> Self {
        let Self::Call(error) = self else { return self };
        let Some((headers, body)) = error.said().and_then(|said| Some((said.headers.clone(), said.response.clone()?))) else {
            return Self::Call(error);
        };
        Self::Response(Box::new(FailedResponse { head: Head { call: call.clone(), headers }, body, error }))
    }

    /// The word for this kind of error in ledger and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_request",
            Self::UnknownModel(_) => "model_not_found",
            Self::NotAChatModel(_) | Self::NotSoAsked(_) => "model_not_supported",
            Self::TooLarge { .. } => "too_large",
            Self::Prompt(PackError::Template(_)) => "template",
            Self::Prompt(PackError::FixedPartTooLarge(_) | PackError::NoRoomForSources(_)) => "context_length_exceeded",
            Self::Search(error) => error.kind(),
            Self::Call(error) => error.kind(),
            Self::Response(failed) => failed.error.kind(),
            Self::Unavailable(unavailable) => unavailable.kind(),
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::ShuttingDown { .. } => "shutting_down",
            Self::Interrupted(_) => "interrupted",
            Self::Books(_) => "not_recorded",
        }
    }

    /// The HTTP status that says the same.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Invalid(_) | Self::NotAChatModel(_) | Self::NotSoAsked(_) => 400,
            Self::Prompt(PackError::FixedPartTooLarge(_) | PackError::NoRoomForSources(_)) => 400,
            Self::TooLarge { .. } => 413,
            Self::UnknownModel(_) => 404,
            Self::Prompt(PackError::Template(_)) => 500,
            Self::Search(error) => error.http_status(),
            Self::Call(error) => error.http_status(),
            Self::Response(_) => 200,
            Self::Unavailable(unavailable) => unavailable.http_status(),
            Self::DeadlineExceeded => 504,
            Self::ShuttingDown { .. } | Self::Interrupted(_) | Self::Books(_) => 503,
        }
    }
}
