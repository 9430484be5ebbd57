//! Money is never lost and never doubled.

use crate::fixture::{Fixture, tenant};
use groundwork_core::call::{Cached, Cost, Measure, Operation, Outcome, Record};
use groundwork_core::money::NanoDollars;
use groundwork_core::turn::Usage;

pub(crate) fn record(id: &str, ended: u64) -> Record {
    Record {
        id: id.parse().unwrap(),
        request_label: Some("from the client".to_owned()),
        tenant: tenant(),
        principal: "user:local".to_owned(),
        operation: Operation::Chat,
        model: "desk".parse().unwrap(),
        deployment: Some("east".to_owned()),
        target: None,
        served_model: None,
        streamed: true,
        started: ended - 900,
        first_token: Some(ended - 500),
        ended,
        outcome: Outcome::Completed { finish: "stop".to_owned() },
        usage: Usage { input_tokens: 100, output_tokens: 20, cached_tokens: 64, reasoning_tokens: 3, ..Usage::default() },
        measure: Measure::Exact,
        attempts: Vec::new(),
        cost: Some(Cost { amount: NanoDollars(123_456_789), price_version: "2026-11".to_owned() }),
        cached: Cached::No,
        retrieval: None,
        citations: None,
    }
}

#[tokio::test]
async fn a_call_settled_twice_is_booked_once() {
    let fixture = Fixture::new().await;
    let first = record("call_1", 1_000);
    let mut second = first.clone();
    second.cost = None;
    let (a, b) = tokio::join!(fixture.db.settle(&first), fixture.db.settle(&first));
    assert_ne!(a.unwrap(), b.unwrap());
    assert!(!fixture.db.settle(&second).await.unwrap());

    let entries = fixture.db.ledger(&tenant(), 0..2_000, None, 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.cost_nano_dollars, entry.price_version.as_deref()), (Some(123_456_789), Some("2026-11")));
    assert_eq!((entry.input_tokens, entry.output_tokens, entry.cached_tokens, entry.reasoning_tokens), (100, 20, 64, 3));
    assert_eq!((entry.status.as_str(), entry.detail.as_deref(), entry.estimated), ("completed", Some("stop"), false));
}

#[tokio::test]
async fn an_unknown_price_stays_unknown() {
    let fixture = Fixture::new().await;
    let unpriced = Record { cost: None, measure: Measure::Estimate, ..record("call_1", 1_000) };
    fixture.db.settle(&unpriced).await.unwrap();
    let entry = fixture.db.ledger(&tenant(), 0..2_000, None, 10).await.unwrap().remove(0);
    assert_eq!((entry.cost_nano_dollars, entry.estimated), (None, true));
}

#[tokio::test]
async fn the_ledger_is_read_by_time_page_by_page_and_tenant_by_tenant() {
    let fixture = Fixture::new().await;
    // Two calls end in the same millisecond: a page may end between them.
    for (id, ended) in [("call_d", 4_000), ("call_b", 2_000), ("call_c", 2_000), ("call_a", 1_000)] {
        fixture.db.settle(&record(id, ended)).await.unwrap();
    }
    fixture.db.settle(&Record { tenant: "other".parse().unwrap(), ..record("call_x", 2_000) }).await.unwrap();

    let mut seen = vec![];
    let mut after = None;
    loop {
        let page = fixture.db.ledger(&tenant(), 1_000..4_000, after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page.into_iter().map(|entry| entry.call.to_string()));
    }
    assert_eq!(seen, ["call_a", "call_b", "call_c"]);
}

#[tokio::test]
async fn a_settled_call_survives_a_kill() {
    let fixture = Fixture::new().await;
    fixture.db.settle(&record("call_1", 1_000)).await.unwrap();
    let image = fixture.killed().await;
    assert!(!image.db.settle(&record("call_1", 1_000)).await.unwrap());
}
