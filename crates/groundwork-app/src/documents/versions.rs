//! The history of a document: its live version, and those before it that the knowledge base keeps. Who may read the document now may read
//! what it was.

use super::{Document, FindError, Original, find};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_store::blobs::Sha256;
use groundwork_store::db::history::KeptVersion;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub version: u32,
    /// The one that search shows.
    pub live: bool,
    pub name: String,
    pub title: Option<String>,
    pub media_type: String,
    pub sha256: String,
    pub bytes: u64,
    pub pages: Option<u32>,
    pub published_at: UnixMs,
    pub replaced_at: Option<UnixMs>,
}

#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    #[error(transparent)]
    Document(#[from] FindError),
    #[error("the document {document} has no version {version} that is kept; GET …/versions lists them")]
    NoSuchVersion { document: DocumentId, version: u32 },
}

/// Newest first.
pub async fn versions(app: &App, caller: &Caller, base: &KnowledgeBaseId, document: &DocumentId) -> Result<Vec<Version>, FindError> {
    let live = live(find(app, caller, base, document).await?);
    let kept = app.inner().db.kept_versions(document).await?;
    let kept = kept.into_iter().filter(|kept| kept.generation != live.version).map(Version::from);
    Ok(std::iter::once(live.clone()).chain(kept).collect())
}

/// The bytes of one version, exactly as they came in.
pub async fn original_of_version(
    app: &App,
    caller: &Caller,
    base: &KnowledgeBaseId,
    document: &DocumentId,
    version: u32,
) -> Result<Original, VersionError> {
    let all = versions(app, caller, base, document).await?;
    let missing = || VersionError::NoSuchVersion { document: document.clone(), version };
    let found = all.into_iter().find(|known| known.version == version).ok_or_else(missing)?;
    let sha256 = Sha256::from_hex(&found.sha256).ok_or_else(missing)?;
    let bytes = app.inner().knowledge.blobs.get(sha256).await.map_err(FindError::Blob)?;
    Ok(Original { name: found.name, media_type: found.media_type, bytes })
}

fn live(document: Document) -> Version {
    let Document { version, name, title, media_type, sha256, bytes, pages, updated_at, .. } = document;
    Version { version, live: true, name, title, media_type, sha256, bytes, pages, published_at: updated_at, replaced_at: None }
}

impl From<KeptVersion> for Version {
    fn from(kept: KeptVersion) -> Self {
        let KeptVersion { generation, name, title, media_type, sha256, bytes, pages, published_at, replaced_at } = kept;
        let sha256 = sha256.to_string();
        Self {
            version: generation,
            live: false,
            name,
            title,
            media_type,
            sha256,
            bytes,
            pages,
            published_at,
            replaced_at: Some(replaced_at),
        }
    }
}
