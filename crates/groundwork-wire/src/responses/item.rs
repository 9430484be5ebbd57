//! Items: what goes into a response and what comes out of it, by `type`.

use crate::error::Invalid;
use crate::object::Object;
use serde_json::json;

/// One item as it came. It is shown to clients as `shown`, and sent on as it is.
#[derive(Debug, Clone)]
pub struct Item {
    pub object: Object,
    kind: String,
    id: Option<String>,
}

impl Item {
    /// Reads an item. An item without a type is a message when it has a role, else a reference to another item.
    pub fn new(object: Object) -> Result<Self, Invalid> {
        if let Some(key) = object.duplicate() {
            return Err(Invalid::Duplicate { key: key.to_owned() });
        }
        let id = object.get("id", "a string")?;
        let kind = match object.get::<String>("type", "a string")? {
            Some(kind) => kind,
            None if object.has("role") || id.is_none() => "message".to_owned(),
            None => "item_reference".to_owned(),
        };
        let item = Self { object, kind, id };
        item.check()?;
        Ok(item)
    }

    /// A user's message.
    pub fn user(text: &str) -> Result<Self, Invalid> {
        Self::new(Object::parse(json!({ "role": "user", "content": text }).to_string())?)
    }

    /// What a request puts in: the items of an array, or the one user's message that a string is.
    pub fn read_input(holder: &Object) -> Result<Vec<Self>, Invalid> {
        match holder.raw("input") {
            Some(raw) if raw.first() == Some(&b'"') => {
                let text: Option<String> = holder.get("input", "a string")?;
                Ok(vec![Self::user(&text.unwrap_or_default())?])
            }
            _ => Self::read_all(holder, "input", "a string or an array of items"),
        }
    }

    /// The items of an array. Errors name `param[index]`.
    pub fn read_all(holder: &Object, param: &str, expected: &'static str) -> Result<Vec<Self>, Invalid> {
        let Some(raw) = holder.raw(param).filter(|raw| raw.as_ref() != b"null") else { return Ok(Vec::new()) };
        let wrong = |_| Invalid::Type { param: param.to_owned(), expected };
        let elements: Vec<&serde_json::value::RawValue> = serde_json::from_slice(raw).map_err(wrong)?;
        let read = |(index, element): (usize, &serde_json::value::RawValue)| {
            Object::parse(raw.slice_ref(element.get().as_bytes()))
                .and_then(Self::new)
                .map_err(|error| error.within(&format!("{param}[{index}]")))
        };
        elements.into_iter().enumerate().map(read).collect()
    }

    pub fn kind(&self) -> &str {
        &self.kind
    }

    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What ids of this kind begin with.
    pub fn prefix(&self) -> &'static str {
        match self.kind.as_str() {
            "message" => "msg",
            "reasoning" => "rs",
            "function_call" => "fc",
            "function_call_output" => "fco",
            "custom_tool_call" => "ctc",
            "custom_tool_call_output" => "ctco",
            _ => "item",
        }
    }

    /// The item as a resource: with `id`, `type` and `status`, a message's content as parts.
    pub fn shown(&self, id: &str) -> Object {
        let mut shown = Object::new();
        let mut put = |key: &str, value: serde_json::Value| drop(shown.set(key, &value));
        put("id", id.into());
        put("type", self.kind.as_str().into());
        if !self.object.has("status") && matches!(self.kind.as_str(), "message" | "function_call" | "function_call_output") {
            put("status", "completed".into());
        }
        if self.kind == "message"
            && let Ok(Some(text)) = self.object.get::<String>("content", "a string")
        {
            let part = match self.role().as_deref() {
                Some("assistant") => json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] }),
                _ => json!({ "type": "input_text", "text": text }),
            };
            put("content", json!([part]));
        }
        for key in self.object.keys().map(str::to_owned).collect::<Vec<_>>() {
            if !shown.has(&key)
                && let Some(Ok(raw)) = self.object.raw(&key).map(|raw| serde_json::from_slice::<&serde_json::value::RawValue>(raw))
            {
                // Raw JSON can be written as JSON.
                let _ = shown.set(&key, raw);
            }
        }
        shown
    }

    fn role(&self) -> Option<String> {
        self.object.get("role", "a string").ok().flatten()
    }

    /// What every target would refuse, or read as something else.
    fn check(&self) -> Result<(), Invalid> {
        let need = |key: &str| if self.object.has(key) { Ok(()) } else { Err(Invalid::Missing { param: key.to_owned() }) };
        let text = |key: &str| self.object.get::<String>(key, "a string").map(|_text| ());
        match self.kind.as_str() {
            "message" => {
                let role: String = self.object.get("role", "a string")?.ok_or_else(|| Invalid::Missing { param: "role".to_owned() })?;
                if !matches!(role.as_str(), "user" | "assistant" | "system" | "developer") {
                    let reason = format!("{role:?} is none of user, assistant, system, developer");
                    return Err(Invalid::Value { param: "role".to_owned(), reason });
                }
                need("content")?;
                content(&self.object, "content")
            }
            "function_call" => need("call_id").and(need("name")).and(need("arguments")).and(text("arguments")).and(text("name")),
            "custom_tool_call" => need("call_id").and(need("name")).and(need("input")).and(text("input")),
            "function_call_output" | "custom_tool_call_output" => need("output").and_then(|()| content(&self.object, "output")),
            "item_reference" => need("id"),
            _ => Ok(()),
        }
    }
}

/// A text, or parts each with a type.
fn content(holder: &Object, key: &'static str) -> Result<(), Invalid> {
    let Some(raw) = holder.raw(key) else { return Ok(()) };
    if raw.first() == Some(&b'"') {
        return Ok(());
    }
    let expected = "a string or an array of content parts";
    let parts: Vec<Object> = serde_json::from_slice(raw).map_err(|_| Invalid::Type { param: key.to_owned(), expected })?;
    for (index, part) in parts.iter().enumerate() {
        let kind =
            part.get::<String>("type", "a string").and_then(|kind| kind.ok_or_else(|| Invalid::Missing { param: "type".to_owned() }));
        kind.map_err(|error| error.within(&format!("{key}[{index}]")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str) -> Result<Item, Invalid> {
        Item::new(Object::parse(text.to_owned())?)
    }

    #[test]
    fn items_are_shown_as_resources() {
        for (given, shown) in [
            (
                r#"{"role":"user","content":"hi"}"#,
                r#"{"id":"x_1","type":"message","status":"completed","content":[{"text":"hi","type":"input_text"}],"role":"user"}"#,
            ),
            (
                r#"{"role":"assistant","content":"yes","phase":"final_answer"}"#,
                r#"{"id":"x_1","type":"message","status":"completed","content":[{"annotations":[],"logprobs":[],"text":"yes","type":"output_text"}],"role":"assistant","phase":"final_answer"}"#,
            ),
            (
                r#"{"type":"message","id":"old","status":"incomplete","role":"user","content":[{"type":"input_image","image_url":"data:,","n":1.50}]}"#,
                r#"{"id":"x_1","type":"message","status":"incomplete","role":"user","content":[{"type":"input_image","image_url":"data:,","n":1.50}]}"#,
            ),
            (
                r#"{"type":"function_call_output","call_id":"c","output":"42"}"#,
                r#"{"id":"x_1","type":"function_call_output","status":"completed","call_id":"c","output":"42"}"#,
            ),
            (r#"{"type":"new_thing","a":1}"#, r#"{"id":"x_1","type":"new_thing","a":1}"#),
        ] {
            assert_eq!(item(given).unwrap().shown("x_1").to_bytes(), shown);
        }
    }

    #[test]
    fn a_string_is_one_message_and_wrong_items_are_named_by_their_place() {
        let holder = |input: &str| Object::parse(format!(r#"{{"input":{input}}}"#)).unwrap();
        let one = Item::read_input(&holder(r#""a \"word\"""#)).unwrap();
        assert_eq!(one[0].object.to_bytes(), r#"{"content":"a \"word\"","role":"user"}"#);
        assert_eq!(Item::read_input(&holder("null")).unwrap().len(), 0);
        for (input, param) in [
            ("7", "input"),
            ("[7]", "input[0]"),
            (r#"[{"role":"user","content":"a"},{"content":"b"}]"#, "input[1].role"),
            (r#"[{"role":"pope","content":"b"}]"#, "input[0].role"),
            (r#"[{"role":"user"}]"#, "input[0].content"),
            (r#"[{"role":"user","content":5}]"#, "input[0].content"),
            (r#"[{"role":"user","content":[{"text":"a"}]}]"#, "input[0].content[0].type"),
            (r#"[{"type":"function_call","call_id":"c","name":"f"}]"#, "input[0].arguments"),
            (r#"[{"type":"function_call_output","call_id":"c"}]"#, "input[0].output"),
            (r#"[{"type":"item_reference"}]"#, "input[0].id"),
            (r#"[{"type":3}]"#, "input[0].type"),
            (r#"[{"role":"user","content":"a","role":"system"}]"#, "input[0].role"),
        ] {
            assert_eq!(Item::read_input(&holder(input)).unwrap_err().param(), Some(param), "{input}");
        }
        let text = Item::read_all(&holder(r#""a""#), "input", "an array of items").unwrap_err();
        assert_eq!(text.to_string(), "Invalid type for 'input': expected an array of items.");
        assert_eq!(item(r#"{"id":"msg_1"}"#).unwrap().kind(), "item_reference");
    }
}
