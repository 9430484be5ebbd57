//! Files of callers: taken in as they come, kept for their owner, gone when they expire or are deleted.

mod arriving;
mod keep;
mod kept;
mod shelves;

pub use arriving::Arriving;
pub(crate) use arriving::{publish, publish_all};
pub use groundwork_store::contents::{Content, ContentError};
pub use groundwork_store::db::files::File;
pub use keep::{About, begin, keep};
pub(crate) use keep::{made, usable_name};
pub use kept::{content, delete, find, list};
pub(crate) use shelves::Shelves;

use crate::app::Interrupted;
use crate::owned::Stranger;
use groundwork_store::db::DbError;

/// What a file that holds the requests of a batch is for.
pub const BATCH: &str = "batch";

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(transparent)]
    Stranger(#[from] Stranger),
    #[error("No such File object: {0}")]
    NotFound(String),
    #[error("The file is empty.")]
    Empty,
    #[error("The file has more than the {limit} bytes that are taken at once.")]
    TooLarge { limit: u64 },
    #[error("The file name is not usable: {0}.")]
    Name(&'static str),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
