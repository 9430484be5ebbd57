//! The calls that were made, newest first.

use crate::App;
use groundwork_core::access::Caller;

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("an unknown principal has no ledger")]
    Forbidden,
    #[error("the ledger could not be read: {0}")]
    Store(String),
}

/// Rows of the caller's tenant as JSON objects, newest first.
pub async fn list(app: &App, caller: &Caller, limit: usize) -> Result<Vec<serde_json::Value>, ListError> {
    let _ = (app, caller, limit);
    unimplemented!()
}
