//! What SQLite does under the functions above: a disk that is full, transactions that share a commit, callers that go away.

use super::*;
use crate::db::operation::{guard, step};

/// A database that may grow by `pages` pages more, as on a disk that is nearly full.
fn nearly_full(folder: &Path, pages: u32) -> Sqlite {
    let (writing, reading) = connections(&folder.join("groundwork.db").into()).unwrap();
    let count: u32 = writing.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    writing.connection.pragma_update(None, "max_page_count", count + pages).unwrap();
    Sqlite { writer: Writer::start(writing).unwrap(), readers: Readers::new(reading) }
}

fn tenant(id: &str) -> Step {
    step(Operation::EnsureTenant, vec![id.into(), 0u64.into()])
}

async fn tenants(sqlite: &Sqlite) -> usize {
    let principal = |id: &str| (Operation::EnsurePrincipal, vec![Value::from(id), "user:x".into(), 0u64.into()]);
    let steps = ["a", "b", "c"].map(|id| {
        let (operation, parameters) = principal(id);
        step(operation, parameters)
    });
    let outcomes = sqlite.write(Durability::Later, steps.into()).await.unwrap();
    outcomes.iter().map(|outcome| outcome.count as usize).sum()
}

#[tokio::test]
async fn a_full_disk_is_named_and_nothing_is_lost_or_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = nearly_full(folder.path(), 4);
    sqlite.write(Durability::Now, vec![tenant("a")]).await.unwrap();
    let large = tenant(&"x".repeat(100_000));
    let undone = sqlite.write(Durability::Now, vec![tenant("b"), large]).await;
    assert!(matches!(undone, Err(Undone::Db(DbError::Full { .. }))), "{undone:?}");
    sqlite.write(Durability::Now, vec![tenant("c")]).await.unwrap();
    assert_eq!(tenants(&sqlite).await, 2);
}

#[tokio::test]
async fn what_is_committed_together_is_undone_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(&folder.path().join("groundwork.db")).await.unwrap();
    let fails = || vec![tenant("b"), guard(Operation::RequireDraft, vec![Value::Integer(77)])];
    let (a, b, c) = tokio::join!(
        sqlite.write(Durability::Later, vec![tenant("a")]),
        sqlite.write(Durability::Now, fails()),
        sqlite.write(Durability::Later, vec![tenant("c")]),
    );
    assert!(a.is_ok() && c.is_ok());
    assert!(matches!(b, Err(Undone::Guard(1))));
    assert_eq!(tenants(&sqlite).await, 2);
}

#[tokio::test]
async fn a_write_whose_caller_has_gone_is_done_whole() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(&folder.path().join("groundwork.db")).await.unwrap();
    {
        let write = std::pin::pin!(sqlite.write(Durability::Now, vec![tenant("a"), tenant("b")]));
        let _ = futures::poll!(write);
    }
    assert_eq!(tenants(&sqlite).await, 2);
}
