//! Takes a document away: gone from search when this returns, its bytes collected later.

use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};

#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    #[error("this process only visits the data folder; delete through the running server")]
    Visitor,
    #[error("there is no document {document} in the knowledge base {knowledge_base}")]
    NotFound { knowledge_base: KnowledgeBaseId, document: DocumentId },
    #[error("the document could not be deleted: {0}")]
    Store(String),
}

pub async fn delete(app: &App, caller: &Caller, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<(), DeleteError> {
    let _ = (app, caller, knowledge_base, document);
    unimplemented!()
}
