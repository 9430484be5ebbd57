//! Responses and their state: what goes on from what, who finds it, how it is read again, and how it ends.

use crate::fixture::{House, Plan, START, fake, house, user};
use futures::StreamExt;
use futures::stream::BoxStream;
use groundwork_app::owned::{Order, Page};
use groundwork_app::pipeline::{Item, Request};
use groundwork_app::responses::{self, Answer, CreateError, FindError, Follow};
use groundwork_app::settings::Limits;
use groundwork_app::{Caller, conversations};
use groundwork_core::clock::{Clock, Dice};
use groundwork_inference::fake::{Answer as Scripted, Fault, Script};
use groundwork_store::db::Db;
use groundwork_store::db::owned::Owner;
use groundwork_store::db::responses::{Follows, NewResponse};
use groundwork_wire::responses::Include;
use serde_json::{Value, json};
use std::time::Duration;

const PLAIN: Include = Include { thoughts: false };
const ALL: Follow = Follow { after: None, include: PLAIN };

fn request(body: &Value) -> Request {
    Request { body: body.to_string().into(), ..Request::default() }
}

fn ask(input: &str) -> Value {
    json!({ "model": "default", "input": input })
}

async fn try_create(house: &House, caller: &Caller, body: &Value) -> Result<Value, CreateError> {
    match responses::create(&house.app, caller, request(body)).await? {
        Answer::Whole { body, .. } | Answer::Failed { body, .. } => Ok(serde_json::from_slice(&body).unwrap()),
        Answer::Stream { .. } => panic!("a stream came where none was asked for"),
    }
}

async fn create(house: &House, body: &Value) -> Value {
    try_create(house, &Caller::local(), body).await.unwrap()
}

async fn stream(house: &House, mut body: Value) -> BoxStream<'static, Item> {
    body["stream"] = true.into();
    match responses::create(&house.app, &Caller::local(), request(&body)).await.unwrap() {
        Answer::Stream { items, .. } => items,
        Answer::Whole { .. } | Answer::Failed { .. } => panic!("a whole answer came where a stream was asked for"),
    }
}

/// The events of a stream to its end, each with the number that it must have.
async fn events(items: BoxStream<'static, Item>) -> Vec<Value> {
    let all: Vec<Item> = tokio::time::timeout(Duration::from_secs(30), items.collect()).await.unwrap();
    let data = |item: Item| match item {
        Item::Frame(frame) => Some(serde_json::from_slice(&frame.data).unwrap()),
        Item::Retracted | Item::Error(_) => None,
    };
    all.into_iter().filter_map(data).collect()
}

fn check_numbers(events: &[Value], first: u64) {
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (first..first + events.len() as u64).collect::<Vec<_>>());
}

async fn find(house: &House, caller: &Caller, id: &str) -> Result<Value, FindError> {
    Ok(serde_json::from_slice(&responses::find(&house.app, caller, id, PLAIN).await?).unwrap())
}

async fn status(house: &House, id: &str) -> String {
    find(house, &Caller::local(), id).await.unwrap()["status"].as_str().unwrap().to_owned()
}

/// The status of a response, once it has ended.
async fn ended(house: &House, id: &str) -> String {
    let items = responses::follow(&house.app, &Caller::local(), id, ALL).await.unwrap();
    events(items).await;
    status(house, id).await
}

fn id(response: &Value) -> &str {
    response["id"].as_str().unwrap()
}

fn text(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"].as_str().unwrap()
}

async fn input_of(house: &House, id: &str) -> Vec<String> {
    let page = Page { after: None, limit: 100, order: Order::OldestFirst };
    let listed = responses::input_items(&house.app, &Caller::local(), id, &page).await.unwrap();
    listed.data.into_iter().map(|item| String::from_utf8(item.body.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn a_response_goes_on_from_the_one_before_and_is_read_again_as_it_was() {
    let house = house(Script::default()).await;
    let first = create(&house, &json!({ "model": "default", "input": "one", "instructions": "be brief", "metadata": { "a": "b" } })).await;
    assert_eq!((text(&first), &first["metadata"], &first["store"]), ("be brief\none", &json!({ "a": "b" }), &json!(true)));
    let second = create(&house, &json!({ "model": "default", "input": "two", "previous_response_id": id(&first) })).await;
    // Its instructions are those of the first alone.
    assert_eq!(text(&second), "user: one\nassistant: be brief\none\nuser: two");
    assert_eq!(second["previous_response_id"], first["id"]);
    for response in [&first, &second] {
        for _ in 0..2 {
            assert_eq!(&find(&house, &Caller::local(), id(response)).await.unwrap(), response);
        }
    }
    let input = input_of(&house, id(&second)).await;
    assert_eq!((input.len(), input[2].as_str()), (3, r#"{"content":"two","role":"user"}"#));
    responses::delete(&house.app, &Caller::local(), id(&first)).await.unwrap();
    assert!(matches!(find(&house, &Caller::local(), id(&first)).await, Err(FindError::NotFound(_))));
    assert_eq!(input_of(&house, id(&second)).await, input, "what a response stands on stays with it");
}

#[tokio::test]
async fn an_item_that_is_only_named_is_the_one_of_that_name() {
    let house = house(Script::default()).await;
    let first = create(&house, &ask("one")).await;
    let reference = json!({ "type": "item_reference", "id": first["output"][0]["id"] });
    let input = json!([{ "role": "user", "content": "before" }, reference, { "role": "user", "content": "after" }]);
    let second = create(&house, &json!({ "model": "default", "input": input })).await;
    assert_eq!(text(&second), "user: before\nassistant: one\nuser: after");
    let unknown = json!({ "model": "default", "input": [{ "type": "item_reference", "id": "msg_nowhere" }] });
    assert!(matches!(try_create(&house, &Caller::local(), &unknown).await, Err(CreateError::UnknownItem(_))));
}

#[tokio::test]
async fn to_everybody_else_it_is_not_there() {
    let house = house(Script::default()).await;
    let (ann, bob) = (user("ann"), user("bob"));
    let response = try_create(&house, &ann, &ask("secret")).await.unwrap();
    let conversation = conversations::create(&house.app, &ann, "{}".into()).await.unwrap();
    let (id, page) = (id(&response), Page { after: None, limit: 5, order: Order::NewestFirst });
    assert!(find(&house, &ann, id).await.is_ok());
    assert!(matches!(find(&house, &bob, id).await, Err(FindError::NotFound(_))));
    assert!(matches!(responses::follow(&house.app, &bob, id, ALL).await, Err(FindError::NotFound(_))));
    assert!(matches!(responses::input_items(&house.app, &bob, id, &page).await, Err(FindError::NotFound(_))));
    assert!(matches!(responses::cancel(&house.app, &bob, id).await, Err(FindError::NotFound(_))));
    assert!(matches!(responses::delete(&house.app, &bob, id).await, Err(FindError::NotFound(_))));
    let going_on = |key: &str, value: Value| json!({ "model": "default", "input": "q", key: value });
    for (body, about) in [
        (going_on("previous_response_id", response["id"].clone()), "Previous response"),
        (going_on("conversation", conversation.id.to_string().into()), "Conversation"),
        (json!({ "model": "default", "input": [{ "type": "item_reference", "id": response["output"][0]["id"] }] }), "Item"),
    ] {
        let error = try_create(&house, &bob, &body).await.unwrap_err().to_string();
        assert!(error.starts_with(about) && error.contains("not found"), "{error}");
        assert!(try_create(&house, &ann, &body).await.is_ok(), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_to_be_stored_is_not_and_a_conversation_goes_on_with_it() {
    let house = house(Script::default()).await;
    let conversation = conversations::create(&house.app, &Caller::local(), "".into()).await.unwrap().id.to_string();
    let body = |input: &str, store: bool| json!({ "model": "default", "input": input, "store": store, "conversation": conversation });
    let first = create(&house, &body("one", false)).await;
    assert_eq!((&first["store"], &first["conversation"]["id"]), (&json!(false), &json!(conversation)));
    assert!(matches!(find(&house, &Caller::local(), id(&first)).await, Err(FindError::NotFound(_))));
    let second = create(&house, &body("two", true)).await;
    assert_eq!(text(&second), "user: one\nassistant: one\nuser: two");
    let page = Page { after: None, limit: 10, order: Order::OldestFirst };
    let said = conversations::list(&house.app, &Caller::local(), &conversation, &page).await.unwrap();
    assert_eq!((said.data.len(), said.has_more), (4, false));
}

#[tokio::test]
async fn a_stream_counts_its_events_and_is_read_again_from_any_of_them() {
    let house = house(Script::default()).await;
    for body in [ask("one two three"), json!({ "model": "default", "input": "one two three", "background": true })] {
        let told = events(stream(&house, body).await).await;
        check_numbers(&told, 0);
        let kinds: Vec<&str> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!((kinds[0], *kinds.last().unwrap()), ("response.created", "response.completed"));
        assert_eq!(kinds.iter().filter(|kind| **kind == "response.created").count(), 1);
        assert!(kinds.iter().filter(|kind| **kind == "response.output_text.delta").count() > 2, "{kinds:?}");
        let response = &told.last().unwrap()["response"];
        assert!(told.iter().filter_map(|event| event.get("response")).all(|seen| seen["id"] == response["id"]));
        assert_eq!(&find(&house, &Caller::local(), id(response)).await.unwrap(), response);
        for after in [0, 3, told.len() as u64 - 2, told.len() as u64 - 1, 10_000] {
            let again = Follow { after: Some(after), include: PLAIN };
            let rest = events(responses::follow(&house.app, &Caller::local(), id(response), again).await.unwrap()).await;
            assert_eq!(rest, told.get(after as usize + 1..).unwrap_or_default(), "after {after}");
        }
    }
    let whole = create(&house, &ask("one")).await;
    let told = events(responses::follow(&house.app, &Caller::local(), id(&whole), ALL).await.unwrap()).await;
    check_numbers(&told, 0);
    assert_eq!(told.last().unwrap()["response"], whole, "one that was not streamed is told as a stream");
}

#[tokio::test]
async fn a_response_that_breaks_off_says_so_in_events_that_go_on_counting() {
    for (fault, code) in
        [(Fault::Break { after: 1 }, "server_error"), (Fault::Error { after: 1, message: "it overheated".into() }, "server_error")]
    {
        let answer = Scripted { pieces: Some(vec!["one ".into(), "two".into()]), fault: Some(fault), ..Scripted::default() };
        let house = house(Script::new([answer])).await;
        let told = events(stream(&house, ask("q")).await).await;
        check_numbers(&told, 0);
        let [.., error, failed] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)));
        assert_eq!((&failed["type"], &failed["response"]["error"]["code"]), (&json!("response.failed"), &json!(code)));
        let found = find(&house, &Caller::local(), id(&failed["response"])).await.unwrap();
        assert_eq!((&found["status"], &found["error"]), (&json!("failed"), &failed["response"]["error"]));
    }
}

/// A house whose model says two words and then nothing more.
async fn silent() -> House {
    let answer = Scripted { pieces: Some(vec!["one ".into(), "two ".into(), "three".into()]), ..Scripted::default() };
    house(Script::new([Scripted { fault: Some(Fault::Hang { after: 2 }), ..answer }])).await
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_response_unless_it_runs_in_the_background() {
    let house = silent().await;
    let mut items = stream(&house, ask("q")).await;
    let Some(Item::Frame(first)) = items.next().await else { panic!("nothing came") };
    let first: Value = serde_json::from_slice(&first.data).unwrap();
    let foreground = id(&first["response"]).to_owned();
    assert_eq!(status(&house, &foreground).await, "in_progress");
    drop(items);
    while status(&house, &foreground).await == "in_progress" {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&house, &foreground).await, "cancelled");

    let background = Script::new([Scripted { pieces: Some(vec!["one ".into(), "two".into()]), chunk_ms: 20, ..Scripted::default() }]);
    let house = crate::fixture::house(background).await;
    let mut items = stream(&house, json!({ "model": "default", "input": "q", "background": true })).await;
    let Some(Item::Frame(first)) = items.next().await else { panic!("nothing came") };
    let first: Value = serde_json::from_slice(&first.data).unwrap();
    assert_eq!(first["response"]["status"], "queued");
    drop(items);
    assert_eq!(ended(&house, id(&first["response"])).await, "completed");
}

#[tokio::test]
async fn several_read_along_while_a_response_runs() {
    let house = silent().await;
    let queued = create(&house, &json!({ "model": "default", "input": "q", "background": true, "stream": false })).await;
    assert_eq!((&queued["status"], &queued["output"]), (&json!("queued"), &json!([])));
    let caller = Caller::local();
    let along = || responses::follow(&house.app, &caller, id(&queued), ALL);
    let (mut one, mut two) = (along().await.unwrap(), along().await.unwrap());
    for items in [&mut one, &mut two] {
        assert!(matches!(items.next().await, Some(Item::Frame(_))));
    }
    let cancelled = responses::cancel(&house.app, &Caller::local(), id(&queued)).await.unwrap();
    let cancelled: Value = serde_json::from_slice(&cancelled).unwrap();
    assert_eq!(cancelled["status"], "cancelled");
    for items in [one, two] {
        assert_eq!(events(items).await.last().unwrap()["type"], "response.cancelled");
    }
    let again = responses::cancel(&house.app, &Caller::local(), id(&queued)).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&again).unwrap(), cancelled, "once is enough");
    let entries = house.ledger_at_the_end().await;
    assert!(entries.len() <= 1, "what was asked is booked once: {entries:?}");
}

#[tokio::test]
async fn only_a_response_in_the_background_is_cancelled_and_one_that_ended_stays_as_it_is() {
    let house = house(Script::default()).await;
    let foreground = create(&house, &ask("q")).await;
    let refused = responses::cancel(&house.app, &Caller::local(), id(&foreground)).await.unwrap_err();
    assert!(matches!(refused, FindError::NotInBackground));
    let background = create(&house, &json!({ "model": "default", "input": "q", "background": true })).await;
    assert_eq!(ended(&house, id(&background)).await, "completed");
    let late = responses::cancel(&house.app, &Caller::local(), id(&background)).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&late).unwrap()["status"], "completed");
}

#[tokio::test]
async fn a_response_that_runs_is_not_gone_on_from_and_is_deleted_at_once() {
    let house = silent().await;
    let running = create(&house, &json!({ "model": "default", "input": "q", "background": true })).await;
    let early = json!({ "model": "default", "input": "r", "previous_response_id": id(&running) });
    assert!(matches!(try_create(&house, &Caller::local(), &early).await, Err(CreateError::PreviousRuns(..))));
    responses::delete(&house.app, &Caller::local(), id(&running)).await.unwrap();
    assert!(matches!(find(&house, &Caller::local(), id(&running)).await, Err(FindError::NotFound(_))));
}

#[tokio::test]
async fn there_is_an_end_to_how_many_wait_in_the_background() {
    let script = Script::new([Scripted { fault: Some(Fault::Hang { after: 0 }), ..Scripted::default() }]);
    let mut plan = Plan::new(vec![fake("fake", script)]);
    plan.limits = Limits { background_responses: 1, ..plan.limits };
    let house = plan.build().await.unwrap();
    let body = json!({ "model": "default", "input": "q", "background": true });
    let mut last = Value::Null;
    for _ in 0..17 {
        last = create(&house, &body).await;
    }
    assert!(matches!(try_create(&house, &Caller::local(), &body).await, Err(CreateError::Busy { .. })));
    responses::cancel(&house.app, &Caller::local(), id(&last)).await.unwrap();
    while let Err(error) = try_create(&house, &Caller::local(), &body).await {
        assert!(matches!(error, CreateError::Busy { .. }), "{error}");
        tokio::task::yield_now().await;
    }
    assert!(!house.app.shutdown(Duration::ZERO).await, "what waited was cut off");
}

#[tokio::test]
async fn what_a_process_that_died_left_has_failed() {
    let plan = Plan::new(vec![fake("fake", Script::default())]);
    plan.clone().build().await.unwrap().app.shutdown(Duration::from_secs(20)).await;
    let file = plan.folder.path().join("data/groundwork.db");
    let db = Db::open(&file, Clock::fake(START).0, Dice::counting(900)).await.unwrap();
    let row = NewResponse {
        id: "resp_left".parse().unwrap(),
        owner: Owner { tenant: "default".parse().unwrap(), principal: "user:local".to_owned() },
        status: "in_progress",
        background: true,
        streamed: true,
        deployment: None,
        body: r#"{"id":"resp_left","status":"in_progress","error":null,"n":1.50}"#.into(),
        created_at: START,
        follows: Follows::Nothing,
        input: Vec::new(),
    };
    db.insert_response(&row).await.unwrap();
    db.close().await;
    let house = plan.build_again().await;
    let left = find(&house, &Caller::local(), "resp_left").await.unwrap();
    assert_eq!((&left["status"], &left["error"]["code"], &left["n"]), (&json!("failed"), &json!("server_error"), &json!(1.5)));
    assert_eq!(ended(&house, "resp_left").await, "failed");
}

#[tokio::test]
async fn a_response_is_kept_for_a_month() {
    const DAY: u64 = 24 * 3600 * 1000;
    let plan = Plan::new(vec![fake("fake", Script::default())]);
    let first = plan.clone().build().await.unwrap();
    let old = create(&first, &ask("q")).await;
    first.app.shutdown(Duration::from_secs(20)).await;
    drop(first);
    for (days, kept) in [(29, true), (31, false)] {
        let house = Plan { start: START + days * DAY, ..plan.clone() }.build_again().await;
        if kept {
            assert!(find(&house, &Caller::local(), id(&old)).await.is_ok());
        } else {
            let gone = async { while find(&house, &Caller::local(), id(&old)).await.is_ok() {} };
            tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it goes by itself");
        }
        house.app.shutdown(Duration::from_secs(20)).await;
    }
}

#[tokio::test]
async fn an_assistant_answers_with_its_sources_as_annotations() {
    let script = Script::new([Scripted { pieces: Some(vec!["Thirty days ".into(), "[1].".into()]), ..Scripted::default() }]);
    let house = house(script).await;
    house.upload("leave.md", "# Leave\n\nEverybody has thirty days of annual leave.").await;
    let body = json!({ "model": "groundwork", "input": "How many days of annual leave?" });
    let whole = create(&house, &body).await;
    let annotation = &whole["output"][0]["content"][0]["annotations"][0];
    assert_eq!((&annotation["type"], &annotation["citation"]["name"]), (&json!("url_citation"), &json!("leave.md")), "{whole}");
    assert!(annotation["start_index"].is_u64() && annotation["title"].is_string(), "{annotation}");
    let told = events(stream(&house, body).await).await;
    check_numbers(&told, 0);
    assert!(told.iter().any(|event| event["type"] == "response.output_text.annotation.added"), "{told:?}");
    let last = &told.last().unwrap()["response"];
    assert_eq!(last["output"][0]["content"][0]["annotations"][0]["citation"]["name"], "leave.md");
    let going_on = json!({ "model": "groundwork", "input": "And of annual leave again?", "previous_response_id": id(last) });
    assert_eq!(create(&house, &going_on).await["status"], "completed");
}

#[tokio::test]
async fn tokens_are_counted_with_all_that_was_said_and_nobody_compacts_without_a_target_that_does() {
    let house = house(Script::default()).await;
    let first = create(&house, &ask("one two three")).await;
    let count = async |body: Value| responses::count(&house.app, &Caller::local(), request(&body)).await.unwrap();
    let alone = count(ask("four")).await;
    let going_on = count(json!({ "model": "default", "input": "four", "previous_response_id": id(&first) })).await;
    assert!(alone.estimated && going_on.input_tokens > alone.input_tokens, "{alone:?} {going_on:?}");
    let compacted = responses::compact(&house.app, &Caller::local(), request(&ask("one"))).await;
    assert!(matches!(compacted, Err(CreateError::Call(error)) if error.http_status() == 400));
}
