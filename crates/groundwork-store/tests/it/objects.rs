//! Published objects: versions that never change, and files that nobody overrides.

use crate::fixture::{Fixture, tenant};
use groundwork_store::db::knowledge_bases::{ManagedBy, NewKnowledgeBase, PutKnowledgeBaseError};
use groundwork_store::db::objects::{Kind, NewObject, PutObjectError};
use serde_json::json;

fn assistant(prompt: &str, managed_by: ManagedBy) -> NewObject {
    NewObject { kind: Kind::Assistant, tenant: tenant(), name: "desk".to_owned(), body: json!({ "prompt": prompt }), managed_by }
}

#[tokio::test]
async fn a_new_version_goes_live_and_the_old_one_stays_readable() {
    let fixture = Fixture::new().await;
    let first = fixture.db.put_version(assistant("Be brief.", ManagedBy::Api)).await.unwrap();
    let same = fixture.db.put_version(assistant("Be brief.", ManagedBy::Api)).await.unwrap();
    let second = fixture.db.put_version(assistant("Be kind.", ManagedBy::Api)).await.unwrap();
    assert_eq!((first.version, &same, second.version), (1, &first, 2));
    assert_eq!(fixture.db.live(Kind::Assistant, &tenant(), "desk").await.unwrap(), Some(second.clone()));
    assert_eq!(fixture.db.object_version(Kind::Assistant, &tenant(), "desk", 1).await.unwrap(), Some(first));
    assert_eq!(fixture.db.live_objects(Kind::Assistant, &tenant()).await.unwrap(), [second]);
    assert_eq!(fixture.db.live(Kind::Template, &tenant(), "desk").await.unwrap(), None);
}

#[tokio::test]
async fn what_a_file_declares_the_api_cannot_change() {
    let fixture = Fixture::new().await;
    fixture.db.put_version(assistant("From the API.", ManagedBy::Api)).await.unwrap();
    let applied = fixture.db.put_version(assistant("From the file.", ManagedBy::File)).await.unwrap();
    let error = fixture.db.put_version(assistant("From the API again.", ManagedBy::Api)).await.unwrap_err();
    assert!(matches!(error, PutObjectError::ManagedByFile { .. }), "{error}");
    let error = fixture.db.retire(Kind::Assistant, &tenant(), "desk", ManagedBy::Api).await.unwrap_err();
    assert!(matches!(error, PutObjectError::ManagedByFile { .. }), "{error}");
    assert_eq!(fixture.db.live(Kind::Assistant, &tenant(), "desk").await.unwrap(), Some(applied));

    assert!(fixture.db.retire(Kind::Assistant, &tenant(), "desk", ManagedBy::File).await.unwrap());
    assert!(!fixture.db.retire(Kind::Assistant, &tenant(), "desk", ManagedBy::File).await.unwrap());
    assert_eq!(fixture.db.live(Kind::Assistant, &tenant(), "desk").await.unwrap(), None);
    assert_eq!(fixture.db.put_version(assistant("Free again.", ManagedBy::Api)).await.unwrap().version, 3);
}

#[tokio::test]
async fn a_knowledge_base_belongs_to_one_tenant_and_to_its_file() {
    let fixture = Fixture::new().await;
    let new = |tenant: &str, name: &str, managed_by| NewKnowledgeBase {
        id: "handbook".parse().unwrap(),
        tenant: tenant.parse().unwrap(),
        name: name.to_owned(),
        settings: json!({ "depth": 1 }),
        managed_by,
    };
    fixture.db.put_knowledge_base(new("default", "Handbook", ManagedBy::Api)).await.unwrap();
    let applied = fixture.db.put_knowledge_base(new("default", "The handbook", ManagedBy::File)).await.unwrap();
    assert_eq!((applied.name.as_str(), applied.managed_by, applied.embedding.clone()), ("The handbook", ManagedBy::File, None));
    let error = fixture.db.put_knowledge_base(new("default", "Mine", ManagedBy::Api)).await.unwrap_err();
    assert!(matches!(error, PutKnowledgeBaseError::ManagedByFile(_)), "{error}");
    let error = fixture.db.put_knowledge_base(new("other", "Theirs", ManagedBy::File)).await.unwrap_err();
    assert!(matches!(error, PutKnowledgeBaseError::OtherTenant(_)), "{error}");
    assert_eq!(fixture.db.knowledge_bases(Some(&tenant())).await.unwrap(), std::slice::from_ref(&applied));
    assert_eq!(fixture.db.knowledge_bases(Some(&"other".parse().unwrap())).await.unwrap(), []);
    assert_eq!(fixture.db.knowledge_bases(None).await.unwrap(), [applied]);
}
