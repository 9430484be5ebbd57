//! What holds for every type that stands on the wire: what is written is read again as it was, and what is read gives its bytes back.

use crate::chat::{self, Annotation, Citation, Context, ContextCitation, UrlCitation};
use crate::error::Error;
use crate::object::Object;
use crate::raw::Raw;
use crate::responses::{Echo, Event, Fields, Item, Sequence, Status, replay};
use crate::{messages, models, responses};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

/// Texts that are rich in what JSON and UTF-8 stumble over.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", " ", "\n", "\"", "\\", "é", "\u{1f980}", "\u{0}", "/", "0"]), 0..6)
        .prop_map(|parts| parts.concat())
}

/// JSON in all its spellings: numbers that no float holds, escapes that nobody needs, spaces.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "9007199254740993",
            "1.50",
            "1e400",
            "-0",
            "12345678901234567890123",
            r#""\u0041\/""#,
            r#""\ud83d\ude00""#
        ])
        .prop_map(str::to_owned),
        text().prop_map(|text| quoted(&text)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|values| format!("[ {} ]", values.join(" ,"))),
            prop::collection::btree_map("[a-c]{1,2}", inner, 0..3).prop_map(|fields| object(&fields.into_iter().collect::<Vec<_>>())),
        ]
    })
}

/// Fields that we have never heard of.
fn unknown() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::btree_map("x_[a-z]{1,3}", json(), 0..4).prop_map(|fields| fields.into_iter().collect())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn object(fields: &[(String, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{}: {value}", quoted(key))).collect();
    format!("{{{}}}", fields.join(",\t"))
}

fn field(key: &str, value: impl Into<String>) -> (String, String) {
    (key.to_owned(), value.into())
}

/// The known fields with the unknown ones between them.
fn mixed(known: Vec<(String, String)>, unknown: Vec<(String, String)>) -> String {
    let mut fields = known;
    for (at, one) in unknown.into_iter().enumerate() {
        fields.insert((at * 2).min(fields.len()), one);
    }
    object(&fields)
}

fn same<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(value).unwrap()).unwrap()
}

fn annotation() -> impl Strategy<Value = Annotation> {
    let citation =
        (text(), 1..9u32, any::<Option<(u32, u32)>>(), prop::collection::vec(text(), 0..3), any::<(u64, u64)>(), any::<Option<bool>>());
    let citation =
        (citation, prop::option::of(0.0..1.0f32)).prop_map(|((text, id, pages, section, span, supported), confidence)| Citation {
            id,
            document: text.clone(),
            name: text.clone(),
            version: id,
            pages,
            unit: "slide".to_owned(),
            sheet: pages.is_none().then(|| text.clone()),
            section,
            span,
            text,
            supported,
            reason: supported.map(|_| "stated".to_owned()),
            confidence,
        });
    let link = (any::<(u32, u32)>(), text()).prop_map(|((start_index, end_index), title)| UrlCitation {
        start_index,
        end_index,
        url: format!("https://example.org/{start_index}"),
        title,
    });
    (prop::option::of(link), prop::option::of(citation)).prop_map(|(url_citation, citation)| Annotation {
        kind: "url_citation".to_owned(),
        url_citation,
        citation,
    })
}

fn context() -> impl Strategy<Value = Context> {
    let citation = (text(), prop::option::of(text())).prop_map(|(content, title)| ContextCitation {
        content,
        url: title.clone(),
        filepath: title.clone(),
        chunk_id: title.clone(),
        title,
    });
    (prop::collection::vec(citation, 0..3), prop::option::of(text())).prop_map(|(citations, intent)| Context { citations, intent })
}

fn usage() -> impl Strategy<Value = chat::Usage> {
    any::<[u64; 10]>().prop_map(|n| chat::Usage {
        prompt_tokens: n[0],
        completion_tokens: n[1],
        total_tokens: n[2],
        cached_tokens: n[3],
        cache_write_tokens: n[4],
        prompt_audio_tokens: n[5],
        reasoning_tokens: n[6],
        completion_audio_tokens: n[7],
        accepted_prediction_tokens: n[8],
        rejected_prediction_tokens: n[9],
    })
}

fn error() -> impl Strategy<Value = Error> {
    (text(), text(), prop::option::of(text()), prop::option::of(text())).prop_map(|(message, kind, param, code)| Error {
        message,
        kind,
        param,
        code,
    })
}

proptest! {
    #[test]
    fn values_keep_their_spelling(value in json()) {
        let raw = Raw::parse(value.clone()).unwrap();
        prop_assert_eq!(raw.as_str(), &value);
        prop_assert_eq!(same(&raw), raw);
    }

    #[test]
    fn a_chat_request_gives_its_bytes_back_and_says_what_it_said(
        said in text(), part in text(), (limit, seed, n, stream) in (1..u32::MAX, any::<i64>(), 1..9u32, any::<bool>()),
        stop in prop::collection::vec(text(), 0..3), unknown in unknown(), inside in unknown(),
    ) {
        let message = mixed(vec![field("role", "\"user\""), field("content", format!(r#"[{{"type":"text","text":{}}},{}]"#, quoted(&said),
            mixed(vec![field("type", "\"image_url\"")], inside.clone())))], inside);
        let body = mixed(vec![
            field("model", quoted(&part)),
            field("messages", format!("[{message}]")),
            field("max_completion_tokens", limit.to_string()),
            field("seed", seed.to_string()),
            field("n", n.to_string()),
            field("stream", stream.to_string()),
            field("stop", serde_json::to_string(&stop).unwrap()),
            field("user", quoted(&said)),
            field("metadata", format!("{{\"k\":{}}}", quoted(&part))),
        ], unknown);
        let request = chat::Request::parse(body.clone()).unwrap();
        prop_assert_eq!(request.object.to_bytes(), body);
        prop_assert_eq!(request.messages[0].object.to_bytes(), message);
        let chat::Content::Parts(parts) = &request.messages[0].content else { panic!("no parts") };
        let is_said = matches!(&parts[0], chat::Part::Text { text, .. } if *text == said);
        prop_assert!(is_said && parts.len() == 2);
        prop_assert_eq!((request.model, request.max_output_tokens, request.seed, request.n), (part.clone(), Some(limit), Some(seed), n));
        prop_assert_eq!((request.stream, request.stop, request.user, &request.metadata["k"]), (stream, stop, Some(said), &part));
    }

    #[test]
    fn a_chat_answer_of_ours_is_read_as_it_was_written(
        content in text(), annotations in prop::collection::vec(annotation(), 0..3), context in context(), usage in usage(), asked in any::<bool>(),
    ) {
        let reply = chat::Reply {
            id: "chatcmpl-1", created: 7, model: "m", content: &content, annotations: &annotations, context: Some(&context),
            finish_reason: "stop", usage,
        };
        let read = chat::Response::parse(reply.to_bytes()).unwrap();
        prop_assert_eq!((read.id.as_deref(), read.model.as_deref(), read.usage), (Some("chatcmpl-1"), Some("m"), Some(usage)));
        let chat::Choice { content: read_content, annotations: read_annotations, context: read_context, finish_reason, .. } = &read.choices[0];
        prop_assert_eq!((read_content.as_ref(), read_annotations, read_context.as_ref()), (Some(&content), &annotations, Some(&context)));
        prop_assert_eq!(finish_reason.as_deref(), Some("stop"));

        let stream = chat::Stream { id: "chatcmpl-1".to_owned(), created: 7, model: "m".to_owned(), include_usage: asked };
        let delta = |chunk: String| chat::Chunk::parse(chunk).unwrap().choices.remove(0).delta.unwrap();
        prop_assert_eq!(delta(stream.text(&content)).content, Some(content.clone()));
        let cited = delta(stream.citations(&annotations, Some(&context)));
        prop_assert_eq!((&cited.annotations, cited.context.as_ref()), (&annotations, Some(&context)));
        let finished = chat::Chunk::parse(stream.finish(&content)).unwrap();
        prop_assert_eq!(finished.choices[0].finish_reason.as_ref(), Some(&content));
        prop_assert_eq!(stream.usage(&usage).map(|chunk| chat::Chunk::parse(chunk).unwrap().usage), asked.then_some(Some(usage)));
    }

    #[test]
    fn a_chat_answer_of_a_target_gives_its_bytes_back(content in text(), usage in usage(), unknown in unknown(), inside in unknown()) {
        for key in ["message", "delta"] {
            let said = mixed(vec![field("role", "\"assistant\""), field("content", quoted(&content))], inside.clone());
            let choice = mixed(vec![field("index", "3"), field(key, said), field("finish_reason", "\"length\"")], inside.clone());
            let body = mixed(vec![
                field("id", "\"a\""), field("choices", format!("[{choice}]")), field("usage", serde_json::to_string(&usage).unwrap()),
            ], unknown.clone());
            let (read, said) = if key == "message" {
                let response = chat::Response::parse(body.clone()).unwrap();
                prop_assert_eq!(response.usage, Some(usage));
                (response.object, response.choices[0].content.clone())
            } else {
                let chunk = chat::Chunk::parse(body.clone()).unwrap();
                prop_assert_eq!(chunk.usage, Some(usage));
                (chunk.object, chunk.choices[0].delta.clone().unwrap().content)
            };
            prop_assert_eq!(read.to_bytes(), body);
            prop_assert_eq!(said.as_ref(), Some(&content));
        }
    }

    #[test]
    fn citations_are_read_as_they_were_written(annotation in annotation(), context in context(), usage in usage()) {
        prop_assert_eq!(same(&annotation), annotation);
        prop_assert_eq!(same(&context), context);
        prop_assert_eq!(same(&usage), usage);
    }

    #[test]
    fn a_messages_request_gives_its_bytes_back_and_says_what_it_said(
        said in text(), model in text(), limit in 1..u32::MAX, stream in any::<bool>(), unknown in unknown(), inside in unknown(),
    ) {
        let block = mixed(vec![field("type", "\"text\""), field("text", quoted(&said))], inside.clone());
        let message = mixed(vec![field("role", "\"assistant\""), field("content", format!("[{block}]"))], inside);
        let body = mixed(vec![
            field("model", quoted(&model)), field("max_tokens", limit.to_string()), field("system", quoted(&said)),
            field("messages", format!("[{message}]")), field("stream", stream.to_string()),
        ], unknown);
        let request = messages::Request::parse(body.clone()).unwrap();
        prop_assert_eq!(request.object.to_bytes(), body);
        prop_assert_eq!(request.messages[0].object.to_bytes(), message);
        prop_assert_eq!(request.messages[0].content[0].object.to_bytes(), block);
        prop_assert_eq!(request.system[0].object.get::<String>("text", "a string").unwrap(), Some(said));
        prop_assert_eq!((request.model, request.max_tokens, request.stream), (model, Some(limit), stream));
    }

    #[test]
    fn usage_in_anthropics_words_is_read_as_it_was_written_and_what_is_known_last_counts(
        before in any::<[Option<u64>; 5]>(), later in any::<[Option<u64>; 5]>(), tier in prop::option::of(text()),
    ) {
        let usage = |n: [Option<u64>; 5]| messages::Usage {
            input_tokens: n[0],
            cache_creation_input_tokens: n[1],
            cache_read_input_tokens: n[2],
            output_tokens: n[3],
            output_tokens_details: n[4].map(|tokens| messages::OutputDetails { thinking_tokens: Some(tokens) }),
            service_tier: tier.clone(),
        };
        prop_assert_eq!(same(&usage(before)), usage(before));
        let mut known = usage(before);
        known.update(usage(later));
        let expected: Vec<Option<u64>> = before.iter().zip(&later).map(|(before, later)| later.or(*before)).collect();
        prop_assert_eq!(known, usage([expected[0], expected[1], expected[2], expected[3], expected[4]]));
    }

    #[test]
    fn errors_are_read_as_they_were_written(error in error(), request_id in prop::option::of(text()), status in 400..600u16) {
        prop_assert_eq!(Error::parse(&error.to_bytes()), Some(error.clone()));
        let anthropic = messages::Error { request_id, ..messages::Error::of(&error, status) };
        prop_assert_eq!(messages::Error::parse(&anthropic.to_bytes()), Some(anthropic));
    }

    #[test]
    fn a_model_is_read_as_it_was_written(id in text(), created in any::<u64>(), owner in text()) {
        let model = models::Model::new(id, created, owner);
        prop_assert_eq!(serde_json::from_slice::<models::Model>(&model.to_bytes()).unwrap(), model);
    }

    #[test]
    fn a_request_for_a_response_gives_its_bytes_back_and_says_what_it_said(
        said in text(), model in text(), (stream, store) in any::<(bool, bool)>(), unknown in unknown(), inside in unknown(),
    ) {
        let message = mixed(vec![field("type", "\"message\""), field("role", "\"user\""), field("content", quoted(&said))], inside.clone());
        let other = mixed(vec![field("type", "\"x_new\""), field("id", "\"x_1\"")], inside);
        let body = mixed(vec![
            field("model", quoted(&model)), field("input", format!("[{message},{other}]")), field("stream", stream.to_string()),
            field("store", store.to_string()), field("previous_response_id", quoted(&said)),
        ], unknown);
        let request = responses::Request::parse(body.clone()).unwrap();
        prop_assert_eq!(request.object.to_bytes(), body);
        prop_assert_eq!((request.stream, request.store, request.previous_response_id), (stream, store, Some(said)));
        prop_assert_eq!(request.model, model);
        for (item, given) in request.input.iter().zip([message, other]) {
            prop_assert_eq!(item.object.to_bytes(), given);
            let shown = Item::new(item.shown("x_9")).unwrap();
            prop_assert_eq!((shown.kind(), shown.id()), (item.kind(), Some("x_9")));
            prop_assert_eq!(shown.shown("x_9").to_bytes(), shown.object.to_bytes());
            for key in item.object.keys().filter(|key| key.starts_with("x_")) {
                prop_assert_eq!(shown.object.raw(key), item.object.raw(key));
            }
        }
    }

    #[test]
    fn a_response_keeps_what_its_target_said_and_is_dressed_once(said in text(), unknown in unknown()) {
        let request = responses::Request::parse(mixed(vec![field("model", "\"m\""), field("input", quoted(&said))], Vec::new())).unwrap();
        let echo = Echo::new("resp_1", 7, &request);
        let mut response = Object::parse(mixed(vec![field("id", "\"up\""), field("status", "\"completed\"")], unknown.clone())).unwrap();
        echo.dress(&mut response, 9);
        let dressed = response.to_bytes();
        for (key, value) in &unknown {
            prop_assert_eq!(response.raw(key).cloned(), Some(value.clone().into()));
        }
        echo.dress(&mut response, 9);
        prop_assert_eq!(response.to_bytes(), dressed);
        prop_assert_eq!(same(&Status::Incomplete), Status::Incomplete);
    }

    #[test]
    fn the_events_of_a_response_are_numbered_and_put_it_together_again(
        texts in prop::collection::vec(text(), 1..4), arguments in text(), first in 0..1_000u64, unknown in unknown(),
    ) {
        let parts: Vec<String> = texts.iter().map(|text| format!(r#"{{"type":"output_text","text":{},"annotations":[]}}"#, quoted(text))).collect();
        let message = mixed(vec![field("type", "\"message\""), field("id", "\"msg_1\""), field("content", format!("[{}]", parts.join(",")))], unknown);
        let call = format!(r#"{{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":{}}}"#, quoted(&arguments));
        let response = Object::parse(format!(r#"{{"id":"resp_1","status":"completed","output":[{message},{call}]}}"#)).unwrap();
        let events = replay(&response);
        let field = |event: &Event, key: &str| Object::parse(event.data.clone()).unwrap().raw(key).cloned();
        let deltas = |kind: &str| -> String {
            let of_kind = events.iter().filter(|event| event.kind == kind);
            of_kind.map(|event| serde_json::from_slice::<String>(&field(event, "delta").unwrap()).unwrap()).collect()
        };
        prop_assert_eq!(deltas("response.output_text.delta"), texts.concat());
        prop_assert_eq!(&deltas("response.function_call_arguments.delta"), &arguments);
        prop_assert_eq!(events.last().unwrap().response.as_ref().map(Object::to_bytes), Some(response.to_bytes()));
        let done: Vec<_> = events.iter().filter(|event| event.kind == "response.output_item.done").map(|event| field(event, "item").unwrap()).collect();
        prop_assert_eq!(done, [message, call]);
        let mut sequence = Sequence::from(first);
        for (at, event) in (first..).zip(&events) {
            let again = sequence.event("response.output_text.delta", &Fields { delta: Some(&arguments), ..Fields::default() });
            prop_assert_eq!((again.sequence, event.sequence), (at, at - first));
            prop_assert_eq!(field(&again, "sequence_number").unwrap(), at.to_string());
        }
    }
}
