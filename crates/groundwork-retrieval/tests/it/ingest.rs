//! One file at a time: what is the same is left alone, what fails leaves the version before, and permissions hold throughout.

use crate::ground::{Ground, embedder, kb, source, text, upload};
use bytes::Bytes;
use futures::FutureExt;
use groundwork_core::access::{Caller, Permissions, Scope};
use groundwork_retrieval::embed::{EmbedError, Embedder, Purpose};
use groundwork_retrieval::extract::ReadError;
use groundwork_retrieval::ingest::{Change, IngestError, Upload};
use groundwork_retrieval::search::{Mode, Query, Reach, search};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::sync::Notify;

async fn ground() -> (TempDir, Ground) {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::open(folder.path(), env!("CARGO_BIN_EXE_extract-child").into()).await.unwrap();
    (folder, ground)
}

/// The texts that `caller` finds, the same in both legs.
async fn seen(ground: &Ground, caller: &Caller) -> (Vec<String>, Reach) {
    let mut by_leg = Vec::new();
    for mode in [Mode::Keyword, Mode::Vector] {
        let bases = [kb()];
        let query = Query { k: 100, mode, ..Query::new(&bases, "common", caller) };
        let found = search(&ground.index, &ground.db, &embedder(), query).await.unwrap();
        let mut texts: Vec<String> = found.hits.into_iter().map(|hit| hit.text).collect();
        texts.sort();
        by_leg.push((texts, found.reach));
    }
    assert_eq!(by_leg[0], by_leg[1]);
    by_leg.remove(0)
}

fn restricted(principal: &str) -> Permissions {
    Permissions { scope: Scope::Restricted, allow: [principal.to_owned()].into(), ..Permissions::default() }
}

fn with(upload: Upload, permissions: Permissions) -> Upload {
    Upload { permissions: Some(permissions), ..upload }
}

#[tokio::test]
async fn what_cannot_be_read_leaves_the_version_before() {
    let (_folder, ground) = ground().await;
    let ingester = ground.ingester(embedder());
    ingester.file(upload(0, text(0, 1))).await.unwrap();
    let before = seen(&ground, &Caller::local()).await;
    let empty = ingester.file(upload(0, String::new())).await;
    assert!(matches!(empty, Err(IngestError::Read(ReadError::Empty))), "{empty:?}");
    let binary = ingester.file(Upload { bytes: Bytes::from_static(&[0, 159, 146, 150, 0, 1, 2]), ..upload(0, String::new()) }).await;
    assert!(matches!(binary, Err(IngestError::Read(_))), "{binary:?}");
    assert_eq!(seen(&ground, &Caller::local()).await, before);
    ground.close().await;
}

#[tokio::test]
async fn a_failing_model_and_a_caller_who_leaves_change_nothing() {
    let (_folder, ground) = ground().await;
    ground.ingester(embedder()).file(upload(0, text(0, 3))).await.unwrap();
    let before = seen(&ground, &Caller::local()).await;

    // The second batch fails; the first is written by then.
    let calls = Arc::new(AtomicUsize::new(0));
    let real = embedder();
    let run = move |purpose: Purpose, texts: Vec<String>| {
        let failed = EmbedError::Failed { model: "words".into(), reason: "out of words".into() };
        if calls.fetch_add(1, Ordering::SeqCst) > 0 { async move { Err(failed) }.boxed() } else { (real.run)(purpose, texts) }
    };
    let failing = ground.ingester(Embedder { run: Arc::new(run), ..embedder() });
    let failed = failing.file(upload(0, text(0, 4))).await;
    assert!(matches!(failed, Err(IngestError::Embed(_))), "{failed:?}");

    // Embedding never ends, and the one who asked leaves.
    let asked = Arc::new(Notify::new());
    let run = {
        let asked = asked.clone();
        move |_: Purpose, _: Vec<String>| {
            asked.notify_one();
            std::future::pending().boxed()
        }
    };
    let endless = ground.ingester(Embedder { run: Arc::new(run), ..embedder() });
    tokio::select! {
        ended = endless.file(upload(0, text(0, 2))) => panic!("{ended:?}"),
        () = asked.notified() => {}
    }

    assert_eq!(seen(&ground, &Caller::local()).await, before);
    let ingester = ground.ingester(embedder());
    assert_eq!(ingester.file(upload(0, text(0, 3))).await.unwrap().change, Change::Unchanged);
    assert_eq!(ingester.file(upload(0, text(0, 2))).await.unwrap().change, Change::Updated);
    // One more change, so that what died before it is removed.
    ingester.file(upload(1, text(1, 2))).await.unwrap();
    assert_eq!(ground.db.orphans().await.unwrap(), vec![]);
    ground.close().await;
}

#[tokio::test]
async fn new_permissions_act_with_the_new_content_and_on_unchanged_content() {
    let (_folder, ground) = ground().await;
    let ingester = ground.ingester(embedder());
    let of = |name: &str| Caller { principals: [name.to_owned()].into(), ..Caller::local() };
    let (ann, bob) = (of("user:ann"), of("user:bob"));
    let nothing = (vec![], Reach::Forbidden);

    ingester.file(with(upload(0, text(0, 1)), restricted("user:ann"))).await.unwrap();
    assert!(!seen(&ground, &ann).await.0.is_empty());
    assert_eq!(seen(&ground, &bob).await, nothing);

    let changed = ingester.file(with(upload(0, text(0, 2)), restricted("user:bob"))).await.unwrap();
    assert_eq!(changed.change, Change::Updated);
    assert_eq!(seen(&ground, &ann).await, nothing);
    assert!(seen(&ground, &bob).await.0.iter().all(|text| text.contains("of2at")));

    let same = ingester.file(with(upload(0, text(0, 2)), restricted("user:ann"))).await.unwrap();
    assert_eq!(same.change, Change::Unchanged);
    assert_eq!(seen(&ground, &bob).await, nothing);
    assert!(!seen(&ground, &ann).await.0.is_empty());

    let unread = ingester.file(with(upload(0, String::new()), Permissions::default())).await;
    assert!(unread.is_err());
    assert_eq!(seen(&ground, &bob).await, nothing, "what was not read does not open what was");
    let known = ground.db.document_by_source(&kb(), &source(0)).await.unwrap().unwrap();
    assert_eq!(known.id, same.document);
    ground.close().await;
}

#[tokio::test]
async fn a_file_without_a_title_is_found_by_its_name() {
    let (_folder, ground) = ground().await;
    let ingester = ground.ingester(embedder());
    let named = |name: &str| Upload {
        source: name.into(),
        name: name.into(),
        bytes: Bytes::from("A common beginning."),
        ..upload(0, String::new())
    };
    for name in ["teams/Travel_policy-2025.txt", "teams/Canteen_menu.txt"] {
        ingester.file(named(name)).await.unwrap();
    }
    for mode in [Mode::Keyword, Mode::Vector] {
        let (bases, caller) = ([kb()], Caller::local());
        let query = Query { k: 1, mode, ..Query::new(&bases, "Travel policy 2025", &caller) };
        let hits = search(&ground.index, &ground.db, &embedder(), query).await.unwrap().hits;
        assert_eq!((hits[0].name.as_str(), hits[0].title.as_deref()), ("teams/Travel_policy-2025.txt", None), "{mode:?}");
    }
    ground.close().await;
}

#[tokio::test]
async fn each_language_is_found_by_its_own_words_whatever_their_endings() {
    let (_folder, ground) = ground().await;
    let ingester = ground.ingester(embedder());
    let texts = [
        (
            "english.txt",
            "Employees who have worked here for three years may apply for additional leave. Applications go to the head of the department.",
        ),
        (
            "deutsch.txt",
            "Die Kündigungsfristen richten sich nach der Dauer der Beschäftigung. Für ältere Mitarbeiterinnen gelten längere Fristen, die im Vertrag stehen müssen.",
        ),
        (
            "francais.txt",
            "Les salariées peuvent demander des congés supplémentaires lorsque leurs enfants sont malades. Les demandes sont envoyées à la direction.",
        ),
        ("russkij.txt", "Сотрудники имеют право на дополнительные отпуска после трёх лет работы. Заявления подаются руководителю отдела."),
        ("nihongo.txt", "社員は年に三十日の有給休暇を取ることができます。休暇の申請は部長に提出してください。"),
        ("zhongwen.txt", "员工每年可以享受三十天的带薪年假。请假申请应当提前两周提交给部门经理。"),
    ];
    for (name, text) in texts {
        ingester
            .file(Upload { source: name.into(), name: name.into(), bytes: Bytes::from(text), ..upload(0, String::new()) })
            .await
            .unwrap();
    }
    let first = async |question: &str| {
        let (bases, caller) = ([kb()], Caller::local());
        let query = Query { k: 1, mode: Mode::Keyword, ..Query::new(&bases, question, &caller) };
        search(&ground.index, &ground.db, &embedder(), query).await.unwrap().hits.pop().map(|hit| hit.name).unwrap_or_default()
    };
    for (question, expected) in [
        ("applying for an addition", "english.txt"),
        ("Welche Kündigungsfrist hat eine ältere Mitarbeiterin?", "deutsch.txt"),
        ("congé supplémentaire, enfant malade", "francais.txt"),
        ("заявление на дополнительный отпуск", "russkij.txt"),
        ("有給休暇の申請方法", "nihongo.txt"),
        ("年假申请怎么提交", "zhongwen.txt"),
        ("假", "zhongwen.txt"),
        ("社", "nihongo.txt"),
    ] {
        assert_eq!(first(question).await, expected, "{question}");
    }
    ground.close().await;
}
