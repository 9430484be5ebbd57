//! Stored completions: the messages of one as its list has them.

use crate::error::Invalid;
use crate::object::Object;
use crate::raw::Raw;

/// The messages of a request as a list has them: each with an id, its text as `content` and its parts as `content_parts`.
pub fn messages(completion: &str, messages: &str) -> Result<Vec<(String, Object)>, Invalid> {
    let messages: Vec<Raw> = serde_json::from_str(messages).map_err(|error| Invalid::json(&error))?;
    messages.iter().enumerate().map(|(index, message)| listed(format!("{completion}-{index}"), message)).collect()
}

fn listed(id: String, message: &Raw) -> Result<(String, Object), Invalid> {
    let mut message = Object::parse(message.bytes().clone())?;
    let parts = message.value("content").filter(|content| content.bytes().starts_with(b"["));
    if parts.is_some() {
        set(&mut message, "content", &())?;
    }
    for key in ["content", "refusal"] {
        if message.raw(key).is_none() {
            set(&mut message, key, &())?;
        }
    }
    set(&mut message, "content_parts", &parts)?;
    set(&mut message, "id", &id)?;
    Ok((id, message))
}

fn set<T: serde::Serialize + ?Sized>(message: &mut Object, key: &str, value: &T) -> Result<(), Invalid> {
    message.set(key, value).map_err(|error| Invalid::json(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_listed_with_its_text_or_its_parts() {
        let given = r#"[{"role":"user","content":"hi"},{"role":"user","content":[{"type":"text","text":"look", "x":1.50}],"name":"ann"},{"role":"assistant","tool_calls":[]}]"#;
        let listed: Vec<String> =
            messages("c", given).unwrap().iter().map(|(_, message)| String::from_utf8(message.to_bytes().to_vec()).unwrap()).collect();
        assert_eq!(
            listed,
            [
                r#"{"role":"user","content":"hi","refusal":null,"content_parts":null,"id":"c-0"}"#,
                r#"{"role":"user","content":null,"name":"ann","refusal":null,"content_parts":[{"type":"text","text":"look", "x":1.50}],"id":"c-1"}"#,
                r#"{"role":"assistant","tool_calls":[],"content":null,"refusal":null,"content_parts":null,"id":"c-2"}"#,
            ]
        );
    }
}
