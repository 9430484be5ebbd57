//! The text of one page of a document's live version.

use super::FindError;
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct PageText {
    pub document: DocumentId,
    pub version: u32,
    /// From 1. A document without pages is one page.
    pub page: u32,
    pub pages: u32,
    pub text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error(transparent)]
    Document(#[from] FindError),
    #[error("the document {document} has pages 1 to {pages}, not {page}")]
    NoSuchPage { document: DocumentId, page: u32, pages: u32 },
}

pub async fn page(
    app: &App,
    caller: &Caller,
    knowledge_base: &KnowledgeBaseId,
    document: &DocumentId,
    page: u32,
) -> Result<PageText, PageError> {
    let _ = (app, caller, knowledge_base, document, page);
    unimplemented!()
}
