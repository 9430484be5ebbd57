//! What a reranker changes of searches and answers, and what it does not.

use crate::fixture::{House, Plan, body, fake, user};
use futures::FutureExt;
use groundwork_app::Caller;
use groundwork_app::pipeline::CallError;
use groundwork_app::search::{self, Mode, Query, Rerank, SearchError};
use groundwork_core::access::Permissions;
use groundwork_core::variety::Variety;
use groundwork_inference::fake::{Answer, Fault, Script};
use groundwork_retrieval::rerank::{RerankError, Reranker};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Likes what speaks of interns.
fn interns_first() -> Reranker {
    reranker(|passages| Ok(passages.iter().map(|passage| if passage.contains("intern") { 0.9 } else { 0.1 }).collect()))
}

fn reranker(judge: fn(Vec<String>) -> Result<Vec<f32>, RerankError>) -> Reranker {
    Reranker {
        model: "made".into(),
        candidates: 30,
        patience: Duration::from_secs(10),
        run: Arc::new(move |_question, passages| async move { judge(passages) }.boxed()),
    }
}

async fn house(reranker: Option<Reranker>, assistant: &str) -> House {
    let mut plan = Plan::new(vec![fake("fake", Script::default())]).applying(assistant);
    plan.reranker = reranker;
    let house = plan.build().await.unwrap();
    house.upload("notice.md", "# Notice\n\nThe notice period is three months, and the notice period must be kept.\n").await;
    house.upload("others.md", "# Others\n\nFor interns the notice period is two weeks.\n").await;
    house
}

async fn find(house: &House, caller: &Caller, rerank: bool) -> Result<search::Found, SearchError> {
    let query = Query {
        knowledge_base: "default".parse().unwrap(),
        text: "How long is the notice period?".into(),
        limit: 5,
        mode: Mode::Hybrid,
        filter: None,
        rerank,
        variety: Variety::default(),
    };
    search::search(&house.app, caller, query).await
}

fn names(found: &search::Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.name.as_str()).collect()
}

fn told(head: &groundwork_app::pipeline::Head) -> Option<&str> {
    head.headers.get("groundwork-rerank").map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_reranker_orders_searches_and_prompts_and_they_say_so() {
    let house = house(Some(interns_first()), "").await;
    let plain = find(&house, &Caller::local(), false).await.unwrap();
    let reranked = find(&house, &Caller::local(), true).await.unwrap();
    assert_eq!((names(&plain), plain.rerank), (vec!["notice.md", "others.md"], None));
    assert_eq!((names(&reranked), reranked.rerank), (vec!["others.md", "notice.md"], Some(Rerank::Done)));
    assert_eq!(reranked.hits.iter().map(|hit| hit.rerank_score).collect::<Vec<_>>(), [Some(0.9), Some(0.1)]);
    let (head, answer) = house.ask("groundwork", "How long is the notice period?").await.unwrap();
    let prompt = answer["choices"][0]["message"].to_string();
    assert!(prompt.find("two weeks").unwrap() < prompt.find("three months").unwrap(), "{prompt}");
    assert_eq!(told(&head), Some("done"));
    assert!(house.app.metrics_text().contains("groundwork_rerank_duration_seconds_count{outcome=\"done\"} 2"));
    let entries = house.ledger_at_the_end().await;
    assert!(entries[0].extra["retrieval"]["rerank_millis"].is_u64(), "{}", entries[0].extra);
}

#[tokio::test]
async fn without_a_reranker_or_where_an_assistant_wants_none_nothing_is_said_of_it() {
    let off = house(Some(interns_first()), "[assistants.groundwork]\nrerank = false\n").await;
    let none = house(None, "").await;
    for house in [off, none] {
        let (head, answer) = house.ask("groundwork", "How long is the notice period?").await.unwrap();
        let prompt = answer["choices"][0]["message"].to_string();
        assert!(prompt.find("three months").unwrap() < prompt.find("two weeks").unwrap(), "{prompt}");
        assert_eq!(told(&head), None);
    }
}

#[tokio::test]
async fn a_late_reranker_costs_its_patience_and_a_broken_one_is_an_error() {
    let late = Reranker { patience: Duration::ZERO, run: Arc::new(|_, _| futures::future::pending().boxed()), ..interns_first() };
    let late = house(Some(late), "").await;
    let found = find(&late, &Caller::local(), true).await.unwrap();
    assert_eq!((names(&found), found.rerank), (vec!["notice.md", "others.md"], Some(Rerank::Late)));
    let (head, _) = late.ask("groundwork", "How long is the notice period?").await.unwrap();
    assert_eq!(told(&head), Some("late"));

    let broken = house(Some(reranker(|_| Err(RerankError::Missing { model: "made".into(), reason: "pull it".into() }))), "").await;
    let error = find(&broken, &Caller::local(), true).await.unwrap_err();
    assert!(error.to_string().contains("pull it") && error.http_status() == 503, "{error}");
    assert!(find(&broken, &Caller::local(), false).await.is_ok());
    let error = broken.ask("groundwork", "How long is the notice period?").await.unwrap_err();
    assert!(matches!(error, CallError::Search(_)) && error.kind() == "reranker_missing", "{error:?}");
}

#[tokio::test]
async fn a_reranker_reads_nothing_that_the_caller_may_not() {
    let house = house(
        Some(reranker(|passages| {
            assert!(passages.iter().all(|passage| !passage.contains("intern")), "{passages:?}");
            Ok(vec![0.5; passages.len()])
        })),
        "",
    )
    .await;
    let hidden: Permissions = serde_json::from_value(json!({ "scope": "restricted", "allow": ["user:anna"] })).unwrap();
    house.try_upload("others.md", b"# Others\n\nFor interns the notice period is two weeks.\n", Some(hidden)).await;
    assert_eq!(names(&find(&house, &user("ben"), true).await.unwrap()), ["notice.md"]);
    house.ask_as(&user("ben"), body("groundwork", "How long is the notice period?")).await.unwrap();
}

/// A house whose searches are reranked by the declared model `judge`, behind which the scripted target is.
async fn with_pool(answers: impl IntoIterator<Item = Answer>, model: &'static str) -> House {
    let mut plan = Plan::new(vec![fake("fake", Script::new(answers))]).applying("[models.judge]\ndeployments = [{ target = \"fake\" }]\n");
    plan.rerank_model = Some(model);
    let house = plan.build().await.unwrap();
    house.upload("notice.md", "# Notice\n\nThe period is three months, and the period of notice must be kept.\n").await;
    house.upload("others.md", "# Others\n\nHow long is the notice period? Two weeks.\n").await;
    house
}

#[tokio::test]
async fn a_declared_model_reranks_over_http_and_each_call_is_booked() {
    let house = with_pool([Answer::default()], "judge").await;
    let found = find(&house, &Caller::local(), true).await.unwrap();
    assert_eq!((names(&found), found.rerank), (vec!["others.md", "notice.md"], Some(Rerank::Done)));
    assert_eq!(found.hits[0].rerank_score, Some(1.0));
    let entries = house.ledger_at_the_end().await;
    let booked: Vec<_> = entries.iter().map(|entry| (entry.operation.as_str(), entry.model.as_str(), entry.status.as_str())).collect();
    assert_eq!(booked, [("rerank", "judge", "completed")]);
}

#[tokio::test]
async fn a_reranker_elsewhere_that_is_overloaded_leaves_the_order_and_one_that_refuses_is_an_error() {
    let refuses = |status| Answer {
        fault: Some(Fault::Refuse { status, code: String::new(), message: "no".into(), retry_after_ms: Some(60_000) }),
        ..Answer::default()
    };
    let busy = with_pool([refuses(429)], "judge").await;
    assert_eq!(find(&busy, &Caller::local(), true).await.unwrap().rerank, Some(Rerank::Busy));
    for (answer, model) in [(refuses(400), "judge"), (Answer::default(), "nowhere")] {
        let house = with_pool([answer], model).await;
        let error = find(&house, &Caller::local(), true).await.unwrap_err();
        assert_eq!(error.kind(), "reranker_missing", "{error}");
    }
}
