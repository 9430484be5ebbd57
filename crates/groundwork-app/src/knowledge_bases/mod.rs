//! Knowledge bases: sets of documents that are searched together.

mod list;
mod put;

pub use list::{ListError, list};
pub use put::{Put, PutError, put};

use groundwork_core::clock::UnixMs;
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_store::db::knowledge_bases as store;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnowledgeBase {
    pub id: KnowledgeBaseId,
    /// Its id, unless it was given a title.
    pub title: String,
    pub managed_by: ManagedBy,
    /// The replaced versions that are kept; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    pub created_at: UnixMs,
}

/// Which replaced versions of a document are kept: so many, and not longer than so many days. What is not given does not limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
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
        let history = base.settings.get("history").and_then(|history| serde_json::from_value(history.clone()).ok()).flatten();
        Self { id: base.id, title: base.name, managed_by, history, created_at: base.created_at }
    }
}
