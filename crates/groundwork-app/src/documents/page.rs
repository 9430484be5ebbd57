//! The text of one page of a document's live version.

use super::{FindError, find};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageText {
    pub document: DocumentId,
    pub version: u32,
    /// From 1. A document without pages is one page.
    pub page: u32,
    pub pages: u32,
    /// The character of the document's text that this page begins at, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<usize>,
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
    let found = find(app, caller, knowledge_base, document).await?;
    let pages = found.pages.unwrap_or(1);
    let text = app.inner().db.page(document, found.version, page).await.map_err(FindError::Db)?;
    let (text, start) = match text {
        Some((text, start)) => (text, start.map(|start| start as usize)),
        // A page without any text, such as a picture.
        None if (1..=pages).contains(&page) => (String::new(), None),
        None => return Err(PageError::NoSuchPage { document: document.clone(), page, pages }),
    };
    Ok(PageText { document: document.clone(), version: found.version, page, pages, start, text })
}
