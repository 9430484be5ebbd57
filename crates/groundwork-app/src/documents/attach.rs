//! A file of a caller that is to become a document.

use crate::App;
use crate::files::{self, File, FileError};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use groundwork_core::access::Caller;

/// What files must be for to become documents.
const PURPOSES: [&str; 2] = ["assistants", "user_data"];

#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("The file {id} is for {purpose}; only files for {} become documents.", PURPOSES.join(" or "))]
    Purpose { id: String, purpose: String },
    #[error("The file {id} has {bytes} bytes, more than the {limit} that limits.document allows.")]
    TooLarge { id: String, bytes: u64, limit: usize },
}

/// The file `id` of `caller`, whole: what is read and indexed is held in memory meanwhile.
pub async fn file(app: &App, caller: &Caller, id: &str) -> Result<(File, Bytes), AttachError> {
    let (file, mut content) = files::content(app, caller, id).await?;
    if !PURPOSES.contains(&file.purpose.as_str()) {
        return Err(AttachError::Purpose { id: id.to_owned(), purpose: file.purpose });
    }
    let limit = app.inner().limits.upload_bytes;
    if file.bytes > limit as u64 {
        return Err(AttachError::TooLarge { id: id.to_owned(), bytes: file.bytes, limit });
    }
    let mut bytes = BytesMut::with_capacity(usize::try_from(content.bytes).unwrap_or_default().min(limit));
    while let Some(piece) = content.stream.next().await {
        bytes.extend_from_slice(&piece.map_err(FileError::from)?);
    }
    Ok((file, bytes.freeze()))
}
