//! Takes a document away: gone from search when this returns, its bytes collected later.

use super::readable;
use crate::App;
use crate::settings::Role;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_retrieval::index::PublishError;
use groundwork_store::db::DbError;

#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    #[error("an unknown principal may not delete documents")]
    Forbidden,
    #[error("this process only visits the data folder; delete through the running server")]
    Visitor,
    #[error("{document} is a file inside the document {parent}, and goes with it: delete that one")]
    Inside { document: DocumentId, parent: DocumentId },
    #[error("there is no document {document} in the knowledge base {knowledge_base}")]
    NotFound { knowledge_base: KnowledgeBaseId, document: DocumentId },
    #[error(transparent)]
    Index(#[from] PublishError),
    #[error(transparent)]
    Db(#[from] DbError),
}

pub async fn delete(app: &App, caller: &Caller, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<(), DeleteError> {
    let inner = app.inner();
    if inner.role == Role::Visitor {
        return Err(DeleteError::Visitor);
    }
    let found = readable(app, knowledge_base, document, Some(caller)).await?;
    if found.is_some() && caller.tenant.is_none() {
        return Err(DeleteError::Forbidden);
    }
    let not_found = || DeleteError::NotFound { knowledge_base: knowledge_base.clone(), document: document.clone() };
    let found = found.ok_or_else(not_found)?;
    if let Some(parent) = found.parent {
        return Err(DeleteError::Inside { document: document.clone(), parent });
    }
    // In line with the uploads of the same source, so that the later of the two is what stays.
    let _alone = inner.jobs.alone(&format!("{knowledge_base}/{}", found.source)).await;
    if !inner.knowledge.index.delete(knowledge_base, document).await? {
        return Err(not_found());
    }
    Ok(())
}
