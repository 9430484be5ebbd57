//! Searches with a reranker that is a function.

use crate::fixture::{Fixture, embedder, kb};
use crate::rerank::{Outcome, RerankError, Reranker};
use crate::search::{Found, Query, SearchError, search};
use futures::FutureExt;
use groundwork_core::access::{Caller, Permissions};
use std::sync::Arc;
use std::time::Duration;

/// Judges by how early a passage's number is: the last that the legs would name comes first.
fn backwards() -> Reranker {
    let judge = |passage: &String| passage.rsplit('x').next().and_then(|number| number.parse().ok()).unwrap_or(0.0) / 1000.0;
    reranker(move |passages| Ok(passages.iter().map(judge).collect()))
}

fn reranker(judge: impl Fn(Vec<String>) -> Result<Vec<f32>, RerankError> + Send + Sync + 'static) -> Reranker {
    let judge = Arc::new(judge);
    Reranker {
        model: "made".into(),
        candidates: 20,
        patience: Duration::from_secs(5),
        run: Arc::new(move |_question, passages| {
            let judge = judge.clone();
            async move { judge(passages) }.boxed()
        }),
    }
}

async fn find(fixture: &Fixture, caller: &Caller, k: usize, reranker: Option<&Reranker>) -> Result<Found, SearchError> {
    let bases = [kb()];
    let query = Query { k, reranker, ..Query::new(&bases, "common", caller) };
    search(&fixture.index, &fixture.db, &embedder(), query).await
}

fn numbered(texts: std::ops::Range<usize>) -> Vec<String> {
    texts.map(|at| format!("common x{at}")).collect()
}

fn texts(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.text.as_str()).collect()
}

#[tokio::test]
async fn the_best_of_the_legs_come_in_the_rerankers_order_and_the_others_behind_them() {
    let fixture = Fixture::new().await;
    fixture.put("notes", None, &numbered(0..40)).await.unwrap();
    let local = Caller::local();
    let by_legs = find(&fixture, &local, 30, None).await.unwrap();
    let reranked = find(&fixture, &local, 30, Some(&backwards())).await.unwrap();
    assert_eq!(reranked.reranked.unwrap().outcome, Outcome::Done);
    assert_eq!(by_legs.reranked, None);
    assert_ne!(texts(&reranked), texts(&by_legs));
    let judged: Vec<f32> = reranked.hits.iter().map_while(|hit| hit.scores.rerank).collect();
    assert!(judged.len() == 20 && judged.is_sorted_by(|a, b| a >= b), "{judged:?}");
    assert_eq!(texts(&reranked)[20..], texts(&by_legs)[20..]);
    // What it makes the best need not be among the first by the legs.
    let few = find(&fixture, &local, 3, Some(&backwards())).await.unwrap();
    assert_eq!(texts(&few), texts(&reranked)[..3]);
}

#[tokio::test]
async fn a_reranker_is_shown_nothing_that_the_caller_may_not_read() {
    let fixture = Fixture::new().await;
    fixture.put("open", None, &numbered(0..5)).await.unwrap();
    let secret = Permissions { deny: ["user:ann".into()].into_iter().collect(), ..Permissions::default() };
    fixture.put("secret", Some(secret), &numbered(100..105)).await.unwrap();
    let ann = Caller::new(Some("default".parse().unwrap()), ["user:ann".into()].into());
    let shown = reranker(|passages| {
        assert!(passages.iter().all(|passage| passage.starts_with("open\n")), "{passages:?}");
        Ok(vec![0.5; passages.len()])
    });
    let found = find(&fixture, &ann, 10, Some(&shown)).await.unwrap();
    assert_eq!(found.hits.len(), 5);
}

#[tokio::test]
async fn what_is_taken_from_the_caller_while_passages_are_judged_is_not_found() {
    let fixture = Arc::new(Fixture::new().await);
    let (document, _) = fixture.put("notes", None, &numbered(0..5)).await.unwrap();
    fixture.put("others", None, &numbered(10..12)).await.unwrap();
    let ann = Caller::new(Some("default".parse().unwrap()), ["user:ann".into()].into());
    let db = fixture.db.clone();
    let slow = Reranker {
        run: Arc::new(move |_question, passages| {
            let (db, document) = (db.clone(), document.clone());
            async move {
                let denied = Permissions { deny: ["user:ann".into()].into_iter().collect(), ..Permissions::default() };
                db.set_permissions(&kb(), &document, denied).await.unwrap();
                Ok(vec![0.5; passages.len()])
            }
            .boxed()
        }),
        ..backwards()
    };
    let found = find(&fixture, &ann, 10, Some(&slow)).await.unwrap();
    assert_eq!(found.hits.iter().map(|hit| hit.source.as_str()).collect::<Vec<_>>(), ["others", "others"]);
}

#[tokio::test]
async fn a_reranker_that_is_late_or_busy_leaves_the_order_and_one_that_cannot_work_is_an_error() {
    let fixture = Fixture::new().await;
    fixture.put("notes", None, &numbered(0..10)).await.unwrap();
    let local = Caller::local();
    let by_legs = find(&fixture, &local, 5, None).await.unwrap();
    let late = Reranker { patience: Duration::ZERO, run: Arc::new(|_, _| futures::future::pending().boxed()), ..backwards() };
    let busy = reranker(|_| Err(RerankError::Busy { model: "made".into(), reason: "a full queue".into() }));
    for (reranker, outcome) in [(late, Outcome::Late), (busy, Outcome::Busy)] {
        let found = find(&fixture, &local, 5, Some(&reranker)).await.unwrap();
        assert_eq!((texts(&found), found.reranked.unwrap().outcome), (texts(&by_legs), outcome));
    }
    let broken = reranker(|_| Err(RerankError::Missing { model: "made".into(), reason: "pull it".into() }));
    let short = reranker(|passages| Ok(vec![0.5; passages.len() - 1]));
    for reranker in [broken, short] {
        let error = find(&fixture, &local, 5, Some(&reranker)).await.unwrap_err();
        assert!(matches!(error, SearchError::Rerank(_)), "{error}");
    }
}
