//! The jobs of the caller's tenant, newest first.

use super::Job;
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::JobId;

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("an unknown principal has no jobs")]
    Forbidden,
    #[error("the jobs could not be listed: {0}")]
    Store(String),
}

/// At most `limit` jobs, older than `before`.
pub async fn list(app: &App, caller: &Caller, before: Option<&JobId>, limit: usize) -> Result<Vec<Job>, ListError> {
    let _ = (app, caller, before, limit);
    unimplemented!()
}
