//! Lists documents that the caller may read, page by page.

use super::Document;
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};

pub struct List {
    pub knowledge_base: KnowledgeBaseId,
    /// The last id of the page before.
    pub after: Option<DocumentId>,
    /// At most 1,000.
    pub limit: usize,
    /// Only documents whose source begins with this: those of one ingested folder.
    pub source_prefix: Option<String>,
}

#[derive(Debug)]
pub struct Listed {
    pub documents: Vec<Document>,
    pub has_more: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("there is no knowledge base {0}")]
    UnknownKnowledgeBase(KnowledgeBaseId),
    #[error("the documents could not be listed: {0}")]
    Store(String),
}

pub async fn list(app: &App, caller: &Caller, list: List) -> Result<Listed, ListError> {
    let _ = (app, caller, list);
    unimplemented!()
}
