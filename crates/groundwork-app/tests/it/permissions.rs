//! A caller never sees what it may not read, anywhere in the pipeline.

use crate::fixture::{House, body, house, user};
use groundwork_app::documents::{self, FindError, List};
use groundwork_app::search::{self, Mode, Outcome, Query};
use groundwork_app::{Caller, pipeline};
use groundwork_core::access::Permissions;
use groundwork_core::variety::Variety;
use groundwork_inference::fake::Script;
use serde_json::json;

fn only(names: &[&str]) -> Option<Permissions> {
    Some(serde_json::from_value(json!({ "scope": "restricted", "allow": names })).unwrap())
}

/// The model echoes its prompt, so what it was shown can be read in its answer.
async fn shown(house: &House, caller: &Caller) -> String {
    let (_, answer) = house.ask_as(caller, body("groundwork", "What does the merger cost?")).await.unwrap();
    answer["choices"][0]["message"].to_string()
}

async fn with_two_documents() -> (House, documents::Document, documents::Document) {
    let house = house(Script::default()).await;
    let open = house.upload("open.md", "# Open\n\nThe merger is discussed at the yearly meeting.\n").await;
    let secret = house.try_upload("secret.md", b"# Secret\n\nThe merger costs ninety million.\n", only(&["user:anna", "user:local"])).await;
    let documents::Uploaded::Live { document, .. } = secret else { panic!("{secret:?}") };
    (house, open, *document)
}

#[tokio::test]
async fn the_prompt_and_the_citations_hold_only_what_the_caller_may_read() {
    let (house, ..) = with_two_documents().await;
    assert!(shown(&house, &user("anna")).await.contains("ninety million"));
    let seen = shown(&house, &user("ben")).await;
    assert!(seen.contains("yearly meeting") && !seen.contains("ninety") && !seen.contains("secret.md"), "{seen}");
}

#[tokio::test]
async fn a_change_of_permissions_acts_on_the_next_question() {
    let (house, ..) = with_two_documents().await;
    assert!(!shown(&house, &user("ben")).await.contains("ninety"));
    house.try_upload("secret.md", b"# Secret\n\nThe merger costs ninety million.\n", only(&["user:ben", "user:local"])).await;
    assert!(shown(&house, &user("ben")).await.contains("ninety million"));
    assert!(!shown(&house, &user("anna")).await.contains("ninety"));
}

#[tokio::test]
async fn search_lists_and_documents_keep_to_the_same_rules() {
    let (house, open, secret) = with_two_documents().await;
    let (app, ben) = (&house.app, user("ben"));
    for mode in [Mode::Hybrid, Mode::Vector, Mode::Keyword] {
        let query = Query {
            knowledge_base: open.knowledge_base.clone(),
            text: "merger costs million".into(),
            limit: 50,
            mode,
            filter: None,
            rerank: true,
            variety: Variety::default(),
        };
        let found = search::search(app, &ben, query).await.unwrap();
        assert_eq!(found.outcome, Outcome::Found);
        assert!(found.hits.iter().all(|hit| hit.document == open.id), "{mode:?}");
    }
    let list = List { knowledge_base: open.knowledge_base.clone(), after: None, limit: 10, source_prefix: None };
    let listed = documents::list(app, &ben, list).await.unwrap();
    assert_eq!(listed.documents.iter().map(|document| &document.id).collect::<Vec<_>>(), [&open.id]);
    let base = &secret.knowledge_base;
    assert!(matches!(documents::find(app, &ben, base, &secret.id).await, Err(FindError::NotFound { .. })));
    assert!(documents::original(app, &ben, base, &secret.id).await.is_err());
    assert!(documents::page(app, &ben, base, &secret.id, 1).await.is_err());
    assert!(documents::delete(app, &ben, base, &secret.id).await.is_err());
    assert!(documents::find(app, &user("anna"), base, &secret.id).await.is_ok());
}

#[tokio::test]
async fn another_tenant_and_an_unknown_principal_find_nothing_at_all() {
    let (house, open, _) = with_two_documents().await;
    let stranger = Caller { tenant: Some("other".parse().unwrap()), ..user("anna") };
    let nobody = Caller::new(None, Default::default());
    for caller in [stranger, nobody] {
        let error = house.ask_as(&caller, body("groundwork", "What does the merger cost?")).await.unwrap_err();
        assert!(matches!(error, pipeline::CallError::UnknownModel(_)), "{error:?}");
        assert!(groundwork_app::models::list(&house.app, &caller).is_empty());
        assert!(groundwork_app::knowledge_bases::list(&house.app, &caller).await.unwrap().is_empty());
        assert!(documents::find(&house.app, &caller, &open.knowledge_base, &open.id).await.is_err());
        let query = Query {
            knowledge_base: open.knowledge_base.clone(),
            text: "merger".into(),
            limit: 5,
            mode: Mode::Hybrid,
            filter: None,
            rerank: true,
            variety: Variety::default(),
        };
        assert!(search::search(&house.app, &caller, query).await.is_err());
    }
}
