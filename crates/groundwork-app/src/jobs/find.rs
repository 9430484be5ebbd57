//! One job of the caller's tenant.

use super::Job;
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::JobId;

#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("there is no job {0}")]
    NotFound(JobId),
    #[error("the job could not be read: {0}")]
    Store(String),
}

pub async fn find(app: &App, caller: &Caller, id: &JobId) -> Result<Job, FindError> {
    let _ = (app, caller, id);
    unimplemented!()
}
