//! Knowledge bases: sets of documents that are searched together.

mod list;
mod put;

pub use list::{ListError, list};
pub use put::{PutError, put};

use groundwork_core::clock::UnixMs;
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_store::db::knowledge_bases as store;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnowledgeBase {
    pub id: KnowledgeBaseId,
    /// Its id, unless it was given a title.
    pub title: String,
    pub managed_by: ManagedBy,
    pub created_at: UnixMs,
}

/// Who declared it, and so where it is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagedBy {
    /// An applied file, or the program itself.
    File,
    Api,
}

impl From<store::KnowledgeBase> for KnowledgeBase {
    fn from(base: store::KnowledgeBase) -> Self {
        let managed_by = match base.managed_by {
            store::ManagedBy::File => ManagedBy::File,
            store::ManagedBy::Api => ManagedBy::Api,
        };
        Self { id: base.id, title: base.name, managed_by, created_at: base.created_at }
    }
}
