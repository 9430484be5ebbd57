//! Permissions belong to the document, whatever its versions.

use crate::fixture::{Fixture, handbook, new_version, publish, write};
use groundwork_core::access::{Permissions, Scope};
use groundwork_store::db::permissions::SetPermissionsError;
use groundwork_store::db::versions::NewVersion;

fn restricted(allow: &[&str], deny: &[&str]) -> Permissions {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Permissions { scope: Scope::Restricted, public: false, allow: names(allow), deny: names(deny) }
}

#[tokio::test]
async fn all_permissions_of_a_knowledge_base_are_read_in_one_state() {
    let fixture = Fixture::with_handbook().await;
    let open = publish(&fixture.db, "open.md", "text").await;
    fixture.advance(1);
    let closed = publish(&fixture.db, "closed.md", "text").await;
    let permissions = restricted(&["group:people", "user:ana"], &["user:bo"]);
    let epochs = fixture.db.set_permissions(&handbook(), &closed.document, permissions.clone()).await.unwrap();
    assert_eq!((epochs.permission, epochs.content), (1, 2));

    let all = fixture.db.permissions(&handbook()).await.unwrap().unwrap();
    assert_eq!((all.tenant.as_str(), all.epochs), ("default", epochs));
    assert_eq!(all.documents, [(open.document, Permissions::default()), (closed.document, permissions)]);
    assert_eq!(fixture.db.permissions(&"nothing".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn setting_what_is_already_set_does_not_raise_the_epoch() {
    let fixture = Fixture::with_handbook().await;
    let document = publish(&fixture.db, "plan.md", "text").await.document;
    for expected in [1, 1] {
        let epochs = fixture.db.set_permissions(&handbook(), &document, restricted(&["user:ana"], &[])).await.unwrap();
        assert_eq!(epochs.permission, expected);
    }
    let cleared = fixture.db.set_permissions(&handbook(), &document, Permissions::default()).await.unwrap();
    assert_eq!(cleared.permission, 2);
    assert_eq!(fixture.db.document_permissions(&handbook(), &document).await.unwrap(), Some(Permissions::default()));
}

#[tokio::test]
async fn a_first_version_brings_permissions_and_a_later_one_leaves_them_alone() {
    let fixture = Fixture::with_handbook().await;
    let mut version = new_version("plan.md", "");
    version.permissions = Some(restricted(&["user:ana"], &[]));
    let first = fixture.db.begin_version(version.clone()).await.unwrap();
    // A draft that was given up does not decide for the next one.
    fixture.db.discard(&first).await.unwrap();
    version.permissions = Some(restricted(&["user:bo"], &["user:ana"]));
    let second = fixture.db.begin_version(version.clone()).await.unwrap();
    fixture.db.publish(&second, 0).await.unwrap();
    version.permissions = Some(Permissions::default());
    let third = fixture.db.begin_version(version).await.unwrap();
    fixture.db.publish(&third, 0).await.unwrap();
    let permissions = fixture.db.document_permissions(&handbook(), &third.document).await.unwrap();
    assert_eq!(permissions, Some(restricted(&["user:bo"], &["user:ana"])));
}

#[tokio::test]
async fn a_document_that_nobody_sees_has_no_permissions_to_set() {
    let fixture = Fixture::with_handbook().await;
    let draft = write(&fixture.db, "plan.md", "text").await;
    let error = fixture.db.set_permissions(&handbook(), &draft.document, restricted(&[], &[])).await.unwrap_err();
    assert!(matches!(error, SetPermissionsError::NoSuchDocument(_)), "{error}");
}

#[tokio::test]
async fn permissions_outlive_deletion_and_failure_until_others_are_given() {
    let fixture = Fixture::with_handbook().await;
    let db = &fixture.db;
    let closed = restricted(&["user:ana", "group:people"], &["user:bo"]);
    let collect = async || db.collect(db.dead_versions().await.unwrap()).await.unwrap();
    let next = async |permissions: Option<Permissions>| {
        let draft = db.begin_version(NewVersion { permissions, ..new_version("plan.md", "") }).await.unwrap();
        db.publish(&draft, 0).await.unwrap();
        (db.document_permissions(&handbook(), &draft.document).await.unwrap().unwrap(), draft.document)
    };

    // A draft that failed, collected before the next one and not.
    for collected in [true, false] {
        let draft = db.begin_version(NewVersion { permissions: Some(closed.clone()), ..new_version("plan.md", "") }).await.unwrap();
        db.discard(&draft).await.unwrap();
        if collected {
            collect().await;
        }
    }
    let (mut permissions, mut document) = next(None).await;
    assert_eq!(permissions, closed);

    // Deleted once and again, collected before the next one and not.
    for collected in [true, false, false, true] {
        db.delete_document(&handbook(), &document).await.unwrap().unwrap();
        if collected {
            collect().await;
        }
        let before = document;
        (permissions, document) = next(None).await;
        assert_eq!(permissions, closed, "{collected}");
        assert_ne!(document, before);
    }

    // What is given wins, and what is default leaves nothing behind.
    db.delete_document(&handbook(), &document).await.unwrap().unwrap();
    (permissions, document) = next(Some(Permissions::default())).await;
    assert_eq!(permissions, Permissions::default());
    db.delete_document(&handbook(), &document).await.unwrap().unwrap();
    collect().await;
    assert_eq!(next(None).await.0, Permissions::default());
    let rows: u32 =
        rusqlite::Connection::open(fixture.file()).unwrap().query_row("SELECT count(*) FROM document", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1, "only the document that is there");
}
