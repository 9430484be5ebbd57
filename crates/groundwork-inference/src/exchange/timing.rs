//! How long each stage of a call may take.

use crate::target::{CallError, Stage};
use std::future::Future;
use std::time::{Duration, Instant};

/// When a stage is over, and which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    from: Instant,
    at: Instant,
    stage: Stage,
}

impl Limit {
    /// For a call that begins now: the caller's deadline, or the target's own limit where that comes first.
    pub(crate) fn call(callers: Instant, total: Duration) -> Self {
        Self { from: now(), at: callers, stage: Stage::End }.stage(total, Stage::Total)
    }

    /// For a stage that begins now: its own limit, or that of the whole call where it comes first.
    pub(crate) fn stage(self, lasts: Duration, stage: Stage) -> Self {
        let from = now();
        match from.checked_add(lasts) {
            Some(at) if at < self.at => Self { from, at, stage },
            _ => self,
        }
    }

    pub(crate) fn at(self) -> Instant {
        self.at
    }

    pub(crate) async fn on<T>(self, target: &str, work: impl Future<Output = T>) -> Result<T, CallError> {
        tokio::time::timeout_at(self.at.into(), work).await.map_err(|_elapsed| self.passed(target))
    }

    pub(crate) fn passed(self, target: &str) -> CallError {
        let waited = self.at.saturating_duration_since(self.from);
        CallError::Timeout { target: target.to_owned(), stage: self.stage, waited }
    }
}

/// tokio's clock, so that tests in virtual time agree with the timers.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
