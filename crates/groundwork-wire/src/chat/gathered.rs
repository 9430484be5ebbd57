//! A streamed answer put together to the one that the same request would have had in one piece.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The chunks so far. What no chunk of OpenAI's has is put together too, by the same rules.
#[derive(Debug, Default)]
pub struct Gathered {
    answer: Map<String, Value>,
    choices: BTreeMap<u64, Map<String, Value>>,
    /// A chunk could not be read, so that a piece is missing.
    torn: bool,
}

/// Texts that come piece by piece; every other text is whole where it stands.
const PIECES: [&str; 9] = ["content", "refusal", "reasoning_content", "reasoning", "arguments", "input", "thinking", "transcript", "data"];

impl Gathered {
    /// Adds the data of one frame.
    pub fn hear(&mut self, data: &[u8]) {
        let Ok(Value::Object(chunk)) = serde_json::from_slice(data) else {
            self.torn |= !matches!(data.trim_ascii(), b"" | b"[DONE]");
            return;
        };
        for (key, value) in chunk {
            match (key.as_str(), value) {
                ("choices", Value::Array(choices)) => choices.into_iter().for_each(|choice| self.choice(choice)),
                ("object", _) | (_, Value::Null) => {}
                // Azure's chunks about its filter call themselves nothing.
                (key, value) if says_nothing(&value) && self.answer.contains_key(key) => {}
                (_, value) => {
                    self.answer.insert(key, value);
                }
            }
        }
    }

    fn choice(&mut self, choice: Value) {
        let Value::Object(choice) = choice else { return };
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        let gathered = self.choices.entry(index).or_default();
        for (key, value) in choice {
            let key = if key == "delta" { "message".to_owned() } else { key };
            join(gathered, key, value);
        }
    }

    /// The whole answer; `None` when nothing was heard, or not all of it could be read.
    pub fn whole(mut self) -> Option<Bytes> {
        if self.torn || self.answer.is_empty() {
            return None;
        }
        let choices = std::mem::take(&mut self.choices).into_iter().map(|(index, choice)| finished(index, choice)).collect();
        self.answer.insert("object".to_owned(), json!("chat.completion"));
        self.answer.insert("choices".to_owned(), Value::Array(choices));
        serde_json::to_vec(&self.answer).ok().map(Bytes::from)
    }
}

/// A name or a time that is none.
fn says_nothing(value: &Value) -> bool {
    value.as_str() == Some("") || value.as_u64() == Some(0)
}

/// Puts `value` to what is gathered under `key`.
fn join(gathered: &mut Map<String, Value>, key: String, value: Value) {
    let pieces = PIECES.contains(&key.as_str());
    match (gathered.get_mut(&key), value) {
        (Some(_), Value::Null) => {}
        (Some(Value::String(text)), Value::String(more)) if pieces => text.push_str(&more),
        // Some servers say in each piece of a call again what the first has said, or nothing in its place.
        (Some(_), Value::String(more)) if more.is_empty() => {}
        (Some(Value::Object(object)), Value::Object(more)) => more.into_iter().for_each(|(key, value)| join(object, key, value)),
        (Some(Value::Array(list)), Value::Array(more)) => more.into_iter().for_each(|one| join_item(list, one)),
        // Also a list whose first items come together.
        (_, Value::Array(items)) => {
            let mut list = Vec::with_capacity(items.len());
            items.into_iter().for_each(|one| join_item(&mut list, one));
            gathered.insert(key, Value::Array(list));
        }
        (_, value) => {
            gathered.insert(key, value);
        }
    }
}

/// Tool calls come piece by piece under their index; everything else in a list is an item of its own. Some servers number every call the
/// same, and begin each with an id and a name.
fn join_item(list: &mut Vec<Value>, item: Value) {
    let index = |item: &Value| item.get("index").and_then(Value::as_u64);
    let begun = index(&item).and_then(|wanted| list.iter_mut().rfind(|begun| index(begun) == Some(wanted)));
    let begun = begun.filter(|begun| !begins_another(begun, &item));
    match (begun, item) {
        (Some(Value::Object(begun)), Value::Object(more)) => more.into_iter().for_each(|(key, value)| join(begun, key, value)),
        (_, item) => list.push(item),
    }
}

fn begins_another(begun: &Value, item: &Value) -> bool {
    fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
        value.pointer(path)?.as_str().filter(|text| !text.is_empty())
    }
    text(item, "/function/name").is_some() && text(item, "/id").zip(text(begun, "/id")).is_some_and(|(new, old)| new != old)
}

fn finished(index: u64, mut choice: Map<String, Value>) -> Value {
    choice.insert("index".to_owned(), json!(index));
    for key in ["finish_reason", "logprobs"] {
        choice.entry(key).or_insert(Value::Null);
    }
    let message = choice.entry("message").or_insert_with(|| json!({}));
    if let Value::Object(message) = message {
        message.entry("role").or_insert_with(|| json!("assistant"));
        for key in ["content", "refusal"] {
            message.entry(key).or_insert(Value::Null);
        }
        if message.contains_key("tool_calls") && message.get("content") == Some(&json!("")) {
            message.insert("content".to_owned(), Value::Null);
        }
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(call) = call {
                call.remove("index");
            }
            // Clients read them as a text, also when no piece of them came.
            if let Some(Value::Object(function)) = call.get_mut("function")
                && function.get("arguments").is_none_or(Value::is_null)
            {
                function.insert("arguments".to_owned(), json!(""));
            }
        }
    }
    Value::Object(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(chunks: &[Value]) -> Value {
        let mut gathered = Gathered::default();
        gathered.hear(b"[DONE]");
        for chunk in chunks {
            gathered.hear(chunk.to_string().as_bytes());
        }
        serde_json::from_slice(&gathered.whole().unwrap()).unwrap()
    }

    fn chunk(choices: &Value) -> Value {
        json!({ "id": "c", "object": "chat.completion.chunk", "created": 5, "model": "m", "system_fingerprint": "fp", "choices": choices, "usage": null })
    }

    #[test]
    fn several_choices_and_interleaved_tool_calls_are_put_together() {
        let call = |index: u64, fields: Value| {
            let mut call = json!({ "index": index });
            call.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            call
        };
        let begun = |index, name| {
            call(index, json!({ "id": format!("call_{index}"), "type": "function", "function": { "name": name, "arguments": "" } }))
        };
        let more = |index, arguments: &str| call(index, json!({ "id": "", "function": { "name": "", "arguments": arguments } }));
        let nameless =
            json!({ "id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{ "prompt_index": 0 }] });
        let whole = gathered(&[
            nameless.clone(),
            chunk(&json!([{ "index": 0, "delta": { "role": "assistant", "content": "", "refusal": null }, "finish_reason": null }])),
            chunk(
                &json!([{ "index": 1, "delta": { "role": "assistant", "content": "é" }, "logprobs": { "content": [{ "token": "é" }] } }]),
            ),
            chunk(&json!([{ "index": 0, "delta": { "tool_calls": [begun(0, "a"), begun(1, "b")] } }])),
            chunk(&json!([{ "index": 0, "delta": { "tool_calls": [more(1, "{\"x\""), more(0, "{}")] } }])),
            chunk(&json!([{ "index": 0, "delta": { "tool_calls": [more(1, ":1}")] } }])),
            chunk(
                &json!([{ "index": 1, "delta": { "content": "t" }, "logprobs": { "content": [{ "token": "t" }] }, "finish_reason": "stop" }]),
            ),
            chunk(&json!([{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }])),
            json!({ "id": "c", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": [], "usage": { "total_tokens": 9 } }),
            nameless,
        ]);
        let function = |name: &str, arguments: &str| json!({ "name": name, "arguments": arguments });
        assert_eq!(
            whole,
            json!({
                "id": "c", "object": "chat.completion", "created": 5, "model": "m", "system_fingerprint": "fp",
                "prompt_filter_results": [{ "prompt_index": 0 }], "usage": { "total_tokens": 9 },
                "choices": [
                    { "index": 0, "finish_reason": "tool_calls", "logprobs": null, "message": { "role": "assistant", "content": null, "refusal": null, "tool_calls": [
                        { "id": "call_0", "type": "function", "function": function("a", "{}") },
                        { "id": "call_1", "type": "function", "function": function("b", "{\"x\":1}") },
                    ] } },
                    { "index": 1, "finish_reason": "stop", "logprobs": { "content": [{ "token": "é" }, { "token": "t" }] },
                      "message": { "role": "assistant", "content": "ét", "refusal": null } },
                ],
            })
        );
    }

    #[test]
    fn calls_that_are_all_numbered_the_same_are_told_apart_by_id_and_name() {
        let piece = |fields: Value| chunk(&json!([{ "index": 0, "delta": { "tool_calls": [fields] } }]));
        let whole = gathered(&[
            piece(json!({ "index": 0, "id": "a", "function": { "name": "one", "arguments": "{}" } })),
            piece(json!({ "index": 0, "id": "b", "function": { "name": "two", "arguments": "{" } })),
            piece(json!({ "index": 0, "id": "b", "function": { "name": "two", "arguments": "}" } })),
        ]);
        let function = |name: &str| json!({ "name": name, "arguments": "{}" });
        let calls = json!([{ "id": "a", "function": function("one") }, { "id": "b", "function": function("two") }]);
        assert_eq!(whole["choices"][0]["message"]["tool_calls"], calls);
    }

    #[test]
    fn annotations_and_filter_results_keep_what_came_last() {
        let whole = gathered(&[
            chunk(
                &json!([{ "index": 0, "delta": { "annotations": [{ "n": 1 }] }, "content_filter_results": { "hate": { "filtered": false } } }]),
            ),
            chunk(
                &json!([{ "index": 0, "delta": { "annotations": [{ "n": 2 }] }, "content_filter_results": { "hate": { "filtered": true } } }]),
            ),
        ]);
        assert_eq!(whole["choices"][0]["message"]["annotations"], json!([{ "n": 1 }, { "n": 2 }]));
        assert_eq!(whole["choices"][0]["content_filter_results"]["hate"]["filtered"], true);
    }

    #[test]
    fn a_call_of_which_no_argument_came_has_none_as_text() {
        let whole = gathered(&[chunk(&json!([{ "index": 0, "delta": { "tool_calls": [
            { "index": 0, "id": "a", "function": { "name": "one" } },
            { "index": 1, "id": "b", "function": { "name": "two", "arguments": null } },
        ] } }]))]);
        let calls = whole["choices"][0]["message"]["tool_calls"].clone();
        assert_eq!((&calls[0]["function"]["arguments"], &calls[1]["function"]["arguments"]), (&json!(""), &json!("")));
    }

    #[test]
    fn nothing_heard_is_no_answer_and_one_with_a_hole_is_none_either() {
        assert!(Gathered::default().whole().is_none());
        let mut torn = Gathered::default();
        torn.hear(chunk(&json!([{ "index": 0, "delta": { "content": "a" } }])).to_string().as_bytes());
        torn.hear(br#"{"choices":[{"index":0,"delta":{"content":"\ud83d"}}]}"#);
        assert!(torn.whole().is_none());
    }
}
