//! Grounded answers: what they cite, how they stream, what they say when there is nothing to say.

use crate::fixture::{Plan, Streamed, body, fake, house, request};
use groundwork_app::Caller;
use groundwork_app::documents;
use groundwork_app::pipeline::{self, CallError};
use groundwork_app::search::SearchError;
use groundwork_inference::fake::{Answer, Fault, Script};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const LEAVE: &str = "# Leave policy\n\n## Parental leave\n\nParental leave is 14 weeks for every parent.\n\n## Sick leave\n\nA doctor's note is needed after the third day.\n";

fn pieces(pieces: &[&str]) -> Script {
    Script::new([Answer { pieces: Some(pieces.iter().map(|&piece| piece.to_owned()).collect()), ..Answer::default() }])
}

#[tokio::test]
async fn an_answer_names_its_sources_and_loses_the_invented_ones() {
    let house = house(Script::say("Parental leave is 14 weeks for every parent [1]. The moon is near [77].")).await;
    let document = house.upload("leave.md", LEAVE).await;
    let (_, answer) = house.ask("groundwork", "How long is parental leave?").await.unwrap();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], "Parental leave is 14 weeks for every parent [1]. The moon is near.");
    let annotations = message["annotations"].as_array().unwrap();
    assert_eq!(annotations.len(), 1);
    let (citation, place) = (&annotations[0]["citation"], &annotations[0]["url_citation"]);
    assert_eq!(citation["document"], document.id.as_str());
    assert_eq!((&citation["name"], &citation["version"], &citation["supported"]), (&json!("leave.md"), &json!(1), &json!(true)));
    assert_eq!(citation["section"].as_array().unwrap().last().unwrap(), "Parental leave");
    let at = place["start_index"].as_u64().unwrap() as usize..place["end_index"].as_u64().unwrap() as usize;
    assert_eq!(&message["content"].as_str().unwrap()[at], "[1]");
    let sources = message["context"]["citations"].as_array().unwrap();
    assert!(sources[0]["content"].as_str().unwrap().contains("14 weeks"), "{sources:?}");
}

#[tokio::test]
async fn a_citation_that_its_source_contradicts_is_marked() {
    let house = house(Script::say("Parental leave is 41 weeks for every parent [1].")).await;
    house.upload("leave.md", LEAVE).await;
    let (_, answer) = house.ask("groundwork", "How long is parental leave?").await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["annotations"][0]["citation"]["supported"], false);
}

#[tokio::test]
async fn a_stream_says_the_same_as_the_whole_answer_however_it_is_cut() {
    let house = house(pieces(&["Parental leave is 14 weeks", " for every parent [", "1", "][9", "9]. ", "Done [", "x]."])).await;
    house.upload("leave.md", LEAVE).await;
    let (_, whole) = house.ask("groundwork", "How long is parental leave?").await.unwrap();
    let streamed = house.stream(body("groundwork", "How long is parental leave?")).await.unwrap();
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], streamed.text);
    assert_eq!(message["annotations"], Value::from(streamed.annotations.clone()));
    assert_eq!(streamed.annotations.len(), 1);
    let finishes: Vec<usize> =
        (0..streamed.chunks.len()).filter(|&at| !streamed.chunks[at]["choices"][0]["finish_reason"].is_null()).collect();
    assert_eq!(finishes, [streamed.chunks.len() - 1], "the finish comes once, after the citations");
}

#[tokio::test]
async fn usage_comes_last_and_only_to_those_who_asked() {
    let house = house(Script::say("Hello.")).await;
    let mut asked = body("default", "Hello?");
    asked["stream_options"] = json!({ "include_usage": true });
    let streamed = house.stream(asked).await.unwrap();
    let last = streamed.chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert!(last["usage"]["total_tokens"].as_u64().unwrap() > 0);
    let streamed = house.stream(body("default", "Hello?")).await.unwrap();
    assert!(streamed.chunks.iter().all(|chunk| chunk.get("usage").is_none()), "{:?}", streamed.chunks);
    assert_eq!(streamed.text, "Hello.");
}

#[tokio::test]
async fn nothing_stored_nothing_visible_and_nothing_found_are_different_answers() {
    let house = house(Script::say("A model must not be asked.")).await;
    let reason = |answer: &(pipeline::Head, Value)| {
        answer.0.headers.get("groundwork-reason").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let empty = house.ask("groundwork", "How long is parental leave?").await.unwrap();
    assert_eq!(reason(&empty), "nothing_stored");
    house
        .try_upload(
            "secret.md",
            b"# Secret\n\nThe vault opens at noon.\n",
            Some(serde_json::from_value(json!({ "scope": "restricted" })).unwrap()),
        )
        .await;
    let forbidden = house.ask("groundwork", "When does the vault open?").await.unwrap();
    assert_eq!(reason(&forbidden), "nothing_visible");
    for answer in [empty, forbidden] {
        assert_eq!(answer.1["choices"][0]["finish_reason"], "stop");
        assert!(!answer.1["choices"][0]["message"]["content"].as_str().unwrap().contains("A model must not be asked"));
    }
}

#[tokio::test]
async fn below_the_floor_an_assistant_says_that_it_does_not_know_and_shows_the_nearest_sources() {
    let plan = Plan::new(vec![fake("fake", Script::say("Parental leave is 14 weeks for every parent [1]."))]);
    let house = plan.applying("[assistants.strict]\nfloor = 0.8\n").build().await.unwrap();
    house.upload("leave.md", LEAVE).await;
    let header =
        |head: &pipeline::Head, wanted: &str| head.headers.get(wanted).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let (head, answer) = house.ask("strict", "Is parental leave paid on the moon?").await.unwrap();
    assert_eq!((header(&head, "groundwork-answer"), header(&head, "groundwork-reason")), ("declined".to_owned(), "below_floor".to_owned()));
    assert!(header(&head, "groundwork-fit").parse::<f64>().unwrap() < 0.8);
    let message = &answer["choices"][0]["message"];
    let text = message["content"].as_str().unwrap();
    assert!(text.starts_with("I found no answer to this in the documents.") && text.contains("> Parental leave is 14 weeks"), "{text}");
    assert_eq!(message["annotations"][0]["citation"]["name"], "leave.md");
    assert_eq!((&answer["model"], &answer["usage"]["total_tokens"]), (&json!("strict"), &json!(0)));
    let streamed = house.stream(body("strict", "Is parental leave paid on the moon?")).await.unwrap();
    assert_eq!(streamed.text, text);

    let (head, answer) = house.ask("strict", "Is parental leave 14 weeks for every parent?").await.unwrap();
    assert_eq!(header(&head, "groundwork-answer"), "");
    assert!(header(&head, "groundwork-fit").parse::<f64>().unwrap() >= 0.8, "{head:?} {answer}");
    // Nothing is known of this embedding model, and no floor was declared.
    let (head, _) = house.ask("groundwork", "Is parental leave paid on the moon?").await.unwrap();
    assert_eq!(header(&head, "groundwork-answer"), "");
}

#[tokio::test]
async fn a_failed_search_is_an_error_and_never_an_ungrounded_answer() {
    let house = house(Script::say("I made this up.")).await;
    house.upload("leave.md", LEAVE).await;
    house.embedder_is_down.store(true, Ordering::SeqCst);
    let error = house.ask("groundwork", "How long is parental leave?").await.unwrap_err();
    assert!(matches!(error, CallError::Search(SearchError::Failed(_))), "{error:?}");
    let error = house.stream(body("groundwork", "How long is parental leave?")).await.unwrap_err();
    assert!(matches!(error, CallError::Search(_)), "{error:?}");
    let entries = house.ledger_at_the_end().await;
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry.status == "failed" && entry.detail.as_deref() == Some("search_failed")), "{entries:?}");
}

#[tokio::test]
async fn without_a_model_the_answer_is_quotes_and_says_so() {
    let house = Plan::new(Vec::new()).build().await.unwrap();
    house.upload("leave.md", LEAVE).await;
    let (head, answer) = house.ask("groundwork", "How long is parental leave for a parent?").await.unwrap();
    assert_eq!(head.headers["groundwork-answer"], "quotes", "{head:?}");
    let message = &answer["choices"][0]["message"];
    assert!(message["content"].as_str().unwrap().contains("Parental leave is 14 weeks for every parent."), "{message}");
    assert_eq!(message["annotations"][0]["citation"]["supported"], true);
    let streamed = house.stream(body("groundwork", "How long is parental leave for a parent?")).await.unwrap();
    assert_eq!(streamed.text, message["content"].as_str().unwrap());
    let error = house.ask("default", "Hello?").await.unwrap_err();
    assert_eq!(error.http_status(), 400, "a model that only quotes does not chat: {error}");
}

#[tokio::test]
async fn what_is_answered_without_a_model_ends_where_its_client_wants() {
    let house = Plan::new(Vec::new()).applying("[assistants.strict]\nfloor = 0.99\n").build().await.unwrap();
    house.upload("leave.md", LEAVE).await;
    let (_, all) = house.ask("groundwork", "How long is parental leave for a parent?").await.unwrap();
    let all = all["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    for (model, question) in
        [("groundwork", "How long is parental leave for a parent?"), ("strict", "How long is leave on the moon?"), ("groundwork", "Hello")]
    {
        for (field, value, reason) in [
            ("max_tokens", json!(3), "length"),
            ("max_completion_tokens", json!(1), "length"),
            ("max_tokens", json!(4000), "stop"),
            ("stop", json!("e"), "stop"),
            ("stop", json!(["nowhere", "the"]), "stop"),
        ] {
            let mut asked = body(model, question);
            let (_, whole) = house.ask_as(&Caller::local(), asked.clone()).await.unwrap();
            asked[field] = value.clone();
            let (_, cut) = house.ask_as(&Caller::local(), asked.clone()).await.unwrap();
            let text = |answer: &Value| answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
            let (whole, text) = (text(&whole), text(&cut));
            assert_eq!(cut["choices"][0]["finish_reason"], reason, "{field}={value}: {cut}");
            assert!(whole.starts_with(&text) && (text.len() < whole.len()) == (value != json!(4000)), "{field}={value}: {text}");
            let stop = value.as_str().or(value[1].as_str());
            assert!(stop.is_none_or(|stop| !text.contains(stop)), "{text}");
            let streamed = house.stream(asked).await.unwrap();
            let finish = streamed.chunks.iter().find_map(|chunk| chunk["choices"][0]["finish_reason"].as_str());
            assert_eq!((streamed.text, finish), (text, Some(reason)), "{field}={value}");
        }
    }
    let entries = house.ledger_at_the_end().await;
    let used: Vec<u64> = entries.iter().map(|entry| entry.output_tokens).collect();
    assert!(used.contains(&1) && used.iter().max() > Some(&10) && !all.is_empty(), "what was cut is not booked: {used:?}");
}

#[tokio::test]
async fn the_prompt_carries_rules_sources_and_question_in_this_order() {
    let house = house(Script::default()).await;
    house.upload("leave.md", LEAVE).await;
    let (_, answer) = house.ask("groundwork", "How long is parental leave?").await.unwrap();
    let echo = answer["choices"][0]["message"]["content"].as_str().unwrap();
    let at = |text: &str| echo.find(text).unwrap_or_else(|| panic!("{text:?} is not in {echo}"));
    assert!(echo.starts_with("system: "), "{echo}");
    assert!(at("14 weeks") < at("How long is parental leave?"));
}

#[tokio::test]
async fn a_document_that_was_deleted_is_not_cited_any_more() {
    let house = house(Script::say("Yes [1].")).await;
    let document = house.upload("leave.md", LEAVE).await;
    house.ask("groundwork", "How long is parental leave?").await.unwrap();
    documents::delete(&house.app, &Caller::local(), &document.knowledge_base, &document.id).await.unwrap();
    let (head, _) = house.ask("groundwork", "How long is parental leave?").await.unwrap();
    assert_eq!(head.headers["groundwork-answer"], "declined", "{head:?}");
}

#[tokio::test]
async fn the_next_deployment_answers_when_the_first_fails_before_its_first_byte() {
    let refuse = |status| Answer {
        fault: Some(Fault::Refuse { status, code: String::new(), message: "no".into(), retry_after_ms: Some(70) }),
        ..Answer::default()
    };
    for status in [401, 404, 429, 500, 503] {
        let plan = Plan::new(vec![fake("first", Script::new([refuse(status)])), fake("second", Script::say("Here."))]);
        let house = plan.build().await.unwrap();
        let (_, answer) = house.ask("default", "Hello?").await.unwrap();
        assert_eq!(answer["choices"][0]["message"]["content"], "Here.", "after {status}");
        let entries = house.ledger_at_the_end().await;
        assert_eq!((entries.len(), entries[0].deployment.as_deref()), (1, Some("second/fake")));
    }
    let house = Plan::new(vec![fake("first", Script::new([refuse(422)])), fake("second", Script::say("Here."))]).build().await.unwrap();
    assert_eq!(house.ask("default", "Hello?").await.unwrap_err().http_status(), 422, "a refused request is refused everywhere");
}

#[tokio::test]
async fn an_answer_whose_citations_cannot_be_compared_in_time_comes_in_time_and_unchecked() {
    let house = house(Script::say("Mothers and fathers stay at home for more than a year [1].")).await;
    house.upload("leave.md", "# Leave\n\nParents may take up to fourteen months of parental leave.\n").await;
    house.comparing_hangs.store(true, Ordering::SeqCst);
    const PATIENCE: Duration = Duration::from_secs(2);
    let caller = Caller::local();
    let ask = |stream: bool| {
        let mut asked = body("groundwork", "How many months of parental leave may parents take?");
        asked["stream"] = stream.into();
        pipeline::run(&house.app, &caller, pipeline::Request { deadline: Some(Instant::now() + PATIENCE), ..request(asked) })
    };
    let whole = async {
        let began = Instant::now();
        let pipeline::Answer::Whole(_, body) = ask(false).await.unwrap() else { panic!("no whole answer") };
        let body: Value = serde_json::from_slice(&body).unwrap();
        (body["choices"][0]["message"]["annotations"][0].clone(), began.elapsed())
    };
    let streamed = async {
        let began = Instant::now();
        let pipeline::Answer::Stream(_, items) = ask(true).await.unwrap() else { panic!("no stream") };
        let streamed = Streamed::of(futures::StreamExt::collect(items).await);
        assert!(streamed.error.is_none());
        (streamed.annotations[0].clone(), began.elapsed())
    };
    for (annotation, took) in <[_; 2]>::from(tokio::join!(whole, streamed)) {
        assert_eq!((&annotation["citation"]["name"], &annotation["citation"]["supported"]), (&json!("leave.md"), &Value::Null));
        assert!((PATIENCE..PATIENCE + Duration::from_millis(500)).contains(&took), "{took:?}");
    }
}
