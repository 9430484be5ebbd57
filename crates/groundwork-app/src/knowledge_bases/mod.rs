//! Knowledge bases: sets of documents that are searched together.

mod list;
mod put;

pub use list::{ListError, list};
pub use put::{PutError, put};

use groundwork_core::ids::KnowledgeBaseId;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnowledgeBase {
    pub id: KnowledgeBaseId,
    pub title: Option<String>,
    /// The file that declares it; such a one is changed there only.
    pub managed_by: Option<String>,
}
