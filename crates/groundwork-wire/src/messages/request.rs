//! The request, of an answer or of a count of its tokens.

use crate::error::Invalid;
use crate::object::Object;
use crate::raw::Raw;
use bytes::Bytes;

/// A request: the original body, and what we read of it.
#[derive(Debug, Clone)]
pub struct Request {
    pub object: Object,
    pub model: String,
    /// Empty when there is none.
    pub system: Vec<Block>,
    pub messages: Vec<Message>,
    /// Required where an answer is asked for; a count needs none.
    pub max_tokens: Option<u32>,
    pub stream: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
    /// Rules that come in mid-conversation.
    System,
}

#[derive(Debug, Clone)]
pub struct Message {
    pub object: Object,
    pub role: Role,
    pub content: Vec<Block>,
}

/// A content block, by its `type`. A content that is a string is one block of text.
#[derive(Debug, Clone)]
pub struct Block {
    pub kind: String,
    pub object: Object,
}

impl Request {
    /// Parses a body that asks for an answer.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        let request = Self::parse_count(body)?;
        if request.max_tokens.is_none() {
            return Err(missing("max_tokens"));
        }
        Ok(request)
    }

    /// Parses a body that asks how many tokens it has.
    pub fn parse_count(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        let object = Object::parse(body)?;
        if let Some(key) = object.duplicate() {
            return Err(Invalid::Duplicate { key: key.to_owned() });
        }
        Ok(Self {
            model: object.get("model", "a string")?.ok_or_else(|| missing("model"))?,
            system: object.value("system").map(|raw| blocks(&raw, "system")).transpose()?.unwrap_or_default(),
            messages: messages(&object)?,
            max_tokens: match object.get("max_tokens", "an integer")? {
                Some(0) => return Err(Invalid::Value { param: "max_tokens".to_owned(), reason: "it must be at least 1".to_owned() }),
                limit => limit,
            },
            stream: object.get("stream", "a boolean")?.unwrap_or(false),
            object,
        })
    }
}

impl Message {
    fn parse(object: Object) -> Result<Self, Invalid> {
        if let Some(key) = object.duplicate() {
            return Err(Invalid::Duplicate { key: key.to_owned() });
        }
        let name: String = object.get("role", "a string")?.ok_or_else(|| missing("role"))?;
        let role = match name.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => {
                let reason = format!("{name:?} is none of user, assistant, system");
                return Err(Invalid::Value { param: "role".to_owned(), reason });
            }
        };
        let content = object.value("content").ok_or_else(|| missing("content"))?;
        Ok(Self { role, content: blocks(&content, "content")?, object })
    }
}

impl Block {
    /// The blocks of a content, which is a string or an array of blocks; `place` is its name.
    pub fn parse_all(content: &Raw, place: &str) -> Result<Vec<Self>, Invalid> {
        blocks(content, place)
    }
}

fn messages(object: &Object) -> Result<Vec<Message>, Invalid> {
    let elements: Vec<Object> = object.get("messages", "an array of messages")?.ok_or_else(|| missing("messages"))?;
    if elements.is_empty() {
        return Err(Invalid::Value { param: "messages".to_owned(), reason: "at least one message is required".to_owned() });
    }
    let parse = |(index, element)| Message::parse(element).map_err(|error| error.within(&format!("messages[{index}]")));
    elements.into_iter().enumerate().map(parse).collect()
}

fn blocks(content: &Raw, place: &str) -> Result<Vec<Block>, Invalid> {
    if let Some(text) = content.to::<String>() {
        let mut object = Object::new();
        let written = object.set("type", "text").and_then(|()| object.set("text", &text));
        written.map_err(|error| Invalid::Value { param: place.to_owned(), reason: error.to_string() })?;
        return Ok(vec![Block { kind: "text".to_owned(), object }]);
    }
    let elements: Vec<Object> =
        content.to().ok_or_else(|| Invalid::Type { param: place.to_owned(), expected: "a string or an array of content blocks" })?;
    let block = |(index, object): (usize, Object)| {
        let kind = object.get("type", "a string").and_then(|kind| kind.ok_or_else(|| missing("type")));
        Ok(Block { kind: kind.map_err(|error| error.within(&format!("{place}[{index}]")))?, object })
    };
    elements.into_iter().enumerate().map(block).collect()
}

fn missing(param: &str) -> Invalid {
    Invalid::Missing { param: param.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_and_its_body_is_kept() {
        let body = r#"{"model":"m","max_tokens":5,"system":"be kind","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image","source":{}}]},
            {"role":"assistant","content":"b"}],"stream":true,"new":[1.10]}"#;
        let request = Request::parse(body).unwrap();
        assert_eq!(request.object.to_bytes(), body);
        let kinds: Vec<_> = request.messages[0].content.iter().map(|block| block.kind.as_str()).collect();
        assert_eq!((kinds, request.messages[1].content.len()), (vec!["text", "image"], 1));
        assert_eq!(request.system[0].object.to_bytes(), r#"{"type":"text","text":"be kind"}"#);
        assert!(request.stream && request.messages[1].role == Role::Assistant);
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let message = |message: &str| format!(r#"{{"model":"m","max_tokens":5,"messages":[{message}]}}"#);
        for (body, param) in [
            ("{}".to_owned(), "model"),
            (r#"{"model":"m","messages":[{"role":"user","content":"q"}]}"#.to_owned(), "max_tokens"),
            (r#"{"model":"m","max_tokens":-1,"messages":[{"role":"user","content":"q"}]}"#.to_owned(), "max_tokens"),
            (r#"{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"q"}]}"#.to_owned(), "max_tokens"),
            (message(""), "messages"),
            (message("3"), "messages"),
            (message(r#"{"content":"q"}"#), "messages[0].role"),
            (message(r#"{"role":"tool","content":"q"}"#), "messages[0].role"),
            (message(r#"{"role":"user"}"#), "messages[0].content"),
            (message(r#"{"role":"user","content":[{"text":"q"}]}"#), "messages[0].content[0].type"),
            (message(r#"{"role":"user","content":"q","role":"user"}"#), "messages[0].role"),
        ] {
            assert_eq!(Request::parse(body.clone()).unwrap_err().param(), Some(param), "{body}");
        }
        assert!(Request::parse_count(r#"{"model":"m","messages":[{"role":"user","content":"q"}]}"#).is_ok());
    }
}
