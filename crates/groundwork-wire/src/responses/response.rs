//! The response object: what a target answered, in the terms in which the client asked.

use super::{Include, Item, Request};
use crate::count::Count;
use crate::object::Object;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Queued,
    InProgress,
    Completed,
    Incomplete,
    Failed,
    Cancelled,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it changes no more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::InProgress)
    }
}

/// Fields of a response that repeat the request, with what they are when the request does not have them.
const ECHOED: &[(&str, &str)] = &[
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("service_tier", r#""default""#),
    ("temperature", "1.0"),
    ("text", r#"{"format":{"type":"text"},"verbosity":"medium"}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// What the client asked and may expect to find in every form of its response.
#[derive(Debug, Clone)]
pub struct Echo {
    pub id: String,
    /// Seconds since 1970.
    pub created_at: u64,
    pub store: bool,
    pub background: bool,
    pub previous_response_id: Option<String>,
    pub conversation: Option<String>,
    pub model: String,
    /// What the client wants to see of what is kept for it.
    pub include: Include,
    fields: Vec<(&'static str, Bytes)>,
}

impl Echo {
    pub fn new(id: &str, created_at: u64, request: &Request) -> Self {
        let value = |(key, default): &(&'static str, &'static str)| {
            let given = request.object.raw(key).filter(|raw| raw.as_ref() != b"null").cloned();
            (*key, given.map_or(Bytes::from_static(default.as_bytes()), |given| complete(key, given)))
        };
        Self {
            id: id.to_owned(),
            created_at,
            store: request.store,
            background: request.background,
            previous_response_id: request.previous_response_id.clone(),
            conversation: request.conversation.clone(),
            model: request.model.clone(),
            include: Include { thoughts: !request.store || Include::of(&request.include).thoughts },
            fields: ECHOED.iter().map(value).collect(),
        }
    }

    /// A response of which nothing has come yet.
    pub fn empty(&self, status: Status) -> Object {
        let mut response = Object::new();
        put(&mut response, "id", &self.id);
        put(&mut response, "object", "response");
        put(&mut response, "created_at", &self.created_at);
        put(&mut response, "status", status.as_str());
        self.dress(&mut response, self.created_at);
        response
    }

    /// Puts our id and the client's own words into what a target answered. What the target said of itself stays. `now` is in seconds
    /// since 1970.
    pub fn dress(&self, response: &mut Object, now: u64) {
        put(response, "id", &self.id);
        put(response, "created_at", &self.created_at);
        let completed = response.get::<String>("status", "a string") == Ok(Some(Status::Completed.as_str().to_owned()));
        if completed && !response.has("completed_at") {
            put(response, "completed_at", &now);
        }
        name_items(&self.id, response);
        complete_usage(response);
        for (key, default) in
            [("object", "\"response\""), ("error", "null"), ("incomplete_details", "null"), ("output", "[]"), ("usage", "null")]
        {
            fill(response, key, default.as_bytes());
        }
        if !response.has("model") {
            put(response, "model", &self.model);
        }
        for (key, value) in &self.fields {
            fill(response, key, value);
        }
        if let Some((key, metadata)) = self.fields.iter().find(|(key, _)| *key == "metadata")
            && let Ok(metadata) = serde_json::from_slice::<&RawValue>(metadata)
        {
            // Not the target's to keep.
            put(response, key, metadata);
        }
        put(response, "store", &self.store);
        put(response, "background", &self.background);
        put(response, "previous_response_id", &self.previous_response_id);
        match &self.conversation {
            Some(id) => put(response, "conversation", &json!({ "id": id })),
            None => drop(response.remove("conversation")),
        }
    }

    /// A response that ended in `status` before its end, with what it had said so far.
    pub fn end(&self, status: Status, output: &[Object], error: Option<&serde_json::Value>) -> Object {
        let mut response = self.empty(status);
        put(&mut response, "output", output);
        put(&mut response, "error", &error);
        response
    }
}

/// `response` as a process left it that has died.
pub fn give_up(response: &mut Object, error: &serde_json::Value) {
    put(response, "status", Status::Failed.as_str());
    put(response, "error", error);
}

/// Gives the item at `index` of a response's output an id, if its target gave it none.
pub(super) fn name_item(response: &str, index: u64, item: &mut Object) {
    if item.has("id") {
        return;
    }
    let prefix = Item::new(item.clone()).map_or("item", |item| item.prefix());
    let tail = response.split_once('_').map_or(response, |(_, tail)| tail);
    put(item, "id", &format!("{prefix}_{tail}_{index}"));
}

fn name_items(id: &str, response: &mut Object) {
    let Ok(Some(mut output)) = response.get::<Vec<Object>>("output", "an array of items") else { return };
    if output.iter().all(|item| item.has("id")) {
        return;
    }
    for (index, item) in (0..).zip(&mut output) {
        name_item(id, index, item);
    }
    put(response, "output", &output);
}

/// The details of usage that clients read without looking whether they are there.
fn complete_usage(response: &mut Object) {
    let Ok(Some(mut usage)) = response.get::<Object>("usage", "an object") else { return };
    let known = usage.to_bytes();
    let count = |usage: &Object, key: &str| usage.get(key, "an integer").ok().flatten().map_or(0, |Count(count)| count);
    for (key, details) in [
        ("input_tokens_details", json!({ "cached_tokens": 0, "cache_write_tokens": 0 })),
        ("output_tokens_details", json!({ "reasoning_tokens": 0 })),
    ] {
        fill(&mut usage, key, details.to_string().as_bytes());
    }
    let total = count(&usage, "input_tokens").saturating_add(count(&usage, "output_tokens"));
    fill(&mut usage, "total_tokens", total.to_string().as_bytes());
    if usage.to_bytes() != known {
        put(response, "usage", &usage);
    }
}

/// The `error` of a failed response.
pub fn failure(code: &str, message: &str) -> serde_json::Value {
    json!({ "code": code, "message": message })
}

/// What the request leaves out inside a field that the response shows whole.
fn complete(key: &str, given: Bytes) -> Bytes {
    let with = |object: &Object, defaults: &[(&str, &str)]| {
        let mut object = object.clone();
        for (key, default) in defaults {
            fill(&mut object, key, default.as_bytes());
        }
        object
    };
    match key {
        "text" => Object::parse(given.clone())
            .map_or(given, |text| with(&text, &[("format", r#"{"type":"text"}"#), ("verbosity", r#""medium""#)]).to_bytes()),
        "reasoning" => {
            Object::parse(given.clone()).map_or(given, |reasoning| with(&reasoning, &[("effort", "null"), ("summary", "null")]).to_bytes())
        }
        "tools" => serde_json::from_slice::<Vec<Object>>(&given).map_or(given, |tools| {
            let shown = tools.iter().map(|tool| match tool.get::<String>("type", "a string") {
                Ok(Some(kind)) if kind == "function" => with(tool, &[("description", "null"), ("parameters", "null"), ("strict", "null")]),
                _ => tool.clone(),
            });
            serde_json::to_vec(&shown.collect::<Vec<_>>()).unwrap_or_default().into()
        }),
        _ => given,
    }
}

/// Sets what is missing or null.
fn fill(object: &mut Object, key: &str, raw: &[u8]) {
    if !object.has(key)
        && let Ok(value) = serde_json::from_slice::<&RawValue>(raw)
    {
        put(object, key, value);
    }
}

/// Everything that is put here has a form in JSON.
fn put<T: Serialize + ?Sized>(object: &mut Object, key: &str, value: &T) {
    let _ = object.set(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(fields: &str) -> Echo {
        Echo::new("resp_1", 7, &Request::parse(format!(r#"{{"model":"m","input":"q"{fields}}}"#)).unwrap())
    }

    #[test]
    fn an_empty_response_has_every_required_field() {
        assert_eq!(
            echo("").empty(Status::Queued).to_bytes(),
            r#"{"id":"resp_1","object":"response","created_at":7,"status":"queued","error":null,"incomplete_details":null,"output":[],"usage":null,"model":"m","instructions":null,"max_output_tokens":null,"max_tool_calls":null,"metadata":{},"parallel_tool_calls":true,"prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},"safety_identifier":null,"service_tier":"default","temperature":1.0,"text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","user":null,"store":true,"background":false,"previous_response_id":null}"#
        );
    }

    #[test]
    fn a_response_repeats_the_request_and_keeps_what_the_target_says() {
        let echo = echo(
            r#","store":false,"metadata":{"a":"b"},"temperature":0.70,"previous_response_id":"resp_0","text":{"verbosity":"low"},"tools":[{"type":"function","name":"f"}]"#,
        );
        let mut response = Object::parse(
            r#"{"id":"upstream","created_at":1,"model":"m-2025","temperature":1.0,"store":true,"conversation":null,"new":[1.50],"metadata":{"theirs":"x"},"status":"completed","usage":{"input_tokens":3,"output_tokens":4},"output":[{"type":"x"},{"type":"message","id":"m"}]}"#,
        )
        .unwrap();
        echo.dress(&mut response, 9);
        let raw = |key: &str| String::from_utf8(response.raw(key).unwrap().to_vec()).unwrap();
        for (key, value) in [
            ("id", r#""resp_1""#),
            ("created_at", "7"),
            ("model", r#""m-2025""#),
            ("temperature", "1.0"),
            ("store", "false"),
            ("previous_response_id", r#""resp_0""#),
            ("metadata", r#"{"a":"b"}"#),
            ("text", r#"{"verbosity":"low","format":{"type":"text"}}"#),
            ("tools", r#"[{"type":"function","name":"f","description":null,"parameters":null,"strict":null}]"#),
            ("new", "[1.50]"),
            ("output", r#"[{"type":"x","id":"item_1_0"},{"type":"message","id":"m"}]"#),
            ("completed_at", "9"),
            (
                "usage",
                r#"{"input_tokens":3,"output_tokens":4,"input_tokens_details":{"cache_write_tokens":0,"cached_tokens":0},"output_tokens_details":{"reasoning_tokens":0},"total_tokens":7}"#,
            ),
        ] {
            assert_eq!(raw(key), value, "{key}");
        }
        assert!(response.raw("conversation").is_none());
    }
}
