//! What holds for every conversation and every answer, in all dialects.

use super::*;
use groundwork_wire::object::Object;
use groundwork_wire::sse::Decoder;
use proptest::prelude::*;
use proptest::sample::Index;

fn heading() -> Heading {
    Heading { id: "id".to_owned(), model: "m".to_owned(), created: 5, include_usage: true }
}

/// Words that are rich in what JSON, UTF-8 and event streams stumble over.
fn words() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!["a", " ", "\n", "\r\n", "\"", "\\", "é", "\u{1f980}", "data: ", "[DONE]", "{", "}"]),
        1..6,
    )
    .prop_map(|parts| parts.concat())
}

fn said() -> impl Strategy<Value = String> {
    words().prop_filter("blocks without text are left out", |text| !text.trim().is_empty())
}

fn arguments() -> impl Strategy<Value = String> {
    (words(), any::<u64>()).prop_map(|(text, number)| serde_json::json!({ "text": text, "number": number }).to_string())
}

fn image() -> impl Strategy<Value = Part> {
    prop_oneof![
        "[A-Za-z0-9]{4,8}".prop_map(|data| Media::Base64 { media_type: "image/png".to_owned(), data }),
        "[a-z]{1,8}".prop_map(|name| Media::Url(format!("https://example.org/{name}.png"))),
    ]
    .prop_map(|media| Part::Image { media, detail: None })
}

/// A question, and perhaps calls of tools with what they returned, and an answer. The calls are numbered later.
fn exchange() -> impl Strategy<Value = Vec<Message>> {
    let user = (said(), prop::option::of(image())).prop_map(|(text, image)| {
        let parts = std::iter::once(Part::Text(text)).chain(image).collect();
        Message::new(Role::User, parts)
    });
    let call = (arguments(), said());
    (user, prop::collection::vec(call, 0..3), said()).prop_map(|(user, calls, answer)| {
        let mut messages = vec![user];
        if !calls.is_empty() {
            let made = calls.iter().enumerate().map(|(at, (arguments, _))| {
                Part::ToolCall(ToolCall {
                    id: format!("c{at}"),
                    name: "t".to_owned(),
                    arguments: arguments.clone(),
                    kind: ToolKind::Function,
                })
            });
            messages.push(Message::new(Role::Assistant, made.collect()));
            messages.extend(calls.into_iter().enumerate().map(|(at, (_, returned))| {
                let parts = vec![Part::Text(returned)];
                let result = ToolResult { id: format!("c{at}"), parts, is_error: false, kind: ToolKind::Function };
                Message::new(Role::Tool, vec![Part::ToolResult(result)])
            }));
        }
        messages.push(Message::of_text(Role::Assistant, answer));
        messages
    })
}

/// What all dialects can say.
fn turn() -> impl Strategy<Value = Turn> {
    let limits = (prop::option::of(1..9_999u32), prop::option::of(0..=10u8), prop::collection::vec(said(), 0..3));
    let tools = (any::<bool>(), prop::option::of(any::<bool>()), prop::option::of(said()));
    (prop::option::of(said()), prop::collection::vec(exchange(), 1..4), said(), limits, tools).prop_map(
        |(rules, exchanges, question, (limit, temperature, stop), (forced, parallel, schema))| {
            let mut messages: Vec<Message> = rules.into_iter().map(|rules| Message::of_text(Role::System, rules)).collect();
            messages.extend(exchanges.into_iter().flatten());
            messages.push(Message::of_text(Role::User, question));
            let parameters = Raw::of(&serde_json::json!({ "type": "object" })).ok();
            let function = Function { name: "t".to_owned(), parameters, strict: Some(true), ..Function::default() };
            let schema = schema.map(|text| Raw::of(&serde_json::json!({ "const": text })).unwrap());
            Turn {
                messages,
                tools: vec![Tool::Function(function)],
                tool_choice: Some(if forced { ToolChoice::Required } else { ToolChoice::Auto }),
                parallel_tool_calls: parallel.filter(|parallel| !parallel),
                format: schema.map_or(Format::Text, |schema| {
                    Format::JsonSchema(JsonSchema {
                        name: Some("answer".to_owned()),
                        description: None,
                        schema: Some(schema),
                        strict: Some(true),
                    })
                }),
                max_output_tokens: Some(limit.unwrap_or(7)),
                temperature: temperature.map(|tenths| f64::from(tenths) / 10.0),
                stop,
                ..Turn::default()
            }
        },
    )
}

/// One answer, cut into events: a thought, words and calls, the pieces of the calls in any order between them.
fn answer() -> impl Strategy<Value = Vec<Event>> {
    let cuts = prop::collection::vec(any::<Index>(), 0..4);
    let calls = prop::collection::vec((arguments(), prop::collection::vec(any::<Index>(), 0..4)), 0..4);
    let order = prop::collection::vec(any::<Index>(), 24);
    (prop::option::of(words()), words(), cuts, calls, order).prop_map(|(thought, text, cuts, calls, order)| {
        let mut events = vec![Event::Start { id: None, model: None, created: None }];
        if let Some(text) = thought {
            events.push(Event::Reasoning { choice: 0, at: 0, text });
            let signature = Some(Signature { dialect: Dialect::Messages, value: "c2ln".to_owned() });
            events.push(Event::ReasoningEnd { choice: 0, at: 0, id: None, signature, redacted: false });
        }
        events.extend(pieces(&text, &cuts).into_iter().map(|text| Event::Text { choice: 0, text }));
        let mut waiting = Vec::new();
        for (at, (arguments, cuts)) in (0..).zip(&calls) {
            events.push(Event::ToolCall { choice: 0, at, id: format!("c{at}"), name: "t".to_owned(), kind: ToolKind::Function });
            let fragments = pieces(arguments, cuts).into_iter().map(|fragment| Event::ToolArguments { choice: 0, at, fragment });
            waiting.push(fragments.collect::<std::collections::VecDeque<_>>());
        }
        let mut order = order.into_iter().cycle();
        while waiting.iter().any(|pieces| !pieces.is_empty()) {
            let at = order.next().map_or(0, |index| index.index(waiting.len()));
            let next = waiting[at].pop_front().or_else(|| waiting.iter_mut().find_map(std::collections::VecDeque::pop_front));
            events.extend(next);
        }
        let reason = if calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
        events.push(Event::Finish { choice: 0, reason });
        events.push(Event::Usage(Usage { input_tokens: 9, output_tokens: 5, cached_tokens: 4, ..Usage::default() }));
        events
    })
}

/// The text in pieces, cut between characters; none of them empty.
fn pieces(text: &str, cuts: &[Index]) -> Vec<String> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).chain([0, text.len()]).collect();
    at.sort_unstable();
    at.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).filter(|piece| !piece.is_empty()).collect()
}

/// The answer without what the target calls itself and its thoughts, and without their proofs: not every dialect hands on another's.
fn essence(events: impl IntoIterator<Item = Event>) -> Answer {
    let mut answer = Answer { id: None, model: None, created: None, ..events.into_iter().collect() };
    for part in answer.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        if let Part::Reasoning(thought) = part {
            (thought.id, thought.signature) = (None, None);
        }
    }
    answer
}

/// Frames through the wire, its bytes cut anywhere.
fn over_the_wire(frames: &[Frame], cuts: &[Index]) -> Vec<Frame> {
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.to_bytes().to_vec()).collect();
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
    at.sort_unstable();
    let mut decoder = Decoder::new(1 << 20);
    let mut came = Vec::new();
    for pair in at.windows(2) {
        decoder.push(&bytes[pair[0]..pair[1]]);
        while let Some(frame) = decoder.next().unwrap() {
            came.extend(Frame::received(frame));
        }
    }
    came
}

fn spelled(object: &Object) -> String {
    String::from_utf8(object.to_bytes().to_vec()).unwrap()
}

const ALL: [Dialect; 3] = [Dialect::Chat, Dialect::Responses, Dialect::Messages];

proptest! {
    #[test]
    fn a_request_means_the_same_after_any_dialect(turn in turn()) {
        let said = turn.to_chat("m", false).unwrap();
        let read = Turn::from_chat(&said).unwrap();
        prop_assert_eq!(&read, &turn);
        for dialect in ALL {
            if dialect == Dialect::Responses && !read.stop.is_empty() {
                let refused = read.write(dialect, "m", false).unwrap_err();
                prop_assert_eq!(refused.param(), Some("stop"));
                continue;
            }
            let other = Turn::read(dialect, &read.write(dialect, "m", false).unwrap()).unwrap();
            let again = other.to_chat("m", false).unwrap();
            prop_assert_eq!(spelled(&again), spelled(&said), "{:?}", dialect);
        }
    }

    #[test]
    fn an_answer_is_the_same_in_every_dialect_however_it_is_cut(events in answer(), cuts in prop::collection::vec(any::<Index>(), 0..9)) {
        let meant = essence(events.clone());
        for from in ALL {
            let mut writer = translate::Writer::new(from, heading());
            let mut frames: Vec<Frame> = events.iter().flat_map(|event| writer.write(event.clone())).collect();
            frames.extend(writer.finish());
            for to in ALL {
                let mut translator = translate::Translator::new(from, to, heading());
                let (mut heard, mut said) = (Vec::new(), Vec::new());
                for frame in over_the_wire(&frames, &cuts) {
                    let translated = translator.push(&frame).unwrap();
                    heard.extend(translated.events);
                    said.extend(translated.frames);
                }
                prop_assert!(translator.is_finished());
                let end = translator.finish();
                heard.extend(end.events);
                said.extend(end.frames);
                prop_assert_eq!(&essence(heard), &meant, "{:?}", from);
                let mut reader = translate::Reader::new(to);
                let mut again: Vec<Event> = said.iter().flat_map(|frame| reader.read(frame).unwrap()).collect();
                again.extend(reader.finish());
                prop_assert_eq!(&essence(again), &meant, "{:?} to {:?}", from, to);
            }
            let whole = translate::write(from, events.clone(), &heading());
            prop_assert_eq!(&essence(translate::read(from, &whole).unwrap()), &meant, "{:?} whole", from);
        }
    }

    #[test]
    fn whatever_a_client_or_a_target_sends_nothing_panics(text in "\\PC{0,60}", field in prop::sample::select(vec![
        "messages", "model", "tools", "tool_choice", "system", "thinking", "output_config", "response_format", "max_tokens", "content",
        "choices", "delta", "usage", "type", "output", "item", "response", "output_index", "message", "index", "content_block", "input", "text", "error", "stop", "stream_options",
    ]), value in prop::sample::select(vec![
        "null", "1", "-1", "1e400", "\"x\"", "[]", "{}", "[{}]", "[null]", "{\"type\":\"text\"}", "[{\"role\":\"user\",\"content\":\"q\"}]",
        "[{\"index\":4294967295,\"delta\":{\"tool_calls\":[{}]}}]", "{\"usage\":{\"output_tokens\":18446744073709551615,\"input_tokens\":18446744073709551615}}",
    ])) {
        let key = serde_json::to_string(&text).unwrap();
        for body in [text.clone(), format!("{{\"{field}\":{value},{key}:1}}"), format!("{{\"model\":\"m\",\"input\":\"q\",\"{field}\":{value}}}"), format!("{{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{{\"role\":\"user\",\"content\":\"q\"}}],\"{field}\":{value}}}")] {
            for dialect in ALL {
                if let Ok(object) = Object::parse(body.clone()) {
                    for other in ALL {
                        let _ = translate::request(dialect, other, &object, "m", true);
                        let _ = translate::whole(dialect, other, &object, &heading());
                    }
                }
                for other in ALL {
                    let mut translator = translate::Translator::new(dialect, other, heading());
                    let _ = translator.push(&Frame::data(body.clone()));
                    translator.finish();
                }
            }
        }
    }
}
