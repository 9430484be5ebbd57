//! Any history of writes, publications, deletions, collections and kills shows what a simple model says, and no slot has two owners.

use crate::fixture::{Fixture, handbook, visible, write};
use groundwork_core::ids::DocumentId;
use groundwork_store::db::versions::Draft;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
enum Event {
    Write { source: u8, words: u8 },
    Publish { draft: usize },
    Discard { draft: usize },
    Delete { source: u8 },
    Collect,
    Kill,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..3u8, 0..5u8).prop_map(|(source, words)| Event::Write { source, words }),
        4 => any::<usize>().prop_map(|draft| Event::Publish { draft }),
        1 => any::<usize>().prop_map(|draft| Event::Discard { draft }),
        1 => (0..3u8).prop_map(|source| Event::Delete { source }),
        2 => Just(Event::Collect),
        1 => Just(Event::Kill),
    ]
}

struct Written {
    draft: Draft,
    source: String,
    text: String,
}

#[derive(Default)]
struct Model {
    /// By source: the live document, its generation and its text.
    live: BTreeMap<String, (DocumentId, u32, String)>,
    deleted: BTreeSet<DocumentId>,
    drafts: Vec<Written>,
}

impl Model {
    fn may_publish(&self, written: &Written) -> bool {
        let live = self.live.get(&written.source).map(|(_, generation, _)| *generation);
        live == written.draft.replaces && !self.deleted.contains(&written.draft.document)
    }

    fn take(&mut self, at: usize) -> Option<Written> {
        if self.drafts.is_empty() { None } else { Some(self.drafts.remove(at % self.drafts.len())) }
    }
}

async fn apply(fixture: &mut Fixture, model: &mut Model, at: usize, event: &Event) {
    match event {
        Event::Write { source, words } => {
            let source = format!("{source}.md");
            let text = vec![format!("word-{at}"); usize::from(*words)].join(" ");
            let draft = write(&fixture.db, &source, &text).await;
            model.drafts.push(Written { draft, source, text });
        }
        Event::Publish { draft } => {
            if let Some(written) = model.take(*draft) {
                let allowed = model.may_publish(&written);
                let published = fixture.db.publish(&written.draft, written.text.split_whitespace().count() as u32).await;
                assert_eq!(published.is_ok(), allowed, "{published:?}");
                if allowed {
                    model.live.insert(written.source, (written.draft.document, written.draft.generation, written.text));
                } else {
                    fixture.db.discard(&written.draft).await.unwrap();
                }
            }
        }
        Event::Discard { draft } => {
            if let Some(written) = model.take(*draft) {
                fixture.db.discard(&written.draft).await.unwrap();
            }
        }
        Event::Delete { source } => {
            if let Some((document, ..)) = model.live.remove(&format!("{source}.md")) {
                fixture.db.delete_document(&handbook(), &document).await.unwrap().unwrap();
                model.deleted.insert(document);
            }
        }
        Event::Collect => fixture.db.collect(fixture.db.dead_versions().await.unwrap()).await.unwrap(),
        Event::Kill => {
            *fixture = fixture.killed().await;
            let orphans = fixture.db.orphans().await.unwrap();
            assert_eq!(orphans.iter().collect::<Vec<_>>(), model.drafts.iter().map(|written| &written.draft).collect::<Vec<_>>());
            for draft in orphans {
                fixture.db.discard(&draft).await.unwrap();
            }
            model.drafts.clear();
        }
    }
}

async fn check(fixture: &Fixture, model: &Model) {
    let expected: BTreeMap<String, String> = model.live.iter().map(|(source, (_, _, text))| (source.clone(), text.clone())).collect();
    assert_eq!(visible(&fixture.db).await, expected);
    let live = fixture.db.live_slots(&handbook()).await.unwrap().unwrap();
    let dead = fixture.db.dead_versions().await.unwrap();
    let ranges = live.documents.iter().flat_map(|document| &document.slots).chain(dead.iter().flat_map(|version| &version.slots));
    let slots: Vec<u32> = ranges.cloned().flatten().collect();
    assert_eq!(slots.iter().collect::<BTreeSet<_>>().len(), slots.len());
    assert!(slots.iter().all(|slot| *slot < live.slots));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_shows_what_the_model_says(events in prop::collection::vec(event(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut fixture = Fixture::with_handbook().await;
            let mut model = Model::default();
            for (at, event) in events.iter().enumerate() {
                apply(&mut fixture, &mut model, at, event).await;
                check(&fixture, &model).await;
            }
        });
    }
}
