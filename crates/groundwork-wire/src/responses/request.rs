//! The request for a response.

use super::Item;
use crate::error::Invalid;
use crate::object::Object;
use bytes::Bytes;
use std::collections::BTreeMap;

/// How many pairs `metadata` may have, as with OpenAI.
pub const MAX_METADATA: usize = 16;

/// A request: the original body, and what the state around a response needs to know of it. What only a model needs is not looked at.
#[derive(Debug, Clone)]
pub struct Request {
    pub object: Object,
    pub model: String,
    pub input: Vec<Item>,
    pub previous_response_id: Option<String>,
    /// The id, however it was given.
    pub conversation: Option<String>,
    pub stream: bool,
    pub background: bool,
    /// True unless the client says false.
    pub store: bool,
    pub include: Vec<String>,
}

impl Request {
    /// Parses a body. Every way of being wrong is an `Invalid` that names the parameter.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        Self::of(Object::parse(body)?)
    }

    /// The same of a body that is an object already.
    pub fn of(object: Object) -> Result<Self, Invalid> {
        if let Some(key) = object.duplicate() {
            return Err(Invalid::Duplicate { key: key.to_owned() });
        }
        let request = Self {
            model: object.get("model", "a string")?.ok_or_else(|| Invalid::Missing { param: "model".to_owned() })?,
            input: Item::read_input(&object)?,
            previous_response_id: object.get("previous_response_id", "a string")?,
            conversation: conversation(&object)?,
            stream: object.get("stream", "a boolean")?.unwrap_or(false),
            background: object.get("background", "a boolean")?.unwrap_or(false),
            store: object.get("store", "a boolean")?.unwrap_or(true),
            include: object.get("include", "an array of strings")?.unwrap_or_default(),
            object,
        };
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Result<(), Invalid> {
        let object = &self.object;
        let wrong = |param: &str, reason: &str| Err(Invalid::Value { param: param.to_owned(), reason: reason.to_owned() });
        if self.previous_response_id.is_some() && self.conversation.is_some() {
            return wrong("previous_response_id", "it cannot be used together with 'conversation'");
        }
        if !["input", "previous_response_id", "conversation", "prompt"].iter().any(|key| object.has(key)) {
            return Err(Invalid::Missing { param: "input".to_owned() });
        }
        if self.input.is_empty() && !["previous_response_id", "conversation", "prompt", "instructions"].iter().any(|key| object.has(key)) {
            return wrong("input", "the array is empty; send at least one item");
        }
        if self.background && !self.store {
            return wrong("background", "a response in the background must be stored: leave 'store' out or set it to true");
        }
        if object.has("stream_options") && !self.stream {
            return wrong("stream_options", "it is only allowed when 'stream' is true");
        }
        if let Some(choice) = object.get::<String>("truncation", "a string")?
            && !matches!(choice.as_str(), "auto" | "disabled")
        {
            return wrong("truncation", "it is neither \"auto\" nor \"disabled\"");
        }
        if object.raw("instructions").is_some_and(|raw| !raw.starts_with(b"\"") && raw.as_ref() != b"null") {
            return Err(Invalid::Type { param: "instructions".to_owned(), expected: "a string" });
        }
        metadata(object)?;
        at_least_one(object, "max_output_tokens")?;
        at_least_one(object, "max_tool_calls")?;
        between(object, "temperature", 2.0)?;
        between(object, "top_p", 1.0)?;
        between(object, "top_logprobs", 20.0)?;
        object.get::<bool>("parallel_tool_calls", "a boolean")?;
        for key in ["text", "reasoning", "prompt", "stream_options", "prompt_cache_options"] {
            object.get::<Object>(key, "an object")?;
        }
        for key in ["user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "service_tier"] {
            object.get::<String>(key, "a string")?;
        }
        tools(object)
    }
}

/// `metadata`: at most 16 pairs of short texts.
pub fn metadata(object: &Object) -> Result<BTreeMap<String, String>, Invalid> {
    let metadata: BTreeMap<String, String> = object.get("metadata", "an object of strings")?.unwrap_or_default();
    let wrong = |param: String, reason: &str| Err(Invalid::Value { param, reason: reason.to_owned() });
    if metadata.len() > MAX_METADATA {
        return wrong("metadata".to_owned(), "it has more than 16 pairs");
    }
    for (key, value) in &metadata {
        if key.chars().count() > 64 {
            return wrong("metadata".to_owned(), "a key has more than 64 characters");
        }
        if value.chars().count() > 512 {
            return wrong(format!("metadata.{key}"), "it has more than 512 characters");
        }
    }
    Ok(metadata)
}

fn conversation(object: &Object) -> Result<Option<String>, Invalid> {
    let Some(raw) = object.raw("conversation").filter(|raw| raw.as_ref() != b"null") else { return Ok(None) };
    if raw.starts_with(b"\"") {
        return object.get("conversation", "a string");
    }
    let inner = object.get::<Object>("conversation", "a string or an object with an id")?.unwrap_or_default();
    let id = inner.get("id", "a string").and_then(|id| id.ok_or_else(|| Invalid::Missing { param: "id".to_owned() }));
    id.map(Some).map_err(|error| error.within("conversation"))
}

fn tools(object: &Object) -> Result<(), Invalid> {
    for (index, tool) in object.get::<Vec<Object>>("tools", "an array of objects")?.unwrap_or_default().iter().enumerate() {
        let need = |key: &str| {
            let value =
                tool.get::<String>(key, "a string").and_then(|value| value.ok_or_else(|| Invalid::Missing { param: key.to_owned() }));
            value.map_err(|error| error.within(&format!("tools[{index}]")))
        };
        if matches!(need("type")?.as_str(), "function" | "custom") {
            need("name")?;
        }
    }
    Ok(())
}

fn at_least_one(object: &Object, key: &str) -> Result<(), Invalid> {
    match object.get::<u64>(key, "an integer")? {
        Some(0) => Err(Invalid::Value { param: key.to_owned(), reason: "it must be at least 1".to_owned() }),
        _ => Ok(()),
    }
}

fn between(object: &Object, key: &str, most: f64) -> Result<(), Invalid> {
    match object.get::<f64>(key, "a number")? {
        Some(value) if !(0.0..=most).contains(&value) => {
            Err(Invalid::Value { param: key.to_owned(), reason: format!("{value} is not between 0 and {most}") })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_request_is_read_and_its_body_is_kept() {
        let body = r#"{"model":"m","input":[{"role":"user","content":"q"}],"conversation":{"id":"conv_1"},"stream":true,
            "stream_options":{"include_obfuscation":false},"background":true,"include":["reasoning.encrypted_content"],"new":1.50}"#;
        let request = Request::parse(body).unwrap();
        assert_eq!(request.object.to_bytes(), body);
        assert_eq!((request.conversation.as_deref(), request.input.len()), (Some("conv_1"), 1));
        assert!(request.stream && request.background && request.store);
        let nulls = r#"{"model":"m","input":"q","conversation":null,"previous_response_id":null,"store":null,"background":null,"metadata":null,"tools":null,"text":null,"instructions":null}"#;
        assert!(Request::parse(nulls).unwrap().store);
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let with = |fields: &str| format!(r#"{{"model":"m","input":"q"{fields}}}"#);
        let many: Vec<String> = (0..17).map(|n| format!(r#""k{n}":"v""#)).collect();
        for (body, param, code) in [
            ("{}".to_owned(), "model", "missing_required_parameter"),
            (r#"{"model":"m"}"#.to_owned(), "input", "missing_required_parameter"),
            (r#"{"model":"m","input":null}"#.to_owned(), "input", "missing_required_parameter"),
            (r#"{"model":"m","input":[]}"#.to_owned(), "input", "invalid_value"),
            (with(r#","previous_response_id":"a","conversation":"b""#), "previous_response_id", "invalid_value"),
            (with(r#","previous_response_id":7"#), "previous_response_id", "invalid_type"),
            (with(r#","conversation":7"#), "conversation", "invalid_type"),
            (with(r#","conversation":{}"#), "conversation.id", "missing_required_parameter"),
            (with(r#","background":true,"store":false"#), "background", "invalid_value"),
            (with(r#","stream_options":{}"#), "stream_options", "invalid_value"),
            (with(r#","store":"no""#), "store", "invalid_type"),
            (with(r#","truncation":"some""#), "truncation", "invalid_value"),
            (with(r#","instructions":["a"]"#), "instructions", "invalid_type"),
            (with(r#","metadata":{"a":1}"#), "metadata", "invalid_type"),
            (with(&format!(r#","metadata":{{{}}}"#, many.join(","))), "metadata", "invalid_value"),
            (with(&format!(r#","metadata":{{"a":"{}"}}"#, "x".repeat(513))), "metadata.a", "invalid_value"),
            (with(r#","max_output_tokens":0"#), "max_output_tokens", "invalid_value"),
            (with(r#","max_output_tokens":1.5"#), "max_output_tokens", "invalid_type"),
            (with(r#","temperature":3"#), "temperature", "invalid_value"),
            (with(r#","top_logprobs":21"#), "top_logprobs", "invalid_value"),
            (with(r#","text":"json""#), "text", "invalid_type"),
            (with(r#","prompt_cache_retention":24"#), "prompt_cache_retention", "invalid_type"),
            (with(r#","include":"all""#), "include", "invalid_type"),
            (with(r#","tools":{}"#), "tools", "invalid_type"),
            (with(r#","tools":[{}]"#), "tools[0].type", "missing_required_parameter"),
            (with(r#","tools":[{"type":"web_search"},{"type":"function"}]"#), "tools[1].name", "missing_required_parameter"),
        ] {
            let error = Request::parse(body.clone()).unwrap_err();
            assert_eq!((error.param(), error.code()), (Some(param), Some(code)), "{body}");
        }
    }
}
