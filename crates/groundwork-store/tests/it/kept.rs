//! What is kept of replaced versions, and which documents are alike.

use crate::fixture::{Fixture, handbook, publish, write};
use groundwork_core::ids::TenantId;
use groundwork_core::near::Signature;
use groundwork_store::blobs::Sha256;
use groundwork_store::db::knowledge_bases::{ManagedBy, NewKnowledgeBase};
use serde_json::{Value, json};

const DAY: u64 = 86_400_000;

async fn settle(fixture: &Fixture, settings: Value) {
    let tenant: TenantId = "default".parse().unwrap();
    let new = NewKnowledgeBase { id: handbook(), tenant, name: "Handbook".into(), settings, managed_by: ManagedBy::Api };
    fixture.db.put_knowledge_base(new).await.unwrap();
}

/// Removes what is dead and forgets what is not kept; the originals of what was forgotten.
async fn tidy(fixture: &Fixture) -> Vec<Sha256> {
    fixture.db.collect(fixture.db.dead_versions().await.unwrap()).await.unwrap();
    fixture.db.forget_versions(&handbook()).await.unwrap()
}

#[tokio::test]
async fn so_many_replaced_versions_are_kept_as_the_settings_say_and_no_longer() {
    let fixture = Fixture::with_handbook().await;
    settle(&fixture, json!({ "history": { "versions": 2, "days": 10 } })).await;
    let document = publish(&fixture.db, "plan.md", "one").await.document;
    for text in ["two", "three", "four"] {
        fixture.advance(DAY);
        publish(&fixture.db, "plan.md", text).await;
        tidy(&fixture).await;
    }
    let kept = async || fixture.db.kept_versions(&document).await.unwrap().into_iter().map(|kept| kept.generation).collect::<Vec<_>>();
    assert_eq!(kept().await, [3, 2]);
    let third = fixture.db.kept_versions(&document).await.unwrap().remove(0);
    assert_eq!((third.sha256, third.replaced_at - third.published_at), (Sha256::of(b"three"), DAY));
    assert!(fixture.db.blob_is_used(Sha256::of(b"three")).await.unwrap());
    assert!(!fixture.db.blob_is_used(Sha256::of(b"one")).await.unwrap());

    fixture.advance(10 * DAY);
    assert_eq!(kept().await, [3], "what is too old is not shown, tidied or not");
    assert_eq!(tidy(&fixture).await, [Sha256::of(b"two")]);
    fixture.db.delete_document(&handbook(), &document).await.unwrap();
    assert_eq!(tidy(&fixture).await, [Sha256::of(b"three")], "what is deleted has no history");
    assert_eq!(kept().await, [0; 0]);
}

#[tokio::test]
async fn without_a_setting_nothing_of_a_replaced_version_is_kept() {
    let fixture = Fixture::with_handbook().await;
    let document = publish(&fixture.db, "plan.md", "one").await.document;
    publish(&fixture.db, "plan.md", "two").await;
    tidy(&fixture).await;
    assert!(fixture.db.kept_versions(&document).await.unwrap().is_empty());
    assert!(!fixture.db.blob_is_used(Sha256::of(b"one")).await.unwrap());
}

#[tokio::test]
async fn documents_that_are_alike_find_each_other_while_they_are_live() {
    let fixture = Fixture::with_handbook().await;
    let words = |range: std::ops::Range<u32>| range.map(|number| format!("word{number} ")).collect::<String>();
    let mut ids = Vec::new();
    for (source, text) in [("a.md", words(0..500)), ("b.md", words(20..520)), ("c.md", words(5000..5500))] {
        let draft = write(&fixture.db, source, "x").await;
        fixture.db.write_signature(&draft, &Signature::of(&text).unwrap()).await.unwrap();
        fixture.db.publish(&draft, 1).await.unwrap();
        ids.push(draft.document);
    }
    let near = async |at: usize| {
        let document = fixture.db.document(&handbook(), &ids[at]).await.unwrap().unwrap();
        fixture.db.near(&document).await.unwrap().into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!((near(0).await, near(1).await, near(2).await), (vec![ids[1].clone()], vec![ids[0].clone()], vec![]));
    fixture.db.delete_document(&handbook(), &ids[1]).await.unwrap();
    assert!(near(0).await.is_empty());
}
