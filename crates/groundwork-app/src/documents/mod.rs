//! Documents of a knowledge base: upload, list, find, delete, and the way back to the original.

mod delete;
mod find;
mod list;
mod original;
mod page;
mod upload;

pub use delete::{DeleteError, delete};
pub use find::{FindError, find};
pub use list::{List, ListError, Listed, list};
pub use original::{Original, original};
pub use page::{PageText, PageError, page};
pub use upload::{Upload, UploadError, upload};

use groundwork_core::access::Permissions;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};

/// A document as its readers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub id: DocumentId,
    pub knowledge_base: KnowledgeBaseId,
    /// What readers see: the file's name, or its path below the ingested folder.
    pub name: String,
    /// Where it came from; the same source again is a new version.
    pub source: String,
    pub title: Option<String>,
    pub status: Status,
    /// Why the newest version could not be read, when `status` is `failed`. The version before it stays searchable.
    pub error: Option<String>,
    pub warnings: Vec<String>,
    /// The version that search shows; 0 when none is live yet.
    pub version: u64,
    pub format: Option<String>,
    pub bytes: u64,
    pub sha256: String,
    pub pages: Option<u32>,
    pub chunks: u32,
    pub permissions: Permissions,
    pub created_at: UnixMs,
    pub updated_at: UnixMs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waiting to be read, or being read.
    Processing,
    /// Search shows the newest version.
    Ready,
    /// The newest version could not be read.
    Failed,
}
