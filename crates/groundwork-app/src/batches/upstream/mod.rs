//! Batches that a target runs: sent there, followed until they have ended, their results taken over and booked.

mod collect;
mod follow;
mod send;
mod talk;

pub(super) use follow::follow;
pub(super) use send::begin;

use super::{Batch, Counts};
use crate::App;
use crate::published::Deployment;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::ModelName;
use groundwork_store::db::DbError;
use serde::{Deserialize, Serialize};

/// Where a batch is and how far it has come, as it is stored with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Upstream {
    target: String,
    /// The target's own name of the model.
    model: String,
    total: u64,
    sent_at: UnixMs,
    /// The file of requests over there.
    file: Option<String>,
    /// It may be there, though we have not heard its id.
    tried: bool,
    batch: Option<String>,
    status: Option<String>,
    completed: u64,
    failed: u64,
    /// It was told to stop.
    cancelled: bool,
}

impl Upstream {
    fn of(batch: &Batch) -> Option<Self> {
        serde_json::from_value(batch.upstream.clone()?).ok()
    }

    async fn note(&self, app: &App, batch: &Batch) -> Result<(), DbError> {
        app.inner().db.set_batch_upstream(&batch.id, &serde_json::json!(self)).await.map(|_still_there| ())
    }

    /// `None` when the settings no longer have it.
    fn deployment(&self, app: &App, batch: &Batch) -> Option<Deployment> {
        let name: ModelName = batch.model.as_deref()?.parse().ok()?;
        let published = app.published();
        let deployments = &published.pools.get(&name)?.deployments;
        let same = |deployment: &&Deployment| deployment.target.name() == self.target && deployment.model == self.model;
        deployments.iter().find(same).cloned()
    }
}

/// Who runs batches of `model`; nobody but us for an assistant, and for targets that have no batches.
pub(super) fn deployment(app: &App, model: &str) -> Option<Deployment> {
    let name: ModelName = model.parse().ok()?;
    let published = app.published();
    published.pools.get(&name)?.deployments.iter().find(|deployment| deployment.target.has_batches()).cloned()
}

/// The target's own time for it was over.
pub(super) fn has_expired(batch: &Batch) -> bool {
    Upstream::of(batch).is_some_and(|upstream| upstream.status.as_deref() == Some("expired"))
}

/// How many requests have ended, as far as is known.
pub(super) fn counts(batch: &Batch) -> Counts {
    match Upstream::of(batch) {
        Some(upstream) if batch.ended_at.is_none() && batch.counts.completed + batch.counts.failed == 0 => {
            Counts { completed: upstream.completed, failed: upstream.failed, ..batch.counts }
        }
        _ => batch.counts,
    }
}
