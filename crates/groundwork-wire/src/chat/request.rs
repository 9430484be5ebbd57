//! The request.

use crate::cursor::Cursor;
use crate::error::Invalid;
use crate::object::Object;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Of messages that need nothing but a text.
const PLAIN_ROLES: [&str; 5] = ["user", "assistant", "system", "developer", "function"];

/// A chat request: the original body, and what we read of it.
#[derive(Debug, Clone)]
pub struct Request {
    pub object: Object,
    pub model: String,
    pub messages: Vec<Message>,
    pub stream: bool,
    /// `stream_options.include_usage`.
    pub include_usage: bool,
    /// `max_completion_tokens`, else `max_tokens`.
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub n: u32,
    pub stop: Vec<String>,
    pub seed: Option<i64>,
    pub user: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// Whether `tools` or `functions` are offered.
    pub has_tools: bool,
    /// Whether `response_format` asks for anything but text.
    pub wants_json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

#[derive(Debug, Clone)]
pub struct Message {
    pub object: Object,
    pub role: Role,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub enum Content {
    /// Missing or null, as beside tool calls.
    Empty,
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Clone)]
pub enum Part {
    Text {
        text: String,
        object: Object,
    },
    Refusal(String),
    /// An image, sound, file or what else there may be, by its `type`.
    Other {
        kind: String,
        object: Object,
    },
}

impl Request {
    /// Parses a body. Every way of being wrong is an `Invalid` that names the parameter.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        Self::of(Object::parse(body)?)
    }

    /// Reads an object that was parsed already.
    pub fn of(object: Object) -> Result<Self, Invalid> {
        Self::read(object, messages)
    }

    /// The same for who passes it on: of the messages it is only seen that nothing is wrong with them, and none is kept.
    pub fn glance(object: Object) -> Result<Self, Invalid> {
        let check = |object: &Object| match object.raw("messages").is_some_and(|raw| are_plain(raw)) {
            true => Ok(Vec::new()),
            false => messages(object).map(|_fine| Vec::new()),
        };
        Self::read(object, check)
    }

    fn read(object: Object, messages: impl FnOnce(&Object) -> Result<Vec<Message>, Invalid>) -> Result<Self, Invalid> {
        if let Some(key) = object.duplicate() {
            return Err(Invalid::Duplicate { key: key.to_owned() });
        }
        super::limits::check(&object)?;
        let model: String = object.get("model", "a string")?.ok_or_else(|| missing("model"))?;
        let stream = object.get("stream", "a boolean")?.unwrap_or(false);
        Ok(Self {
            messages: messages(&object)?,
            include_usage: include_usage(&object, stream)?,
            max_output_tokens: match positive(&object, "max_completion_tokens")? {
                Some(limit) => Some(limit),
                None => positive(&object, "max_tokens")?,
            },
            temperature: between(&object, "temperature", 2.0)?,
            top_p: between(&object, "top_p", 1.0)?,
            n: positive(&object, "n")?.unwrap_or(1),
            stop: stop(&object)?,
            seed: object.get("seed", "an integer")?,
            user: object.get("user", "a string")?,
            metadata: object.get("metadata", "an object of strings")?.unwrap_or_default(),
            has_tools: has_entries(&object, "tools")? || has_entries(&object, "functions")?,
            wants_json: response_format(&object)?.is_some_and(|kind| kind != "text"),
            model,
            stream,
            object,
        })
    }
}

impl Message {
    fn parse(body: Bytes) -> Result<Self, Invalid> {
        let object = Object::parse(body)?;
        if let Some(key) = object.duplicate() {
            return Err(Invalid::Duplicate { key: key.to_owned() });
        }
        let name: String = object.get("role", "a string")?.ok_or_else(|| missing("role"))?;
        let role = Role::parse(&name).ok_or_else(|| {
            let reason = format!("{name:?} is none of system, developer, user, assistant, tool, function");
            Invalid::Value { param: "role".to_owned(), reason }
        })?;
        if role == Role::Tool && object.get::<String>("tool_call_id", "a string")?.is_none() {
            return Err(missing("tool_call_id"));
        }
        let content = match object.raw("content") {
            Some(raw) if raw.as_ref() != b"null" => content(raw)?,
            _ if matches!(role, Role::Assistant | Role::Function) => Content::Empty,
            _ => return Err(missing("content")),
        };
        Ok(Self { object, role, content })
    }

    /// The text of the content; `None` when a part of it is no text.
    pub fn text(&self) -> Option<String> {
        match &self.content {
            Content::Empty => Some(String::new()),
            Content::Text(text) => Some(text.clone()),
            Content::Parts(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text { text, .. } | Part::Refusal(text) => Some(text.as_str()),
                    Part::Other { .. } => None,
                })
                .collect::<Option<Vec<_>>>()
                .map(|texts| texts.join("\n")),
        }
    }
}

impl Role {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "system" => Self::System,
            "developer" => Self::Developer,
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "tool" => Self::Tool,
            "function" => Self::Function,
            _ => return None,
        })
    }
}

fn missing(param: &str) -> Invalid {
    Invalid::Missing { param: param.to_owned() }
}

/// The raw elements of the array `raw`, each a slice of it.
fn elements(raw: &Bytes) -> Option<Vec<Bytes>> {
    let elements: Vec<&RawValue> = serde_json::from_slice(raw).ok()?;
    Some(elements.into_iter().map(|element| raw.slice_ref(element.get().as_bytes())).collect())
}

fn messages(object: &Object) -> Result<Vec<Message>, Invalid> {
    let raw = object.raw("messages").ok_or_else(|| missing("messages"))?;
    let elements = elements(raw).ok_or(Invalid::Type { param: "messages".to_owned(), expected: "an array of messages" })?;
    if elements.is_empty() {
        return Err(Invalid::Value { param: "messages".to_owned(), reason: "the array is empty; send at least one message".to_owned() });
    }
    let parse = |(index, element)| Message::parse(element).map_err(|error| error.within(&format!("messages[{index}]")));
    elements.into_iter().enumerate().map(parse).collect()
}

/// Whether all messages are of the usual form, in which nothing can be wrong: a role and a text each.
fn are_plain(raw: &[u8]) -> bool {
    let (mut cursor, mut some) = (Cursor::new(raw), false);
    let read = cursor.array(|cursor| {
        let (mut role, mut content) = (false, false);
        cursor.object(|key, cursor| {
            let value = cursor.value()?;
            let known = match key {
                b"role" if !role => &mut role,
                b"content" if !content => &mut content,
                _ => return Err(cursor.unexpected()),
            };
            *known = value.text().is_some_and(|text| key == b"content" || PLAIN_ROLES.contains(&text.as_ref()));
            Ok(())
        })?;
        some = true;
        if role && content { Ok(()) } else { Err(cursor.unexpected()) }
    });
    some && read.is_ok()
}

fn content(raw: &Bytes) -> Result<Content, Invalid> {
    match serde_json::from_slice::<String>(raw) {
        Ok(text) => return Ok(Content::Text(text)),
        Err(error) if error.is_syntax() => return Err(Invalid::unread(&error, "content", "a string")),
        Err(_) => {}
    }
    let elements = elements(raw).ok_or(Invalid::Type { param: "content".to_owned(), expected: "a string or an array of content parts" })?;
    let parse = |(index, element)| part(element).map_err(|error: Invalid| error.within(&format!("content[{index}]")));
    elements.into_iter().enumerate().map(parse).collect::<Result<_, _>>().map(Content::Parts)
}

fn part(body: Bytes) -> Result<Part, Invalid> {
    let object = Object::parse(body)?;
    let kind: String = object.get("type", "a string")?.ok_or_else(|| missing("type"))?;
    let text = |key: &'static str| object.get(key, "a string")?.ok_or_else(|| missing(key));
    Ok(match kind.as_str() {
        "text" => Part::Text { text: text("text")?, object },
        "refusal" => Part::Refusal(text("refusal")?),
        _ => Part::Other { kind, object },
    })
}

fn include_usage(object: &Object, stream: bool) -> Result<bool, Invalid> {
    let Some(options) = object.get::<Object>("stream_options", "an object")? else { return Ok(false) };
    if !stream {
        let reason = "it is only allowed when 'stream' is true".to_owned();
        return Err(Invalid::Value { param: "stream_options".to_owned(), reason });
    }
    let include = options.get("include_usage", "a boolean").map_err(|error| error.within("stream_options"))?;
    Ok(include.unwrap_or(false))
}

/// Lets a streamed answer tell what it used; whether it was to anyway.
pub fn ask_usage(body: &mut Object) -> Result<bool, Invalid> {
    let mut options = body.get::<Object>("stream_options", "an object")?.unwrap_or_default();
    let asked = options.get("include_usage", "a boolean").map_err(|error| error.within("stream_options"))?.unwrap_or(false);
    let unwritable = |error: serde_json::Error| Invalid::Value { param: "stream_options".to_owned(), reason: error.to_string() };
    options.set("include_usage", &true).map_err(unwritable)?;
    body.set("stream_options", &options).map_err(unwritable)?;
    Ok(asked)
}

fn positive(object: &Object, key: &str) -> Result<Option<u32>, Invalid> {
    let value = object.get(key, "an integer")?;
    if value == Some(0) {
        return Err(Invalid::Value { param: key.to_owned(), reason: "it must be at least 1".to_owned() });
    }
    Ok(value)
}

fn between(object: &Object, key: &str, most: f64) -> Result<Option<f64>, Invalid> {
    let value = object.get::<f64>(key, "a number")?;
    match value {
        Some(value) if !(0.0..=most).contains(&value) => {
            Err(Invalid::Value { param: key.to_owned(), reason: format!("{value} is not between 0 and {most}") })
        }
        _ => Ok(value),
    }
}

fn stop(object: &Object) -> Result<Vec<String>, Invalid> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stop {
        One(String),
        Many(Vec<String>),
    }
    Ok(match object.get("stop", "a string or an array of strings")? {
        None => Vec::new(),
        Some(Stop::One(stop)) => vec![stop],
        Some(Stop::Many(stops)) => stops,
    })
}

fn has_entries(object: &Object, key: &str) -> Result<bool, Invalid> {
    Ok(object.get::<Vec<serde::de::IgnoredAny>>(key, "an array")?.is_some_and(|entries| !entries.is_empty()))
}

fn response_format(object: &Object) -> Result<Option<String>, Invalid> {
    let Some(format) = object.get::<Object>("response_format", "an object")? else { return Ok(None) };
    format.get("type", "a string").map_err(|error| error.within("response_format"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> Invalid {
        let refused = Request::parse(body.as_bytes().to_vec()).unwrap_err();
        assert_eq!(Object::parse(body.as_bytes().to_vec()).and_then(Request::glance).unwrap_err(), refused, "at a glance too: {body}");
        refused
    }

    #[test]
    fn a_full_request_is_read_and_its_body_is_kept() {
        let body = r#"{"model":"m","messages":[{"role":"developer","content":"be kind"},
            {"role":"user","name":"ann","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:,"}}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c1"}]},{"role":"tool","tool_call_id":"c1","content":"42"}],
            "stream":true,"stream_options":{"include_usage":true,"x":1},"max_completion_tokens":7,"max_tokens":9,"temperature":0,"top_p":1.0,
            "stop":"END","seed":9007199254740993,"user":"u","metadata":{"k":"v"},"tools":[{"type":"function","function":{"name":"f"}}],"response_format":{"type":"json_object"},"new_field":[1.10]}"#;
        let request = Request::parse(body).unwrap();
        assert_eq!(request.object.to_bytes(), body);
        assert!(Request::glance(request.object.clone()).is_ok_and(|glanced| glanced.messages.is_empty()));
        assert_eq!(request.messages.len(), 4);
        assert_eq!(request.messages[0].text().as_deref(), Some("be kind"));
        assert_eq!(request.messages[1].text(), None);
        assert_eq!(request.messages[2].text().as_deref(), Some(""));
        assert!(request.stream && request.include_usage && request.has_tools && request.wants_json);
        assert_eq!((request.max_output_tokens, request.seed, request.n), (Some(7), Some(9_007_199_254_740_993), 1));
        assert_eq!((request.stop, request.temperature), (vec!["END".to_owned()], Some(0.0)));
        assert_eq!(request.metadata["k"], "v");
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let with = |fields: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"q"}}]{fields}}}"#);
        let message = |message: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"q"}},{message}]}}"#);
        for (body, param, code) in [
            ("{}".to_owned(), "model", "missing_required_parameter"),
            (r#"{"model":3}"#.to_owned(), "model", "invalid_type"),
            (r#"{"model":"m"}"#.to_owned(), "messages", "missing_required_parameter"),
            (r#"{"model":"m","messages":"hi"}"#.to_owned(), "messages", "invalid_type"),
            (r#"{"model":"m","messages":null}"#.to_owned(), "messages", "invalid_type"),
            (r#"{"model":"m","messages":[]}"#.to_owned(), "messages", "invalid_value"),
            (message("3"), "messages[1]", "invalid_type"),
            (message("{}"), "messages[1].role", "missing_required_parameter"),
            (message(r#"{"role":"king","content":""}"#), "messages[1].role", "invalid_value"),
            (message(r#"{"role":"user"}"#), "messages[1].content", "missing_required_parameter"),
            (message(r#"{"role":"user","content":5}"#), "messages[1].content", "invalid_type"),
            (message(r#"{"role":"user","content":[{"text":"x"}]}"#), "messages[1].content[0].type", "missing_required_parameter"),
            (message(r#"{"role":"user","content":[{"type":"text"}]}"#), "messages[1].content[0].text", "missing_required_parameter"),
            (with(r#","stream":"yes""#), "stream", "invalid_type"),
            (with(r#","stream_options":{}"#), "stream_options", "invalid_value"),
            (with(r#","stream":true,"stream_options":{"include_usage":1}"#), "stream_options.include_usage", "invalid_type"),
            (with(r#","max_tokens":0"#), "max_tokens", "invalid_value"),
            (with(r#","max_completion_tokens":-1"#), "max_completion_tokens", "invalid_type"),
            (with(r#","max_tokens":99999999999"#), "max_tokens", "invalid_type"),
            (with(r#","temperature":2.1"#), "temperature", "invalid_value"),
            (with(r#","temperature":1e999"#), "temperature", "invalid_value"),
            (message(r#"{"role":"user","content":"\ud83d"}"#), "messages[1].content", "invalid_value"),
            (with(r#","top_p":-0.1"#), "top_p", "invalid_value"),
            (with(r#","n":0"#), "n", "invalid_value"),
            (with(r#","stop":[1]"#), "stop", "invalid_type"),
            (with(r#","seed":1.5"#), "seed", "invalid_type"),
            (with(r#","metadata":{"a":1}"#), "metadata", "invalid_type"),
            (with(r#","tools":{}"#), "tools", "invalid_type"),
            (with(r#","tools":[3]"#), "tools[0]", "invalid_type"),
            (with(r#","tools":[{}]"#), "tools[0].type", "missing_required_parameter"),
            (with(r#","tools":[{"type":"function"}]"#), "tools[0].function", "missing_required_parameter"),
            (with(r#","tools":[{"type":"function","function":{}}]"#), "tools[0].function.name", "missing_required_parameter"),
            (with(r#","tool_choice":5"#), "tool_choice", "invalid_type"),
            (with(r#","function_call":[]"#), "function_call", "invalid_type"),
            (with(r#","modalities":"text""#), "modalities", "invalid_type"),
            (with(r#","audio":"alloy""#), "audio", "invalid_type"),
            (with(r#","prediction":[]"#), "prediction", "invalid_type"),
            (with(r#","safety_identifier":7"#), "safety_identifier", "invalid_type"),
            (with(r#","presence_penalty":-3"#), "presence_penalty", "invalid_value"),
            (with(r#","top_logprobs":21"#), "top_logprobs", "invalid_value"),
            (with(r#","top_logprobs":1.5"#), "top_logprobs", "invalid_type"),
            (with(r#","logprobs":1"#), "logprobs", "invalid_type"),
            (with(r#","logit_bias":[]"#), "logit_bias", "invalid_type"),
            (with(r#","response_format":{}"#), "response_format.type", "missing_required_parameter"),
            (with(r#","response_format":{"type":"json_schema"}"#), "response_format.json_schema", "missing_required_parameter"),
            (
                with(r#","response_format":{"type":"json_schema","json_schema":{"schema":{}}}"#),
                "response_format.json_schema.name",
                "missing_required_parameter",
            ),
            (message(r#"{"role":"tool","content":"42"}"#), "messages[1].tool_call_id", "missing_required_parameter"),
            (with(r#","response_format":"json""#), "response_format", "invalid_type"),
        ] {
            let error = error(&body);
            assert_eq!((error.param(), error.code()), (Some(param), Some(code)), "{body}");
        }
        assert_eq!(error(&with(r#","model":"other""#)), Invalid::Duplicate { key: "model".to_owned() });
        assert_eq!(error(&message(r#"{"role":"user","content":"a","role":"system"}"#)).param(), Some("messages[1].role"));
    }
}
