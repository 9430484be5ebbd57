//! Responses and conversations: what follows what, who finds it, and what goes when it goes.

use crate::fixture::{Fixture, NOON, tenant};
use groundwork_core::ids::{ConversationId, ResponseId};
use groundwork_store::db::Db;
use groundwork_store::db::conversations::Conversation;
use groundwork_store::db::items::{Item, ListItemsError};
use groundwork_store::db::owned::{Order, Owner, Page};
use groundwork_store::db::responses::{End, Follows, NewResponse};
use std::collections::BTreeMap;

fn owner(name: &str) -> Owner {
    Owner { tenant: tenant(), principal: name.to_owned() }
}

fn item(id: &str) -> Item {
    Item { id: id.to_owned(), body: format!(r#"{{"id":"{id}","n":1.50}}"#).into() }
}

fn response(id: &str, follows: Follows, input: &[&str]) -> NewResponse {
    NewResponse {
        id: id.parse().unwrap(),
        owner: owner("user:ann"),
        status: "in_progress",
        background: false,
        streamed: true,
        deployment: None,
        body: r#"{"status":"in_progress"}"#.into(),
        created_at: NOON,
        follows,
        input: input.iter().map(|id| item(id)).collect(),
    }
}

fn end(output: &[&str], conversation: Option<&str>) -> End {
    End {
        status: "completed",
        body: r#"{"status":"completed","n":1.50}"#.into(),
        deployment: Some("there/model".to_owned()),
        output: output.iter().map(|id| item(id)).collect(),
        conversation: conversation.map(|id| id.parse().unwrap()),
        events: Some(vec![1, 2, 3]),
    }
}

fn page(after: Option<&str>, limit: u32, newest_first: bool) -> Page {
    Page { after: after.map(str::to_owned), limit, order: if newest_first { Order::NewestFirst } else { Order::OldestFirst } }
}

async fn make(db: &Db, new: &NewResponse, output: &[&str]) -> ResponseId {
    db.insert_response(new).await.unwrap();
    assert!(db.finish_response(&new.id, &new.owner, &end(output, None)).await.unwrap());
    new.id.clone()
}

fn ids(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.id.as_str()).collect()
}

async fn started() -> (Fixture, Owner) {
    let fixture = Fixture::new().await;
    fixture.db.ensure_principal(&tenant(), "user:ann").await.unwrap();
    (fixture, owner("user:ann"))
}

#[tokio::test]
async fn a_response_stands_on_everything_said_before_it_even_when_that_is_deleted() {
    let (fixture, ann) = started().await;
    let db = &fixture.db;
    let first = make(db, &response("resp_1", Follows::Nothing, &["i1", "i2"]), &["o1"]).await;
    let second = make(db, &response("resp_2", Follows::Response(first.clone()), &["i3"]), &["o2"]).await;
    assert_eq!(ids(&db.said_in_response(&ann, &second).await.unwrap().unwrap()), ["i1", "i2", "o1", "i3", "o2"]);
    assert!(db.delete_response(&ann, &first).await.unwrap());
    assert!(!db.delete_response(&ann, &first).await.unwrap());
    assert_eq!(db.response(&ann, &first).await.unwrap(), None);
    let said = db.said_in_response(&ann, &second).await.unwrap().unwrap();
    assert_eq!(ids(&said), ["i1", "i2", "o1", "i3", "o2"]);
    assert_eq!(said[0].body, r#"{"id":"i1","n":1.50}"#);
    assert!(db.delete_response(&ann, &second).await.unwrap());
    assert_eq!(db.item(&ann, "i1").await.unwrap(), None, "an item goes with the last that stands on it");
}

#[tokio::test]
async fn nobody_else_finds_it() {
    let (fixture, ann) = started().await;
    let db = &fixture.db;
    let id = make(db, &response("resp_1", Follows::Nothing, &["i1"]), &["o1"]).await;
    let conversation = Conversation { id: "conv_1".parse().unwrap(), metadata: BTreeMap::new(), created_at: NOON };
    db.insert_conversation(&ann, &conversation, &[item("c1")]).await.unwrap();
    let elsewhere = Owner { tenant: "other".parse().unwrap(), principal: ann.principal.clone() };
    for stranger in [owner("user:bob"), elsewhere] {
        assert_eq!(db.response(&stranger, &id).await.unwrap(), None);
        assert_eq!(db.response_events(&stranger, &id).await.unwrap(), None);
        assert_eq!(db.said_in_response(&stranger, &id).await.unwrap(), None);
        assert!(!db.delete_response(&stranger, &id).await.unwrap());
        assert!(matches!(db.input_items(&stranger, &id, &page(None, 5, true)).await, Err(ListItemsError::NotFound)));
        assert_eq!(db.item(&stranger, "i1").await.unwrap(), None);
        assert_eq!(db.conversation(&stranger, &conversation.id).await.unwrap(), None);
        assert_eq!(db.said_in_conversation(&stranger, &conversation.id).await.unwrap(), None);
        assert_eq!(db.conversation_item(&stranger, &conversation.id, "c1").await.unwrap(), None);
        assert!(!db.delete_conversation(&stranger, &conversation.id).await.unwrap());
        assert!(!db.add_to_conversation(&stranger, &conversation.id, &[item("c2")]).await.unwrap());
        assert!(!db.remove_from_conversation(&stranger, &conversation.id, "c1").await.unwrap());
        assert_eq!(db.set_conversation_metadata(&stranger, &conversation.id, &BTreeMap::new()).await.unwrap(), None);
    }
    assert_eq!(db.response_events(&ann, &id).await.unwrap(), Some(vec![1, 2, 3]));
}

#[tokio::test]
async fn items_are_listed_page_by_page_in_both_directions_without_the_output() {
    let (fixture, ann) = started().await;
    let db = &fixture.db;
    let id = make(db, &response("resp_1", Follows::Nothing, &["a", "b", "b", "c"]), &["o"]).await;
    for (newest_first, expected) in [(false, vec!["a", "b", "b", "c"]), (true, vec!["c", "b", "b", "a"])] {
        let whole = db.input_items(&ann, &id, &page(None, 10, newest_first)).await.unwrap();
        assert_eq!((ids(&whole.items), whole.has_more), (expected, false));
    }
    let first = db.input_items(&ann, &id, &page(None, 2, false)).await.unwrap();
    assert_eq!((ids(&first.items), first.has_more), (vec!["a", "b"], true));
    let rest = db.input_items(&ann, &id, &page(Some("b"), 2, false)).await.unwrap();
    assert_eq!((ids(&rest.items), rest.has_more), (vec!["c"], false));
    let back = db.input_items(&ann, &id, &page(Some("b"), 2, true)).await.unwrap();
    assert_eq!((ids(&back.items), back.has_more), (vec!["a"], false));
    assert!(matches!(db.input_items(&ann, &id, &page(Some("z"), 2, true)).await, Err(ListItemsError::UnknownAfter(_))));
}

#[tokio::test]
async fn a_conversation_takes_the_input_and_the_output_of_its_responses() {
    let (fixture, ann) = started().await;
    let db = &fixture.db;
    let id: ConversationId = "conv_1".parse().unwrap();
    let conversation = Conversation { id: id.clone(), metadata: BTreeMap::from([("a".into(), "b".into())]), created_at: NOON };
    db.insert_conversation(&ann, &conversation, &[item("c1")]).await.unwrap();
    assert_eq!(db.conversation(&ann, &id).await.unwrap(), Some(conversation.clone()));
    for turn in 0..2 {
        let (input, output) = (format!("i{turn}"), format!("o{turn}"));
        let mut new = response(&format!("resp_{turn}"), Follows::Conversation(id.clone()), &[&input]);
        new.status = "completed";
        db.insert_finished_response(&new, &end(&[&output], Some("conv_1"))).await.unwrap();
    }
    assert_eq!(ids(&db.said_in_conversation(&ann, &id).await.unwrap().unwrap()), ["c1", "i0", "o0", "i1", "o1"]);
    let second = db.input_items(&ann, &"resp_1".parse().unwrap(), &page(None, 10, false)).await.unwrap();
    assert_eq!(ids(&second.items), ["c1", "i0", "o0", "i1"]);

    assert!(db.remove_from_conversation(&ann, &id, "i0").await.unwrap());
    assert!(!db.remove_from_conversation(&ann, &id, "i0").await.unwrap());
    assert!(db.remove_from_conversation(&ann, &id, "c1").await.unwrap());
    assert!(db.add_to_conversation(&ann, &id, &[item("c2")]).await.unwrap());
    assert_eq!(ids(&db.said_in_conversation(&ann, &id).await.unwrap().unwrap()), ["o0", "i1", "o1", "c2"]);
    let newest = db.conversation_items(&ann, &id, &page(None, 2, true)).await.unwrap();
    assert_eq!((ids(&newest.items), newest.has_more), (vec!["c2", "o1"], true));

    let metadata = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    assert_eq!(db.set_conversation_metadata(&ann, &id, &metadata).await.unwrap().unwrap().metadata, metadata);
    assert!(db.delete_conversation(&ann, &id).await.unwrap());
    assert_eq!(db.item(&ann, "c2").await.unwrap(), None);
    let kept = db.input_items(&ann, &"resp_1".parse().unwrap(), &page(None, 10, false)).await.unwrap();
    assert_eq!(ids(&kept.items), ["c1", "i0", "o0", "i1"], "a response keeps what it stands on");
}

#[tokio::test]
async fn a_response_ends_once_and_goes_when_it_is_old() {
    let (fixture, ann) = started().await;
    let db = &fixture.db;
    let new = response("resp_1", Follows::Nothing, &["i1"]);
    db.insert_response(&new).await.unwrap();
    let open = db.open_responses().await.unwrap();
    assert_eq!(open, [(new.id.clone(), new.body.clone())]);
    assert!(db.change_response(&new.id, "in_progress", &r#"{"x":1}"#.into()).await.unwrap());
    assert!(db.give_up_response(&new.id, "failed", &r#"{"status":"failed"}"#.into()).await.unwrap());
    assert!(!db.finish_response(&new.id, &ann, &end(&["o"], None)).await.unwrap());
    assert_eq!(db.item(&ann, "o").await.unwrap(), None, "what came after the end is not stored");
    let found = db.response(&ann, &new.id).await.unwrap().unwrap();
    assert_eq!((found.status.as_str(), found.body), ("failed", r#"{"status":"failed"}"#.into()));

    let later = make(db, &response("resp_2", Follows::Response(new.id.clone()), &["i2"]), &["o2"]).await;
    fixture.advance(1000);
    db.expire_response_events(NOON + 500).await.unwrap();
    assert_eq!(db.response_events(&ann, &later).await.unwrap(), None);
    assert_eq!(db.expire_responses(NOON, 10).await.unwrap(), 0);
    assert_eq!(db.expire_responses(NOON + 1, 10).await.unwrap(), 2);
    assert_eq!(db.item(&ann, "i1").await.unwrap(), None);
}
