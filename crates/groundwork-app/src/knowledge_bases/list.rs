//! Lists the knowledge bases of the caller's tenant.

use super::KnowledgeBase;
use crate::App;
use groundwork_core::access::Caller;
use groundwork_store::db::DbError;

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Db(#[from] DbError),
}

pub async fn list(app: &App, caller: &Caller) -> Result<Vec<KnowledgeBase>, ListError> {
    let Some(tenant) = &caller.tenant else { return Ok(Vec::new()) };
    let bases = app.inner().db.knowledge_bases(Some(tenant)).await?;
    Ok(bases.into_iter().map(KnowledgeBase::from).collect())
}
