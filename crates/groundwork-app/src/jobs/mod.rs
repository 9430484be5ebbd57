//! Background work: one table, one runner; kinds are functions.

mod find;
mod list;

pub use find::{FindError, find};
pub use list::{ListError, list};

use groundwork_core::clock::UnixMs;
use groundwork_core::ids::JobId;
use serde::{Deserialize, Serialize};

/// A piece of background work as its tenant sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: JobId,
    /// `ingest` or `collect`.
    pub kind: String,
    pub state: State,
    /// What it works on: for an ingest the document's source.
    pub subject: Option<String>,
    pub attempts: u32,
    /// Why it failed, or the last attempt did.
    pub error: Option<String>,
    /// What it made: for an ingest the document's id.
    pub result: Option<serde_json::Value>,
    pub created_at: UnixMs,
    pub finished_at: Option<UnixMs>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Queued,
    Running,
    Done,
    Failed,
}
