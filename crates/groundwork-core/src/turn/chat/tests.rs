//! Each trap of the dialect, in and out.

use super::*;
use crate::turn::{Answer, Dialect, Event, Frame, Heading, Media, Part, ReadError, Role, ToolKind, Turn, Usage};
use groundwork_wire::object::Object;

pub(crate) fn heading(include_usage: bool) -> Heading {
    Heading { id: "chatcmpl-1".to_owned(), model: "m".to_owned(), created: 5, include_usage }
}

fn turn(body: &str) -> Turn {
    Turn::from_chat(&Object::parse(body.to_owned()).unwrap()).unwrap()
}

/// What a stream of these chunks says.
fn heard(chunks: &[&str]) -> Vec<Event> {
    let mut reader = Reader::new();
    let mut events: Vec<_> = chunks.iter().flat_map(|chunk| reader.read(&Frame::data(chunk.to_string())).unwrap()).collect();
    events.extend(reader.finish());
    events
}

fn choice(fields: &str) -> String {
    format!(r#"{{"id":"c","choices":[{{"index":0,{fields}}}]}}"#)
}

fn delta(fields: &str) -> String {
    choice(&format!(r#""delta":{{{fields}}},"finish_reason":null"#))
}

#[test]
fn a_full_request_comes_out_as_it_went_in() {
    let body = r#"{"model":"m","messages":[{"role":"developer","content":"be brief"},{"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},{"type":"input_audio","input_audio":{"data":"BBBB","format":"wav"}},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,CCCC"}}],"name":"ann"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"at\":9007199254740993}"}},{"id":"c2","type":"custom","custom":{"name":"shell","input":"ls"}}]},{"role":"tool","content":"rain","tool_call_id":"c1"},{"role":"tool","content":"a.txt","tool_call_id":"c2"}],"tools":[{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object","properties":{"at":{"maximum":9007199254740993}}},"strict":true}},{"type":"custom","custom":{"name":"shell","format":{"type":"text"}}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"weather"}}]}},"parallel_tool_calls":false,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}},"max_completion_tokens":7,"temperature":0.5,"top_p":1.0,"frequency_penalty":0.5,"presence_penalty":-0.5,"logit_bias":{"5":-100},"stop":["END"],"seed":9007199254740993,"n":2,"logprobs":true,"top_logprobs":3,"reasoning_effort":"low","verbosity":"low","user":"u","metadata":{"k":"v"},"service_tier":"flex","prompt_cache_key":"p","stream":true,"stream_options":{"include_usage":true},"chat_template_kwargs":{"x":1.10}}"#;
    let read = turn(body);
    let object = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let written = read.to_chat("m", true).unwrap().to_bytes();
    assert_eq!(object(&written), object(body.as_bytes()));
    for spelled in ["9007199254740993}\"", "\"maximum\":9007199254740993", "\"seed\":9007199254740993", "\"x\":1.10"] {
        assert!(String::from_utf8_lossy(&written).contains(spelled), "{spelled}");
    }
    let Part::ToolResult(result) = &read.messages[4].parts[0] else { panic!("{:?}", read.messages[4]) };
    assert_eq!((result.kind, read.messages[4].role), (ToolKind::Custom, Role::Tool));
    assert!(matches!(&read.messages[1].parts[1], Part::Image { media: Media::Base64 { media_type, .. }, .. } if media_type == "image/png"));
}

#[test]
fn what_a_client_puts_into_the_result_of_a_tool_stays_there() {
    let messages = r#"[{"role":"tool","content":[{"type":"text","text":"seen"},{"type":"image_url","image_url":{"url":"https://example.org/a.png"}},{"type":"odd","text":"x"}],"tool_call_id":"c1"},{"role":"user","content":"so?"}]"#;
    let written = turn(&format!(r#"{{"model":"m","messages":{messages}}}"#)).to_chat("m", false).unwrap();
    let written: serde_json::Value = written.get("messages", "an array").unwrap().unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(messages).unwrap());
}

#[test]
fn what_only_another_dialect_can_say_is_refused_by_its_name() {
    let mut foreign = turn(r#"{"model":"m","messages":[{"role":"user","content":"q"}]}"#);
    foreign.dialect = Dialect::Messages;
    let refusal = |turn: &Turn| turn.to_chat("m", false).unwrap_err().param().map(str::to_owned).unwrap_or_default();
    let file = Part::File { media: Media::Url("https://example.org/a.pdf".to_owned()), name: None };
    assert_eq!(refusal(&Turn { top_k: Some(5), ..foreign.clone() }), "top_k");
    assert_eq!(refusal(&Turn { unsaid: vec!["tools[0].odd".to_owned()], ..foreign.clone() }), "tools[0].odd");
    assert_eq!(refusal(&Turn { rest: vec![("container".to_owned(), Default::default())], ..foreign.clone() }), "container");
    foreign.messages[0].parts.push(file);
    assert_eq!(refusal(&foreign), "messages[0].content[1]");
}

#[test]
fn a_field_inside_a_message_that_nothing_stands_for_is_kept_in_mind() {
    let read = turn(
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"q"}],"weight":2},{"role":"assistant","content":"a","annotations":[],"audio":null,"refusal":null,"function_call":null},{"role":"assistant","audio":{"id":"x"}}],"tools":[{"type":"function","function":{"name":"t","odd":1}}]}"#,
    );
    assert_eq!(read.unsaid, ["tools[0].function.odd", "messages[0].weight", "messages[2].audio"]);
    assert!(read.to_chat("m", false).is_err());
}

#[test]
fn azures_odd_chunks_break_nothing_and_say_when_words_are_taken_back() {
    let events = heard(&[
        r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}"#,
        r#"{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1731,"id":"chatcmpl-7","model":"gpt","object":"chat.completion.chunk","system_fingerprint":"fp"}"#,
        r#"{"id":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{"hate":{"filtered":false}},"content_filter_offsets":{"check_offset":44}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"id":"chatcmpl-7"}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}],"id":"chatcmpl-7"}"#,
        r#"{"choices":[],"id":"chatcmpl-7","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":null,"rejected_prediction_tokens":3}}}"#,
        "[DONE]",
    ]);
    let usage = Usage {
        input_tokens: 9,
        output_tokens: 2,
        cached_tokens: 4,
        reasoning_tokens: 1,
        input_audio_tokens: 1,
        rejected_prediction_tokens: 3,
        ..Usage::default()
    };
    assert_eq!(
        events,
        [
            Event::Start { id: Some("chatcmpl-7".to_owned()), model: Some("gpt".to_owned()), created: Some(1731) },
            Event::Text { choice: 0, text: "Hi".to_owned() },
            Event::Retracted { choice: 0 },
            Event::Finish { choice: 0, reason: FinishReason::ContentFilter },
            Event::Usage(usage),
        ]
    );
}

#[test]
fn a_call_without_arguments_is_one_with_none() {
    let mut writer = Writer::new(Heading { id: "x".to_owned(), model: "m".to_owned(), created: 1, include_usage: false });
    let call = Event::ToolCall { choice: 0, at: 0, id: "c".to_owned(), name: "now".to_owned(), kind: ToolKind::Function };
    let said: Vec<Frame> =
        [call, Event::Finish { choice: 0, reason: FinishReason::ToolCalls }].into_iter().flat_map(|event| writer.write(event)).collect();
    let mut reader = Reader::new();
    let answer: Answer = said.iter().flat_map(|frame| reader.read(frame).unwrap()).collect();
    assert_eq!(answer.choices[0].tool_calls().next().unwrap().arguments, "{}");
}

#[test]
fn half_a_character_costs_no_answer() {
    for content in [r#""Gr\ud83d""#, r#"[{"type":"text","text":"G"},{"type":"text","text":"r\ud83d"},{"type":"thinking"}]"#] {
        let events = heard(&[&format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{"content":{content}}},"finish_reason":"stop"}}]}}"#)]);
        let said: Vec<&str> =
            events.iter().filter_map(|event| if let Event::Text { text, .. } = event { Some(text.as_str()) } else { None }).collect();
        assert_eq!(said.concat(), "Gr\u{fffd}", "{content}");
    }
}

#[test]
fn tool_calls_are_put_together_by_index_however_they_come() {
    let call = |fields: &str| delta(&format!(r#""tool_calls":[{fields}]"#));
    let chunks = [
        // Arguments before the name, and the id alone first.
        call(r#"{"index":0,"id":"a","type":"function"}"#),
        call(r#"{"index":0,"function":{"arguments":"{\"x\":"}}"#),
        call(r#"{"index":0,"function":{"name":"one","arguments":"1"}}"#),
        // Parallel calls alternate; one repeats its id and name, another changes its id with each piece.
        call(r#"{"index":1,"id":"b","function":{"name":"two","arguments":""}},{"index":0,"id":"other","function":{"arguments":"}"}}"#),
        call(r#"{"index":1,"id":"b","function":{"name":"two","arguments":"{}"}}"#),
        // No id at all, no arguments at all, and an object where a string should be.
        call(r#"{"index":3,"function":{"name":"three"}}"#),
        call(r#"{"index":4,"id":"d","function":{"name":"four","arguments":{"k": 1}}}"#),
        choice(r#""delta":{"content":"Done"},"finish_reason":"tool_calls""#),
    ];
    let answer: Answer = heard(&chunks.iter().map(String::as_str).collect::<Vec<_>>()).into_iter().collect();
    let calls: Vec<_> =
        answer.choices[0].tool_calls().map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_str())).collect();
    assert_eq!(calls, [("a", "one", r#"{"x":1}"#), ("b", "two", "{}"), ("d", "four", r#"{"k": 1}"#), ("call_c_0_3", "three", "")]);
    assert_eq!((answer.choices[0].text().as_deref(), &answer.choices[0].finish), (Some("Done"), &Some(FinishReason::ToolCalls)));
}

#[test]
fn calls_without_an_index_are_told_apart_by_their_ids() {
    let call = |fields: &str| delta(&format!(r#""tool_calls":[{fields}]"#));
    let chunks = [
        call(r#"{"id":"a","function":{"name":"one","arguments":"{}"}}"#),
        call(r#"{"id":"b","function":{"name":"two","arguments":"{"}}"#),
        call(r#"{"function":{"arguments":"}"}}"#),
        choice(r#""delta":{},"finish_reason":"stop""#),
    ];
    let answer: Answer = heard(&chunks.iter().map(String::as_str).collect::<Vec<_>>()).into_iter().collect();
    let calls: Vec<_> = answer.choices[0].tool_calls().map(|call| (call.id.as_str(), call.arguments.as_str())).collect();
    assert_eq!(calls, [("a", "{}"), ("b", "{}")]);
    assert_eq!(answer.choices[0].finish, Some(FinishReason::ToolCalls));
}

#[test]
fn calls_that_are_all_numbered_the_same_are_told_apart_by_id_and_name() {
    let call = |fields: &str| delta(&format!(r#""tool_calls":[{{"index":0,{fields}}}]"#));
    let chunks = [
        call(r#""id":"a","function":{"name":"one","arguments":"{}"}"#),
        call(r#""id":"b","function":{"name":"two","arguments":"{"}"#),
        call(r#""function":{"arguments":"}"}"#),
    ];
    let answer: Answer = heard(&chunks.iter().map(String::as_str).collect::<Vec<_>>()).into_iter().collect();
    let calls: Vec<_> = answer.choices[0].tool_calls().map(|call| (call.id.as_str(), call.arguments.as_str())).collect();
    assert_eq!(calls, [("a", "{}"), ("b", "{}")]);
}

#[test]
fn an_answer_that_calls_tools_ends_with_calls_whatever_its_server_says() {
    let call = delta(r#""tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}]"#);
    for (said, meant) in [
        ("stop", FinishReason::ToolCalls),
        ("eos", FinishReason::ToolCalls),
        ("length", FinishReason::Length),
        ("tool_calls", FinishReason::ToolCalls),
    ] {
        let end = format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{}},"finish_reason":"{said}"}}]}}"#);
        assert_eq!(heard(&[&call, &end]).last(), Some(&Event::Finish { choice: 0, reason: meant }), "{said}");
    }
}

#[test]
fn several_answers_keep_apart() {
    let events = heard(&[
        r#"{"id":"c","choices":[{"index":1,"delta":{"content":"b","reasoning_content":"hm"}},{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.10}]}}]}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"refusal":"no"},"finish_reason":"stop"}]}"#,
        r#"{"id":"c","choices":[{"index":1,"delta":{"annotations":[{"type":"url_citation"}]},"finish_reason":"eos"}]}"#,
    ]);
    let answer: Answer = events.into_iter().collect();
    let [first, second] = answer.choices.as_slice() else { panic!("{answer:?}") };
    assert_eq!((first.text().as_deref(), first.refusal().as_deref(), first.logprobs.len()), (Some("a"), Some("no"), 1));
    assert_eq!((second.text().as_deref(), second.annotations.len()), (Some("b"), 1));
    assert_eq!(second.finish, Some(FinishReason::Other("eos".to_owned())));
    assert_eq!(second.thoughts().map(|thought| thought.text.as_str()).collect::<Vec<_>>(), ["hm"]);
}

#[test]
fn a_thought_with_a_signature_is_read_once() {
    let events = heard(&[
        &delta(r#""reasoning_content":"let me see""#),
        &delta(r#""thinking_blocks":[{"type":"thinking","thinking":"let me see","signature":"s1"}]"#),
        &delta(r#""thinking_blocks":[{"type":"redacted_thinking","data":"opaque"}]"#),
    ]);
    let answer: Answer = events.into_iter().collect();
    let thoughts: Vec<_> = answer.choices[0]
        .thoughts()
        .map(|thought| (thought.text.as_str(), thought.signature.as_ref().map(|s| s.value.as_str()), thought.redacted))
        .collect();
    assert_eq!(thoughts, [("let me see", Some("s1"), false), ("", Some("opaque"), true)]);
    let written = write(
        [Event::Reasoning { choice: 0, at: 0, text: "t".to_owned() }].into_iter().chain(heard(&[&delta(r#""content":"a""#)])),
        &heading(false),
    );
    assert!(written.to_bytes().windows(22).any(|bytes| bytes == br#""reasoning_content":"t"#.as_slice()));
}

#[test]
fn an_error_in_a_stream_is_an_error_and_what_is_no_chunk_too() {
    let read = |data: &str| Reader::new().read(&Frame::data(data.to_owned()));
    for data in [
        r#"{"error":{"message":"overloaded","type":"server_error"}}"#,
        r#"{"error":"overloaded"}"#,
        r#"{"object":"error","message":"overloaded","code":40301}"#,
    ] {
        assert!(matches!(read(data), Err(ReadError::Refused(error)) if error.message == "overloaded"), "{data}");
    }
    for data in ["{", "7", r#"{"choices":{}}"#, r#"{"choices":[{"delta":{"content":5}}]}"#] {
        assert!(matches!(read(data), Err(ReadError::Malformed(_))), "{data}");
    }
    assert_eq!(read(""), Ok(Vec::new()));
    assert_eq!(read(r#"{"error":null,"choices":[]}"#), Ok(Vec::new()));
}

#[test]
fn usage_that_the_client_did_not_ask_for_is_cut_out_and_nothing_else_is_changed() {
    let pass = |data: &str, include: bool| {
        let passed = Reader::new().pass(Frame::data(data.to_owned()), include).unwrap();
        passed.frame.map(|frame| String::from_utf8(frame.data.to_vec()).unwrap())
    };
    let spaced = r#"{ "id":"c" , "choices": [{"index":0,"delta":{"content":"usage\":null"}}] , "usage" : null }"#;
    for (data, seen) in [
        (spaced, Some(r#"{ "id":"c" , "choices": [{"index":0,"delta":{"content":"usage\":null"}}] }"#)),
        (r#"{"usage":null,"id":"c","choices":[]}"#, Some(r#"{"id":"c","choices":[]}"#)),
        (r#"{"id":"c","us\u0061ge":null,"choices":[]}"#, Some(r#"{"id":"c","choices":[]}"#)),
        (r#"{"usage":null}"#, Some("{}")),
        (r#"{"id":"c","choices":[],"usage":{"prompt_tokens":1}}"#, None),
        (
            r#"{"id":"c","choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":1},"x":1}"#,
            Some(r#"{"id":"c","choices":[{"index":0,"delta":{}}],"x":1}"#),
        ),
        (r#"{"id":"c","choices":[]}"#, Some(r#"{"id":"c","choices":[]}"#)),
        ("[DONE]", Some("[DONE]")),
    ] {
        assert_eq!(pass(data, false).as_deref(), seen, "{data}");
        assert_eq!(pass(data, true).as_deref(), Some(data));
    }
    // An event with nothing in it is JSON to no client.
    for include in [false, true] {
        assert_eq!(pass(" ", include), None);
    }
}

#[test]
fn what_is_written_is_a_stream_of_openai() {
    let mut writer = Writer::new(heading(true));
    let events = [
        Event::Start { id: None, model: None, created: None },
        Event::Text { choice: 0, text: "Hi".to_owned() },
        Event::ToolCall { choice: 0, at: 0, id: "a".to_owned(), name: "one".to_owned(), kind: ToolKind::Function },
        Event::ToolArguments { choice: 0, at: 0, fragment: "{}".to_owned() },
        Event::Usage(Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() }),
        Event::Finish { choice: 0, reason: FinishReason::ToolCalls },
    ];
    let mut frames: Vec<Frame> = events.into_iter().flat_map(|event| writer.write(event)).collect();
    frames.extend(writer.finish());
    let said: Vec<String> = frames.iter().map(|frame| String::from_utf8(frame.data.to_vec()).unwrap()).collect();
    let chunk = |choice: &str| {
        format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m","choices":[{{"index":0,"delta":{choice}}}],"usage":null}}"#
        )
    };
    let plain = |delta: &str| chunk(&format!(r#"{delta},"logprobs":null,"finish_reason":null"#));
    let usage = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}"#;
    assert_eq!(
        said,
        [
            plain(r#"{"role":"assistant","content":"","refusal":null}"#),
            plain(r#"{"content":"Hi"}"#),
            plain(r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"one","arguments":""}}]}"#),
            plain(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#),
            chunk(r#"{},"logprobs":null,"finish_reason":"tool_calls""#),
            usage.to_owned(),
            "[DONE]".to_owned(),
        ]
    );
    assert_eq!(writer.finish(), []);
}

#[test]
fn a_whole_answer_comes_out_as_it_went_in() {
    let body = r#"{"id":"chatcmpl-1","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"reasoning_content":"hm","tool_calls":[{"id":"a","type":"function","function":{"name":"one","arguments":"{\"x\":12345678901234567890}"}}],"annotations":[]},"logprobs":{"content":[{"token":"a","logprob":-0.10}],"refusal":null},"finish_reason":"tool_calls"},{"index":1,"message":{"role":"assistant","content":"b","refusal":null,"annotations":[{"type":"url_citation"}]},"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default"}"#;
    let events = read(&Object::parse(body).unwrap()).unwrap();
    assert_eq!(write(events, &heading(false)).to_bytes(), body);
    assert!(matches!(read(&Object::parse("{}").unwrap()), Err(ReadError::Malformed(_))));
}

#[test]
fn chunks_that_are_like_the_one_before_say_what_each_says_by_itself() {
    let text = |words: &str| format!(r#""delta":{{"content":{words}}},"finish_reason":null"#);
    let chunk = |fields: &str, behind: &str| format!(r#"{{"id":"c","choices":[{{"index":0,{fields}}}]{behind}}}"#);
    let null = r#","usage":null"#;
    let filtered = r#""delta":{"content":" x"},"content_filter_results":{"hate":{"filtered":true}}"#;
    let mut chunks = vec![chunk(&text(r#""""#), ""), chunk(&text(r#""Hi""#), ""), chunk(&text(r#"" there""#), "")];
    for words in [r#"" é""#, r#""""#, r#"" \"a\\""#, r#""\u00e9""#, "null", r#"" {}],""#, r#"[{"text":"p"}]"#, r#"" a","content":" b""#] {
        for behind in
            ["", null, r#","usage":null,"obfuscation":"Zz9""#, r#","obfuscation":"","usage":null"#, r#","obfuscation":"\"q","usage":{}"#]
        {
            chunks.push(chunk(&text(words), behind));
            chunks.push(chunk(&text(r#"" word""#), behind));
            chunks.push(chunk(&text(r#"" and another""#), behind));
        }
    }
    chunks.push(format!(r#"{{"obfuscation":"q","usage":null,{}"#, &chunk(&text(r#"" m""#), "")[1..]));
    chunks.push(format!(r#"{{"obfuscation":"qq","usage":null,{}"#, &chunk(&text(r#"" mm""#), "")[1..]));
    chunks.push(chunk(&text(r#"" word""#), r#","usage":{"prompt_tokens":1,"completion_tokens":2}"#));
    chunks.push(chunk(&text(r#"" word""#), "").replace("\"index\":0", "\"index\":1"));
    chunks.push(chunk(&text(r#"" word""#), "").replace("\"index\":0", "\"index\":1"));
    chunks.push(chunk(filtered, ""));
    chunks.push(chunk(filtered, ""));
    chunks.push(chunk(r#""delta":{"content":" x"},"finish_reason":"stop""#, null));
    // A chunk with other space is like none that came before.
    let apart = |at: usize, chunk: &str| format!("{}{chunk}", " ".repeat(1 + at % 2));
    for include_usage in [true, false] {
        let (mut together, mut each) = (Reader::new(), Reader::new());
        for (at, chunk) in chunks.iter().enumerate() {
            let passed = together.pass(Frame::data(chunk.clone()), include_usage).unwrap();
            let alone = each.pass(Frame::data(apart(at, chunk)), include_usage).unwrap();
            assert_eq!(passed.events, alone.events, "{chunk}");
            let shown = |passed: &Passed| passed.frame.as_ref().map(|frame| String::from_utf8_lossy(&frame.data).trim().to_owned());
            assert_eq!(shown(&passed), shown(&alone), "{chunk}");
        }
    }
}
