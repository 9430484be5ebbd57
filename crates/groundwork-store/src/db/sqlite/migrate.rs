//! Brings a file to this program's schema: numbered steps, each in a transaction of its own, and a book of those that were run.

use super::Session;
use crate::blobs::Sha256;
use crate::db::DbError;

/// `PRAGMA application_id` of our files: `GWDB`.
const OURS: i64 = 0x4757_4442;

/// The steps of the schema by number. They are shared by number with every other back-end, and never change once released. A step is
/// applied to every file that does not have it yet, so their numbers may be given out before their steps are there.
const MIGRATIONS: &[(u32, &str)] = &[
    (1, include_str!("migrations/0001_first.sql")),
    (2, include_str!("migrations/0002_owned.sql")),
    (3, include_str!("migrations/0003_responses.sql")),
    (4, include_str!("migrations/0004_kept_answers.sql")),
    (5, include_str!("migrations/0005_attempts.sql")),
    (6, include_str!("migrations/0006_source_permissions.sql")),
    (17, include_str!("migrations/0017_batch_upstream.sql")),
    (19, include_str!("migrations/0019_job_order.sql")),
    (20, include_str!("migrations/0020_places.sql")),
    (21, include_str!("migrations/0021_attachments.sql")),
    (22, include_str!("migrations/0022_words.sql")),
    (23, include_str!("migrations/0023_near_and_kept.sql")),
    (24, include_str!("migrations/0024_attributes.sql")),
    (25, include_str!("migrations/0025_chunk_order.sql")),
    (26, include_str!("migrations/0026_attributes_since.sql")),
    (27, include_str!("migrations/0027_first_pass.sql")),
];

/// Which steps a file has, each with the digest of what was run.
const BOOK: &str = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, sha256 BLOB NOT NULL)";

/// Refuses what is not for us: another program's file, or one that a newer program wrote. Changes nothing, so that such a file stays as
/// it is.
pub(super) fn identify(session: &Session) -> Result<(), DbError> {
    let found = session.number("PRAGMA user_version")?;
    if session.number("PRAGMA application_id")? != OURS && (found != 0 || session.number("SELECT count(*) FROM sqlite_schema")? != 0) {
        return Err(DbError::NotADatabase { path: session.path.as_ref().into() });
    }
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    let known = MIGRATIONS.iter().map(|(number, _)| *number).max().unwrap_or_default();
    if found > known { Err(DbError::Newer { path: session.path.as_ref().into(), found, known }) } else { Ok(()) }
}

/// Runs what the file does not have yet, each step in a transaction of its own with its entry in the book.
pub(super) fn migrate(session: &Session) -> Result<(), DbError> {
    bring_to(session, MIGRATIONS)
}

fn bring_to(session: &Session, migrations: &[(u32, &str)]) -> Result<(), DbError> {
    migrations.iter().try_for_each(|&(number, sql)| session.step(number, sql))
}

impl Session {
    fn number(&self, sql: &str) -> Result<i64, DbError> {
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(|error| self.error(sql, &error))
    }

    /// Another process may have opened the file at the same moment: the book is read inside the transaction.
    fn step(&self, number: u32, sql: &str) -> Result<(), DbError> {
        self.batch("PRAGMA synchronous = FULL")?;
        self.batch("BEGIN IMMEDIATE")?;
        let done = self.run_once(number, sql).and_then(|()| self.batch("COMMIT"));
        if done.is_err() && !self.connection.is_autocommit() {
            self.batch("ROLLBACK")?;
        }
        done
    }

    fn run_once(&self, number: u32, sql: &str) -> Result<(), DbError> {
        // A checkout may have changed the ends of lines, which say nothing.
        let digest = Sha256::of(sql.replace("\r\n", "\n").as_bytes());
        self.batch(BOOK)?;
        match self.applied(number)? {
            Some(applied) if applied == digest => return Ok(()),
            Some(_) => return Err(DbError::ChangedMigration { path: self.path.as_ref().into(), number }),
            // A file from before there was a book has the first step.
            None if number == 1 && self.number("PRAGMA user_version")? > 0 => {}
            None => self.batch(sql)?,
        }
        let booked = self.connection.execute("INSERT INTO migration (number, sha256) VALUES (?1, ?2)", rusqlite::params![number, digest.0]);
        booked.map_err(|error| self.error("migration", &error))?;
        let highest = self.number("SELECT max(number) FROM migration")?;
        self.batch(&format!("PRAGMA application_id = {OURS}; PRAGMA user_version = {highest}"))
    }

    fn applied(&self, number: u32) -> Result<Option<Sha256>, DbError> {
        let row = self.connection.query_row("SELECT sha256 FROM migration WHERE number = ?1", [number], |row| row.get(0));
        rusqlite::OptionalExtension::optional(row).map(|digest| digest.map(Sha256)).map_err(|error| self.error("migration", &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::OpenFlags;
    use std::path::Path;

    fn session(folder: &Path) -> Session {
        let path = folder.join("groundwork.db");
        Session::open(path.into(), OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).unwrap()
    }

    #[test]
    fn steps_run_once_each_and_a_late_number_is_made_up_for() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b, c) = ((1, "CREATE TABLE a (x)"), (2, "CREATE TABLE b (x)"), (3, "CREATE TABLE c (x)"));
        for steps in [&[a, c][..], &[a, c], &[a, b, c]] {
            bring_to(&session(folder.path()), steps).unwrap();
        }
        let session = session(folder.path());
        assert_eq!(session.number("SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b', 'c')").unwrap(), 3);
        assert_eq!(session.number("PRAGMA user_version").unwrap(), 3);
    }

    #[test]
    fn a_step_that_was_edited_after_it_ran_is_refused_by_number() {
        let folder = tempfile::tempdir().unwrap();
        bring_to(&session(folder.path()), &[(1, "CREATE TABLE a (x);\n")]).unwrap();
        bring_to(&session(folder.path()), &[(1, "CREATE TABLE a (x);\r\n")]).unwrap();
        let edited = bring_to(&session(folder.path()), &[(1, "CREATE TABLE a (x, y);\n"), (2, "CREATE TABLE b (x)")]);
        assert!(matches!(edited, Err(DbError::ChangedMigration { number: 1, .. })), "{edited:?}");
        assert_eq!(session(folder.path()).number("SELECT count(*) FROM sqlite_schema WHERE name = 'b'").unwrap(), 0);
    }
}
