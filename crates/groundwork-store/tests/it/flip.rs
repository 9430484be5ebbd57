//! A document is never half visible, and a slot never means two things.

use crate::fixture::{Fixture, chunks, handbook, new_version, publish, visible, write};
use groundwork_store::db::documents::Document;
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use groundwork_store::db::versions::{BeginVersionError, Page, PublishError, WriteError};
use std::collections::{BTreeMap, BTreeSet};

fn seen<const N: usize>(documents: [(&str, &str); N]) -> BTreeMap<String, String> {
    documents.map(|(source, text)| (source.to_owned(), text.to_owned())).into()
}

async fn document(fixture: &Fixture, source: &str) -> Document {
    fixture.db.document_by_source(&handbook(), source).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_version_is_seen_only_once_it_is_published() {
    let fixture = Fixture::with_handbook().await;
    let draft = write(&fixture.db, "leave.md", "ten days").await;
    assert_eq!(visible(&fixture.db).await, seen([]));
    assert_eq!(fixture.db.document_by_source(&handbook(), "leave.md").await.unwrap(), None);

    let flip = fixture.db.publish(&draft, 2).await.unwrap();
    assert_eq!((flip.added, flip.removed, flip.epochs.content), (vec![0..2], vec![], 1));
    assert_eq!(visible(&fixture.db).await, seen([("leave.md", "ten days")]));
    let document = document(&fixture, "leave.md").await;
    assert_eq!((document.id, document.version.generation, document.version.chunks), (draft.document, 1, 2));
    assert_eq!(document.version.facts, new_version("leave.md", "ten days").facts);
}

#[tokio::test]
async fn a_new_version_takes_the_place_of_the_old_one_in_one_step() {
    let fixture = Fixture::with_handbook().await;
    publish(&fixture.db, "leave.md", "ten days").await;
    let draft = write(&fixture.db, "leave.md", "twelve days now").await;
    assert_eq!(visible(&fixture.db).await, seen([("leave.md", "ten days")]));

    let flip = fixture.db.publish(&draft, 3).await.unwrap();
    assert_eq!((flip.removed, flip.added), (vec![0..2], vec![2..5]));
    assert_eq!(visible(&fixture.db).await, seen([("leave.md", "twelve days now")]));
}

#[tokio::test]
async fn a_version_with_a_chunk_too_few_stays_unpublished() {
    let fixture = Fixture::with_handbook().await;
    publish(&fixture.db, "leave.md", "ten days").await;
    let draft = write(&fixture.db, "leave.md", "twelve days").await;
    let error = fixture.db.publish(&draft, 3).await.unwrap_err();
    assert!(matches!(error, PublishError::CountDiffers { expected: 3, found: 2 }), "{error}");
    assert_eq!(visible(&fixture.db).await, seen([("leave.md", "ten days")]));
    assert_eq!(fixture.db.epochs(&handbook()).await.unwrap().unwrap().content, 1);
    fixture.db.publish(&draft, 2).await.unwrap();
}

#[tokio::test]
async fn of_two_drafts_that_began_together_one_is_published() {
    let fixture = Fixture::with_handbook().await;
    let (one, other) = tokio::join!(write(&fixture.db, "leave.md", "one"), write(&fixture.db, "leave.md", "the other"));
    assert_eq!(one.document, other.document);
    fixture.db.publish(&other, 2).await.unwrap();
    let error = fixture.db.publish(&one, 1).await.unwrap_err();
    assert!(matches!(error, PublishError::Superseded), "{error}");
    assert_eq!(visible(&fixture.db).await, seen([("leave.md", "the other")]));
}

#[tokio::test]
async fn a_deleted_document_is_gone_and_its_drafts_cannot_bring_it_back() {
    let fixture = Fixture::with_handbook().await;
    let live = publish(&fixture.db, "leave.md", "ten days").await;
    let draft = write(&fixture.db, "leave.md", "twelve days").await;
    let flips = fixture.db.delete_document(&handbook(), &live.document).await.unwrap().unwrap();
    assert_eq!((flips.len(), &flips[0].removed, &flips[0].added), (1, &vec![0..2], &vec![]));
    assert_eq!(fixture.db.delete_document(&handbook(), &live.document).await.unwrap(), None);
    let error = fixture.db.publish(&draft, 2).await.unwrap_err();
    assert!(matches!(error, PublishError::NotADraft), "{error}");
    assert_eq!(visible(&fixture.db).await, seen([]));

    let again = publish(&fixture.db, "leave.md", "fourteen days").await;
    assert_ne!(again.document, live.document);
    assert_eq!(visible(&fixture.db).await, seen([("leave.md", "fourteen days")]));
}

#[tokio::test]
async fn slots_are_given_out_again_only_after_their_collection() {
    let fixture = Fixture::with_handbook().await;
    publish(&fixture.db, "leave.md", "ten working days").await;
    assert_eq!(publish(&fixture.db, "leave.md", "twelve days").await.added, [3..5]);
    assert_eq!(publish(&fixture.db, "pay.md", "monthly").await.added, [5..6]);

    let dead = fixture.db.dead_versions().await.unwrap();
    assert_eq!(dead.iter().map(|version| version.slots.clone()).collect::<Vec<_>>(), [[0..3]]);
    fixture.db.collect(dead.clone()).await.unwrap();
    assert_eq!(fixture.db.dead_versions().await.unwrap(), []);
    assert_eq!(fixture.db.chunks(&handbook(), &[0, 1, 2]).await.unwrap(), []);

    assert_eq!(publish(&fixture.db, "travel.md", "by train").await.added, [0..2]);
    // The second collection of the same versions must not touch the new owner of their slots.
    fixture.db.collect(dead).await.unwrap();
    assert_eq!(publish(&fixture.db, "tools.md", "hammer saw").await.added, [2..3, 6..7]);
    let all = [("leave.md", "twelve days"), ("pay.md", "monthly"), ("travel.md", "by train"), ("tools.md", "hammer saw")];
    assert_eq!(visible(&fixture.db).await, seen(all));
}

#[tokio::test]
async fn a_discarded_draft_gives_its_slots_and_its_document_back() {
    let fixture = Fixture::with_handbook().await;
    let draft = write(&fixture.db, "leave.md", "ten days").await;
    fixture.db.discard(&draft).await.unwrap();
    let error = fixture.db.write_chunks(&draft, chunks("more")).await.unwrap_err();
    assert!(matches!(error, WriteError::NotADraft), "{error}");
    assert!(matches!(fixture.db.publish(&draft, 2).await, Err(PublishError::NotADraft)));

    fixture.db.collect(fixture.db.dead_versions().await.unwrap()).await.unwrap();
    let again = publish(&fixture.db, "leave.md", "ten days").await;
    assert_ne!(again.document, draft.document);
    assert_eq!(again.added, [0..2]);
}

#[tokio::test]
async fn chunks_written_in_pieces_keep_their_order_and_everything_about_them() {
    let fixture = Fixture::with_handbook().await;
    let text = "we work nine to five";
    let draft = fixture.db.begin_version(new_version("hours.md", text)).await.unwrap();
    let mut all = chunks(text);
    let rest = all.split_off(2);
    assert_eq!(fixture.db.write_chunks(&draft, all).await.unwrap(), [0, 1]);
    assert_eq!(fixture.db.write_chunks(&draft, vec![]).await.unwrap(), [0; 0]);
    assert_eq!(fixture.db.write_chunks(&draft, rest).await.unwrap(), [2, 3, 4]);
    fixture
        .db
        .write_pages(&draft, vec![Page { number: 1, start: 7, text: "First page.".to_owned(), words: Some(vec![1, 2]) }])
        .await
        .unwrap();
    fixture.db.publish(&draft, 5).await.unwrap();

    let read = fixture.db.chunks(&handbook(), &[4, 1, 77]).await.unwrap();
    assert_eq!(
        read.iter().map(|chunk| (chunk.slot, chunk.ordinal, chunk.text.as_str())).collect::<Vec<_>>(),
        [(4, 4, "five"), (1, 1, "work")]
    );
    assert_eq!((read[1].span.clone(), read[1].pages, &read[1].heading_path), (3..7, Some((1, 2)), &vec!["Words".to_owned()]));
    assert_eq!((read[1].title.as_deref(), read[1].name.as_str()), (Some("About hours.md"), "hours.md"));

    let vectors = fixture.db.vectors(&handbook(), &[3, 0]).await.unwrap();
    assert_eq!(vectors.iter().map(|(slot, vector)| (*slot, vector[0].to_f32())).collect::<Vec<_>>(), [(3, 2.0), (0, 2.0)]);
    let codes = fixture.db.codes(&handbook(), 0, 10).await.unwrap();
    assert_eq!(
        codes.iter().map(|block| (block.first_slot, block.scales.len(), block.codes.len())).collect::<Vec<_>>(),
        [(0, 2, 8), (2, 3, 12)]
    );
    assert_eq!(codes[0].codes[..4], [2, 255, 127, 129]);
    assert_eq!(fixture.db.codes(&handbook(), 5, 10).await.unwrap(), []);
    let texts = fixture.db.texts(&handbook(), 1, 2).await.unwrap();
    assert_eq!(texts.iter().map(|chunk| (chunk.slot, chunk.text.as_str())).collect::<Vec<_>>(), [(1, "work"), (2, "nine")]);
    assert_eq!(fixture.db.page(&draft.document, 1, 1).await.unwrap(), Some(("First page.".to_owned(), Some(7))));
    assert_eq!(fixture.db.page_words(&draft.document, 1, 1).await.unwrap(), Some(vec![1, 2]));
    assert_eq!(fixture.db.page(&draft.document, 1, 2).await.unwrap(), None);
}

#[tokio::test]
async fn vectors_of_two_models_never_meet_in_one_knowledge_base() {
    let fixture = Fixture::with_handbook().await;
    let live = publish(&fixture.db, "leave.md", "ten days").await;
    let mut other = new_version("pay.md", "monthly");
    other.embedding = EmbeddingModel { model: "tiny-2".to_owned(), dimensions: 4 };
    let error = fixture.db.begin_version(other.clone()).await.unwrap_err();
    assert!(matches!(error, BeginVersionError::OtherEmbedding { .. }), "{error}");

    fixture.db.delete_document(&handbook(), &live.document).await.unwrap();
    fixture.db.collect(fixture.db.dead_versions().await.unwrap()).await.unwrap();
    let draft = fixture.db.begin_version(other).await.unwrap();
    let mut wrong = chunks("monthly");
    wrong[0].embedding.codes.pop();
    let error = fixture.db.write_chunks(&draft, wrong).await.unwrap_err();
    assert!(matches!(error, WriteError::Dimensions { expected: 4, found: 3 }), "{error}");
}

#[tokio::test]
async fn a_version_needs_a_knowledge_base() {
    let fixture = Fixture::new().await;
    let error = fixture.db.begin_version(new_version("leave.md", "ten days")).await.unwrap_err();
    assert!(matches!(error, BeginVersionError::NoSuchKnowledgeBase(_)), "{error}");
    assert_eq!(fixture.db.live_slots(&handbook()).await.unwrap(), None);
}

#[tokio::test]
async fn slots_of_two_knowledge_bases_have_nothing_to_do_with_each_other() {
    let fixture = Fixture::with_handbook().await;
    fixture.add_base("manuals").await;
    publish(&fixture.db, "leave.md", "ten days").await;
    let mut version = new_version("leave.md", "press start");
    version.knowledge_base = "manuals".parse().unwrap();
    let draft = fixture.db.begin_version(version).await.unwrap();
    assert_eq!(fixture.db.write_chunks(&draft, chunks("press start")).await.unwrap(), [0, 1]);
    fixture.db.publish(&draft, 2).await.unwrap();
    assert_eq!(fixture.db.chunks(&draft.knowledge_base, &[0]).await.unwrap()[0].text, "press");
    assert_eq!(fixture.db.chunks(&handbook(), &[0]).await.unwrap()[0].text, "ten");
    assert_eq!(fixture.db.document(&handbook(), &draft.document).await.unwrap(), None);
    assert_eq!(fixture.db.delete_document(&handbook(), &draft.document).await.unwrap(), None);
}

#[tokio::test]
async fn documents_are_listed_in_pages_by_id() {
    let fixture = Fixture::with_handbook().await;
    for number in 0..5 {
        publish(&fixture.db, &format!("{number}.md"), "text").await;
        fixture.advance(1);
    }
    write(&fixture.db, "draft.md", "text").await;
    let first = fixture.db.documents(&handbook(), None, 3).await.unwrap();
    let second = fixture.db.documents(&handbook(), Some(&first[2].id), 3).await.unwrap();
    let sources: Vec<&str> = first.iter().chain(&second).map(|document| document.source.as_str()).collect();
    assert_eq!(sources, ["0.md", "1.md", "2.md", "3.md", "4.md"]);
}

#[tokio::test]
async fn an_original_is_used_until_the_last_version_of_it_is_collected() {
    let fixture = Fixture::with_handbook().await;
    let sha256 = new_version("leave.md", "ten days").facts.sha256;
    publish(&fixture.db, "leave.md", "ten days").await;
    publish(&fixture.db, "leave.md", "twelve days").await;
    assert!(fixture.db.blob_is_used(sha256).await.unwrap());
    fixture.db.collect(fixture.db.dead_versions().await.unwrap()).await.unwrap();
    assert!(!fixture.db.blob_is_used(sha256).await.unwrap());
}

/// Readers of the whole knowledge base while it is re-published again and again: each look shows one whole version of each document.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_beside_publications_see_whole_versions_only() {
    let fixture = Fixture::with_handbook().await;
    for source in ["a.md", "b.md"] {
        publish(&fixture.db, source, "0 0 0").await;
    }
    let writing = |source: &'static str| async {
        for round in 1..20 {
            let words = vec![round.to_string(); 1 + round % 5].join(" ");
            publish(&fixture.db, source, &words).await;
        }
    };
    let reading = async {
        for _ in 0..60 {
            for document in fixture.db.live_slots(&handbook()).await.unwrap().unwrap().documents {
                let slots: Vec<u32> = document.slots.into_iter().flatten().collect();
                let chunks = fixture.db.chunks(&handbook(), &slots).await.unwrap();
                let words: BTreeSet<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
                let round: usize = words.first().unwrap().parse().unwrap();
                assert_eq!((words.len(), chunks.len()), (1, if round == 0 { 3 } else { 1 + round % 5 }));
            }
        }
    };
    tokio::join!(writing("a.md"), writing("b.md"), reading);
}

/// At every step of an update and a deletion the process is killed; what is left shows exactly the old or exactly the new version, and
/// after the start-up's cleaning the work can be done again.
#[tokio::test]
async fn a_kill_at_any_step_leaves_the_old_or_the_new_version() {
    let fixture = Fixture::with_handbook().await;
    let pay = publish(&fixture.db, "pay.md", "monthly").await;
    publish(&fixture.db, "leave.md", "ten days").await;
    let old = seen([("leave.md", "ten days"), ("pay.md", "monthly")]);
    let new = seen([("leave.md", "twelve working days"), ("pay.md", "monthly")]);
    let deleted = seen([("leave.md", "twelve working days")]);

    let draft = fixture.db.begin_version(new_version("leave.md", "twelve working days")).await.unwrap();
    let mut images = vec![(fixture.killed().await, &old, 1)];
    fixture.db.write_chunks(&draft, chunks("twelve")).await.unwrap();
    images.push((fixture.killed().await, &old, 1));
    fixture.db.write_chunks(&draft, chunks("working days")).await.unwrap();
    images.push((fixture.killed().await, &old, 1));
    fixture.db.publish(&draft, 3).await.unwrap();
    images.push((fixture.killed().await, &new, 0));
    fixture.db.delete_document(&handbook(), &pay.document).await.unwrap();
    images.push((fixture.killed().await, &deleted, 0));
    fixture.db.collect(fixture.db.dead_versions().await.unwrap()).await.unwrap();
    images.push((fixture.killed().await, &deleted, 0));

    for (image, expected, orphans) in images {
        assert_eq!(&visible(&image.db).await, expected);
        let left = image.db.orphans().await.unwrap();
        assert_eq!(left.len(), orphans);
        for draft in left {
            image.db.discard(&draft).await.unwrap();
        }
        image.db.collect(image.db.dead_versions().await.unwrap()).await.unwrap();
        assert_eq!(&visible(&image.db).await, expected);
        publish(&image.db, "leave.md", "twenty days").await;
        assert_eq!(visible(&image.db).await["leave.md"], "twenty days");
        let live = image.db.live_slots(&handbook()).await.unwrap().unwrap();
        let taken: Vec<u32> = live.documents.iter().flat_map(|document| document.slots.clone()).flatten().collect();
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len());
    }
}
