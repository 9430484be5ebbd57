//! The truth behind one enum of named operations. What is asked and how rows are read is shared by all back-ends; SQL is each one's own.

pub mod attributes;
pub mod batches;
pub mod chunks;
pub mod completions;
pub mod conversations;
pub mod documents;
mod drafts;
pub mod files;
pub mod first_pass;
pub mod history;
pub mod items;
pub mod jobs;
pub mod kept_answers;
pub mod knowledge_bases;
pub mod ledger;
pub mod objects;
pub mod owned;
pub mod permissions;
pub mod responses;
pub mod tenants;
pub mod uploads;
pub mod versions;

mod operation;
mod sqlite;
mod value;

use groundwork_core::clock::{Clock, Dice, UnixMs};
use groundwork_core::ids::InvalidName;
use operation::{Durability, Operation, Outcome, Step};
use std::path::{Path, PathBuf};
use value::{Row, Value};

/// The database; a cheap clone. Every function may be dropped at any await: its transaction is then either done or not begun.
#[derive(Clone, Debug)]
pub struct Db {
    engine: sqlite::Sqlite,
    clock: Clock,
    dice: Dice,
}

/// Why the database could not do what was asked. Nothing of it was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    #[error("{path} is not a Groundwork database: move it away, or name another folder with GROUNDWORK__DATA_DIR", path = path.display())]
    NotADatabase { path: PathBuf },
    #[error("the database {path} is damaged ({detail}): restore it from a backup, or move it away and ingest again", path = path.display())]
    Corrupt { path: PathBuf, detail: String },
    #[error("the database {path} was written by a newer Groundwork (schema {found}, this program knows {known}): update the program", path = path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("step {number} of the schema is not what was run on the database {path}: open it with the Groundwork that wrote it, or restore a backup", path = path.display())]
    ChangedMigration { path: PathBuf, number: u32 },
    #[error("the database {path} cannot be written: make the file and its folder writable for this user", path = path.display())]
    ReadOnly { path: PathBuf },
    #[error("the disk that holds {path} is full: nothing was written; free space and try again", path = path.display())]
    Full { path: PathBuf },
    #[error("the database {path} cannot be opened: {detail}", path = path.display())]
    CannotOpen { path: PathBuf, detail: String },
    #[error("the database is busy: {waiting_for} took too long; try again later")]
    Busy { waiting_for: &'static str },
    #[error("the database is closed: the program is stopping")]
    Closed,
    #[error("the database failed at {operation}: {detail}")]
    Unexpected { operation: String, detail: String },
}

/// Why a transaction was undone.
#[derive(Debug)]
enum Undone {
    /// The step of this number did not change or return exactly one row.
    Guard(usize),
    Db(DbError),
}

impl From<DbError> for Undone {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl Undone {
    /// For a transaction whose guards cannot fail as long as the program is right.
    fn unexpected(self) -> DbError {
        match self {
            Self::Db(error) => error,
            Self::Guard(step) => {
                DbError::Unexpected { operation: format!("step {step}"), detail: "a row that must be there is not".to_owned() }
            }
        }
    }
}

impl Db {
    /// Opens `file`, makes it when it is not there, and brings it to this program's schema.
    pub async fn open(file: &Path, clock: Clock, dice: Dice) -> Result<Self, DbError> {
        Ok(Self { engine: sqlite::Sqlite::open(file).await?, clock, dice })
    }

    /// Whether a read and a write go through; for `/readyz`.
    pub async fn check(&self) -> Result<(), DbError> {
        self.read(Operation::Ping, vec![]).await?;
        self.write(Durability::Later, vec![operation::step(Operation::Beat, vec![self.now()])]).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    /// Finishes what is queued and closes the file. Later calls fail with `Closed`.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    async fn read(&self, operation: Operation, parameters: Vec<Value>) -> Result<Vec<Row>, DbError> {
        Ok(self.engine.read(vec![(operation, parameters)]).await?.pop().unwrap_or_default())
    }

    async fn read_one(&self, operation: Operation, parameters: Vec<Value>) -> Result<Option<Row>, DbError> {
        Ok(self.read(operation, parameters).await?.into_iter().next())
    }

    /// Several queries of one state of the database.
    async fn snapshot(&self, queries: Vec<(Operation, Vec<Value>)>) -> Result<std::vec::IntoIter<Vec<Row>>, DbError> {
        Ok(self.engine.read(queries).await?.into_iter())
    }

    /// All of `steps` or none, in one transaction.
    async fn write(&self, durability: Durability, steps: Vec<Step>) -> Result<Vec<Outcome>, Undone> {
        self.engine.write(durability, steps).await
    }

    fn now_ms(&self) -> UnixMs {
        self.clock.now()
    }

    fn now(&self) -> Value {
        self.clock.now().into()
    }

    fn make_id<T: TryFrom<String, Error = InvalidName>>(&self, prefix: &str) -> Result<T, DbError> {
        groundwork_core::ids::make(prefix, self.clock.now(), self.dice.roll())
            .map_err(|error| DbError::Unexpected { operation: "making an id".to_owned(), detail: error.to_string() })
    }
}
