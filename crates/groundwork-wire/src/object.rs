//! A JSON object as an ordered list of keys and raw values.

use crate::error::Invalid;
use crate::members::text;
use crate::raw::Raw;
use bytes::Bytes;
use memchr::memchr2_iter;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// Fields that are compared one by one sooner than by their hashes.
const FEW: usize = 16;

/// How deep a body may nest: as deep as serde_json reads.
pub const MAX_DEPTH: usize = 127;

/// Fields of an object whose keys are looked at one by one; none that anybody means has more. What is done with a field may look at all
/// others, and a body has room for a million.
const MAX_FIELDS: usize = 1024;

/// A JSON object that keeps what it does not understand: values are slices of the original bytes, so unknown fields and the spelling
/// of numbers survive; an object that was not edited gives its original bytes back.
#[derive(Debug, Clone, Default)]
pub struct Object {
    /// The whole, until the first edit.
    original: Option<Bytes>,
    /// Shared by clones until one is edited.
    fields: Arc<Vec<Field>>,
}

/// Equal when the same fields stand in the same order, spelled equally.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Field {
    key: String,
    value: Bytes,
}

impl Object {
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses an object. Of a key that stands twice the last counts, as in every JSON library; `duplicate` tells of it.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        let body: Bytes = body.into();
        if too_deep(&body) {
            return Err(Invalid::TooDeep { limit: MAX_DEPTH });
        }
        // Of what is known to be UTF-8 it is not asked again with every string.
        let fields: Result<Fields<'_>, _> = match std::str::from_utf8(&body) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(&body),
        };
        let fields = fields.map_err(|error| match first_byte(&body) {
            // A whole value of another kind fails at its first byte, before its own syntax is looked at.
            Some(byte) if byte != b'{' && serde_json::from_slice::<&RawValue>(&body).is_ok() => Invalid::NotAnObject,
            _ => Invalid::json(&error),
        })?;
        if fields.0.len() > MAX_FIELDS {
            return Err(Invalid::TooManyFields { limit: MAX_FIELDS });
        }
        let field = |(key, value): (String, &RawValue)| Field { key, value: body.slice_ref(value.get().as_bytes()) };
        let fields = Arc::new(fields.0.into_iter().map(field).collect());
        Ok(Self { original: Some(body), fields })
    }

    /// The first key that stands twice. A request with one must be refused: another parser might read the other value.
    pub fn duplicate(&self) -> Option<&str> {
        if self.fields.len() <= FEW {
            let twice = |(at, field): (usize, &Field)| self.fields[..at].iter().any(|other| other.key == field.key);
            return self.fields.iter().enumerate().position(twice).map(|at| self.fields[at].key.as_str());
        }
        let mut seen = std::collections::HashSet::with_capacity(self.fields.len());
        self.keys().find(|key| !seen.insert(*key))
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.key.as_str())
    }

    /// The raw JSON of a value.
    pub fn raw(&self, key: &str) -> Option<&Bytes> {
        self.fields.iter().rev().find(|field| field.key == key).map(|field| &field.value)
    }

    /// The value of `key`; `None` when it is missing or null. `expected` describes the type for the error.
    pub fn get<T: DeserializeOwned>(&self, key: &str, expected: &'static str) -> Result<Option<T>, Invalid> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        serde_json::from_slice(raw).map_err(|error| Invalid::unread(&error, key, expected))
    }

    /// The value of `key` as it is spelled; `None` when it is missing or null.
    pub fn value(&self, key: &str) -> Option<Raw> {
        self.raw(key).filter(|raw| raw.as_ref() != b"null").map(|raw| Raw::known(raw.clone()))
    }

    /// Whether `key` has a value other than null.
    pub fn has(&self, key: &str) -> bool {
        self.raw(key).is_some_and(|raw| raw.as_ref() != b"null")
    }

    /// Sets `key` in its place, or at the end.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), serde_json::Error> {
        self.put(key, &Raw::of(value)?);
        Ok(())
    }

    /// The same for a value that is spelled already.
    pub fn put(&mut self, key: &str, value: &Raw) {
        let value = value.bytes().clone();
        self.original = None;
        let fields = Arc::make_mut(&mut self.fields);
        let Some(last) = fields.iter().rposition(|field| field.key == key) else {
            return fields.push(Field { key: key.to_owned(), value });
        };
        fields[last].value = value;
        let mut at = 0..;
        fields.retain(|field| at.next() == Some(last) || field.key != key);
    }

    /// Whether there was such a key.
    pub fn remove(&mut self, key: &str) -> bool {
        if self.raw(key).is_none() {
            return false;
        }
        self.original = None;
        Arc::make_mut(&mut self.fields).retain(|field| field.key != key);
        true
    }

    pub fn to_bytes(&self) -> Bytes {
        if let Some(original) = &self.original {
            return original.clone();
        }
        let size = self.fields.iter().map(|field| field.key.len() + field.value.len() + 4).sum::<usize>() + 2;
        let mut out = Vec::with_capacity(size);
        let mut separator = "{";
        for Field { key, value } in self.fields.iter() {
            out.extend_from_slice(separator.as_bytes());
            text(&mut out, key);
            out.push(b':');
            out.extend_from_slice(value);
            separator = ",";
        }
        out.extend_from_slice(if self.fields.is_empty() { b"{}" } else { b"}" });
        out.into()
    }
}

impl Serialize for Object {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        serde_json::from_slice::<&RawValue>(&self.to_bytes()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Object {
    /// Only from JSON: its raw text is kept.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get().as_bytes().to_vec()).map_err(D::Error::custom)
    }
}

/// Keys in order with their raw values, borrowed from the body.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

fn first_byte(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// Whether brackets outside strings nest deeper than `MAX_DEPTH`.
pub(crate) fn too_deep(body: &[u8]) -> bool {
    // Most bodies have fewer of them anywhere.
    if memchr2_iter(b'{', b'[', body).nth(MAX_DEPTH).is_none() {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for &byte in body {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object(text: &str) -> Object {
        Object::parse(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn an_untouched_object_gives_its_bytes_back() {
        let text = "\n{ \"a\" : 1.0e0,\t\"\\u0062\":12345678901234567890123, \"a\":null }\r\n";
        assert_eq!(object(text).to_bytes(), text);
    }

    #[test]
    fn an_edit_leaves_the_other_values_as_they_were_spelled() {
        let mut edited = object(r#"{"seed":9007199254740993,"x":1.10,"model":"a","y":{"k": [1,  2]}}"#);
        edited.set("model", "b").unwrap();
        edited.set("new", &true).unwrap();
        assert!(edited.remove("x"));
        assert!(!edited.remove("x"));
        assert_eq!(edited.to_bytes(), r#"{"seed":9007199254740993,"model":"b","y":{"k": [1,  2]},"new":true}"#);
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_counts_and_an_edit_leaves_one() {
        let mut twice = object(r#"{"a":1,"b":2,"\u0061":3}"#);
        assert_eq!(twice.duplicate(), Some("a"));
        assert_eq!(twice.get::<u32>("a", "an integer").unwrap(), Some(3));
        twice.set("a", &4).unwrap();
        assert_eq!(twice.to_bytes(), r#"{"b":2,"a":4}"#);
        assert_eq!(twice.duplicate(), None);
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_reason() {
        let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Object::parse(nested(MAX_DEPTH - 1)).is_ok());
        assert_eq!(Object::parse(nested(MAX_DEPTH)).unwrap_err(), Invalid::TooDeep { limit: MAX_DEPTH });
        assert_eq!(Object::parse(nested(2_000_000)).unwrap_err(), Invalid::TooDeep { limit: MAX_DEPTH });
        let wide = |fields: usize| format!("{{{}}}", (0..fields).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(","));
        assert!(Object::parse(wide(MAX_FIELDS)).is_ok());
        assert_eq!(Object::parse(wide(MAX_FIELDS + 1)).unwrap_err(), Invalid::TooManyFields { limit: MAX_FIELDS });
        for text in ["[]", "null", " 3", "\"{}\""] {
            assert_eq!(Object::parse(text).unwrap_err(), Invalid::NotAnObject, "{text}");
        }
        for text in ["", "{", "{\"a\":1,}", "{\"a\":1} x", "{\"a\":\"\u{1}\"}", "[1", "{'a':1}"] {
            assert!(matches!(Object::parse(text), Err(Invalid::Json { .. })), "{text}");
        }
        assert!(matches!(Object::parse(b"{\"a\":\"\xff\"}".to_vec()), Err(Invalid::Json { .. })));
    }

    #[test]
    fn a_value_of_another_type_is_named_and_null_counts_as_missing() {
        let given = object(r#"{"n":"three","none":null}"#);
        assert_eq!(given.get::<u32>("n", "an integer"), Err(Invalid::Type { param: "n".to_owned(), expected: "an integer" }));
        let half = object(r#"{"n":"\ud83d"}"#).get::<String>("n", "a string").unwrap_err();
        assert!(half.param() == Some("n") && half.to_string().contains("surrogate"), "{half}");
        assert_eq!(given.get::<u32>("none", "an integer"), Ok(None));
        assert_eq!(given.get::<u32>("missing", "an integer"), Ok(None));
        assert!(!given.has("none"));
    }

    #[test]
    fn an_object_inside_another_value_keeps_its_spelling() {
        let list: Vec<Object> = serde_json::from_str(r#"[{"a": 1.50}, {}]"#).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), r#"[{"a": 1.50},{}]"#);
    }

    proptest! {
        #[test]
        fn whatever_bytes_come_nothing_panics_and_what_parses_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(parsed) = Object::parse(bytes.clone()) {
                prop_assert_eq!(parsed.to_bytes(), bytes);
            }
        }

        #[test]
        fn an_edited_object_parses_to_the_same_fields(keys in prop::collection::vec("\\PC{0,6}", 1..6), value in any::<i64>()) {
            let mut made = Object::new();
            for key in &keys {
                made.set(key, &value).unwrap();
            }
            let again = Object::parse(made.to_bytes()).unwrap();
            prop_assert_eq!(again.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
            for key in &keys {
                prop_assert_eq!(again.get::<i64>(key, "an integer").unwrap(), Some(value));
            }
        }
    }
}
