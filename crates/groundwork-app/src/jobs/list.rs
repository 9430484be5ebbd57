//! The jobs of the caller's tenant, newest first, with what the caller may know of each.

use super::{Job, seen_by};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::JobId;
use groundwork_store::db::DbError;

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("an unknown principal has no jobs")]
    Forbidden,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// At most `limit` jobs (and never more than 1,000), older than `before`.
pub async fn list(app: &App, caller: &Caller, before: Option<&JobId>, limit: usize) -> Result<Vec<Job>, ListError> {
    let tenant = caller.tenant.as_ref().ok_or(ListError::Forbidden)?;
    let jobs = app.inner().db.jobs(tenant, before, limit.clamp(1, 1000) as u32).await?;
    let mut seen = Vec::with_capacity(jobs.len());
    for job in jobs {
        seen.push(seen_by(app, caller, job).await?);
    }
    Ok(seen)
}
