//! The truth behind one enum of named operations.

pub mod chunks;
pub mod documents;
pub mod jobs;
pub mod knowledge_bases;
pub mod ledger;
pub mod objects;
pub mod permissions;
pub mod tenants;
pub mod versions;

use groundwork_core::clock::{Clock, Dice};
use std::path::{Path, PathBuf};

/// The database; a cheap clone. Every function may be dropped at any await: a transaction is then either done or not begun.
#[derive(Clone, Debug)]
pub struct Db {
    clock: Clock,
    dice: Dice,
}

/// Why the database could not do what was asked. Nothing was changed, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("{path} is not a Groundwork database: move it away, or name another folder with GROUNDWORK__DATA_DIR", path = path.display())]
    NotADatabase { path: PathBuf },
    #[error("the database {path} is damaged ({detail}): restore it from a backup, or move it away and ingest again", path = path.display())]
    Corrupt { path: PathBuf, detail: String },
    #[error("the database {path} was written by a newer Groundwork (schema {found}, this program knows {known}): update the program", path = path.display())]
    Newer {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    #[error("the database {path} cannot be written: make the folder and the file writable for this user", path = path.display())]
    ReadOnly { path: PathBuf },
    #[error("the disk that holds {path} is full: nothing was written; free space and try again", path = path.display())]
    Full { path: PathBuf },
    #[error("the database {path} cannot be opened: {detail}", path = path.display())]
    CannotOpen { path: PathBuf, detail: String },
    #[error("the database is busy: {waiting} has waited too long; try again later")]
    Busy { waiting: &'static str },
    #[error("the database is closed")]
    Closed,
    #[error("{operation}: {detail}")]
    Unexpected {
        operation: &'static str,
        detail: String,
    },
}

impl Db {
    /// Opens `file`, makes it when it is not there, and brings it to this program's schema.
    pub async fn open(file: &Path, clock: Clock, dice: Dice) -> Result<Self, DbError> {
        unimplemented!("{file:?} {clock:?} {dice:?}")
    }

    /// Whether a read and a write go through; for `/readyz`.
    pub async fn check(&self) -> Result<(), DbError> {
        unimplemented!()
    }

    /// Finishes what is queued and closes the file. Later calls fail with `Closed`.
    pub async fn close(&self) {
        unimplemented!()
    }
}
