//! Lists the knowledge bases of the caller's tenant.

use super::KnowledgeBase;
use crate::App;
use groundwork_core::access::Caller;

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("the knowledge bases could not be listed: {0}")]
    Store(String),
}

pub async fn list(app: &App, caller: &Caller) -> Result<Vec<KnowledgeBase>, ListError> {
    let _ = (app, caller);
    unimplemented!()
}
