//! Declared files become rows once.

use crate::fixture::{Plan, START, body, fake};
use groundwork_app::knowledge_bases::Put;
use groundwork_app::models::{self, Kind, Model};
use groundwork_app::{App, Caller, knowledge_bases};
use groundwork_inference::fake::Script;
use std::sync::Arc;
use std::time::Duration;

const DECLARED: &str = r#"
[knowledge_bases.hr]
title = "People"

[models.careful]
deployments = [{ target = "second" }, { target = "fake", tier = 1 }]

[assistants.people]
title = "People and culture"
model = "careful"
knowledge_bases = ["hr"]
"#;

fn plan() -> Plan {
    Plan::new(vec![fake("fake", Script::say("First.")), fake("second", Script::say("Second."))])
}

fn find(app: &App, name: &str) -> Option<Model> {
    models::find(app, &Caller::local(), name)
}

#[tokio::test]
async fn an_unchanged_file_makes_no_new_version_and_a_changed_one_makes_one() {
    let house = plan().applying(DECLARED).build().await.unwrap();
    let folder = house.folder.clone();
    assert_eq!(find(&house.app, "people").unwrap().created_at, START);
    house.app.shutdown(Duration::from_secs(5)).await;
    drop(house);

    let again = Plan { folder: folder.clone(), start: START + 1000, ..plan() }.applying(DECLARED).build_again().await;
    assert_eq!(find(&again.app, "people").unwrap().created_at, START);
    assert_eq!(find(&again.app, "careful").unwrap().created_at, START);
    again.app.shutdown(Duration::from_secs(5)).await;
    drop(again);

    let changed = DECLARED.replace("People and culture", "People");
    let changed = Plan { folder, start: START + 2000, ..plan() }.applying(&changed).build_again().await;
    assert_eq!(find(&changed.app, "people").unwrap().created_at, START + 2000);
    assert_eq!(find(&changed.app, "careful").unwrap().created_at, START);
    changed.app.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_no_file_declares_any_more_is_taken_out_of_use_and_its_knowledge_base_stays() {
    let house = plan().applying(DECLARED).build().await.unwrap();
    let folder: Arc<_> = house.folder.clone();
    house.app.shutdown(Duration::from_secs(5)).await;
    drop(house);
    let bare = Plan { folder, ..plan() }.build_again().await;
    assert!(find(&bare.app, "people").is_none() && find(&bare.app, "careful").is_none());
    assert_eq!(find(&bare.app, "groundwork").unwrap().kind, Kind::Assistant);
    let bases = knowledge_bases::list(&bare.app, &Caller::local()).await.unwrap();
    assert_eq!(bases.iter().map(|base| base.id.as_str()).collect::<Vec<_>>(), ["default", "hr"]);
}

#[tokio::test]
async fn a_declared_model_asks_its_own_deployments() {
    let house = plan().applying(DECLARED).build().await.unwrap();
    let (_, answer) = house.ask_as(&Caller::local(), body("careful", "Who?")).await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "Second.");
    let listed: Vec<(String, Kind)> = models::list(&house.app, &Caller::local()).into_iter().map(|model| (model.id, model.kind)).collect();
    let expected = [
        ("groundwork", Kind::Assistant),
        ("people", Kind::Assistant),
        ("careful", Kind::Chat),
        ("default", Kind::Chat),
        ("buckets-1", Kind::Embedding),
    ];
    assert_eq!(listed, expected.map(|(name, kind)| (name.to_owned(), kind)));
}

#[tokio::test]
async fn a_knowledge_base_from_a_file_is_read_only_elsewhere() {
    let house = plan().applying(DECLARED).build().await.unwrap();
    let caller = Caller::local();
    let put =
        |id: &str| knowledge_bases::put(&house.app, &caller, id.parse().unwrap(), Put { title: Some("Mine".into()), ..Put::default() });
    assert!(put("hr").await.unwrap_err().to_string().contains("file"), "says where to change it");
    assert_eq!(put("own").await.unwrap().title, "Mine");
    assert_eq!(put("own").await.unwrap().id.as_str(), "own");
}
