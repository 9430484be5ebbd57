//! Documents as readers see them: only what is live.

use super::attributes;
use super::operation::Operation;
use super::value::Row;
use super::{Db, DbError};
use crate::blobs::Sha256;
use groundwork_core::attributes::Attributes;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId, TenantId};

/// A live document with its live version.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub id: DocumentId,
    pub knowledge_base: KnowledgeBaseId,
    pub tenant: TenantId,
    /// Where it came from, unique in its knowledge base: a path below the ingested folder, an address, an upload's name.
    pub source: String,
    /// The document that this one is a file inside of, which also says who may read it.
    pub parent: Option<DocumentId>,
    pub created_at: UnixMs,
    /// What people say about it; of a file inside another one, what they say about that.
    pub attributes: Attributes,
    pub version: Version,
}

/// One version of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// From 1, counting up within the document, with gaps where a version was never published.
    pub generation: u32,
    pub facts: VersionFacts,
    pub chunks: u32,
    /// When it became live; `None` while it is being written.
    pub published_at: Option<UnixMs>,
    /// The model whose vectors find it, as long as those of the knowledge base's own are not all there.
    pub first_pass: Option<String>,
}

/// What is known of a version before its chunks are written.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionFacts {
    /// What a citation shows: `handbook.pdf`.
    pub name: String,
    pub title: Option<String>,
    pub media_type: String,
    /// Of the original bytes, which the blob store holds.
    pub sha256: Sha256,
    pub bytes: u64,
    /// Everything that shaped the chunks: extractor, chunker, embedding model, each with its version.
    pub fingerprint: String,
    /// Number of pages, where the format has pages.
    pub pages: Option<u32>,
    /// Whatever else the extractor found: warnings, language, format.
    pub metadata: serde_json::Value,
}

impl Db {
    pub async fn document(&self, knowledge_base: &KnowledgeBaseId, id: &DocumentId) -> Result<Option<Document>, DbError> {
        self.read_one(Operation::Document, vec![knowledge_base.as_str().into(), id.as_str().into()]).await?.map(read).transpose()
    }

    pub async fn document_by_source(&self, knowledge_base: &KnowledgeBaseId, source: &str) -> Result<Option<Document>, DbError> {
        self.read_one(Operation::DocumentBySource, vec![knowledge_base.as_str().into(), source.into()]).await?.map(read).transpose()
    }

    /// At most `limit` documents with ids after `after`, by id (which is the order of their making).
    pub async fn documents(
        &self,
        knowledge_base: &KnowledgeBaseId,
        after: Option<&DocumentId>,
        limit: u32,
    ) -> Result<Vec<Document>, DbError> {
        let after = after.map_or("", DocumentId::as_str);
        let rows = self.read(Operation::Documents, vec![knowledge_base.as_str().into(), after.into(), limit.into()]).await?;
        rows.into_iter().map(read).collect()
    }

    /// One version, live or not yet collected.
    pub async fn version(&self, document: &DocumentId, generation: u32) -> Result<Option<Version>, DbError> {
        let row = self.read_one(Operation::Version, vec![document.as_str().into(), generation.into()]).await?;
        row.map(|mut row| Version::read(&mut row)).transpose()
    }

    /// The text of one page, counted from 1, of a version that is not yet collected, and the character of the document's text that it
    /// begins at, where that is known.
    pub async fn page(&self, document: &DocumentId, generation: u32, number: u32) -> Result<Option<(String, Option<u32>)>, DbError> {
        let row = self.read_one(Operation::Page, vec![document.as_str().into(), generation.into(), number.into()]).await?;
        row.map(|mut row| Ok((row.next()?, row.next()?))).transpose()
    }

    /// The words of a page with their boxes, as the reader packed them.
    pub async fn page_words(&self, document: &DocumentId, generation: u32, number: u32) -> Result<Option<Vec<u8>>, DbError> {
        let row = self.read_one(Operation::PageWords, vec![document.as_str().into(), generation.into(), number.into()]).await?;
        row.map(|mut row| row.next()).transpose()
    }

    /// Whether any version that is live, being written or not yet collected has these original bytes, or a job that has not ended is
    /// going to read them: its payload names them, in hexadecimal digits, under `original`.
    pub async fn blob_is_used(&self, sha256: Sha256) -> Result<bool, DbError> {
        Ok(!self.read(Operation::BlobIsUsed, vec![sha256.0.as_slice().into()]).await?.is_empty())
    }
}

fn read(mut row: Row) -> Result<Document, DbError> {
    Ok(Document {
        id: row.name()?,
        knowledge_base: row.name()?,
        tenant: row.name()?,
        source: row.next()?,
        parent: row.optional_name()?,
        created_at: row.next()?,
        attributes: attributes::read(&mut row)?,
        version: Version::read(&mut row)?,
    })
}

impl Version {
    fn read(row: &mut Row) -> Result<Self, DbError> {
        Ok(Self {
            generation: row.next()?,
            facts: VersionFacts {
                name: row.next()?,
                title: row.next()?,
                media_type: row.next()?,
                sha256: Sha256(row.next()?),
                bytes: row.next()?,
                fingerprint: row.next()?,
                pages: row.next()?,
                metadata: row.json()?,
            },
            chunks: row.next()?,
            published_at: row.next()?,
            first_pass: row.next()?,
        })
    }
}
