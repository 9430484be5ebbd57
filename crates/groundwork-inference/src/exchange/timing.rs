//! How long each stage of a call may take.

use super::Server;
use crate::target::{CallError, Stage};
use std::future::Future;
use std::time::{Duration, Instant};

/// When a stage is over, and which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    at: Instant,
    stage: Stage,
}

impl Limit {
    /// The end of the call.
    pub(crate) fn end(deadline: Instant) -> Self {
        Self { at: deadline, stage: Stage::End }
    }

    /// Whichever comes first, the stage's own limit or the call's deadline, with the name it has in the error.
    pub(crate) fn stage(deadline: Instant, lasts: Duration, stage: Stage) -> Self {
        match now().checked_add(lasts) {
            Some(at) if at < deadline => Self { at, stage },
            _ => Self::end(deadline),
        }
    }

    /// Between two pieces of an answer.
    pub(crate) fn idle(server: &Server, deadline: Instant) -> Self {
        Self::stage(deadline, server.timeouts.idle, Stage::NextChunk)
    }

    pub(crate) async fn on<T>(self, target: &str, work: impl Future<Output = T>) -> Result<T, CallError> {
        let began = now();
        tokio::time::timeout_at(self.at.into(), work).await.map_err(|_elapsed| CallError::Timeout {
            target: target.to_owned(),
            stage: self.stage,
            waited: self.at.saturating_duration_since(began),
        })
    }
}

/// tokio's clock, so that tests in virtual time agree with the timers.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
