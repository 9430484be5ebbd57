//! Why a call failed, by what can be done about it.

use bytes::Bytes;
use groundwork_core::turn::Usage;
use groundwork_wire::error::Invalid;
use http::HeaderMap;
use std::time::Duration;

/// What went wrong upstream. `message` is the upstream's own, without our additions.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    #[error("{target} refused the credential ({status}): {message}; check its key and its role")]
    Auth { target: String, status: u16, message: String, said: Box<Said> },
    #[error("{target} does not know the model or deployment {model:?}: {message}")]
    NotFound { target: String, model: String, code: Option<String>, message: String, said: Box<Said> },
    /// 429, or 529 where the service has that.
    #[error("{target} {throttle}: {message}")]
    RateLimited { target: String, status: u16, throttle: Throttle, retry_after: Option<Duration>, message: String, said: Box<Said> },
    /// The account's quota is used up: retrying does not help.
    #[error("the quota of {target} is used up: {message}")]
    QuotaExhausted { target: String, message: String, said: Box<Said> },
    /// The prompt was filtered: final.
    #[error("{target} filtered the prompt: {message}")]
    ContentFilter { target: String, message: String, said: Box<Said> },
    #[error("the prompt is too long for {target}: {message}")]
    TooLong { target: String, message: String, said: Box<Said> },
    /// Another 400 or 422.
    #[error("{target} refused the request ({status}): {message}")]
    Refused { target: String, status: u16, message: String, said: Box<Said> },
    #[error("{target} has a fault ({status}): {message}")]
    Fault { target: String, status: u16, retry_after: Option<Duration>, message: String, said: Box<Said> },
    #[error("{target} cannot be reached: {message}")]
    Unreachable { target: String, message: String },
    #[error("{target}: no {stage} within {waited:?}")]
    Timeout { target: String, stage: Stage, waited: Duration },
    /// The stream ended before its end, or is not what it should be.
    #[error("the answer of {target} broke off: {message}")]
    Broken { target: String, message: String },
    /// An error event in a stream that had begun.
    #[error("{target} reported an error in mid-answer: {message}")]
    MidStream { target: String, message: String, said: Box<Said> },
    #[error("{target} cannot do this: {message}")]
    Unsupported { target: String, message: String },
    /// The request has a field that cannot be said in the target's dialect.
    #[error("{target} cannot be asked this: {invalid}")]
    Invalid { target: String, invalid: Invalid },
}

/// What came with a refusal and is the client's too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    pub headers: HeaderMap,
    /// The upstream's error object, in OpenAI's words; `None` when it sent none.
    pub body: Option<Bytes>,
    /// What was used all the same, where the service says so.
    pub used: Option<Usage>,
    /// The response that failed, as the service told it, for a client that reads responses.
    pub response: Option<Bytes>,
}

/// What a target that refuses for the moment is short of. None of them says that it is sick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// The deployment's own quota of requests or tokens in a time.
    Quota,
    /// The service as a whole is busy.
    Capacity,
    /// Bought throughput is in full use: back-pressure by design, over as soon as the target says.
    Provisioned,
}

impl std::fmt::Display for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Quota => "limits the rate",
            Self::Capacity => "is out of capacity",
            Self::Provisioned => "uses all of its provisioned throughput",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Connect,
    /// Of a stream: until it says something.
    FirstToken,
    /// Of an answer in one piece.
    FirstByte,
    NextChunk,
    /// The target's own limit for a whole call.
    Total,
    /// The caller's deadline: nobody waits any longer.
    End,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "connection",
            Self::FirstToken => "first token",
            Self::FirstByte => "first byte of the answer",
            Self::NextChunk => "next chunk",
            Self::Total | Self::End => "end of the answer",
        })
    }
}

impl CallError {
    /// What was used all the same, as the service says.
    pub fn used(&self) -> Option<Usage> {
        self.said()?.used
    }

    /// The word for this kind of error in the ledger and in metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Auth { .. } => "upstream_auth",
            Self::NotFound { .. } => "upstream_not_found",
            Self::RateLimited { .. } => "upstream_rate_limited",
            Self::QuotaExhausted { .. } => "upstream_quota_exhausted",
            Self::ContentFilter { .. } => "content_filter",
            Self::TooLong { .. } => "context_length_exceeded",
            Self::Refused { .. } => "upstream_refused",
            Self::Fault { .. } => "upstream_fault",
            Self::Unreachable { .. } => "upstream_unreachable",
            Self::Timeout { stage: Stage::Connect, .. } => "upstream_timeout_connect",
            Self::Timeout { stage: Stage::FirstToken, .. } => "upstream_timeout_first_token",
            Self::Timeout { stage: Stage::FirstByte, .. } => "upstream_timeout_first_byte",
            Self::Timeout { stage: Stage::NextChunk, .. } => "upstream_timeout_idle",
            Self::Timeout { stage: Stage::Total, .. } => "upstream_timeout_total",
            Self::Timeout { stage: Stage::End, .. } => "deadline_exceeded",
            Self::Broken { .. } => "upstream_broken",
            Self::MidStream { .. } => "upstream_error_in_stream",
            Self::Unsupported { .. } => "unsupported",
            Self::Invalid { .. } => "invalid_request",
        }
    }

    /// How long the target asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Fault { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What the upstream said with it, if it answered at all.
    pub fn said(&self) -> Option<&Said> {
        match self {
            Self::Auth { said, .. }
            | Self::NotFound { said, .. }
            | Self::RateLimited { said, .. }
            | Self::QuotaExhausted { said, .. }
            | Self::ContentFilter { said, .. }
            | Self::TooLong { said, .. }
            | Self::Refused { said, .. }
            | Self::Fault { said, .. }
            | Self::MidStream { said, .. } => Some(said),
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Broken { .. } | Self::Unsupported { .. } | Self::Invalid { .. } => None,
        }
    }

    /// Headers of the upstream that are the client's too.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.said().map(|said| &said.headers)
    }

    /// The HTTP status to answer with. A credential that the target refuses is ours and not the client's, so it is no 401.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::RateLimited { status, .. } => *status,
            Self::QuotaExhausted { .. } => 429,
            Self::ContentFilter { .. } | Self::TooLong { .. } | Self::Unsupported { .. } | Self::Invalid { .. } => 400,
            Self::Refused { status, .. } => *status,
            Self::Fault { status: 408, .. } | Self::Timeout { .. } => 504,
            Self::Fault { status: status @ 500..=599, .. } => *status,
            Self::Auth { .. }
            | Self::NotFound { .. }
            | Self::Fault { .. }
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::MidStream { .. } => 502,
        }
    }

    /// Whether the target may have worked on the prompt, and so charge for it.
    pub fn may_be_charged(&self) -> bool {
        match self {
            Self::Timeout { stage, .. } => *stage != Stage::Connect,
            Self::ContentFilter { .. } | Self::Broken { .. } | Self::MidStream { .. } => true,
            Self::Auth { .. }
            | Self::NotFound { .. }
            | Self::RateLimited { .. }
            | Self::QuotaExhausted { .. }
            | Self::TooLong { .. }
            | Self::Refused { .. }
            | Self::Fault { .. }
            | Self::Unreachable { .. }
            | Self::Unsupported { .. }
            | Self::Invalid { .. } => false,
        }
    }
}
