//! The application: its parts, opened once, shared by every operation.

use crate::settings::Settings;
use groundwork_core::clock::{Clock, Dice};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A handle to everything; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    clock: Clock,
    dice: Dice,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Why the application could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data folder {path} cannot be made: {source}; choose another with GROUNDWORK__DATA_DIR or data_dir")]
    DataDir { path: String, source: std::io::Error },
    #[error(transparent)]
    Declared(#[from] crate::declared::DeclareError),
}

impl App {
    /// Opens the data folder, applies the declared files, and starts loading the derived indexes and the background jobs.
    /// Must be called inside a tokio runtime. Returns before indexes and models are loaded: `status` says what is missing.
    pub async fn open(settings: Settings, clock: Clock, dice: Dice) -> Result<Self, OpenError> {
        let _ = settings;
        Ok(Self(Arc::new(Inner { clock, dice, tasks: TaskTracker::new(), stop: CancellationToken::new() })))
    }

    /// Every number the application counts, in the OpenMetrics text format.
    pub fn metrics_text(&self) -> String {
        unimplemented!()
    }

    /// Tasks spawned here are awaited by `shutdown`.
    pub fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// Cancelled when `shutdown` begins: long answers and background work should end soon after.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Stops taking work, lets running calls end until `deadline` has passed, then cancels them, and waits until every task has written what it must.
    /// Returns false if something had to be cancelled.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let _ = (deadline, &self.0.clock, &self.0.dice);
        unimplemented!()
    }
}
