//! Bytes of files by ids of ours: written as they come in, read as they are wanted, so that none is ever whole in memory.

use crate::disk;
use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt, WriteMultipart};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a content could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("the content of {0} is not stored: restore it from a backup, or send the file again")]
    Missing(String),
    #[error("the disk is full: nothing was written; free space and try again")]
    Full,
    #[error("the folder {folder} cannot be made: {source}; make its parent writable for this user", folder = folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("the store of files failed: {0}")]
    Store(object_store::Error),
}

/// The store of contents; a cheap clone.
#[derive(Clone, Debug)]
pub struct Contents {
    store: Arc<dyn ObjectStore>,
    folder: Arc<Path>,
}

/// A content on its way in. Dropped before it is finished it leaves nothing.
pub struct Writer {
    upload: WriteMultipart,
    bytes: u64,
}

/// A content on its way out.
pub struct Content {
    pub bytes: u64,
    pub stream: BoxStream<'static, Result<Bytes, ContentError>>,
}

/// Bytes that are written at a time.
const PIECE: usize = 1 << 20;
/// Bytes that are read at a time: worth the way to the thread that reads, and little enough for many readers.
const READ: u64 = 256 << 10;
/// Pieces that may wait to be written.
const PIECES: usize = 4;

impl Contents {
    /// Keeps contents in a local folder, which is made if it is not there.
    pub fn open(folder: &Path) -> Result<Self, ContentError> {
        crate::lock::make_folder(folder).map_err(|source| ContentError::Folder { folder: folder.into(), source })?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(classify)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), folder: folder.into() })
    }

    /// Begins a content. Nobody sees it before it is finished, and then it is there whole and durably.
    pub async fn write(&self, id: &str) -> Result<Writer, ContentError> {
        let upload = self.store.put_multipart(&key(id)).await.map_err(classify)?;
        Ok(Writer { upload: WriteMultipart::new_with_chunk_size(upload, PIECE), bytes: 0 })
    }

    pub async fn read(&self, id: &str) -> Result<Content, ContentError> {
        match self.store.get(&key(id)).await {
            Ok(found) => {
                let bytes = found.meta.size;
                let stream = match found.payload {
                    GetResultPayload::File(file, _) => pieces(file).boxed(),
                    GetResultPayload::Stream(stream) => stream.map_err(classify).boxed(),
                };
                Ok(Content { bytes, stream })
            }
            Err(object_store::Error::NotFound { .. }) => Err(ContentError::Missing(id.to_owned())),
            Err(error) => Err(classify(error)),
        }
    }

    /// What is not there is deleted already.
    pub async fn delete(&self, id: &str) -> Result<(), ContentError> {
        match self.store.delete(&key(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(classify(error)),
        }
    }

    /// The ids of all contents, and none of what was begun and not finished: that is removed. For the one owner of the data folder before
    /// it begins its first content.
    pub async fn ids(&self) -> Result<Vec<String>, ContentError> {
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || remove_unfinished(&folder)).await.map_err(|error| ContentError::Store(error.into()))?;
        let found = self.store.list(None).map_ok(|found| found.location.filename().map(str::to_owned));
        let ids: Vec<Option<String>> = found.try_collect().await.map_err(classify)?;
        Ok(ids.into_iter().flatten().collect())
    }
}

impl Writer {
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), ContentError> {
        self.upload.wait_for_capacity(PIECES).await.map_err(classify)?;
        self.bytes += bytes.len() as u64;
        self.upload.put(bytes);
        Ok(())
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the content appear, and says how many bytes it has.
    pub async fn finish(self) -> Result<u64, ContentError> {
        self.upload.finish().await.map_err(classify)?;
        Ok(self.bytes)
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// The bytes of an open file, whatever becomes of its name meanwhile.
fn pieces(file: File) -> impl Stream<Item = Result<Bytes, ContentError>> {
    stream::try_unfold(file, |mut file| async move {
        let reading = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::new();
            file.by_ref().take(READ).read_to_end(&mut piece).map(|_length| (piece, file))
        });
        let store = |source| ContentError::Store(object_store::Error::Generic { store: "files", source });
        let (piece, file) = reading.await.map_err(|cut| store(cut.into()))?.map_err(|error| store(error.into()))?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}

/// Ids begin with the time of their making, so that their ends spread evenly over folders.
fn key(id: &str) -> Key {
    let end = id.len().saturating_sub(2);
    let shelf = id.get(end..).unwrap_or(id);
    Key::from(format!("{shelf}/{id}"))
}

/// The local store writes beside the file's place, under its name with `#` and a number, and a kill leaves that behind.
fn remove_unfinished(folder: &Path) {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    for shelf in entries(folder) {
        for file in entries(&shelf.path()).filter(|file| file.file_name().to_string_lossy().contains('#')) {
            if let Err(error) = std::fs::remove_file(file.path()) {
                tracing::warn!(file = %file.path().display(), %error, "what is left of an unfinished file cannot be removed");
            }
        }
    }
}

fn classify(error: object_store::Error) -> ContentError {
    if disk::is_full(&error) { ContentError::Full } else { ContentError::Store(error) }
}
