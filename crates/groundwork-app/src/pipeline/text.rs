//! The text of a request's body, for an estimate of its tokens. Whatever the dialect: texts are strings, and so are the other things that
//! a model reads, but for pictures and sound.

use groundwork_wire::object::Object;
use serde_json::Value;

/// Where a model reads, in every dialect.
pub(super) const READ: [&str; 7] = ["messages", "system", "input", "instructions", "tools", "functions", "response_format"];

/// Characters beyond which a string without a space is data and not text.
const WORD: usize = 256;

pub(super) fn text(body: &Object) -> String {
    let mut text = String::new();
    for value in READ.iter().filter_map(|key| serde_json::from_slice(body.raw(key)?).ok()) {
        collect(&value, &mut text);
    }
    text
}

fn collect(value: &Value, text: &mut String) {
    match value {
        Value::String(string) if string.len() > WORD && !string.contains(char::is_whitespace) => {}
        Value::String(string) => {
            text.push_str(string);
            text.push('\n');
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, text)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_no_text() {
        let picture = format!("data:image/png;base64,{}", "A".repeat(500));
        let body = format!(
            r#"{{"model":"m","system":"be kind","messages":[{{"role":"user","content":[{{"type":"text","text":"look here"}},{{"type":"image_url","image_url":{{"url":"{picture}"}}}}]}}]}}"#
        );
        let text = text(&Object::parse(body).unwrap());
        assert!(text.contains("look here") && text.contains("be kind") && !text.contains("AAAA") && text.len() < 100, "{text}");
    }
}
