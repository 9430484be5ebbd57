//! One document. What the caller may not read does not exist for it.

use super::Document;
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};

#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("there is no document {document} in the knowledge base {knowledge_base}")]
    NotFound { knowledge_base: KnowledgeBaseId, document: DocumentId },
    #[error("the document could not be read: {0}")]
    Store(String),
}

pub async fn find(app: &App, caller: &Caller, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<Document, FindError> {
    let _ = (app, caller, knowledge_base, document);
    unimplemented!()
}
