//! Brings a file to this program's schema: numbered steps, each in a transaction of its own with its number.

use super::Session;
use crate::db::DbError;

/// `PRAGMA application_id` of our files: `GWDB`.
const OURS: i64 = 0x4757_4442;

/// Number n of the schema is what the first n of these make. They are shared by number with every other back-end, and never change
/// once released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_owned.sql"),
    include_str!("migrations/0003_responses.sql"),
    include_str!("migrations/0004_kept_answers.sql"),
];

/// The number of the file's schema, 0 for a new file. Changes nothing, so that a file that is not for us stays as it is.
pub(super) fn identify(session: &Session) -> Result<u32, DbError> {
    let found = session.number("PRAGMA user_version")?;
    if session.number("PRAGMA application_id")? != OURS && (found != 0 || session.number("SELECT count(*) FROM sqlite_schema")? != 0) {
        return Err(DbError::NotADatabase { path: session.path.as_ref().into() });
    }
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    let known = MIGRATIONS.len() as u32;
    if found > known { Err(DbError::Newer { path: session.path.as_ref().into(), found, known }) } else { Ok(found) }
}

pub(super) fn migrate(session: &Session, found: u32) -> Result<(), DbError> {
    for (number, sql) in (1..).zip(MIGRATIONS).skip(found as usize) {
        session.step(number, sql)?;
    }
    Ok(())
}

impl Session {
    fn number(&self, sql: &str) -> Result<i64, DbError> {
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(|error| self.error(sql, &error))
    }

    /// Another process may have opened the file at the same moment: the number is read again inside the transaction.
    fn step(&self, number: u32, sql: &str) -> Result<(), DbError> {
        self.batch("PRAGMA synchronous = FULL")?;
        self.batch("BEGIN IMMEDIATE")?;
        let done = self.number("PRAGMA user_version").and_then(|found| {
            if found < i64::from(number) {
                self.batch(sql)?;
                self.batch(&format!("PRAGMA application_id = {OURS}; PRAGMA user_version = {number}"))?;
            }
            self.batch("COMMIT")
        });
        if done.is_err() && !self.connection.is_autocommit() {
            self.batch("ROLLBACK")?;
        }
        done
    }
}
