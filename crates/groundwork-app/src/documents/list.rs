//! Lists documents that the caller may read, page by page.

use super::{Document, view};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_store::db::DbError;

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
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Rows read from the store at a time.
const BATCH: u32 = 200;

/// In the order in which they were first made. What the caller may not read leaves no gap.
pub async fn list(app: &App, caller: &Caller, list: List) -> Result<Listed, ListError> {
    let db = &app.inner().db;
    let base = db.knowledge_base(&list.knowledge_base).await?;
    if base.is_none_or(|base| Some(&base.tenant) != caller.tenant.as_ref()) {
        return Err(ListError::UnknownKnowledgeBase(list.knowledge_base));
    }
    let limit = list.limit.clamp(1, 1000);
    let prefix = list.source_prefix.unwrap_or_default();
    let (mut after, mut documents) = (list.after, Vec::new());
    loop {
        let batch = db.documents(&list.knowledge_base, after.as_ref(), BATCH).await?;
        let Some(last) = batch.last() else { return Ok(Listed { documents, has_more: false }) };
        after = Some(last.id.clone());
        for document in batch.into_iter().filter(|document| document.source.starts_with(&prefix)) {
            if let Some(document) = view(app, document, Some(caller)).await? {
                // One more than asked for tells that there is more.
                if documents.len() == limit {
                    return Ok(Listed { documents, has_more: true });
                }
                documents.push(document);
            }
        }
    }
}
