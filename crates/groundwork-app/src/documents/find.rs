//! One document. What the caller may not read does not exist for it.

use super::{Document, readable};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_store::blobs::BlobError;
use groundwork_store::db::DbError;

#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("there is no document {document} in the knowledge base {knowledge_base}")]
    NotFound { knowledge_base: KnowledgeBaseId, document: DocumentId },
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Db(#[from] DbError),
}

pub async fn find(app: &App, caller: &Caller, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<Document, FindError> {
    let found = readable(app, knowledge_base, document, Some(caller)).await?;
    found.ok_or_else(|| FindError::NotFound { knowledge_base: knowledge_base.clone(), document: document.clone() })
}
