//! What a failed attempt means: for the call, and for the deployment that was asked.

use std::time::Duration;

/// Why an attempt gave no answer, by what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Too much at the moment (429).
    Pressure { retry_after: Option<Duration> },
    /// The account's quota is used up: waiting a little does not help.
    Exhausted,
    /// The credential or the network is refused (401, 403).
    Denied,
    /// There is no such deployment (404).
    Missing,
    /// A fault of the deployment: 5xx, a broken connection, a half-written answer.
    Sick { retry_after: Option<Duration> },
    /// Silence for as long as a stage may take.
    Silent,
    /// Silence until the call's own deadline; `patience` is how long the deployment was given.
    Deadline { patience: Duration },
    /// The prompt does not fit the deployment's window.
    TooLong,
    /// The deployment cannot do what is asked; another may.
    Unable,
    /// The request is at fault, or was filtered: nobody will answer it.
    Final,
}

/// What the call does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Give the error to the client.
    Stop,
    /// Ask others, never this one again.
    Others,
    /// Ask others, and this one again when there are none.
    OthersThenAgain,
    /// Ask only one with a larger window.
    Larger,
}

/// A deployment that was given less says nothing by its silence: a caller in a hurry must not open breakers.
const FAIR_PATIENCE: Duration = Duration::from_secs(10);

impl Failure {
    pub fn next(self) -> Next {
        match self {
            Self::Pressure { .. } | Self::Sick { .. } | Self::Silent => Next::OthersThenAgain,
            Self::Exhausted | Self::Denied | Self::Missing | Self::Unable => Next::Others,
            Self::TooLong => Next::Larger,
            Self::Deadline { .. } | Self::Final => Next::Stop,
        }
    }

    /// Whether the breaker counts it.
    pub fn is_sickness(self) -> bool {
        match self {
            Self::Sick { .. } | Self::Silent => true,
            Self::Deadline { patience } => patience >= FAIR_PATIENCE,
            Self::Pressure { .. } | Self::Exhausted | Self::Denied | Self::Missing | Self::TooLong | Self::Unable | Self::Final => false,
        }
    }

    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Pressure { retry_after } | Self::Sick { retry_after } => retry_after,
            _ => None,
        }
    }
}
