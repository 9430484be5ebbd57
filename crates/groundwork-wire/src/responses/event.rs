//! The typed events of a response's stream.

use super::Echo;
use super::response::name_item;
use crate::object::Object;
use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One event, ready to be sent: `event: kind`, `data: data`.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: Cow<'static, str>,
    pub sequence: u64,
    pub data: Bytes,
    /// The response that an event about the whole response carries, with what its client does not see.
    pub response: Option<Object>,
    /// The item that an event about its end carries, likewise.
    pub item: Option<Object>,
}

/// The type of an event.
pub fn kind_of(data: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Typed {
        r#type: String,
    }
    serde_json::from_slice::<Typed>(data).ok().map(|typed| typed.r#type)
}

/// What an event says of the response as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    Begins,
    Goes,
    /// Completed, incomplete or failed: the last event.
    Ends,
    /// An error without a response; the stream ends.
    Breaks,
}

impl Event {
    pub fn lifecycle(&self) -> Lifecycle {
        match self.kind.as_ref() {
            "response.created" | "response.queued" | "response.in_progress" => Lifecycle::Begins,
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => Lifecycle::Ends,
            "error" => Lifecycle::Breaks,
            _ => Lifecycle::Goes,
        }
    }
}

/// The fields of an event beside its type and number; those that are `None` are left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fields<'a> {
    pub response: Option<&'a Object>,
    pub item_id: Option<&'a str>,
    pub output_index: Option<usize>,
    pub content_index: Option<usize>,
    pub summary_index: Option<usize>,
    pub annotation_index: Option<usize>,
    pub item: Option<&'a Object>,
    pub part: Option<&'a Object>,
    pub annotation: Option<&'a RawValue>,
    pub delta: Option<&'a str>,
    pub text: Option<&'a str>,
    pub refusal: Option<&'a str>,
    pub name: Option<&'a str>,
    pub arguments: Option<&'a str>,
    pub input: Option<&'a str>,
    pub logprobs: Option<&'a [Box<RawValue>]>,
}

struct Data<'a> {
    kind: &'static str,
    sequence: u64,
    fields: &'a Fields<'a>,
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn put<M: SerializeMap, T: Serialize>(map: &mut M, key: &'static str, value: Option<T>) -> Result<(), M::Error> {
            value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
        }
        let Self { kind, sequence, fields } = self;
        let mut map = serializer.serialize_map(None)?;
        put(&mut map, "type", Some(kind))?;
        put(&mut map, "sequence_number", Some(sequence))?;
        put(&mut map, "response", fields.response)?;
        put(&mut map, "item_id", fields.item_id)?;
        put(&mut map, "output_index", fields.output_index)?;
        put(&mut map, "content_index", fields.content_index)?;
        put(&mut map, "summary_index", fields.summary_index)?;
        put(&mut map, "annotation_index", fields.annotation_index)?;
        put(&mut map, "item", fields.item)?;
        put(&mut map, "part", fields.part)?;
        put(&mut map, "annotation", fields.annotation)?;
        put(&mut map, "delta", fields.delta)?;
        put(&mut map, "text", fields.text)?;
        put(&mut map, "refusal", fields.refusal)?;
        put(&mut map, "name", fields.name)?;
        put(&mut map, "arguments", fields.arguments)?;
        put(&mut map, "input", fields.input)?;
        put(&mut map, "logprobs", fields.logprobs)?;
        map.end()
    }
}

/// Numbers the events of one stream.
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    next: u64,
}

impl Sequence {
    /// A sequence whose first event has the number `first`.
    pub fn from(first: u64) -> Self {
        Self { next: first }
    }

    /// The next event.
    pub fn event(&mut self, kind: &'static str, fields: &Fields<'_>) -> Event {
        let sequence = self.take();
        // Strings, numbers and raw JSON always have a form in JSON.
        let data = serde_json::to_vec(&Data { kind, sequence, fields }).unwrap_or_default().into();
        Event { kind: Cow::Borrowed(kind), sequence, data, response: fields.response.cloned(), item: None }
    }

    /// An `error` event.
    pub fn error(&mut self, code: Option<&str>, message: &str, param: Option<&str>) -> Event {
        let sequence = self.take();
        let data = serde_json::json!({ "type": "error", "sequence_number": sequence, "code": code, "message": message, "param": param });
        Event { kind: Cow::Borrowed("error"), sequence, data: data.to_string().into(), response: None, item: None }
    }

    /// An event of a target's stream as the next of ours: our number, and a response dressed by `echo` at the second `now`. What needs no
    /// change keeps its bytes. `None` for what is no event, such as another dialect's `[DONE]`.
    pub fn adopt(&mut self, data: &Bytes, echo: &Echo, now: u64) -> Option<Event> {
        let mut object = Object::parse(data.clone()).ok()?;
        let kind: String = object.get("type", "a string").ok()??;
        let sequence = self.take();
        if object.get::<u64>("sequence_number", "an integer").ok().flatten() != Some(sequence) {
            let _ = object.set("sequence_number", &sequence);
        }
        if object.has("response_id") {
            let _ = object.set("response_id", &echo.id);
        }
        let inner = |object: &Object, key: &str| object.raw(key).and_then(|raw| Object::parse(raw.clone()).ok());
        let response = inner(&object, "response").map(|mut response| {
            echo.dress(&mut response, now);
            let _ = object.set("response", &echo.include.response(&response));
            response
        });
        let of_item = matches!(kind.as_str(), "response.output_item.added" | "response.output_item.done");
        let item = of_item.then(|| inner(&object, "item")).flatten().map(|mut item| {
            let index: Option<u64> = object.get("output_index", "an integer").ok().flatten();
            if !item.has("id") || echo.include.hides(&item) {
                name_item(&echo.id, index.unwrap_or(0), &mut item);
                let _ = object.set("item", &echo.include.item(&item));
            }
            item
        });
        let item = item.filter(|_| kind == "response.output_item.done");
        Some(Event { kind: Cow::Owned(kind), sequence, data: object.to_bytes(), response, item })
    }

    /// The number of the next event.
    pub fn next(&self) -> u64 {
        self.next
    }

    fn take(&mut self) -> u64 {
        let sequence = self.next;
        self.next += 1;
        sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::responses::Request;

    fn echo() -> Echo {
        Echo::new("resp_ours", 7, &Request::parse(r#"{"model":"m","input":"q","store":false}"#).unwrap())
    }

    #[test]
    fn what_is_kept_and_not_shown_is_in_the_event_and_not_in_its_bytes() {
        let echo = Echo::new("resp_ours", 7, &Request::parse(r#"{"model":"m","input":"q"}"#).unwrap());
        let item = r#"{"type":"reasoning","summary":[],"encrypted_content":"secret"}"#;
        for data in [
            format!(r#"{{"type":"response.output_item.done","sequence_number":0,"output_index":0,"item":{item}}}"#),
            format!(r#"{{"type":"response.completed","sequence_number":0,"response":{{"status":"completed","output":[{item}]}}}}"#),
        ] {
            let event = Sequence::default().adopt(&Bytes::from(data.clone()), &echo, 9).unwrap();
            let kept = event.item.or(event.response).unwrap().to_bytes();
            let (shown, kept) = (String::from_utf8_lossy(&event.data), String::from_utf8_lossy(&kept));
            assert!(!shown.contains("secret") && kept.contains("secret"), "{shown}");
            assert!(shown.contains(r#""id":"rs_ours_0""#) && kept.contains(r#""id":"rs_ours_0""#), "{shown}");
        }
    }

    #[test]
    fn events_are_numbered_and_hold_what_they_are_given() {
        let mut sequence = Sequence::default();
        let delta = Fields {
            item_id: Some("msg_1"),
            output_index: Some(0),
            content_index: Some(0),
            delta: Some("a\n"),
            logprobs: Some(&[]),
            ..Fields::default()
        };
        assert_eq!(
            sequence.event("response.output_text.delta", &delta).data,
            r#"{"type":"response.output_text.delta","sequence_number":0,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"a\n","logprobs":[]}"#
        );
        assert_eq!(
            sequence.error(None, "it broke", None).data,
            r#"{"code":null,"message":"it broke","param":null,"sequence_number":1,"type":"error"}"#
        );
    }

    #[test]
    fn an_event_of_a_target_passes_byte_by_byte_unless_it_carries_the_response() {
        let mut sequence = Sequence::default();
        let raw = Bytes::from_static(
            br#"{ "type":"response.output_text.delta", "sequence_number":0, "delta":"x", "obfuscation":"zz", "n":1.50 }"#,
        );
        assert_eq!(sequence.adopt(&raw, &echo(), 9).unwrap().data, raw);
        let done = Bytes::from_static(
            br#"{"type":"response.completed","response":{"id":"up","status":"completed","store":true,"x":1.50},"sequence_number":9}"#,
        );
        let event = sequence.adopt(&done, &echo(), 9).unwrap();
        assert_eq!(event.lifecycle(), Lifecycle::Ends);
        let text = String::from_utf8(event.data.to_vec()).unwrap();
        assert!(
            text.starts_with(r#"{"type":"response.completed","response":{"id":"resp_ours","status":"completed","store":false,"x":1.50,"#),
            "{text}"
        );
        assert!(text.ends_with(r#","sequence_number":1}"#), "{text}");
        assert!(sequence.adopt(&Bytes::from_static(b"[DONE]"), &echo(), 9).is_none());
        assert_eq!(sequence.next(), 2);
    }
}
