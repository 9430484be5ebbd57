//! Files that come in parts: announced, sent part by part in any order, then put together.

mod complete;
mod pending;

pub use complete::{Completion, complete};
pub use groundwork_store::db::uploads::{Part, State, Upload};
pub use pending::{Announcement, MAX_PART, add_part, begin_part, cancel, create};

use crate::files::{ContentError, FileError};
use crate::owned::Stranger;
use groundwork_core::clock::UnixMs;
use groundwork_store::db::DbError;
use groundwork_wire::error::Invalid;

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error(transparent)]
    Stranger(#[from] Stranger),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("No such Upload object: {0}")]
    NotFound(String),
    #[error("The upload {id} is {state}: parts can be added to a pending one, and it can be completed or cancelled once.")]
    NotPending { id: String, state: &'static str },
    #[error("The parts would be more than the {0} bytes that were announced.")]
    TooMuch(u64),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<ContentError> for UploadError {
    fn from(error: ContentError) -> Self {
        Self::File(error.into())
    }
}

/// `pending`, `completed`, `cancelled`, or `expired`.
pub fn status(upload: &Upload, now: UnixMs) -> &'static str {
    match upload.state {
        State::Pending if upload.expires_at <= now => "expired",
        State::Pending => "pending",
        State::Completed => "completed",
        State::Cancelled => "cancelled",
    }
}
