//! One job of the caller's tenant, with what the caller may know of it.

use super::{Job, seen_by};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::JobId;
use groundwork_store::db::DbError;

#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("there is no job {0}")]
    NotFound(JobId),
    #[error(transparent)]
    Db(#[from] DbError),
}

pub async fn find(app: &App, caller: &Caller, id: &JobId) -> Result<Job, FindError> {
    let job = app.inner().db.job(id).await?.filter(|job| Some(&job.tenant) == caller.tenant.as_ref());
    let job = job.ok_or_else(|| FindError::NotFound(id.clone()))?;
    Ok(seen_by(app, caller, job).await?)
}
