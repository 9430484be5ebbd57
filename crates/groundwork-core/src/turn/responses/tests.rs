//! Requests and answers in and out, and the order of events.

use super::*;
use crate::turn::{Answer, Event, FinishReason, Frame, Heading, Media, Part, ReadError, Role, ToolKind, Turn, Usage};
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use proptest::prelude::*;

fn heading() -> Heading {
    Heading { id: "resp_7".to_owned(), model: "m".to_owned(), created: 5, include_usage: false }
}

fn turn(body: &str) -> Turn {
    Turn::from_responses(&Object::parse(body.to_owned()).unwrap()).unwrap()
}

fn spoken(events: &[Event]) -> Vec<Frame> {
    let mut writer = Writer::new(heading());
    let mut frames: Vec<Frame> = events.iter().cloned().flat_map(|event| writer.write(event)).collect();
    frames.extend(writer.finish());
    assert!(writer.finish().is_empty());
    frames
}

fn heard(frames: &[Frame]) -> Vec<Event> {
    let mut reader = Reader::new();
    let events = frames.iter().flat_map(|frame| reader.read(frame).unwrap()).collect();
    assert!(reader.is_finished());
    events
}

fn data(frame: &Frame) -> serde_json::Value {
    serde_json::from_slice(&frame.data).unwrap()
}

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.to_owned() }
}

fn call(at: u32, name: &str, kind: ToolKind) -> Event {
    Event::ToolCall { choice: 0, at, id: format!("call_{at}"), name: name.to_owned(), kind }
}

fn argue(at: u32, fragment: &str) -> Event {
    Event::ToolArguments { choice: 0, at, fragment: fragment.to_owned() }
}

fn finish(reason: FinishReason) -> Event {
    Event::Finish { choice: 0, reason }
}

#[test]
fn a_stream_has_the_official_order_and_every_field() {
    let citation = r#"[{"type":"url_citation","url_citation":{"start_index":0,"end_index":2,"title":"t","url":"u"},"citation":{"id":1}}]"#;
    let events = [
        Event::Start { id: Some("chatcmpl-1".to_owned()), model: Some("m-1".to_owned()), created: Some(9) },
        Event::ReasoningSummary { choice: 0, at: 0, part: 0, text: "Why".to_owned() },
        Event::ReasoningSummary { choice: 0, at: 0, part: 1, text: "How".to_owned() },
        Event::Reasoning { choice: 0, at: 0, text: "hm".to_owned() },
        Event::ReasoningEnd {
            choice: 0,
            at: 0,
            id: None,
            signature: Some(Signature { dialect: Dialect::Messages, value: "sig".to_owned() }),
            redacted: false,
        },
        text("He"),
        text("y"),
        Event::Logprobs {
            choice: 0,
            raw: Raw::parse(r#"{"content":[{"token":"He","logprob":-0.10,"bytes":null,"top_logprobs":[]}]}"#).unwrap(),
        },
        Event::Annotations { choice: 0, raw: Raw::parse(citation).unwrap() },
        Event::Refusal { choice: 0, text: "no".to_owned() },
        call(0, "weather", ToolKind::Function),
        call(1, "shell", ToolKind::Custom),
        argue(0, "{"),
        argue(1, "ls"),
        argue(0, "}"),
        call(2, "now", ToolKind::Function),
        Event::Usage(Usage { input_tokens: 7, output_tokens: 3, cached_tokens: 2, reasoning_tokens: 1, ..Usage::default() }),
        finish(FinishReason::ToolCalls),
    ];
    let frames = spoken(&events);
    let told: Vec<String> = frames
        .iter()
        .enumerate()
        .map(|(number, frame)| {
            let mut data = data(frame);
            assert_eq!((data["sequence_number"].as_u64(), data["type"].as_str()), (Some(number as u64), frame.event.as_deref()));
            let fields = data.as_object_mut().unwrap();
            fields.remove("sequence_number");
            fields.remove("type");
            let kind = frame.event.as_deref().unwrap().trim_start_matches("response.");
            if matches!(kind, "created" | "in_progress" | "completed") { kind.to_owned() } else { format!("{kind} {data}") }
        })
        .collect();
    let golden = include_str!("golden/stream.txt");
    assert_eq!(told.join("\n"), golden.trim_end(), "\n{}", told.join("\n"));
    let first = data(&frames[0]);
    assert_eq!(
        first["response"].to_string(),
        r#"{"created_at":9,"error":null,"id":"resp_7","incomplete_details":null,"model":"m-1","object":"response","output":[],"status":"in_progress","usage":null}"#
    );
    let last = data(frames.last().unwrap());
    assert_eq!(last["response"]["output"].as_array().unwrap().len(), 5);
    assert_eq!(
        last["response"]["usage"].to_string(),
        r#"{"input_tokens":7,"input_tokens_details":{"cache_write_tokens":0,"cached_tokens":2},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":10}"#
    );
    let items: Vec<_> =
        frames.iter().map(data).filter(|data| data["type"] == "response.output_item.done").map(|data| data["item"].clone()).collect();
    assert_eq!(items.len(), 5);
    for item in items {
        assert!(last["response"]["output"].as_array().unwrap().contains(&item), "{item}");
    }
}

#[test]
fn an_answer_cut_short_is_incomplete_and_says_why() {
    for (reason, status, details) in [
        (FinishReason::Length, "incomplete", r#"{"reason":"max_output_tokens"}"#),
        (FinishReason::ContentFilter, "incomplete", r#"{"reason":"content_filter"}"#),
        (FinishReason::Stop, "completed", "null"),
    ] {
        let frames = spoken(&[text("a"), finish(reason.clone())]);
        let last = data(frames.last().unwrap());
        assert_eq!(last["type"], format!("response.{status}"));
        assert_eq!(
            (last["response"]["status"].as_str(), last["response"]["incomplete_details"].to_string().as_str()),
            (Some(status), details)
        );
        assert_eq!(last["response"]["output"][0]["status"], status);
        assert_eq!(heard(&frames).last(), Some(&finish(reason)));
    }
}

#[test]
fn an_answer_that_is_taken_back_is_incomplete_though_it_had_ended() {
    for events in [
        [text("a"), finish(FinishReason::Stop), Event::Retracted { choice: 0 }],
        [text("a"), Event::Retracted { choice: 0 }, finish(FinishReason::Stop)],
    ] {
        let last = data(spoken(&events).last().unwrap());
        assert_eq!(
            (&last["type"], &last["response"]["incomplete_details"]["reason"]),
            (&"response.incomplete".into(), &"content_filter".into())
        );
    }
}

#[test]
fn sources_that_are_named_behind_the_end_stand_with_their_text() {
    let named = r#"[{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":0,"end_index":1}}]"#;
    let annotations = Event::Annotations { choice: 0, raw: Raw::parse(named).unwrap() };
    let frames = spoken(&[text("a"), finish(FinishReason::Stop), annotations]);
    let output = data(frames.last().unwrap())["response"]["output"].clone();
    assert_eq!(output.as_array().unwrap().len(), 1);
    assert_eq!((&output[0]["content"][0]["text"], &output[0]["content"][0]["annotations"][0]["url"]), (&"a".into(), &"u".into()));
}

#[test]
fn an_answer_without_a_word_is_a_response_without_output() {
    let whole = write([finish(FinishReason::Stop)], &heading());
    assert_eq!(whole.raw("output").unwrap(), "[]");
    assert_eq!(read(&whole).unwrap().last(), Some(&finish(FinishReason::Stop)));
}

#[test]
fn what_a_service_proves_of_a_thought_comes_back_to_it() {
    for (signature, redacted) in [
        (Some(Signature { dialect: Dialect::Messages, value: "abc:d".to_owned() }), false),
        (Some(Signature { dialect: Dialect::Messages, value: "abc".to_owned() }), true),
        (Some(Signature { dialect: Dialect::Responses, value: "gAAA".to_owned() }), false),
    ] {
        let end = Event::ReasoningEnd { choice: 0, at: 0, id: None, signature: signature.clone(), redacted };
        let whole = write([Event::Reasoning { choice: 0, at: 0, text: "hm".to_owned() }, end, text("a")], &heading());
        let output = String::from_utf8(whole.raw("output").unwrap().to_vec()).unwrap();
        let read = turn(&format!(r#"{{"model":"m","input":{output}}}"#));
        let [Part::Reasoning(thought), Part::Text(_)] = read.messages[0].parts.as_slice() else { panic!("{read:?}") };
        assert_eq!((&thought.signature, thought.redacted, thought.text.as_str()), (&signature, redacted, "hm"));
    }
    let aloud =
        turn(r#"{"model":"m","input":[{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}]}"#);
    let chat = aloud.to_chat("m", false);
    assert!(chat.is_ok_and(|body| String::from_utf8_lossy(&body.to_bytes()).contains(r#""reasoning_content":"hm""#)));
}

const FULL: &str = r#"{"model":"m","input":[{"type":"message","role":"system","content":[{"type":"input_text","text":"be brief"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"low"},{"type":"input_image","file_id":"file-1","detail":"auto"},{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,CCCC"},{"type":"input_file","file_url":"https://example.org/a.pdf"}]},{"type":"reasoning","id":"rs_1","summary":[{"text":"s","type":"summary_text"}],"encrypted_content":"gAAA"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"yes","annotations":[]},{"type":"refusal","refusal":"no"}]},{"type":"function_call","call_id":"c1","name":"weather","arguments":"{\"at\":9007199254740993}"},{"type":"custom_tool_call","call_id":"c2","name":"shell","input":"ls"},{"type":"function_call_output","call_id":"c1","output":"rain"},{"type":"custom_tool_call_output","call_id":"c2","output":[{"type":"input_text","text":"see"},{"type":"input_image","image_url":"https://example.org/a.png","detail":"auto"}]}],"tools":[{"type":"function","name":"weather","description":"d","parameters":{"type":"object","properties":{"z":{"maximum":9007199254740993},"a":{"multipleOf":1.10}}},"strict":true},{"type":"custom","name":"shell","format":{"syntax":"lark","definition":"start: x","type":"grammar"}},{"type":"web_search","filters":null}],"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"weather"}]},"parallel_tool_calls":false,"text":{"format":{"type":"json_schema","name":"n","description":"d","schema":{"z":1.10,"a":[]},"strict":true},"verbosity":"low"},"max_output_tokens":7,"temperature":0.5,"top_p":1.0,"reasoning":{"effort":"low","summary":"auto"},"top_logprobs":3,"include":["reasoning.encrypted_content","message.output_text.logprobs"],"safety_identifier":"u","metadata":{"k":"v"},"service_tier":"flex","prompt_cache_key":"p","store":false,"stream":true,"truncation":"auto","prompt":{"id":"pmpt_1"}}"#;

#[test]
fn a_full_request_comes_out_as_it_went_in() {
    let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let written = turn(FULL).to_responses("m", true).unwrap().to_bytes();
    assert_eq!(value(&written), value(FULL.as_bytes()));
    for spelled in [r#"{"z":{"maximum":9007199254740993},"a":{"multipleOf":1.10}}"#, r#""schema":{"z":1.10,"a":[]}"#] {
        assert!(String::from_utf8_lossy(&written).contains(spelled), "{spelled}");
    }
}

#[test]
fn what_no_other_dialect_knows_comes_out_where_it_stood() {
    let body = r#"{"model":"m","input":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[]},{"type":"reasoning","":[]},{"type":"new_part"}]},{"type":"web_search_call","id":"ws_1"},{"type":"message","role":"user","content":[{"type":"new_part","z":1.10}]}],"store":false}"#;
    let written = turn(body).to_responses("m", false).unwrap().to_bytes();
    assert_eq!(String::from_utf8_lossy(&written), body);
    for content in [r#"{"role":"assistant","content":[{"type":"new_part"}]}"#, r#"{"type":"web_search_call","id":"ws_1"}"#] {
        let asked = turn(&format!(r#"{{"model":"m","input":[{content}]}}"#));
        assert_eq!(asked.to_chat("m", false).unwrap_err().param(), Some("input"), "{content}");
    }
}

#[test]
fn one_answer_is_one_message_and_instructions_come_first() {
    let read = turn(
        r#"{"model":"m","instructions":"be kind","input":[{"role":"user","content":"q"},{"type":"reasoning","id":"rs","summary":[]},{"role":"assistant","content":"a"},{"type":"function_call","call_id":"c","name":"f","arguments":""},{"type":"function_call_output","call_id":"c","output":"1"},{"role":"user","content":"r"}],"include":["message.output_text.logprobs"]}"#,
    );
    let roles: Vec<_> = read.messages.iter().map(|message| (message.role, message.parts.len())).collect();
    assert_eq!(roles, [(Role::System, 1), (Role::User, 1), (Role::Assistant, 3), (Role::Tool, 1), (Role::User, 1)]);
    assert!(read.logprobs.is_some());
    let chat = String::from_utf8(read.to_chat("m", false).unwrap().to_bytes().to_vec()).unwrap();
    assert!(chat.contains(r#""role":"system","content":"be kind""#), "{chat}");
    assert!(chat.contains(r#""tool_call_id":"c""#), "{chat}");
}

#[test]
fn what_chat_cannot_say_is_refused_by_its_name() {
    for (fields, param) in [
        (r#""tools":[{"type":"web_search"}]"#, "tools[0]"),
        (r#""tools":[{"type":"function","name":"f","parameters":{},"strict":true},{"type":"mcp","server_label":"x"}]"#, "tools[1]"),
        (r#""truncation":"auto""#, "truncation"),
        (r#""prompt":{"id":"p"}"#, "prompt"),
        (r#""context_management":[{"type":"compaction"}]"#, "context_management"),
        (r#""tools":[{"type":"function","name":"f","parameters":{},"strict":true,"output_schema":{}}]"#, "tools[0].output_schema"),
        (r#""reasoning":{"effort":"low","mode":"pro"}"#, "reasoning.mode"),
    ] {
        let body = format!(r#"{{"model":"m","input":"q",{fields}}}"#);
        assert_eq!(turn(&body).to_chat("m", false).unwrap_err().param(), Some(param), "{body}");
    }
    for (fields, fine) in
        [(r#""truncation":"disabled""#, true), (r#""max_tool_calls":3"#, true), (r#""include":["reasoning.encrypted_content"]"#, true)]
    {
        let body = format!(r#"{{"model":"m","input":"q",{fields}}}"#);
        assert_eq!(turn(&body).to_chat("m", false).is_ok(), fine, "{body}");
    }
}

#[test]
fn what_responses_cannot_say_is_refused_by_its_name() {
    for (fields, param) in [
        (r#""n":2"#, "n"),
        (r#""stop":["a"]"#, "stop"),
        (r#""seed":1"#, "seed"),
        (r#""logit_bias":{"5":1}"#, "logit_bias"),
        (r#""frequency_penalty":0.5"#, "frequency_penalty"),
        (r#""audio":{}"#, "audio"),
    ] {
        let chat = Object::parse(format!(r#"{{"model":"m","messages":[{{"role":"user","content":"q"}}],{fields}}}"#)).unwrap();
        assert_eq!(Turn::from_chat(&chat).unwrap().to_responses("m", false).unwrap_err().param(), Some(param), "{fields}");
    }
}

#[test]
fn a_target_that_tells_its_answer_at_once_is_heard_once() {
    let frames = [
        r#"{"type":"response.created","response":{"id":"r","model":"up","created_at":3.0}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs","summary":[]}}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"e"}}"#,
        r#"{"type":"response.web_search_call.searching","output_index":1,"item_id":"ws"}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"message","content":[{"type":"output_text","text":"hi","annotations":[{"type":"url_citation","url":"u","title":"t","start_index":0,"end_index":1}]}]}}"#,
        r#"{"type":"response.completed","response":{"id":"r","status":"completed","service_tier":"default","usage":{"input_tokens":4,"output_tokens":2},"output":[{"type":"reasoning","id":"rs"},{"type":"message","content":[{"type":"output_text","text":"hi"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}]}}"#,
    ];
    let frames: Vec<Frame> = frames.iter().map(|data| Frame::data(data.to_string())).collect();
    let events = heard(&frames);
    let answer: Answer = events.iter().cloned().collect();
    let choice = &answer.choices[0];
    assert_eq!(
        (answer.id.as_deref(), answer.model.as_deref(), answer.created, answer.tier.as_deref()),
        (Some("r"), Some("up"), Some(3), Some("default"))
    );
    assert_eq!((choice.text().as_deref(), choice.tool_calls().count(), choice.thoughts().count()), (Some("hi"), 1, 1));
    assert_eq!(
        choice.annotations[0].as_str(),
        r#"{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":0,"end_index":1}}"#
    );
    assert_eq!(choice.finish, Some(FinishReason::ToolCalls));
    assert_eq!(answer.usage.map(|usage| (usage.input_tokens, usage.output_tokens)), Some((4, 2)));
}

#[test]
fn a_failure_is_an_error_in_whatever_form_it_comes() {
    for (frame, code) in [
        (
            r#"{"type":"response.failed","response":{"id":"r","status":"failed","error":{"code":"server_error","message":"down"}}}"#,
            Some("server_error"),
        ),
        (r#"{"type":"error","code":"rate_limit_exceeded","message":"down","param":null,"sequence_number":3}"#, Some("rate_limit_exceeded")),
        (r#"{"type":"error","error":{"type":"x","code":"bad","message":"down"}}"#, Some("bad")),
        (r#"{"error":{"message":"down","code":null}}"#, None),
    ] {
        let Err(ReadError::Refused(error)) = Reader::new().read(&Frame::data(frame)) else { panic!("{frame}") };
        assert_eq!((error.message.as_str(), error.code.as_deref()), ("down", code), "{frame}");
    }
    for body in [
        r#"{"error":{"message":"down"}}"#,
        r#"{"id":"r","status":"failed","output":[],"error":{"code":"c","message":"down"}}"#,
        r#"{"id":"r","status":"failed","error":{"code":"c","message":"down"}}"#,
    ] {
        assert!(matches!(read(&Object::parse(body).unwrap()), Err(ReadError::Refused(error)) if error.message == "down"), "{body}");
    }
    assert!(matches!(read(&Object::parse("{}").unwrap()), Err(ReadError::Malformed(_))));
    assert!(matches!(Reader::new().read(&Frame::data("nonsense")), Err(ReadError::Malformed(_))));
    assert_eq!(Reader::new().read(&Frame::done()).unwrap(), []);
}

#[test]
fn a_response_that_failed_is_known_whole_and_in_its_event() {
    let whole = r#"{"id":"r","status":"failed","new":1.50,"usage":{"input_tokens":4,"output_tokens":2}}"#;
    for data in [whole.to_owned(), format!(r#"{{"type":"response.failed","response":{whole}}}"#)] {
        let (response, used) = failed(&data.into()).unwrap();
        assert_eq!((response.to_bytes().as_ref(), used.unwrap().output_tokens), (whole.as_bytes(), 2));
    }
    for data in [r#"{"error":{"message":"down"}}"#, r#"{"status":"incomplete","error":null}"#, "nonsense"] {
        assert!(failed(&data.into()).is_none(), "{data}");
    }
}

#[test]
fn words_between_the_pieces_of_a_call_cut_nothing_off() {
    let said =
        [text("so "), call(0, "f", ToolKind::Function), argue(0, "{\"a\""), text("hm"), argue(0, ":1}"), finish(FinishReason::ToolCalls)];
    let answer: Answer = heard(&spoken(&said)).into_iter().collect();
    let choice = &answer.choices[0];
    assert_eq!((choice.text().as_deref(), choice.tool_calls().next().unwrap().arguments.as_str()), (Some("so hm"), "{\"a\":1}"));
}

#[test]
fn half_a_character_costs_no_answer() {
    let data = r#"{"type":"response.output_text.delta","output_index":0,"delta":"a\ud83d"}"#;
    let events = Reader::new().read(&Frame::data(data)).unwrap();
    assert!(matches!(&events[..], [Event::Text { text, .. }] if text.starts_with('a')), "{events:?}");
}

#[test]
fn files_and_images_keep_where_they_are() {
    let read = turn(FULL);
    let media: Vec<_> = read.messages[1]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Image { media, .. } | Part::File { media, .. } => Some(media.clone()),
            _ => None,
        })
        .collect();
    assert!(matches!(media.as_slice(), [Media::Base64 { .. }, Media::Id(_), Media::Base64 { .. }, Media::Url(_)]), "{media:?}");
}

#[test]
fn images_that_tools_return_follow_on_all_results_where_only_a_user_can_show_them() {
    let body = r#"{"model":"m","input":[{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call","call_id":"b","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":[{"type":"input_text","text":"seen"},{"type":"input_image","image_url":"https://example.org/a.png"}]},{"type":"function_call_output","call_id":"b","output":"2"}SAID]}"#;
    for (said, after) in [("", 1), (r#",{"role":"user","content":"so?"}"#, 1), (r#",{"role":"system","content":"go on"}"#, 2)] {
        let written = turn(&body.replace("SAID", said)).to_chat("m", false).unwrap();
        let messages: Vec<serde_json::Value> = written.get("messages", "an array").unwrap().unwrap();
        assert_eq!((&messages[1]["tool_call_id"], &messages[2]["tool_call_id"]), (&"a".into(), &"b".into()), "{messages:?}");
        assert_eq!(
            (messages.len(), &messages[3]["role"], &messages[3]["content"][1]["type"]),
            (3 + after, &"user".into(), &"image_url".into())
        );
        Turn::from_chat(&written).unwrap();
    }
}

/// Answers as targets give them: thoughts, then words, then calls whose pieces alternate.
fn answers() -> impl Strategy<Value = Vec<Event>> {
    let word = "[a-z\"\\\\\n ]{1,5}";
    let thought = prop_oneof![
        (0..2_u32, word).prop_map(|(at, text)| Event::Reasoning { choice: 0, at, text }),
        (0..2_u32, word).prop_map(|(at, text)| Event::ReasoningSummary { choice: 0, at, part: 0, text }),
    ];
    let said = prop_oneof![3 => word.prop_map(|text| Event::Text { choice: 0, text }), 1 => word.prop_map(|text| Event::Refusal { choice: 0, text })];
    // What a model says for arguments is an object, or breaks off inside one: after a whole one nothing follows.
    let object = "[a-z]{0,4}".prop_map(|value| format!("{{\"k\":\"{value}\"}}"));
    let arguments = prop_oneof![3 => object, 1 => "\\{[a-z{\"]{0,6}", 1 => Just(String::new())];
    let calls = (prop::collection::vec(arguments, 0..4), prop::collection::vec((0..4_usize, 1..4_usize), 0..12));
    let parts = (prop::collection::vec(thought, 0..4), prop::collection::vec(said, 0..6), calls, prop::option::of(0..4_u8));
    parts.prop_map(|(mut thoughts, said, (arguments, turns), reason)| {
        thoughts.sort_by_key(|event| match event {
            Event::Reasoning { at, .. } | Event::ReasoningSummary { at, .. } => *at,
            _ => 0,
        });
        let natural = if arguments.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
        let mut events = thoughts;
        events.extend(said);
        events.extend((0..).zip(&arguments).map(|(at, _)| call(at, "f", if at == 1 { ToolKind::Custom } else { ToolKind::Function })));
        events.extend(alternating(&arguments, turns));
        events.push(finish(match reason {
            Some(0) => FinishReason::Length,
            Some(1) => FinishReason::ContentFilter,
            _ => natural,
        }));
        events
    })
}

/// The arguments in pieces: each turn takes some letters of one call, and what is left comes call by call.
fn alternating(arguments: &[String], turns: Vec<(usize, usize)>) -> Vec<Event> {
    let mut left: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let rest = (0..left.len()).map(|at| (at, usize::MAX));
    let mut events = Vec::new();
    for (at, letters) in turns.into_iter().chain(rest) {
        let Some(text) = left.get_mut(at).filter(|text| !text.is_empty()) else { continue };
        let (piece, tail) = text.split_at(letters.min(text.len()));
        *text = tail;
        events.push(argue(u32::try_from(at).unwrap(), piece));
    }
    events
}

/// Text, refusal, calls, thoughts and finish.
type Said = (Option<String>, Option<String>, Vec<(String, String, String)>, Vec<String>, Option<FinishReason>);

/// What an answer says, in a form in which the same is the same.
fn said(events: impl IntoIterator<Item = Event>) -> Said {
    let answer: Answer = events.into_iter().collect();
    let Some(choice) = answer.choices.first() else { return Default::default() };
    let calls = choice.tool_calls().map(|call| {
        let arguments = if call.arguments.is_empty() && call.kind == ToolKind::Function { "{}" } else { &call.arguments };
        (call.id.clone(), call.name.clone(), arguments.to_owned())
    });
    let thoughts = choice.thoughts().map(|thought| format!("{}|{}", thought.text, thought.summary.concat()));
    (choice.text(), choice.refusal(), calls.collect(), thoughts.collect(), choice.finish.clone())
}

/// Any JSON that could be given for a field.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        prop::sample::select(vec![
            "message",
            "function",
            "function_call",
            "reasoning",
            "user",
            "assistant",
            "input_text",
            "grammar",
            "auto",
            "x"
        ])
        .prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop::sample::select(vec![
            "type",
            "role",
            "content",
            "id",
            "call_id",
            "name",
            "arguments",
            "output",
            "text",
            "format",
            "tools",
            "summary",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_stream_and_a_whole_answer_say_what_was_to_be_said(events in answers()) {
        let expected = said(events.clone());
        prop_assert_eq!(said(heard(&spoken(&events))), expected.clone());
        prop_assert_eq!(said(read(&write(events, &heading())).unwrap()), expected);
    }

    #[test]
    fn every_event_of_an_item_stands_between_its_beginning_and_its_end(events in answers()) {
        let mut open = std::collections::BTreeSet::new();
        let mut ended = std::collections::BTreeSet::new();
        for frame in spoken(&events) {
            let data = data(&frame);
            let Some(index) = data["output_index"].as_u64() else { continue };
            match frame.event.as_deref() {
                Some("response.output_item.added") => prop_assert!(open.insert(index) && index == open.len() as u64 - 1),
                Some("response.output_item.done") => prop_assert!(open.contains(&index) && ended.insert(index)),
                _ => prop_assert!(open.contains(&index) && !ended.contains(&index)),
            }
        }
        prop_assert_eq!(open, ended);
    }

    #[test]
    fn whatever_stands_in_a_request_nothing_panics_and_what_is_read_is_written_and_read_again(
        input in json(), tools in json(), choice in json(), format in json()
    ) {
        let body = serde_json::json!({ "model": "m", "input": input, "tools": tools, "tool_choice": choice, "text": { "format": format } });
        if let Ok(turn) = Turn::from_responses(&Object::parse(body.to_string()).unwrap()) {
            let _ = turn.to_chat("m", true);
            if let Ok(written) = turn.to_responses("m", false) {
                prop_assert!(Turn::from_responses(&written).is_ok());
            }
        }
    }

    #[test]
    fn whatever_stands_in_a_frame_nothing_panics(kind in prop::sample::select(vec![
        "response.created", "response.output_item.added", "response.output_item.done", "response.completed", "response.output_text.delta", "error",
    ]), item in json(), response in json(), index in any::<u8>()) {
        let data = serde_json::json!({ "type": kind, "item": item, "response": response, "output_index": index, "delta": item });
        let mut reader = Reader::new();
        for _ in 0..2 {
            let _ = reader.read(&Frame::data(data.to_string()));
        }
    }
}
