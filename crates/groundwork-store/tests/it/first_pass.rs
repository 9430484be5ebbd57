//! A version that is live with the vectors of a fast model gets the others in one step, or not at all.

use crate::fixture::{Fixture, chunks, handbook, new_version, visible};
use groundwork_store::db::Db;
use groundwork_store::db::first_pass::SecondPassError;
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use groundwork_store::db::versions::{Draft, NewVersion};

fn fast() -> EmbeddingModel {
    EmbeddingModel { model: "fast-1".to_owned(), dimensions: 4 }
}

async fn publish(db: &Db, source: &str, text: &str) -> Draft {
    let draft = db.begin_version(NewVersion { first_pass: Some(fast()), ..new_version(source, text) }).await.unwrap();
    let chunks = chunks(text).into_iter().map(|chunk| (chunk.clone(), format!("embed {}", chunk.text))).collect::<Vec<_>>();
    let count = chunks.len() as u32;
    db.write_first_pass(&draft, chunks).await.unwrap();
    let flip = db.publish(&draft, count).await.unwrap();
    assert_eq!(flip.first_pass, Some(fast()));
    draft
}

/// Embeds `limit` more chunks.
async fn embed(db: &Db, draft: &Draft, limit: u32) -> Vec<String> {
    let waiting = db.unembedded(&draft.document, draft.generation, limit).await.unwrap();
    let texts: Vec<String> = waiting.iter().map(|chunk| chunk.text.clone()).collect();
    let embedded: Vec<_> = waiting.into_iter().zip(chunks(&texts.join(" "))).map(|(chunk, with)| (chunk, with.embedding)).collect();
    // As it may be when an attempt is taken for dead and is not.
    for _ in 0..2 {
        db.write_vectors(&draft.document, draft.generation, &embedded).await.unwrap();
    }
    texts
}

#[tokio::test]
async fn the_second_pass_counts_once_every_chunk_has_its_vector_and_goes_on_after_a_kill() {
    let fixture = Fixture::with_handbook().await;
    let draft = publish(&fixture.db, "leave.md", "ten days off").await;
    let (document, generation) = (draft.document.clone(), draft.generation);
    let before = visible(&fixture.db).await;
    assert_eq!(fixture.db.first_vectors(&handbook(), &[0, 1, 2]).await.unwrap().len(), 3);
    assert_eq!(fixture.db.vectors(&handbook(), &[0, 1, 2]).await.unwrap(), vec![]);
    assert_eq!(embed(&fixture.db, &draft, 2).await, ["embed ten", "embed days"]);
    let early = fixture.db.end_first_pass(&document, generation).await;
    assert!(matches!(early, Err(SecondPassError::NotWaiting)), "{early:?}");
    // Something durable, which takes what was written before along.
    publish(&fixture.db, "other.md", "x").await;

    let fixture = fixture.killed().await;
    let waiting = fixture.db.waiting_passes().await.unwrap();
    assert_eq!(waiting.iter().map(|waiting| waiting.document.clone()).next(), Some(document.clone()));
    assert_eq!(embed(&fixture.db, &draft, 9).await, ["embed off"]);
    fixture.db.end_first_pass(&document, generation).await.unwrap();

    let fixture = fixture.killed().await;
    assert_eq!(fixture.db.vectors(&handbook(), &[0, 1, 2]).await.unwrap().len(), 3);
    let codes = fixture.db.codes(&handbook(), 0, 10).await.unwrap();
    assert_eq!(codes.iter().map(|block| block.scales.len()).sum::<usize>(), 3);
    assert_eq!(fixture.db.first_vectors(&handbook(), &[0, 1, 2]).await.unwrap(), vec![]);
    assert_eq!(fixture.db.waiting_passes().await.unwrap().len(), 1, "the other one");
    assert_eq!(fixture.db.document(&handbook(), &document).await.unwrap().unwrap().version.first_pass, None);
    let mut now = visible(&fixture.db).await;
    now.remove("other.md");
    assert_eq!(now, before);
}

#[tokio::test]
async fn a_version_that_was_replaced_or_deleted_takes_no_vectors_and_leaves_none() {
    let fixture = Fixture::with_handbook().await;
    let old = publish(&fixture.db, "leave.md", "ten days").await;
    embed(&fixture.db, &old, 1).await;
    let rest = fixture.db.unembedded(&old.document, old.generation, 9).await.unwrap();
    let new = publish(&fixture.db, "leave.md", "twelve days").await;
    let late: Vec<_> = rest.into_iter().zip(chunks("late")).map(|(chunk, with)| (chunk, with.embedding)).collect();
    assert!(matches!(fixture.db.write_vectors(&old.document, old.generation, &late).await, Err(SecondPassError::NotWaiting)));
    assert!(matches!(fixture.db.end_first_pass(&old.document, old.generation).await, Err(SecondPassError::NotWaiting)));
    fixture.db.delete_document(&handbook(), &new.document).await.unwrap().unwrap();
    assert_eq!(fixture.db.unembedded(&new.document, new.generation, 9).await.unwrap(), vec![]);
    assert_eq!(fixture.db.waiting_passes().await.unwrap(), vec![]);
    let dead = fixture.db.dead_versions().await.unwrap();
    fixture.db.collect(dead).await.unwrap();
    assert_eq!(fixture.db.first_vectors_from(&handbook(), 0, 99).await.unwrap(), vec![]);
    assert_eq!(fixture.db.vectors(&handbook(), &[0, 1, 2, 3]).await.unwrap(), vec![]);
}
