//! Documents: from an upload to a searchable version, by a job.

use crate::fixture::{House, Plan, START, body, fake, house};
use bytes::Bytes;
use groundwork_app::documents::{self, Change, List, Upload, UploadError, Uploaded};
use groundwork_app::jobs::{self, State};
use groundwork_app::knowledge_bases::{self, History, Put};
use groundwork_app::search::{self, Mode, Query};
use groundwork_app::settings::Limits;
use groundwork_app::{Caller, status};
use groundwork_core::access::{Permissions, Scope};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_core::variety::Variety;
use groundwork_inference::fake::Script;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn found(house: &House, text: &str) -> Vec<String> {
    let query = Query {
        knowledge_base: "default".parse().unwrap(),
        text: text.into(),
        limit: 10,
        mode: Mode::Keyword,
        filter: None,
        rerank: true,
        variety: Variety::default(),
    };
    search::search(&house.app, &Caller::local(), query).await.unwrap().hits.into_iter().map(|hit| hit.text).collect()
}

fn upload(name: &str, text: &str, wait: Duration) -> Upload {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Upload {
        knowledge_base: "default".parse().unwrap(),
        name: name.into(),
        source: None,
        title: None,
        bytes,
        permissions: None,
        attributes: None,
        wait,
    }
}

#[tokio::test]
async fn the_same_bytes_change_nothing_and_other_bytes_make_a_new_version() {
    let house = house(Script::default()).await;
    let first = house.upload("pump.md", "# Pump\n\nThe pump turns left.\n").await;
    assert_eq!((first.version, first.chunks, first.media_type.as_str()), (1, 1, "text/markdown"));
    let same = house.try_upload("pump.md", b"# Pump\n\nThe pump turns left.\n", None).await;
    assert!(matches!(same, Uploaded::Live { change: Change::Unchanged, ref document } if **document == first), "{same:?}");
    let other = house.try_upload("pump.md", b"# Pump\n\nThe pump turns right.\n", None).await;
    let Uploaded::Live { change: Change::Updated, document } = other else { panic!("{other:?}") };
    assert_eq!(document.id, first.id);
    assert!(document.version > 1);
    assert_eq!(found(&house, "pump").await.len(), 1);
    assert!(found(&house, "pump").await[0].contains("right"));
}

#[tokio::test]
async fn the_original_and_its_pages_come_back() {
    let house = house(Script::default()).await;
    let document = house.upload("pump.md", "# Pump\n\nThe pump turns left.\n").await;
    let original = documents::original(&house.app, &Caller::local(), &document.knowledge_base, &document.id).await.unwrap();
    assert_eq!((original.name.as_str(), &original.bytes[..]), ("pump.md", &b"# Pump\n\nThe pump turns left.\n"[..]));
    let page = documents::page(&house.app, &Caller::local(), &document.knowledge_base, &document.id, 1).await.unwrap();
    assert!(page.text.contains("The pump turns left."), "{page:?}");
    let beyond = documents::page(&house.app, &Caller::local(), &document.knowledge_base, &document.id, 2).await.unwrap_err();
    assert!(beyond.to_string().contains("pages 1 to 1, not 2"), "{beyond}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_reported_and_the_version_before_it_stays() {
    let house = house(Script::default()).await;
    house.upload("pump.md", "# Pump\n\nThe pump turns left.\n").await;
    let broken = house.try_upload("pump.pdf", b"%PDF-1.7\nthis is no pdf", None).await;
    let Uploaded::Failed { job, reason, .. } = broken else { panic!("{broken:?}") };
    let job = jobs::find(&house.app, &Caller::local(), &job).await.unwrap();
    assert_eq!((job.state, job.error, job.subject.as_deref()), (State::Failed, Some(reason), Some("pump.pdf")));
    assert_eq!(found(&house, "pump").await.len(), 1);
}

#[tokio::test]
async fn bad_uploads_are_refused_before_anything_is_stored() {
    let plan = Plan { limits: Limits { upload_bytes: 100, ..Limits::default() }, ..Plan::new(vec![fake("fake", Script::default())]) };
    let house = plan.build().await.unwrap();
    let refused = async |upload: Upload| documents::upload(&house.app, &Caller::local(), upload).await.unwrap_err();
    let now = Duration::ZERO;
    assert!(matches!(refused(upload("a.md", "", now)).await, UploadError::Empty { .. }));
    assert!(matches!(refused(upload("a.md", &"x".repeat(101), now)).await, UploadError::TooLarge { bytes: 101, limit: 100, .. }));
    for name in ["", " ", "a\nb", &"x".repeat(2000)] {
        assert!(matches!(refused(upload(name, "x", now)).await, UploadError::InvalidName { .. }), "{name:?}");
    }
    let elsewhere = Upload { knowledge_base: "nowhere".parse().unwrap(), ..upload("a.md", "x", now) };
    assert!(matches!(refused(elsewhere).await, UploadError::UnknownKnowledgeBase(_)));
    assert!(jobs::list(&house.app, &Caller::local(), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_ingest_that_fails_for_the_moment_is_tried_again() {
    let house = house(Script::default()).await;
    house.embedder_is_down.store(true, Ordering::SeqCst);
    let caller = Caller::local();
    let uploading = documents::upload(&house.app, &caller, upload("pump.md", "# Pump\n\nIt turns.\n", Duration::from_secs(60)));
    let repairing = async {
        loop {
            let jobs = jobs::list(&house.app, &Caller::local(), None, 10).await.unwrap();
            if jobs.first().is_some_and(|job| job.attempts > 0 && job.error.is_some()) {
                break;
            }
            tokio::task::yield_now().await;
        }
        house.embedder_is_down.store(false, Ordering::SeqCst);
        house.hand.fetch_add(60_000, Ordering::SeqCst);
    };
    let (uploaded, ()) = tokio::join!(uploading, repairing);
    assert!(matches!(uploaded.unwrap(), Uploaded::Live { change: Change::Created, .. }));
}

#[test]
fn an_upload_that_was_accepted_survives_a_crash() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (folder, uploaded) = runtime.block_on(async {
        let house = house(Script::default()).await;
        house.embedder_is_down.store(true, Ordering::SeqCst);
        let uploaded =
            documents::upload(&house.app, &Caller::local(), upload("pump.md", "# Pump\n\nThe pump turns left.\n", Duration::ZERO)).await;
        (house.folder.clone(), uploaded.unwrap())
    });
    assert!(matches!(uploaded, Uploaded::Processing { .. }), "{uploaded:?}");
    runtime.shutdown_background();

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        // Far enough ahead that a lease of the dead process is over.
        let plan = Plan { folder, start: START + 600_000, ..Plan::new(vec![fake("fake", Script::default())]) };
        let house = plan.build_again().await;
        let Uploaded::Processing { job } = uploaded else { return };
        while jobs::find(&house.app, &Caller::local(), &job).await.unwrap().state != State::Done {
            tokio::task::yield_now().await;
        }
        assert_eq!(found(&house, "pump").await.len(), 1);
        house.app.shutdown(Duration::from_secs(5)).await;
    });
}

#[tokio::test]
async fn of_versions_uploaded_at_once_the_last_one_stays() {
    let house = house(Script::default()).await;
    for round in 0..3 {
        let texts: Vec<String> = (0..6).map(|at| format!("# Pump\n\nRound {round} number {at}.\n")).collect();
        for text in &texts {
            documents::upload(&house.app, &Caller::local(), upload("pump.md", text, Duration::ZERO)).await.unwrap();
        }
        house.try_upload("pump.md", format!("# Pump\n\nRound {round} is final.\n").as_bytes(), None).await;
        let hits = found(&house, "round").await;
        assert_eq!(hits.len(), 1, "{hits:?}");
        assert!(hits[0].contains(&format!("Round {round} is final")), "{hits:?}");
    }
}

#[tokio::test]
async fn lists_page_without_gaps_and_end() {
    let house = house(Script::default()).await;
    for at in 0..7 {
        house.upload(&format!("a/{at}.md"), &format!("# Note {at}\n\nText {at}.\n")).await;
    }
    house.upload("b/1.md", "# Other\n\nText.\n").await;
    let (mut after, mut names) = (None, Vec::new());
    loop {
        let list = List { knowledge_base: "default".parse().unwrap(), after, limit: 3, source_prefix: Some("a/".into()) };
        let page = documents::list(&house.app, &Caller::local(), list).await.unwrap();
        assert!(page.documents.len() <= 3);
        names.extend(page.documents.iter().map(|document| document.name.clone()));
        after = page.documents.last().map(|document| document.id.clone());
        if !page.has_more {
            break;
        }
    }
    assert_eq!(names, (0..7).map(|at| format!("a/{at}.md")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_house_becomes_ready_and_says_what_it_stands_on() {
    let house = house(Script::default()).await;
    house.upload("pump.md", "# Pump\n\nThe pump turns left.\n").await;
    let status = status::status(&house.app).await;
    assert!(status.ready, "{status:?}");
    for name in ["database", "keyword_index", "vector_index", "embedding_model"] {
        assert!(status.parts.iter().any(|part| part.name == name), "{name} in {status:?}");
    }
}

#[tokio::test]
async fn a_second_owner_of_a_folder_is_refused() {
    let house = house(Script::default()).await;
    let second = Plan { folder: house.folder.clone(), ..Plan::new(vec![fake("fake", Script::default())]) };
    let error = second.build().await.map(|_| ()).unwrap_err();
    assert!(matches!(error, groundwork_app::OpenError::Lock(_)), "{error}");
}

#[tokio::test]
async fn a_mails_attachment_is_a_document_that_only_its_mail_can_take_away() {
    let house = house(Script::default()).await;
    let mail = "From: a@example.org\r\nSubject: Pump\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the plan.\r\n\
        --b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=plan.txt\r\n\r\nThe pump turns left.\r\n--b--\r\n";
    let parent = house.upload("pump.eml", mail).await;
    let list = List { knowledge_base: parent.knowledge_base.clone(), after: None, limit: 10, source_prefix: None };
    let listed = documents::list(&house.app, &Caller::local(), list).await.unwrap().documents;
    let inner = listed.iter().find(|document| document.parent.is_some()).unwrap();
    assert_eq!((inner.name.as_str(), inner.parent.as_ref()), ("pump.eml/plan.txt", Some(&parent.id)));
    let query = Query {
        knowledge_base: "default".parse().unwrap(),
        text: "turns".into(),
        limit: 10,
        mode: Mode::Keyword,
        filter: None,
        rerank: true,
        variety: Variety::default(),
    };
    let hits = search::search(&house.app, &Caller::local(), query).await.unwrap().hits;
    assert_eq!((hits[0].name.as_str(), &hits[0].document), ("pump.eml/plan.txt", &inner.id));
    let refused = documents::delete(&house.app, &Caller::local(), &inner.knowledge_base, &inner.id).await.unwrap_err();
    assert!(refused.to_string().contains(parent.id.as_str()), "{refused}");
    documents::delete(&house.app, &Caller::local(), &parent.knowledge_base, &parent.id).await.unwrap();
    assert!(documents::find(&house.app, &Caller::local(), &inner.knowledge_base, &inner.id).await.is_err());
}

#[tokio::test]
async fn near_duplicates_are_shown_and_those_that_a_caller_may_not_read_are_not() {
    let house = house(Script::default()).await;
    let text = |last: &str| (0..60).map(|number| format!("Rule {number} says word{number}. ")).collect::<String>() + last;
    let one = house.upload("one.txt", &text("Old end.")).await;
    let other = house.upload("other.txt", &text("New end.")).await;
    house.upload("third.txt", "Something else entirely, in a few words that nobody else uses.").await;
    let near = async |caller: &Caller| documents::near_duplicates(&house.app, caller, &one.knowledge_base, &one.id).await.unwrap();
    let found = near(&Caller::local()).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].document == other.id && found[0].similarity > 0.9, "{found:?}");
    let closed = Permissions { scope: Scope::Restricted, ..Permissions::default() };
    house.try_upload("other.txt", text("New end.").as_bytes(), Some(closed)).await;
    assert!(near(&Caller::local()).await.is_empty());
}

#[tokio::test]
async fn versions_are_kept_as_the_knowledge_base_says_and_read_by_who_reads_the_document() {
    let house = house(Script::default()).await;
    let base: KnowledgeBaseId = "kept".parse().unwrap();
    let history = Some(History { versions: Some(5), days: None });
    knowledge_bases::put(&house.app, &Caller::local(), base.clone(), Put { history, ..Put::default() }).await.unwrap();
    let put = async |text: &str| {
        let upload = Upload { knowledge_base: base.clone(), ..upload("plan.md", text, Duration::from_secs(60)) };
        let Uploaded::Live { document, .. } = documents::upload(&house.app, &Caller::local(), upload).await.unwrap() else { panic!() };
        document.id
    };
    let id = put("The pump turns left.").await;
    put("The pump turns right.").await;
    let mut versions = documents::versions(&house.app, &Caller::local(), &base, &id).await.unwrap();
    // What was replaced is put away a moment later.
    for round in 0..200 {
        if versions.len() > 1 {
            break;
        }
        put(&format!("The pump turns round {round} times.")).await;
        tokio::task::yield_now().await;
        versions = documents::versions(&house.app, &Caller::local(), &base, &id).await.unwrap();
    }
    assert!(versions[0].live && !versions[1].live && versions.len() > 1, "{versions:?}");
    let oldest = versions.last().unwrap().version;
    let original = documents::original_of_version(&house.app, &Caller::local(), &base, &id, oldest).await.unwrap();
    assert!(original.bytes.starts_with(b"The pump turns"));
    let missing = documents::original_of_version(&house.app, &Caller::local(), &base, &id, 9999).await.unwrap_err();
    assert!(missing.to_string().contains("no version 9999"), "{missing}");
    let stranger = Caller { tenant: None, ..Caller::local() };
    assert!(documents::versions(&house.app, &stranger, &base, &id).await.is_err());
}

#[tokio::test]
async fn attributes_narrow_what_an_assistant_answers_from_and_outlive_a_new_version() {
    let house = house(Script::default()).await;
    let bring = async |name: &str, text: &'static str, attributes: Option<Value>| {
        let attributes = attributes.map(|given| serde_json::from_value(given).unwrap());
        let given = Upload { attributes, ..upload(name, text, Duration::from_secs(60)) };
        match documents::upload(&house.app, &Caller::local(), given).await.unwrap() {
            Uploaded::Live { document, change } => (change, document.attributes),
            other => panic!("{other:?}"),
        }
    };
    bring("north.md", "Lunch in the north costs four euros.", Some(json!({ "site": "north", "year": 2024 }))).await;
    bring("south.md", "Lunch in the south costs five euros.", Some(json!({ "site": "south" }))).await;
    let asked = async |filters: Value| {
        let mut body = body("groundwork", "What does lunch cost?");
        body["filters"] = filters;
        house.ask_as(&Caller::local(), body).await
    };
    let (_, answer) = asked(json!({ "type": "eq", "key": "site", "value": "south" })).await.unwrap();
    let prompt = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(prompt.contains("five euros") && !prompt.contains("four euros") && !prompt.contains("site"), "{prompt}");
    let (head, _) = asked(json!({ "type": "gt", "key": "year", "value": 2024 })).await.unwrap();
    assert_eq!(head.headers["groundwork-reason"], "nothing_found", "{head:?}");
    let refused = asked(json!({ "type": "near", "key": "year" })).await.unwrap_err();
    assert_eq!(refused.http_status(), 400, "{refused}");
    let refused = asked(json!({ "type": "in", "key": "year", "value": 1 })).await.unwrap_err();
    assert_eq!(refused.http_status(), 400, "{refused}");

    // Another version without any keeps them, the same bytes with others change them.
    let (change, kept) = bring("south.md", "Lunch in the south costs six euros.", None).await;
    assert_eq!((change, serde_json::to_value(kept).unwrap()), (Change::Updated, json!({ "site": "south" })));
    let (change, others) = bring("south.md", "Lunch in the south costs six euros.", Some(json!({ "site": "harbor" }))).await;
    assert_eq!((change, serde_json::to_value(others).unwrap()), (Change::Unchanged, json!({ "site": "harbor" })));
    let too_long = Upload {
        attributes: Some([("a".repeat(65), groundwork_core::attributes::Scalar::Bool(true))].into()),
        ..upload("x.md", "x", Duration::ZERO)
    };
    assert!(matches!(documents::upload(&house.app, &Caller::local(), too_long).await, Err(UploadError::Attributes(_))));
}
