//! Original bytes, by the SHA-256 of their content: written whole or not at all, checked when read.

use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;

/// SHA-256 of a content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        unimplemented!("{}", bytes.len())
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        unimplemented!("{text}")
    }
}

impl std::fmt::Display for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Why original bytes could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("no original with SHA-256 {0} is stored: ingest the document again")]
    Missing(Sha256),
    #[error(
        "the stored original {0} is not what was written: restore it from a backup or ingest the document again"
    )]
    Damaged(Sha256),
    #[error("the disk is full: nothing was written; free space and try again")]
    Full,
    #[error("the blob store failed: {0}")]
    Store(#[from] object_store::Error),
}

/// The store of original bytes; a cheap clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn object_store::ObjectStore>,
}

impl Blobs {
    /// Keeps the bytes in a local folder, which is made if it is not there.
    pub fn open(folder: &Path) -> Result<Self, BlobError> {
        unimplemented!("{folder:?}")
    }

    /// Keeps `bytes`; what is there already is not written again.
    pub async fn put(&self, bytes: Bytes) -> Result<Sha256, BlobError> {
        unimplemented!("{}", bytes.len())
    }

    pub async fn get(&self, sha256: Sha256) -> Result<Bytes, BlobError> {
        unimplemented!("{sha256}")
    }

    /// Removes the bytes; call only when `Db::blob_is_used` says that no version refers to them.
    pub async fn delete(&self, sha256: Sha256) -> Result<(), BlobError> {
        unimplemented!("{sha256}")
    }
}
