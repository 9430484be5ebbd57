//! What is not ours is refused with a reason and left as it is.

use crate::fixture::{Fixture, handbook, publish, visible};
use groundwork_core::clock::{Clock, Dice};
use groundwork_store::db::{Db, DbError};
use std::path::Path;

async fn open(file: &Path) -> Result<Db, DbError> {
    Db::open(file, Clock::fake(0).0, Dice::counting(0)).await
}

#[tokio::test]
async fn what_was_written_is_there_after_closing_and_opening() {
    let fixture = Fixture::with_handbook().await;
    publish(&fixture.db, "leave.md", "ten days").await;
    fixture.db.check().await.unwrap();
    let seen = visible(&fixture.db).await;
    fixture.db.close().await;
    assert_eq!(fixture.db.check().await, Err(DbError::Closed));
    assert_eq!(fixture.db.knowledge_base(&handbook()).await.err(), Some(DbError::Closed));
    assert!(!fixture.file().with_extension("db-wal").exists(), "the log is folded into the file");
    let again = open(&fixture.file()).await.unwrap();
    assert_eq!(visible(&again).await, seen);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let fixture = Fixture::new().await;
    fixture.db.close().await;
    let sqlite = rusqlite::Connection::open(fixture.file()).unwrap();
    sqlite.pragma_update(None, "user_version", 9_999).unwrap();
    drop(sqlite);
    let before = std::fs::read(fixture.file()).unwrap();
    let error = open(&fixture.file()).await.unwrap_err();
    assert!(matches!(error, DbError::Newer { found: 9_999, .. }), "{error}");
    assert!(std::fs::read(fixture.file()).unwrap() == before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groundwork.db");
    let text = "Dear diary, this is not a database. ".repeat(200);
    std::fs::write(&file, &text).unwrap();
    assert_eq!(open(&file).await.unwrap_err(), DbError::NotADatabase { path: file.clone() });
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groundwork.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE recipe (name TEXT)").unwrap();
    assert_eq!(open(&file).await.unwrap_err(), DbError::NotADatabase { path: file });
}

#[tokio::test]
async fn damage_inside_the_file_is_named() {
    let fixture = Fixture::with_handbook().await;
    publish(&fixture.db, "leave.md", &"days ".repeat(200)).await;
    fixture.db.close().await;
    let mut bytes = std::fs::read(fixture.file()).unwrap();
    let pages = bytes.len() / 4096;
    for page in 1..pages {
        bytes[page * 4096..page * 4096 + 64].fill(0xAA);
    }
    std::fs::write(fixture.file(), bytes).unwrap();
    let result = async {
        let db = open(&fixture.file()).await?;
        db.live_slots(&handbook()).await
    };
    let error = result.await.unwrap_err();
    assert!(matches!(&error, DbError::Corrupt { path, .. } if *path == fixture.file()), "{error}");
}

#[tokio::test]
async fn a_path_that_cannot_be_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path()).await.unwrap_err();
    assert!(matches!(error, DbError::CannotOpen { .. }), "{error}");
}
