//! The bytes of a document's live version, exactly as they came in.

use super::{FindError, find};
use crate::App;
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_store::blobs::Sha256;

#[derive(Debug)]
pub struct Original {
    pub name: String,
    pub media_type: String,
    pub bytes: Bytes,
}

pub async fn original(app: &App, caller: &Caller, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<Original, FindError> {
    let found = find(app, caller, knowledge_base, document).await?;
    let not_found = || FindError::NotFound { knowledge_base: knowledge_base.clone(), document: document.clone() };
    let sha256 = Sha256::from_hex(&found.sha256).ok_or_else(not_found)?;
    let bytes = app.inner().knowledge.blobs.get(sha256).await?;
    Ok(Original { name: found.name, media_type: found.media_type, bytes })
}
