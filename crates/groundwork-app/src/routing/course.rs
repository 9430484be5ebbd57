//! What has happened to one call so far: whom it has asked, and what they said.

use super::failure;
use crate::pipeline::now;
use crate::published::{Deployment, Pool};
use groundwork_core::pool::{Backoff, Next};
use groundwork_inference::target::CallError;
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Course {
    /// One for each deployment; empty until the first has failed.
    trails: Vec<Trail>,
    /// Tokens of a window that has proved too small.
    too_small: usize,
    error: Option<CallError>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Trail {
    asked: u32,
    /// It must not be asked again.
    closed: bool,
    /// It may be: the pause before that is over.
    again: bool,
    /// It has named the time from which on it may be asked again.
    told: Option<Instant>,
    /// It was waited for in vain.
    waited: bool,
}

/// Times that one call asks the same deployment again.
const AGAIN: u32 = 3;

impl Course {
    fn trail(&self, at: usize) -> Trail {
        self.trails.get(at).copied().unwrap_or_default()
    }

    fn edit(&mut self, at: usize, edit: impl FnOnce(&mut Trail)) {
        if self.trails.len() <= at {
            self.trails.resize(at + 1, Trail::default());
        }
        edit(&mut self.trails[at]);
    }

    /// Whether it may still be asked, now or later.
    pub(super) fn is_open(&self, at: usize, deployment: &Deployment) -> bool {
        !self.trail(at).closed && (self.too_small == 0 || deployment.window > self.too_small)
    }

    /// Whether it may be asked now.
    pub(super) fn is_due(&self, at: usize, deployment: &Deployment) -> bool {
        let trail = self.trail(at);
        self.is_open(at, deployment) && (trail.asked == 0 || trail.again)
    }

    /// Whether nothing has happened yet.
    pub(super) fn is_new(&self) -> bool {
        self.trails.is_empty()
    }

    pub(super) fn may_wait(&self, at: usize) -> bool {
        !self.trail(at).waited
    }

    /// How long to wait before it is asked again, if it may be.
    pub(super) fn pause(&self, at: usize, deployment: &Deployment, dice: u128) -> Option<Duration> {
        let trail = self.trail(at);
        if !self.is_open(at, deployment) || trail.again || !(1..=AGAIN).contains(&trail.asked) {
            return None;
        }
        let told = trail.told.map(|told| told.saturating_duration_since(now()));
        Some(Backoff::default().wait(trail.asked - 1, told, dice))
    }

    pub(super) fn waited(&mut self, at: usize) {
        self.edit(at, |trail| trail.waited = true);
    }

    pub(super) fn paused(&mut self, at: usize) {
        self.edit(at, |trail| trail.again = true);
    }

    /// `retry_after` is what the deployment asked for.
    pub(super) fn failed(&mut self, (pool, at): (&Pool, usize), (next, retry_after): (Next, Option<Duration>), error: CallError) {
        let told = retry_after.map(|wait| now() + wait);
        self.edit(at, |trail| {
            let asked = trail.asked + 1;
            *trail = Trail { asked, closed: next != Next::OthersThenAgain, told, ..Trail::default() };
        });
        if next == Next::Larger {
            self.too_small = self.too_small.max(pool.deployments[at].window);
        }
        self.error = Some(match self.error.take() {
            Some(before) => failure::better(before, error),
            None => error,
        });
    }

    /// The most useful of the errors.
    pub(super) fn error(self) -> Option<CallError> {
        self.error
    }
}
