//! Each trap of the dialect, in and out.

use super::*;
use crate::turn::{Answer, Dialect, Event, Format, Frame, Heading, Media, Part, ReadError, Role, ToolCall, ToolKind, Turn, translate};
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;

fn heading() -> Heading {
    Heading { id: "msg_1".to_owned(), model: "m".to_owned(), created: 5, include_usage: false }
}

fn object(body: &str) -> Object {
    Object::parse(body.to_owned()).unwrap()
}

fn value(bytes: impl AsRef<[u8]>) -> serde_json::Value {
    serde_json::from_slice(bytes.as_ref()).unwrap()
}

/// A chat request as a messages request.
fn from_chat(fields: &str) -> Result<Object, groundwork_wire::error::Invalid> {
    let body = format!(r#"{{"model":"x","messages":[{{"role":"user","content":"q"}}]{fields}}}"#);
    Turn::from_chat(&object(&body)).unwrap().to_messages("m", false)
}

/// A messages request as a chat request.
fn to_chat(fields: &str) -> Result<Object, groundwork_wire::error::Invalid> {
    let body = format!(r#"{{"model":"x","max_tokens":9,"messages":[{{"role":"user","content":"q"}}]{fields}}}"#);
    Turn::from_messages(&object(&body)).unwrap().to_chat("m", false)
}

fn heard(events: &[&str]) -> Vec<Event> {
    let mut reader = Reader::new();
    let mut heard: Vec<_> = events.iter().flat_map(|data| reader.read(&Frame::data(data.to_string())).unwrap()).collect();
    heard.extend(reader.finish());
    heard
}

fn written(events: impl IntoIterator<Item = Event>) -> Vec<String> {
    let mut writer = Writer::new(heading());
    let mut frames: Vec<Frame> = events.into_iter().flat_map(|event| writer.write(event)).collect();
    frames.extend(writer.finish());
    assert_eq!(writer.finish(), []);
    for frame in &frames {
        assert_eq!(frame.event.as_deref(), value(&frame.data)["type"].as_str());
    }
    frames.iter().map(|frame| String::from_utf8(frame.data.to_vec()).unwrap()).collect()
}

#[test]
fn a_full_request_comes_out_as_it_went_in() {
    let body = r#"{"model":"m","max_tokens":4096,"system":[{"type":"text","text":"be brief","cache_control":{"type":"ephemeral","ttl":"1h"}}],"messages":[{"role":"user","content":[{"type":"text","text":"look"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"image","source":{"type":"url","url":"https://example.org/a.png"}},{"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"},"title":"T"},{"type":"document","source":{"type":"file","file_id":"file_1"}}]},{"role":"assistant","content":[{"type":"thinking","thinking":"let me see","signature":"c2ln"},{"type":"redacted_thinking","data":"b3BhcXVl"},{"type":"text","text":"ok"},{"type":"tool_use","id":"t1","name":"weather","input":{"at":9007199254740993}},{"type":"tool_use","id":"t2","name":"clock","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"rain"}],"cache_control":{"type":"ephemeral"}},{"type":"tool_result","tool_use_id":"t2","content":[{"type":"text","text":"broken"}],"is_error":true},{"type":"text","text":"go on"}]}],"tools":[{"name":"weather","description":"d","input_schema":{"type":"object","properties":{"at":{"maximum":9007199254740993}}},"strict":true,"cache_control":{"type":"ephemeral"}},{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"any","disable_parallel_tool_use":true},"thinking":{"type":"enabled","budget_tokens":2048},"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}},"effort":"high"},"temperature":1.0,"top_p":0.5,"top_k":5,"stop_sequences":["END"],"metadata":{"user_id":"u"},"service_tier":"standard_only","stream":true,"container":"c"}"#;
    let turn = Turn::from_messages(&object(body)).unwrap();
    let written = turn.to_messages("m", true).unwrap().to_bytes();
    assert_eq!(value(&written), value(body));
    assert!(String::from_utf8_lossy(&written).contains(r#""input":{"at":9007199254740993}"#));
}

#[test]
fn a_request_of_a_chat_client_is_said_in_messages() {
    let chat = r#"{"model":"x","messages":[{"role":"system","content":"be brief"},{"role":"user","content":[{"type":"text","text":"look"},{"type":"text","text":" "},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,BBBB"}}]},{"role":"developer","content":"and kind"},{"role":"assistant","content":"","reasoning_content":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"at\":1.50}"}},{"id":"c2","type":"function","function":{"name":"clock","arguments":""}}]},{"role":"tool","tool_call_id":"c1","content":"rain"},{"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"noon"}]},{"role":"user","content":"so?"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"},"strict":false}},{"type":"function","function":{"name":"clock"}}],"tool_choice":"required","parallel_tool_calls":false,"stop":"END","user":"u","service_tier":"default","max_tokens":7,"temperature":0.2,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},"frequency_penalty":0,"n":1,"logprobs":false,"store":true,"metadata":{"k":"v"}}"#;
    let expected = r#"{"model":"m","max_tokens":7,"system":[{"type":"text","text":"be brief"},{"type":"text","text":"and kind"}],"messages":[{"role":"user","content":[{"type":"text","text":"look"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"BBBB"},"title":"a.pdf"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"weather","input":{"at":1.50}},{"type":"tool_use","id":"c2","name":"clock","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"rain"}]},{"type":"tool_result","tool_use_id":"c2","content":[{"type":"text","text":"noon"}]},{"type":"text","text":"so?"}]}],"tools":[{"name":"weather","input_schema":{"type":"object"}},{"name":"clock","input_schema":{"properties":{},"type":"object"}}],"tool_choice":{"disable_parallel_tool_use":true,"type":"any"},"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},"temperature":0.2,"stop_sequences":["END"],"metadata":{"user_id":"u"},"service_tier":"standard_only"}"#;
    assert_eq!(Turn::from_chat(&object(chat)).unwrap().to_messages("m", false).unwrap().to_bytes(), expected);
}

#[test]
fn a_request_of_a_messages_client_is_said_in_chat() {
    let messages = r#"{"model":"x","max_tokens":7,"system":"be brief","messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"text","text":"ok","citations":null},{"type":"tool_use","id":"t1","name":"look","input":{"at": 1.50}},{"type":"tool_use","id":"t2","name":"clock","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"seen"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},{"type":"tool_result","tool_use_id":"t2","content":"no hands","is_error":true},{"type":"text","text":"so?","cache_control":{"type":"ephemeral"}}]}],"tools":[{"name":"look","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}],"tool_choice":{"type":"tool","name":"look","disable_parallel_tool_use":true},"stop_sequences":["END"],"metadata":{"user_id":"u"},"thinking":{"type":"enabled","budget_tokens":10000},"service_tier":"auto","stream":true}"#;
    let expected = r#"{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"q"},{"role":"assistant","content":"ok","tool_calls":[{"id":"t1","type":"function","function":{"name":"look","arguments":"{\"at\": 1.50}"}},{"id":"t2","type":"function","function":{"name":"clock","arguments":"{}"}}]},{"role":"tool","content":"seen","tool_call_id":"t1"},{"role":"tool","content":"Error: no hands","tool_call_id":"t2"},{"role":"user","content":[{"type":"text","text":"What the tool call t1 returned beside its text:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"text","text":"so?"}]}],"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}],"tool_choice":{"function":{"name":"look"},"type":"function"},"parallel_tool_calls":false,"max_completion_tokens":7,"stop":["END"],"reasoning_effort":"medium","user":"u","service_tier":"auto","stream":true,"stream_options":{"include_usage":true}}"#;
    assert_eq!(Turn::from_messages(&object(messages)).unwrap().to_chat("m", true).unwrap().to_bytes(), expected);
}

#[test]
fn a_thought_goes_back_to_whom_it_came_from() {
    let turn = |signature: &str| {
        let body = format!(
            r#"{{"model":"x","max_tokens":7,"messages":[{{"role":"user","content":"q"}},{{"role":"assistant","content":[{{"type":"thinking","thinking":"hm","signature":"{signature}"}},{{"type":"text","text":"a"}}]}},{{"role":"user","content":"b"}}]}}"#
        );
        Turn::from_messages(&object(&body)).unwrap()
    };
    let spoken =
        |signature: &str| value(turn(signature).to_chat("m", false).unwrap().to_bytes())["messages"][1]["reasoning_content"].clone();
    assert_eq!((spoken("c2ln"), spoken(crate::turn::chat::THOUGHT_ALOUD)), (serde_json::Value::Null, "hm".into()));
    // Anthropic refuses a signature that is not its own.
    let kept = |signature: &str| {
        value(turn(signature).to_messages("m", false).unwrap().to_bytes())["messages"][1]["content"].as_array().unwrap().len()
    };
    assert_eq!((kept("c2ln"), kept(crate::turn::chat::THOUGHT_ALOUD)), (2, 1));
}

#[test]
fn what_messages_cannot_say_is_refused_by_its_name() {
    for (fields, param) in [
        (r#","n":2"#, "n"),
        (r#","seed":1"#, "seed"),
        (r#","logprobs":true"#, "logprobs"),
        (r#","logit_bias":{"1":5}"#, "logit_bias"),
        (r#","frequency_penalty":0.5"#, "frequency_penalty"),
        (r#","temperature":1.5"#, "temperature"),
        (r#","verbosity":"low""#, "verbosity"),
        (r#","service_tier":"flex""#, "service_tier"),
        (r#","response_format":{"type":"json_object"}"#, "response_format"),
        (r#","modalities":["text","audio"]"#, "modalities"),
        (r#","functions":[]"#, "functions"),
        (r#","chat_template_kwargs":{}"#, "chat_template_kwargs"),
        (r#","tools":[{"type":"custom","custom":{"name":"t"}}]"#, "tools[0]"),
        (r#","tools":[{"type":"function","function":{"name":"t"}}],"tool_choice":{"type":"odd"}"#, "tool_choice"),
    ] {
        assert_eq!(from_chat(fields).unwrap_err().param(), Some(param), "{fields}");
    }
    let message = |message: &str| {
        let body = format!(r#"{{"model":"x","messages":[{{"role":"user","content":"q"}},{message}]}}"#);
        Turn::from_chat(&object(&body)).unwrap().to_messages("m", false).unwrap_err().param().map(str::to_owned).unwrap_or_default()
    };
    for (bad, param) in [
        (
            r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"input_audio","input_audio":{"data":"","format":"wav"}}]}"#,
            "messages[1].content[1]",
        ),
        (r#"{"role":"user","name":"ann","content":"a"}"#, "messages[1].name"),
        (
            r#"{"role":"assistant","content":"a","tool_calls":[{"id":"c","type":"function","function":{"name":"t","arguments":"{\"x\":"}}]}"#,
            "messages[1].tool_calls[0]",
        ),
        (r#"{"role":"assistant","content":null,"function_call":{"name":"t","arguments":"{}"}}"#, "messages[1].function_call"),
        (r#"{"role":"user","content":[{"type":"odd"}]}"#, "messages[1].content[0]"),
    ] {
        assert_eq!(message(bad), param, "{bad}");
    }
    let silent = Turn::from_chat(&object(r#"{"model":"x","messages":[{"role":"system","content":"rules"}]}"#)).unwrap();
    assert_eq!(silent.to_messages("m", false).unwrap_err().param(), Some("messages"));
}

#[test]
fn what_chat_cannot_say_is_refused_by_its_name() {
    for (fields, param) in [
        (r#","top_k":5"#, "top_k"),
        (r#","container":"c""#, "container"),
        (r#","speed":"fast""#, "speed"),
        (r#","tools":[{"type":"web_search_20250305","name":"web_search"}]"#, "tools[0]"),
        (r#","tools":[{"name":"t","input_schema":{},"allowed_callers":["code_execution_20250825"]}]"#, "tools[0].allowed_callers"),
        (r#","output_config":{"task_budget":{}}"#, "output_config.task_budget"),
    ] {
        assert_eq!(to_chat(fields).unwrap_err().param(), Some(param), "{fields}");
    }
    for fields in [r#","speed":"standard""#, r#","context_management":{"edits":[]}"#, r#","cache_control":{"type":"ephemeral"}"#] {
        assert!(to_chat(fields).is_ok(), "{fields}");
    }
    let block = |system: &str, block: &str| {
        let body = format!(
            r#"{{"model":"x","max_tokens":9,{system}"messages":[{{"role":"user","content":[{{"type":"text","text":"a"}},{block}]}}]}}"#
        );
        Turn::from_messages(&object(&body)).unwrap().to_chat("m", false).unwrap_err().param().map(str::to_owned).unwrap_or_default()
    };
    assert_eq!(block("", r#"{"type":"search_result","content":[]}"#), "messages[0].content[1]");
    let url = r#"{"type":"document","source":{"type":"url","url":"https://example.org/a.pdf"}}"#;
    assert_eq!(block(r#""system":"s","#, url), "messages[0].content[1]");
    let cited = r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"},"citations":{"enabled":true}}"#;
    assert_eq!(block("", cited), "messages[0].content[1].citations");
}

#[test]
fn how_much_is_thought_is_said_as_the_model_takes_it() {
    let turn = Turn::from_chat(&object(r#"{"model":"x","messages":[{"role":"user","content":"q"}],"reasoning_effort":"medium"}"#)).unwrap();
    let said = |model: &str| value(turn.to_messages(model, false).unwrap().to_bytes());
    let (new, old) = (said("claude-opus-5"), said("claude-haiku-4-5-20251001"));
    assert_eq!((new["thinking"]["type"].as_str(), new["output_config"]["effort"].as_str()), (Some("adaptive"), Some("medium")));
    assert_eq!((old["thinking"]["budget_tokens"].as_u64(), &old["output_config"]), (Some(8_192), &serde_json::Value::Null));
    assert_eq!((new["max_tokens"].as_u64(), old["max_tokens"].as_u64()), (Some(8_192), Some(8_192 + 8_192)));
    for (effort, thinking) in [("none", Some("disabled")), ("minimal", Some("adaptive"))] {
        let said = from_chat(&format!(r#","reasoning_effort":"{effort}""#)).unwrap();
        assert_eq!(value(said.to_bytes())["thinking"]["type"].as_str(), thinking);
    }
    for (fields, effort) in [
        (r#","thinking":{"type":"adaptive"},"output_config":{"effort":"max"}"#, Some("max")),
        (r#","thinking":{"type":"enabled","budget_tokens":1024}"#, Some("low")),
        (r#","thinking":{"type":"adaptive"}"#, None),
        (r#","thinking":{"type":"disabled"}"#, None),
    ] {
        assert_eq!(value(to_chat(fields).unwrap().to_bytes())["reasoning_effort"].as_str(), effort, "{fields}");
    }
}

const STREAM: [&str; 20] = [
    r#"{"type":"message_start","message":{"id":"msg_9","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":20,"output_tokens":1,"service_tier":"standard"}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    r#"{"type": "ping"}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"let me"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":" see"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"b3BhcXVl"}}"#,
    r#"{"type":"content_block_stop","index":1}"#,
    r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"On it\u002e"}}"#,
    r#"{"type":"content_block_stop","index":2}"#,
    r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t1","name":"weather","input":{}}}"#,
    r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}"#,
    r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"at\":"}}"#,
    r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
    r#"{"type":"content_block_stop","index":3}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":7,"output_tokens_details":{"thinking_tokens":4}}}"#,
    r#"{"type":"some_new_event","index":3}"#,
    r#"{"type":"message_stop"}"#,
];

#[test]
fn a_stream_is_heard_with_its_cumulative_usage() {
    let answer: Answer = heard(&STREAM).into_iter().collect();
    let usage =
        Usage { input_tokens: 33, output_tokens: 7, cached_tokens: 20, cache_write_tokens: 3, reasoning_tokens: 4, ..Usage::default() };
    assert_eq!((answer.id.as_deref(), answer.usage, answer.tier.as_deref()), (Some("msg_9"), Some(usage), Some("default")));
    let choice = &answer.choices[0];
    let thoughts: Vec<_> = choice.thoughts().map(|thought| (thought.text.as_str(), thought.redacted)).collect();
    assert_eq!(thoughts, [("let me see", false), ("", true)]);
    assert_eq!((choice.text().as_deref(), &choice.finish), (Some("On it."), &Some(FinishReason::ToolCalls)));
    let call = ToolCall { id: "t1".to_owned(), name: "weather".to_owned(), arguments: r#"{"at":1}"#.to_owned(), kind: ToolKind::Function };
    assert_eq!(choice.tool_calls().collect::<Vec<_>>(), [&call]);
}

#[test]
fn what_was_heard_is_written_as_the_same_stream() {
    let said = written(heard(&STREAM));
    let blocks = |stream: &[String]| {
        let events = stream.iter().map(value);
        events.filter(|event| event["type"].as_str().is_some_and(|kind| kind.starts_with("content_block"))).collect::<Vec<_>>()
    };
    let given: Vec<String> = STREAM.iter().filter(|data| !data.contains(r#""partial_json":"""#)).map(ToString::to_string).collect();
    assert_eq!(blocks(&said), blocks(&given));
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":20,"output_tokens":7,"output_tokens_details":{"thinking_tokens":4}}}"#;
    assert_eq!(&said[said.len() - 2..], [end, r#"{"type":"message_stop"}"#]);
    assert_eq!(value(&said[0])["message"]["id"], "msg_1");
}

#[test]
fn interleaved_tool_calls_become_blocks_one_after_another() {
    let begin = |at: u32| Event::ToolCall { choice: 0, at, id: format!("c{at}"), name: "t".to_owned(), kind: ToolKind::Function };
    let argue = |at: u32, fragment: &str| Event::ToolArguments { choice: 0, at, fragment: fragment.to_owned() };
    let said = written([begin(0), argue(0, "{\"a\""), begin(1), argue(1, "{}"), begin(2), argue(0, ":1}"), argue(2, "{")]);
    let order: Vec<_> = said
        .iter()
        .map(value)
        .map(|event| {
            let detail = event["content_block"]["id"].as_str().or(event["delta"]["partial_json"].as_str()).unwrap_or_default().to_owned();
            (event["type"].as_str().unwrap_or_default().trim_start_matches("content_block_").to_owned(), event["index"].as_u64(), detail)
        })
        .filter(|event| event.1.is_some())
        .collect();
    let expect = |kind: &str, index: u64, detail: &str| (kind.to_owned(), Some(index), detail.to_owned());
    assert_eq!(
        order,
        [
            expect("start", 0, "c0"),
            expect("delta", 0, "{\"a\""),
            expect("delta", 0, ":1}"),
            expect("stop", 0, ""),
            expect("start", 1, "c1"),
            expect("delta", 1, "{}"),
            expect("stop", 1, ""),
            expect("start", 2, "c2"),
            expect("delta", 2, "{"),
            expect("stop", 2, ""),
        ]
    );
}

#[test]
fn what_is_said_before_a_call_is_whole_waits_for_it() {
    let begin = |at: u32| Event::ToolCall { choice: 0, at, id: format!("c{at}"), name: "t".to_owned(), kind: ToolKind::Function };
    let argue = |at: u32, fragment: &str| Event::ToolArguments { choice: 0, at, fragment: fragment.to_owned() };
    let text = |text: &str| Event::Text { choice: 0, text: text.to_owned() };
    let said = written([begin(0), argue(0, "{\"a\""), text("hm "), begin(1), argue(0, ":1}"), text("ok"), argue(1, "{}"), text("!")]);
    let answer: Answer = heard(&said.iter().map(String::as_str).collect::<Vec<_>>()).into_iter().collect();
    assert_eq!(answer.choices[0].text().as_deref(), Some("hm ok!"));
    let arguments: Vec<_> = answer.choices[0].tool_calls().map(|call| call.arguments.as_str()).collect();
    assert_eq!(arguments, ["{\"a\":1}", "{}"]);
    let unfinished = written([begin(0), argue(0, "{"), text("never lost")]);
    assert!(unfinished.iter().any(|data| data.contains("never lost")), "{unfinished:?}");
}

#[test]
fn what_is_new_in_the_dialect_says_nothing_whatever_it_looks_like() {
    for data in [
        r#"{"type":"brand_new","index":"one","delta":7}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"hologram","data":{"a":1},"text":5}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"hologram_delta","text":["x",1]}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"hologram_delta","text":"no part of the answer"}}"#,
    ] {
        assert_eq!(Reader::new().read(&Frame::data(data)).unwrap(), [], "{data}");
    }
    let whole = |block: &str| {
        let body =
            r#"{"id":"m","type":"message","content":[BLOCK,{"type":"text","text":"hi"}],"stop_reason":"end_turn"}"#.replace("BLOCK", block);
        read(&object(&body))
    };
    let answer: Answer = whole(r#"{"type":"hologram","text":{"x":1}}"#).unwrap().into_iter().collect();
    assert_eq!(answer.choices[0].text().as_deref(), Some("hi"));
    assert!(matches!(whole(r#"{"type":"text","text":5}"#), Err(ReadError::Malformed(_))));
}

#[test]
fn a_message_is_complete_once_it_has_told_why_it_stopped_and_its_client_hears_the_rest() {
    let mut reader = translate::Reader::new(Dialect::Messages);
    let mut frames = Vec::new();
    for data in STREAM.iter().filter(|data| !data.contains("message_stop")) {
        frames.extend(reader.pass(Frame::data(*data), false).unwrap().frame);
    }
    assert!(reader.is_finished() && !reader.has_ended());
    frames.extend(reader.left_out());
    let named = |frame: &Frame| frame.event.as_deref() == value(&frame.data)["type"].as_str();
    assert!(frames.iter().all(named), "clients go by the names of events: {frames:?}");
    assert_eq!(frames.last().unwrap().event.as_deref(), Some("message_stop"));
    reader.read(frames.last().unwrap()).unwrap();
    assert!(reader.has_ended() && reader.left_out().is_empty());
}

#[test]
fn an_answer_without_anything_is_still_a_message() {
    let said = written([]);
    let kinds: Vec<_> = said.iter().map(|data| value(data)["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["message_start", "message_delta", "message_stop"]);
}

#[test]
fn reasons_of_the_end_go_both_ways() {
    for (word, reason) in [
        ("end_turn", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("tool_use", FinishReason::ToolCalls),
        ("refusal", FinishReason::ContentFilter),
        ("pause_turn", FinishReason::Pause),
    ] {
        assert_eq!((finish_reason(word, None), stop_reason(&reason)), (reason.clone(), (word, None)));
    }
    let stopped = finish_reason("stop_sequence", Some("END"));
    assert_eq!((stop_reason(&stopped), stopped.as_str()), (("stop_sequence", Some("END")), "stop"));
    assert_eq!(finish_reason("model_context_window_exceeded", None).as_str(), "length");
    // A refusal in words, and one that the service explains.
    let refusal = Event::Refusal { choice: 0, text: "no".to_owned() };
    let said = written([refusal, Event::Finish { choice: 0, reason: FinishReason::Stop }]);
    assert!(said.iter().any(|data| data.contains(r#""stop_reason":"refusal""#)));
    let explained = heard(&[
        r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"bio","explanation":"not this"}},"usage":{"output_tokens":1}}"#,
    ]);
    assert!(
        matches!(&explained[..2], [Event::Refusal { text, .. }, Event::Finish { reason: FinishReason::ContentFilter, .. }] if text == "not this")
    );
}

#[test]
fn an_error_is_heard_in_a_stream_and_in_place_of_an_answer() {
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let is_refused =
        |error: ReadError| matches!(error, ReadError::Refused(error) if error.kind == "overloaded_error" && error.message == "Overloaded");
    assert!(is_refused(Reader::new().read(&Frame::named("error", overloaded)).unwrap_err()));
    assert!(is_refused(read(&object(overloaded)).unwrap_err()));
    for data in ["{", "7", r#"{"type":5}"#, r#"{"type":"error"}"#, r#"{"type":"content_block_delta","delta":{"text":7}}"#] {
        assert!(matches!(Reader::new().read(&Frame::data(data)), Err(ReadError::Malformed(_))), "{data}");
    }
    assert!(matches!(read(&object(r#"{"id":"x"}"#)), Err(ReadError::Malformed(_))));
}

#[test]
fn a_whole_message_comes_out_as_it_went_in() {
    let body = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"text","text":"ok","citations":null},{"type":"tool_use","id":"t1","name":"weather","input":{"at":12345678901234567890}}],"stop_reason":"stop_sequence","stop_sequence":"END","usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":20,"output_tokens":7,"service_tier":"standard"}}"#;
    assert_eq!(write(read(&object(body)).unwrap(), &heading()).to_bytes(), body);
}

#[test]
fn arguments_that_are_no_json_reach_the_client_as_they_are() {
    let call = Event::ToolCall { choice: 0, at: 0, id: "c".to_owned(), name: "t".to_owned(), kind: ToolKind::Function };
    let argued = Event::ToolArguments { choice: 0, at: 0, fragment: "{\"x\":".to_owned() };
    let body = value(write([call, argued], &heading()).to_bytes());
    assert_eq!(body["content"][0]["input"], serde_json::json!({ "invalid_json": "{\"x\":" }));
}

#[test]
fn citations_of_our_own_go_to_the_client() {
    let annotation = r#"[{"type":"url_citation","url_citation":{"start_index":0,"end_index":2,"title":"a.pdf","url":"/d/1"},"citation":{"id":1,"document":"doc_1","name":"a.pdf","version":3,"pages":null,"section":[],"span":[10,20],"text":"words","supported":true,"reason":null,"confidence":null}}]"#;
    let events = [Event::Text { choice: 0, text: "ok".to_owned() }, Event::Annotations { choice: 0, raw: Raw::parse(annotation).unwrap() }];
    let whole = value(write(events.clone(), &heading()).to_bytes());
    let citation = &whole["content"][0]["citations"][0];
    assert_eq!(
        (citation["type"].as_str(), citation["cited_text"].as_str(), citation["start_char_index"].as_u64()),
        (Some("char_location"), Some("words"), Some(10))
    );
    assert!(written(events).iter().any(|data| data.contains(r#""type":"citations_delta""#)));
}

#[test]
fn a_count_needs_no_limit_and_an_answer_does() {
    let body = object(r#"{"model":"x","system":"s","messages":[{"role":"user","content":"q"}]}"#);
    let turn = Turn::from_messages_count(&body).unwrap();
    assert_eq!((turn.messages[0].role, turn.messages[1].text().as_deref()), (Role::System, Some("q")));
    assert_eq!(Turn::from_messages(&body).unwrap_err().param(), Some("max_tokens"));
    assert_eq!((turn.format, turn.dialect), (Format::Text, Dialect::Messages));
    assert!(matches!(Media::from_url("data:,x"), Media::Url(_)));
    assert!(matches!(turn.messages[1].parts[..], [Part::Text(_)]));
}
