//! Documents of a knowledge base: upload, list, find, delete, and the way back to the original.

mod attach;
mod delete;
mod find;
mod first_pass;
mod list;
mod near;
mod original;
mod page;
mod upload;
mod versions;
mod words;

pub use attach::{AttachError, file};
pub use delete::{DeleteError, delete};
pub use find::{FindError, find};
pub use first_pass::{FirstPass, SecondPassState};
pub use list::{List, ListError, Listed, list};
pub use near::{NearDuplicate, near_duplicates};
pub use original::{Original, original};
pub use page::{PageError, PageText, page};
pub use upload::{Change, Upload, UploadError, Uploaded, upload};
pub use versions::{Version, VersionError, original_of_version, versions};
pub use words::{Spot, WordBox, Words, words};

use crate::App;
use groundwork_core::access::{Caller, Permissions};
use groundwork_core::attributes::Attributes;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::place::Unit;
use groundwork_store::db::{DbError, documents as store};
use serde::{Deserialize, Serialize};

/// A document as its readers see it: its live version. One that is still being read, or could not be, is seen as a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub id: DocumentId,
    pub knowledge_base: KnowledgeBaseId,
    /// What readers see: the file's name, or its path below the ingested folder.
    pub name: String,
    /// Where it came from; the same source again is a new version.
    pub source: String,
    /// The document that this one is a file inside of, which also says who may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<DocumentId>,
    pub title: Option<String>,
    pub warnings: Vec<String>,
    /// The version that search shows, from 1.
    pub version: u32,
    pub media_type: String,
    pub bytes: u64,
    pub sha256: String,
    pub pages: Option<u32>,
    /// What `pages` counts.
    #[serde(default)]
    pub unit: Unit,
    /// ISO 639-3 code of its language, where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    pub chunks: u32,
    /// Where its vectors are not those of the embedding model yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_pass: Option<FirstPass>,
    /// What people say about it, by which a search can be narrowed; of a file inside another one, what they say about that.
    #[serde(default)]
    pub attributes: Attributes,
    pub permissions: Permissions,
    pub created_at: UnixMs,
    pub updated_at: UnixMs,
}

/// A live document, if it is there and `caller` may read it; without a caller no permission is asked.
async fn readable(
    app: &App,
    knowledge_base: &KnowledgeBaseId,
    id: &DocumentId,
    caller: Option<&Caller>,
) -> Result<Option<Document>, DbError> {
    match app.inner().db.document(knowledge_base, id).await? {
        Some(document) => view(app, document, caller).await,
        None => Ok(None),
    }
}

async fn view(app: &App, document: store::Document, caller: Option<&Caller>) -> Result<Option<Document>, DbError> {
    let permissions = app.inner().db.document_permissions(&document.knowledge_base, &document.id).await?.unwrap_or_default();
    if caller.is_some_and(|caller| !permissions.allow(Some(&document.tenant), caller)) {
        return Ok(None);
    }
    let first_pass = first_pass::of(app, &document).await?;
    let store::Version { generation, facts, chunks, published_at, first_pass: _ } = document.version;
    let warnings = facts.metadata.get("warnings").and_then(|warnings| serde_json::from_value(warnings.clone()).ok());
    let text = |name: &str| facts.metadata.get(name).and_then(|text| text.as_str()).map(str::to_owned);
    let (language, author) = (text("language"), text("author"));
    let unit = facts.metadata.get("unit").and_then(|unit| serde_json::from_value(unit.clone()).ok());
    Ok(Some(Document {
        id: document.id,
        knowledge_base: document.knowledge_base,
        name: facts.name,
        source: document.source,
        parent: document.parent,
        title: facts.title,
        warnings: warnings.unwrap_or_default(),
        version: generation,
        media_type: facts.media_type,
        bytes: facts.bytes,
        sha256: facts.sha256.to_string(),
        pages: facts.pages,
        unit: unit.unwrap_or_default(),
        language,
        author,
        chunks,
        first_pass,
        attributes: document.attributes,
        permissions,
        created_at: document.created_at,
        updated_at: published_at.unwrap_or(document.created_at),
    }))
}
