//! The job that removes what nobody may read any more: contents of files and of parts of uploads, results of batches.

use super::runner::Attempt;
use crate::App;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{BatchId, FileId, TenantId, UploadId};
use groundwork_store::contents::ContentError;
use groundwork_store::db::DbError;
use groundwork_store::db::jobs::{Job, NewJob};
use serde::{Deserialize, Serialize};

pub(super) const KIND: &str = "remove";

/// What is to be removed, if its time has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Remove {
    File(FileId),
    /// The parts of an upload that has ended.
    Parts(UploadId),
    /// What came of the lines of a batch that has ended.
    Results(BatchId),
}

#[derive(Debug, thiserror::Error)]
enum RemoveError {
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Db(#[from] DbError),
}

const ATTEMPTS: u32 = 20;
/// Results that are removed at a time.
const AT_A_TIME: u32 = 1000;

impl Remove {
    /// The job that removes it at `at`.
    pub(crate) fn job(&self, tenant: &TenantId, at: UnixMs) -> NewJob {
        NewJob {
            kind: KIND.to_owned(),
            tenant: tenant.clone(),
            payload: serde_json::json!(self),
            key: None,
            run_after: at,
            max_attempts: ATTEMPTS,
        }
    }
}

pub(super) async fn run(app: &App, job: &Job) -> Attempt {
    let Ok(what) = serde_json::from_value(job.payload.clone()) else { return Attempt::Done(None) };
    match remove(app, what).await {
        Ok(()) => Attempt::Done(None),
        Err(error) => Attempt::Failed(error.to_string()),
    }
}

async fn remove(app: &App, what: Remove) -> Result<(), RemoveError> {
    let inner = app.inner();
    match what {
        Remove::File(id) => {
            // One that a batch still reads is removed when that has ended.
            if inner.db.file_is_removable(&id).await? {
                inner.files.delete(id.as_str()).await?;
                inner.db.remove_file(&id).await?;
            }
        }
        Remove::Parts(id) => {
            for part in inner.db.ended_parts(&id).await? {
                inner.files.delete(part.as_str()).await?;
            }
            inner.db.remove_parts(&id).await?;
        }
        Remove::Results(id) => while inner.db.remove_batch_results(&id, AT_A_TIME).await? > 0 {},
    }
    Ok(())
}
