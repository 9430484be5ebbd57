//! Makes a knowledge base, or changes its title.

use super::KnowledgeBase;
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::KnowledgeBaseId;

#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error("the knowledge base {id} is declared in {file}; change it there")]
    ManagedByFile { id: KnowledgeBaseId, file: String },
    #[error("an unknown principal may not make a knowledge base")]
    Forbidden,
    #[error("the knowledge base could not be stored: {0}")]
    Store(String),
}

pub async fn put(app: &App, caller: &Caller, id: KnowledgeBaseId, title: Option<String>) -> Result<KnowledgeBase, PutError> {
    let _ = (app, caller, id, title);
    unimplemented!()
}
