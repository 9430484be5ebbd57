//! SQLite: one file, one writing thread that commits what has queued up together, a few connections that read beside it.

mod dialogue;
mod jobs;
mod kept;
mod migrate;
mod readers;
mod sql;
mod writer;

use super::operation::{Durability, Expect, Operation, Outcome, Step};
use super::value::{Row, Value};
use super::{DbError, Undone};
use readers::Readers;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, ToSql};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use writer::Writer;

/// How long a lock of another process is waited for, and how long a place in a queue is.
const PATIENCE: Duration = Duration::from_secs(10);
const STATEMENTS_KEPT: usize = 128;

#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    writer: Writer,
    readers: Readers,
}

impl Sqlite {
    pub(crate) async fn open(file: &Path) -> Result<Self, DbError> {
        let path: Arc<Path> = file.into();
        let (writing, reading) = tokio::task::spawn_blocking(move || connections(&path))
            .await
            .map_err(|error| DbError::CannotOpen { path: file.into(), detail: error.to_string() })??;
        Ok(Self { writer: Writer::start(writing)?, readers: Readers::new(reading) })
    }

    pub(crate) async fn read(&self, queries: Vec<(Operation, Vec<Value>)>) -> Result<Vec<Vec<Row>>, DbError> {
        self.readers.read(queries).await
    }

    pub(crate) async fn write(&self, durability: Durability, steps: Vec<Step>) -> Result<Vec<Outcome>, Undone> {
        self.writer.write(durability, steps).await
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A connection and the file it is for, which every error names.
pub(crate) struct Session {
    connection: Connection,
    path: Arc<Path>,
}

/// The writer's and the readers' connections to a file that has this program's schema.
fn connections(path: &Arc<Path>) -> Result<(Session, Vec<Session>), DbError> {
    claim(path)?;
    let writing = Session::open(path.clone(), OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    migrate::identify(&writing)?;
    writing.batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;")?;
    migrate::migrate(&writing)?;
    let reading = (0..readers::CONNECTIONS)
        .map(|_| {
            let session = Session::open(path.clone(), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            session.batch("PRAGMA query_only = ON;")?;
            Ok(session)
        })
        .collect::<Result<_, DbError>>()?;
    Ok((writing, reading))
}

/// Makes the file, for this user only, if it is not there.
fn claim(path: &Path) -> Result<(), DbError> {
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => DbError::ReadOnly { path: path.into() },
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => DbError::Full { path: path.into() },
        _ => DbError::CannotOpen { path: path.into(), detail: error.to_string() },
    };
    if let Some(folder) = path.parent() {
        crate::lock::make_folder(folder).map_err(cannot)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(cannot)?;
    Ok(())
}

impl Session {
    fn open(path: Arc<Path>, flags: OpenFlags) -> Result<Self, DbError> {
        let connection = Connection::open_with_flags(&path, flags).map_err(|error| classify(&path, "opening", &error))?;
        let session = Self { connection, path };
        session.connection.busy_timeout(PATIENCE).map_err(|error| session.error("opening", &error))?;
        session.connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        Ok(session)
    }

    fn batch(&self, sql: &str) -> Result<(), DbError> {
        self.connection.execute_batch(sql).map_err(|error| self.error(sql, &error))
    }

    fn run(&self, operation: Operation, parameters: &[Value]) -> Result<Outcome, DbError> {
        Self::execute(&mut self.prepare(operation)?, operation, parameters).map_err(|error| self.error(&format!("{operation:?}"), &error))
    }

    fn prepare(&self, operation: Operation) -> Result<CachedStatement<'_>, DbError> {
        self.connection.prepare_cached(sql::sql(operation)).map_err(|error| self.error(&format!("{operation:?}"), &error))
    }

    fn execute(statement: &mut CachedStatement<'_>, operation: Operation, parameters: &[Value]) -> rusqlite::Result<Outcome> {
        let width = statement.column_count();
        if width == 0 {
            let count = statement.execute(rusqlite::params_from_iter(parameters))?;
            return Ok(Outcome { count: count as u64, rows: vec![] });
        }
        let mut found = statement.query(rusqlite::params_from_iter(parameters))?;
        let mut rows = vec![];
        while let Some(row) = found.next()? {
            let columns = (0..width).map(|at| row.get_ref(at).map(owned)).collect::<rusqlite::Result<_>>()?;
            rows.push(Row::new(operation, columns));
        }
        Ok(Outcome { count: rows.len() as u64, rows })
    }

    fn run_all(&self, steps: &[Step]) -> Result<Vec<Outcome>, Undone> {
        // Steps of one kind, such as calls that are booked together, follow each other.
        let mut prepared: Option<(Operation, CachedStatement<'_>)> = None;
        steps
            .iter()
            .enumerate()
            .map(|(at, step)| {
                let statement = match &mut prepared {
                    Some((operation, statement)) if *operation == step.operation => statement,
                    other => &mut other.insert((step.operation, self.prepare(step.operation)?)).1,
                };
                let outcome = Self::execute(statement, step.operation, &step.parameters);
                let outcome = outcome.map_err(|error| self.error(&format!("{:?}", step.operation), &error))?;
                if step.expect == Expect::OneRow && outcome.count != 1 { Err(Undone::Guard(at)) } else { Ok(outcome) }
            })
            .collect()
    }

    fn error(&self, operation: &str, error: &rusqlite::Error) -> DbError {
        classify(&self.path, operation, error)
    }
}

fn classify(path: &Path, operation: &str, error: &rusqlite::Error) -> DbError {
    let path = PathBuf::from(path);
    let detail = error.to_string();
    // The index of the log, which readers share, could not be made longer.
    if error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
        return DbError::Full { path };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => DbError::NotADatabase { path },
        Some(ErrorCode::DatabaseCorrupt) => DbError::Corrupt { path, detail },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => DbError::ReadOnly { path },
        Some(ErrorCode::DiskFull) => DbError::Full { path },
        Some(ErrorCode::CannotOpen) => DbError::CannotOpen { path, detail },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DbError::Busy { waiting_for: "the lock of another process" },
        _ => DbError::Unexpected { operation: operation.to_owned(), detail },
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned()),
        ValueRef::Blob(value) => Value::Blob(value.to_vec()),
    }
}

#[cfg(test)]
mod tests;
