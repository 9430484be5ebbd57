//! Makes a knowledge base, or changes its title and what it keeps.

use super::{History, KnowledgeBase};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_store::db::knowledge_bases::{ManagedBy, NewKnowledgeBase, PutKnowledgeBaseError};

#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error("an unknown principal may not make a knowledge base")]
    Forbidden,
    #[error("the title has {0} characters; use at most 200")]
    TitleTooLong(usize),
    #[error(transparent)]
    Store(#[from] PutKnowledgeBaseError),
}

/// What a knowledge base is made with; what is not given is as in a new one.
#[derive(Debug, Clone, Default)]
pub struct Put {
    pub title: Option<String>,
    pub history: Option<History>,
}

pub async fn put(app: &App, caller: &Caller, id: KnowledgeBaseId, put: Put) -> Result<KnowledgeBase, PutError> {
    let Put { title, history } = put;
    let tenant = caller.tenant.clone().ok_or(PutError::Forbidden)?;
    if let Some(length) = title.as_ref().map(|title| title.chars().count()).filter(|length| *length > 200) {
        return Err(PutError::TitleTooLong(length));
    }
    let name = title.clone().unwrap_or_else(|| id.to_string());
    let new = NewKnowledgeBase {
        id,
        tenant,
        name,
        settings: serde_json::json!({ "title": title, "history": history }),
        managed_by: ManagedBy::Api,
    };
    Ok(app.inner().db.put_knowledge_base(new).await?.into())
}
