use super::*;
use crate::embed::Embedder;
use crate::fixture::{Fixture, embedder, kb, vector};
use groundwork_core::access::{Permissions, Scope};
use groundwork_core::attributes::Attributes;
use groundwork_core::ids::TenantId;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const MODES: [Mode; 3] = [Mode::Keyword, Mode::Vector, Mode::Hybrid];

fn caller(tenant: Option<&str>, principals: &[&str]) -> Caller {
    Caller::new(tenant.map(|tenant| tenant.parse().unwrap()), principals.iter().map(|&p| p.to_owned()).collect())
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

async fn find(fixture: &Fixture, caller: &Caller, text: &str, mode: Mode, k: usize) -> Found {
    let bases = [kb()];
    let query = Query { k, mode, ..Query::new(&bases, text, caller) };
    search(&fixture.index, &fixture.db, &embedder(), query).await.unwrap()
}

/// Texts that all hold the word `common` and differ in the rest.
fn texts(seed: usize, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("common w{} x{} y{}", (seed + at) % 97, (seed * 7 + at) % 61, at % 13)).collect()
}

#[tokio::test]
async fn k_is_filled_from_what_the_caller_may_read_and_nothing_else_is_returned() {
    let fixture = Fixture::new().await;
    let restricted = |allow: &[&str]| Permissions { scope: Scope::Restricted, allow: names(allow), ..Permissions::default() };
    let documents = [
        ("one-in-ten-thousand", 1, restricted(&["user:ann"])),
        ("one-percent", 99, restricted(&["group:few", "user:bob"])),
        ("ten-percent", 900, Permissions { deny: names(&["user:eve"]), public: true, ..restricted(&[]) }),
        ("the-rest", 9_000, Permissions { deny: names(&["group:outside"]), ..Permissions::default() }),
    ];
    for (seed, (source, count, permissions)) in documents.iter().enumerate() {
        fixture.put(source, Some(permissions.clone()), &texts(seed, *count)).await.unwrap();
    }
    let tenant: TenantId = "default".parse().unwrap();
    let callers = [
        caller(Some("default"), &["user:ann", "user:bob", "group:few"]),
        caller(Some("default"), &["user:ann"]),
        caller(Some("default"), &["user:ann", "group:outside", "user:eve"]),
        caller(Some("default"), &["user:bob", "group:outside", "user:eve"]),
        caller(Some("default"), &["user:eve"]),
        caller(Some("default"), &["user:eve", "group:outside"]),
        caller(Some("other"), &["user:ann", "group:few"]),
        caller(None, &[]),
    ];
    for caller in &callers {
        let permitted: Vec<_> = documents.iter().filter(|(.., permissions)| permissions.allow(Some(&tenant), caller)).collect();
        let readable: usize = permitted.iter().map(|(_, count, _)| count).sum();
        for (mode, k) in MODES.into_iter().flat_map(|mode| [1, 10, 60, 200].map(|k| (mode, k))) {
            let found = find(&fixture, caller, "common w5 x9 y3", mode, k).await;
            let case = format!("{caller:?} {mode:?} {k}");
            assert_eq!(found.hits.len(), k.min(readable), "{case}");
            assert!(found.hits.iter().all(|hit| permitted.iter().any(|(source, ..)| *source == hit.source)), "{case}");
            assert_eq!(found.hits.iter().map(|hit| hit.slot).collect::<BTreeSet<_>>().len(), found.hits.len(), "{case}");
            let reach = if readable == 0 { Reach::Forbidden } else { Reach::Chunks(readable as u64) };
            assert_eq!(found.reach, reach, "{case}");
        }
        let best = |text: &String| vector(text).iter().zip(vector("common w5 x9 y3")).map(|(a, b)| a * b).sum::<f32>();
        let all = permitted
            .iter()
            .flat_map(|(source, count, _)| texts(documents.iter().position(|(other, ..)| other == source).unwrap(), *count));
        let mut exact: Vec<f32> = all.map(|text| best(&text)).collect();
        exact.sort_by(|a, b| b.total_cmp(a));
        let hits = find(&fixture, caller, "common w5 x9 y3", Mode::Vector, 10).await.hits;
        for (hit, exact) in hits.iter().zip(exact) {
            assert!((hit.scores.vector.unwrap() - exact).abs() < 2e-3, "{caller:?}: {hit:?} where {exact} was possible");
        }
    }
}

#[tokio::test]
async fn a_filter_narrows_both_legs_within_what_the_caller_may_read() {
    let fixture = Fixture::new().await;
    let attributes = |text: &str| serde_json::from_str::<Attributes>(text).unwrap();
    let restricted = Permissions { scope: Scope::Restricted, allow: names(&["user:ann"]), ..Permissions::default() };
    let documents = [
        ("old", r#"{"team":"hr","year":2020}"#, None),
        ("new", r#"{"team":"hr","year":2024}"#, None),
        ("secret", r#"{"team":"hr","year":2025}"#, Some(restricted)),
        ("plain", "{}", None),
    ];
    for (source, given, permissions) in documents {
        let (document, _) = fixture.put(source, permissions, &texts(source.len(), 40)).await.unwrap();
        fixture.db.set_attributes(&kb(), &document, &attributes(given)).await.unwrap();
    }
    let bob = caller(Some("default"), &["user:bob"]);
    let bases = [kb()];
    for (typed, expected) in [
        ("team=hr", &["new", "old"][..]),
        ("year>=2024", &["new"]),
        ("year!=2024", &["old", "plain"]),
        (
            r#"{"type":"or","filters":[{"type":"lt","key":"year","value":2021},{"type":"nin","key":"team","value":["hr"]}]}"#,
            &["old", "plain"],
        ),
        ("team=it", &[]),
    ] {
        let filter = groundwork_core::filter::parse(typed).unwrap();
        for mode in MODES {
            let query = Query { k: 200, candidates: 200, mode, filter: Some(&filter), ..Query::new(&bases, "common w5", &bob) };
            let found = search(&fixture.index, &fixture.db, &embedder(), query).await.unwrap();
            let sources: BTreeSet<_> = found.hits.iter().map(|hit| hit.source.as_str()).collect();
            assert_eq!(sources.into_iter().collect::<Vec<_>>(), expected, "{typed} {mode:?}");
            assert_eq!(
                (found.hits.len(), found.reach),
                (expected.len() * 40, Reach::Chunks(expected.len() as u64 * 40)),
                "{typed} {mode:?}"
            );
        }
    }
    // What changes is seen by the next search.
    let filter = groundwork_core::filter::parse("team=it").unwrap();
    let plain = find(&fixture, &bob, "common", Mode::Hybrid, 200).await.hits.into_iter().find(|hit| hit.source == "plain").unwrap();
    fixture.db.set_attributes(&kb(), &plain.document, &attributes(r#"{"team":"it"}"#)).await.unwrap();
    let query = Query { k: 200, filter: Some(&filter), ..Query::new(&bases, "common", &bob) };
    assert_eq!(search(&fixture.index, &fixture.db, &embedder(), query).await.unwrap().hits.len(), 40);
}

#[tokio::test]
async fn a_revoked_permission_and_a_deleted_document_act_on_the_next_search() {
    let fixture = Fixture::new().await;
    let (document, _) = fixture.put("minutes", None, &texts(0, 3)).await.unwrap();
    let (other, _) = fixture.put("report", None, &texts(1, 3)).await.unwrap();
    let ann = caller(Some("default"), &["user:ann"]);
    for mode in MODES {
        assert_eq!(find(&fixture, &ann, "common", mode, 10).await.hits.len(), 6);
    }
    let denied = Permissions { deny: names(&["user:ann"]), ..Permissions::default() };
    fixture.db.set_permissions(&kb(), &document, denied.clone()).await.unwrap();
    for mode in MODES {
        let found = find(&fixture, &ann, "common", mode, 10).await;
        assert!(found.hits.len() == 3 && found.hits.iter().all(|hit| hit.document == other), "{mode:?} {found:?}");
    }
    assert!(fixture.index.delete(&kb(), &other).await.unwrap());
    assert!(!fixture.index.delete(&kb(), &other).await.unwrap());
    for mode in MODES {
        assert_eq!(
            find(&fixture, &ann, "common", mode, 10).await,
            Found { hits: vec![], reach: Reach::Forbidden, reranked: None, around: vec![] }
        );
    }
    let local = Caller::local();
    assert_eq!(find(&fixture, &local, "common", Mode::Hybrid, 10).await.hits.len(), 3);
    assert!(fixture.index.delete(&kb(), &document).await.unwrap());
    assert_eq!(
        find(&fixture, &local, "common", Mode::Hybrid, 10).await,
        Found { hits: vec![], reach: Reach::Empty, reranked: None, around: vec![] }
    );
}

#[tokio::test]
async fn nothing_found_is_told_from_no_such_base_and_from_a_loading_index() {
    let fixture = Fixture::new().await;
    fixture.put("notes", None, &texts(0, 200)).await.unwrap();
    let local = Caller::local();
    assert_eq!(
        find(&fixture, &local, "absent", Mode::Keyword, 5).await,
        Found { hits: vec![], reach: Reach::Chunks(200), reranked: None, around: vec![] }
    );
    assert_eq!(find(&fixture, &local, "", Mode::Keyword, 5).await.hits, vec![]);

    let nowhere = ["nowhere".parse().unwrap()];
    let asked = search(&fixture.index, &fixture.db, &embedder(), Query::new(&nowhere, "common", &local)).await;
    assert!(matches!(asked, Err(SearchError::UnknownKnowledgeBase(_))), "{asked:?}");
    let stranger = Embedder { model: "others".into(), ..embedder() };
    let bases = [kb()];
    let asked = search(&fixture.index, &fixture.db, &stranger, Query::new(&bases, "common", &local)).await;
    assert!(matches!(asked, Err(SearchError::OtherModel { .. })), "{asked:?}");

    let fixture = fixture.reopen(|_| ()).await;
    let query = Query { deadline: Instant::now(), mode: Mode::Keyword, ..Query::new(&bases, "common", &local) };
    let asked = search(&fixture.index, &fixture.db, &embedder(), query).await;
    assert!(matches!(asked, Err(SearchError::IndexLoading { .. })), "{asked:?}");
    assert!(!fixture.index.is_ready());
    assert_eq!(find(&fixture, &local, "common", Mode::Hybrid, 5).await.hits.len(), 5, "a search with time waits");
    assert!(fixture.index.is_ready());
}

#[tokio::test]
async fn a_missing_or_damaged_keyword_folder_is_made_again() {
    let mut fixture = Fixture::new().await;
    for source in ["a", "b", "c"] {
        fixture.put(source, None, &texts(source.len(), 40)).await.unwrap();
    }
    fixture.put("b", None, &texts(5, 20)).await.unwrap();
    let local = Caller::local();
    let before = find(&fixture, &local, "common w6 x12", Mode::Hybrid, 100).await;
    assert_eq!(before.hits.len(), 100);
    let damages: [fn(&Path); 5] = [
        |_| (),
        |root| std::fs::remove_dir_all(root.join("index")).unwrap(),
        |root| std::fs::remove_file(Fixture::keyword_folder(root).join("meta.json")).unwrap(),
        |root| each_file(&Fixture::keyword_folder(root), |file| std::fs::write(file, "damaged").unwrap()),
        |root| {
            each_file(&Fixture::keyword_folder(root), |file| {
                let mut bytes = std::fs::read(file).unwrap();
                let at = bytes.len() / 2;
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1);
                std::fs::write(file, bytes).unwrap();
            });
        },
    ];
    for (at, damage) in damages.into_iter().enumerate() {
        fixture = fixture.reopen(damage).await;
        let after = find(&fixture, &local, "common w6 x12", Mode::Hybrid, 100).await;
        let slots = |found: &Found| found.hits.iter().map(|hit| hit.slot).collect::<BTreeSet<_>>();
        assert_eq!(slots(&after), slots(&before), "damage {at}");
        assert!(after.hits.iter().all(|hit| hit.scores.keyword.is_some() || hit.scores.vector.is_some()), "damage {at}");
    }
}

fn each_file(folder: &Path, change: impl Fn(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        change(&entry.unwrap().path());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn readers_never_see_a_mix_of_versions_while_documents_are_written_again() {
    const DOCUMENTS: usize = 6;
    const VERSIONS: usize = 12;
    let fixture = Arc::new(Fixture::new().await);
    // Every version of a document has its own number of chunks, and each chunk says whose it is.
    let version = |document: usize, version: usize| -> Vec<String> {
        (0..3 + (document + version) % 5).map(|_| format!("common d{document} v{version}")).collect()
    };
    for document in 0..DOCUMENTS {
        fixture.put(&format!("d{document}"), None, &version(document, 0)).await.unwrap();
    }
    let done = CancellationToken::new();
    let tasks = TaskTracker::new();
    let readers = MODES.map(|mode| {
        let (fixture, done) = (fixture.clone(), done.clone());
        tasks.spawn(async move {
            let mut searches = 0;
            while !done.is_cancelled() || searches == 0 {
                let found = find(&fixture, &Caller::local(), "common", mode, 100).await;
                for document in 0..DOCUMENTS {
                    let of_document: Vec<_> = found.hits.iter().filter(|hit| hit.source == format!("d{document}")).collect();
                    let texts: BTreeSet<_> = of_document.iter().map(|hit| hit.text.as_str()).collect();
                    assert_eq!(texts.len(), 1, "{mode:?}: one version of d{document}, not {texts:?}");
                    let number: usize = of_document[0].text.rsplit('v').next().unwrap().parse().unwrap();
                    assert_eq!(of_document.len(), 3 + (document + number) % 5, "{mode:?}: all of it");
                }
                searches += 1;
            }
        })
    });
    for number in 1..VERSIONS {
        let written = (0..DOCUMENTS).map(|document| {
            let (fixture, texts) = (fixture.clone(), version(document, number));
            async move { fixture.put(&format!("d{document}"), None, &texts).await.unwrap() }
        });
        futures::future::join_all(written).await;
    }
    done.cancel();
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn a_granted_permission_acts_on_the_next_search() {
    let fixture = Fixture::new().await;
    let (document, _) =
        fixture.put("minutes", Some(Permissions { scope: Scope::Restricted, ..Permissions::default() }), &texts(0, 3)).await.unwrap();
    let ann = caller(Some("default"), &["user:ann"]);
    assert_eq!(
        find(&fixture, &ann, "common", Mode::Hybrid, 10).await,
        Found { hits: vec![], reach: Reach::Forbidden, reranked: None, around: vec![] }
    );
    let allowed = Permissions { scope: Scope::Restricted, allow: names(&["user:ann"]), ..Permissions::default() };
    fixture.db.set_permissions(&kb(), &document, allowed).await.unwrap();
    assert_eq!(find(&fixture, &ann, "common", Mode::Hybrid, 10).await.hits.len(), 3);
}

#[tokio::test]
async fn what_a_caller_finds_follows_every_change_of_documents_and_permissions() {
    let fixture = Fixture::new().await;
    let callers = [
        caller(Some("default"), &["user:ann", "group:few"]),
        caller(Some("default"), &["user:bob"]),
        caller(Some("default"), &["user:eve", "group:few"]),
        caller(None, &[]),
    ];
    let restricted = |allow: &[&str]| Permissions { scope: Scope::Restricted, allow: names(allow), ..Permissions::default() };
    let kinds = [
        Permissions::default(),
        restricted(&["user:ann"]),
        restricted(&["group:few"]),
        restricted(&["user:bob", "user:ann"]),
        Permissions { deny: names(&["user:bob"]), public: true, ..Permissions::default() },
    ];
    let tenant: TenantId = "default".parse().unwrap();
    let mut held: std::collections::BTreeMap<String, (DocumentId, Permissions)> = std::collections::BTreeMap::new();
    let mut seed = 1_u32;
    for step in 0..60 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (source, kind) = (format!("d{}", (seed >> 8) % 12), kinds[(seed >> 16) as usize % kinds.len()].clone());
        match ((seed >> 24) % 4, held.get(&source).cloned()) {
            (0, Some((document, _))) => {
                assert!(fixture.index.delete(&kb(), &document).await.unwrap());
                held.remove(&source);
            }
            (1, Some((document, _))) => {
                fixture.db.set_permissions(&kb(), &document, kind.clone()).await.unwrap();
                held.insert(source, (document, kind));
            }
            // Of a document that is there a new version keeps the permissions.
            (_, Some((document, _))) => assert_eq!(fixture.put(&source, None, &texts(step, 3)).await.unwrap().0, document),
            (_, None) => {
                let (document, _) = fixture.put(&source, Some(kind.clone()), &texts(step, 2)).await.unwrap();
                held.insert(source, (document, kind));
            }
        }
        // Not every caller asks after every change: what is kept for it may be several changes behind.
        for caller in callers.iter().enumerate().filter(|(at, _)| step % (at + 1) == 0).map(|(_, caller)| caller) {
            let found = find(&fixture, caller, "common", MODES[step % 3], 1000).await;
            let found: BTreeSet<&str> = found.hits.iter().map(|hit| hit.source.as_str()).collect();
            let readable = held.iter().filter(|(_, (_, permissions))| permissions.allow(Some(&tenant), caller));
            assert_eq!(found, readable.map(|(source, _)| source.as_str()).collect(), "step {step}, {caller:?}");
        }
    }
}

#[tokio::test]
async fn attributes_are_followed_from_change_to_change() {
    let fixture = Fixture::new().await;
    let attributes = |json: &str| serde_json::from_str::<Attributes>(json).unwrap();
    let local = Caller::local();
    let bases = [kb()];
    let filter = groundwork_core::filter::parse("team=hr").unwrap();
    let found = async |fixture: &Fixture| {
        let query = Query { k: 100, filter: Some(&filter), ..Query::new(&bases, "common", &local) };
        let found = search(&fixture.index, &fixture.db, &embedder(), query).await.unwrap();
        found.hits.iter().map(|hit| hit.source.clone()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let (one, _) = fixture.put("one", None, &texts(0, 2)).await.unwrap();
    fixture.db.set_attributes(&kb(), &one, &attributes(r#"{"team":"hr"}"#)).await.unwrap();
    assert_eq!(found(&fixture).await, ["one"]);
    // Each of these is seen by a search that knew what was before.
    let (two, _) = fixture.put("two", None, &texts(1, 2)).await.unwrap();
    assert_eq!(found(&fixture).await, ["one"]);
    fixture.db.set_attributes(&kb(), &two, &attributes(r#"{"team":"hr"}"#)).await.unwrap();
    assert_eq!(found(&fixture).await, ["one", "two"]);
    fixture.put("two", None, &texts(2, 3)).await.unwrap();
    assert_eq!(found(&fixture).await, ["one", "two"], "a new version has the document's attributes");
    fixture.db.set_attributes(&kb(), &one, &Attributes::new()).await.unwrap();
    assert_eq!(found(&fixture).await, ["two"]);
    assert!(fixture.index.delete(&kb(), &two).await.unwrap());
    assert_eq!(found(&fixture).await, [] as [&str; 0]);
    let fixture = fixture.reopen(|_| ()).await;
    fixture.db.set_attributes(&kb(), &one, &attributes(r#"{"team":"hr"}"#)).await.unwrap();
    assert_eq!(found(&fixture).await, ["one"]);
}
