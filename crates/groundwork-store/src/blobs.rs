//! Original bytes, by the SHA-256 of their content: written whole or not at all, checked when read.

use crate::disk;
use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use sha2::Digest;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// SHA-256 of a content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
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
    #[error("the stored original {0} is not what was written: restore it from a backup or ingest the document again")]
    Damaged(Sha256),
    #[error("the disk is full: nothing was written; free space and try again")]
    Full,
    #[error("the folder {folder} cannot be made: {source}; make its parent writable for this user", folder = folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("the store of originals failed: {0}")]
    Store(object_store::Error),
}

/// The store of original bytes; a cheap clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
}

impl Blobs {
    /// Keeps the bytes in a local folder, which is made if it is not there.
    pub fn open(folder: &Path) -> Result<Self, BlobError> {
        crate::lock::make_folder(folder).map_err(|source| BlobError::Folder { folder: folder.into(), source })?;
        Ok(Self { store: Arc::new(LocalFileSystem::new_with_prefix(folder).map_err(classify)?.with_fsync(true)) })
    }

    /// Keeps `bytes`, durably. What is there already and whole is not written again.
    pub async fn put(&self, bytes: Bytes) -> Result<Sha256, BlobError> {
        let (bytes, sha256) = hashed(bytes).await?;
        match self.get(sha256).await {
            Ok(_) => return Ok(sha256),
            Err(BlobError::Missing(_) | BlobError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
        // Written to a temporary file, flushed, renamed: a reader sees all or nothing.
        self.store.put_opts(&key(sha256), bytes.into(), PutMode::Overwrite.into()).await.map_err(classify)?;
        Ok(sha256)
    }

    /// The bytes, checked against their name.
    pub async fn get(&self, sha256: Sha256) -> Result<Bytes, BlobError> {
        let read = async { self.store.get(&key(sha256)).await?.bytes().await };
        let bytes = match read.await {
            Ok(bytes) => bytes,
            Err(object_store::Error::NotFound { .. }) => return Err(BlobError::Missing(sha256)),
            Err(error) => return Err(classify(error)),
        };
        let (bytes, found) = hashed(bytes).await?;
        if found == sha256 { Ok(bytes) } else { Err(BlobError::Damaged(sha256)) }
    }

    /// Removes the bytes; call only when `Db::blob_is_used` says that no version refers to them. What is not there is removed already.
    pub async fn delete(&self, sha256: Sha256) -> Result<(), BlobError> {
        match self.store.delete(&key(sha256)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(classify(error)),
        }
    }
}

/// Two letters of folder keep any one folder small.
fn key(sha256: Sha256) -> Key {
    let name = sha256.to_string();
    Key::from(format!("{}/{name}", &name[..2]))
}

/// Hashing a large file takes long enough to keep it off the executor.
async fn hashed(bytes: Bytes) -> Result<(Bytes, Sha256), BlobError> {
    tokio::task::spawn_blocking(move || {
        let sha256 = Sha256::of(&bytes);
        (bytes, sha256)
    })
    .await
    .map_err(|error| BlobError::Store(error.into()))
}

fn classify(error: object_store::Error) -> BlobError {
    if disk::is_full(&error) { BlobError::Full } else { BlobError::Store(error) }
}
