//! The bytes of a document's live version, exactly as they came in.

use super::FindError;
use crate::App;
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};

pub struct Original {
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Bytes,
}

pub async fn original(app: &App, caller: &Caller, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<Original, FindError> {
    let _ = (app, caller, knowledge_base, document);
    unimplemented!()
}
