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
pub use page::{PageError, PageText, page};
pub use upload::{Change, Upload, UploadError, Uploaded, upload};

use groundwork_core::access::Permissions;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};

/// A document as its readers see it: its live version. One that is still being read, or could not be, is seen as a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub id: DocumentId,
    pub knowledge_base: KnowledgeBaseId,
    /// What readers see: the file's name, or its path below the ingested folder.
    pub name: String,
    /// Where it came from; the same source again is a new version.
    pub source: String,
    pub title: Option<String>,
    pub warnings: Vec<String>,
    /// The version that search shows, from 1.
    pub version: u32,
    pub media_type: String,
    pub bytes: u64,
    pub sha256: String,
    pub pages: Option<u32>,
    pub chunks: u32,
    pub permissions: Permissions,
    pub created_at: UnixMs,
    pub updated_at: UnixMs,
}
