//! JSON and JSON lines, with the fields in the order of the file.

use super::{Value, add};
use crate::extract::document::{Builder, Document, Format};
use crate::extract::text::{decode, walk};
use crate::extract::{Limits, ReadError};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use std::fmt;

/// Reads a JSON file, or one with a value on every line.
pub(in crate::extract) fn read(bytes: &[u8], _limits: &Limits) -> Result<Document, ReadError> {
    let mut builder = Builder::new(Format::Json);
    builder.headings_are_names();
    let text = decode(bytes, None, &mut builder);
    let value = match parse(&text) {
        Ok(value) => value,
        Err(wrong) => return read_in_part(&text, &wrong, builder),
    };
    if let Value::Fields(fields) = &value
        && let Some((_, Value::Text(title))) = fields.iter().find(|(name, _)| matches!(name.as_str(), "title" | "name"))
    {
        builder.title(title);
    }
    add(&value, 1, &mut builder);
    Ok(builder.finish())
}

/// What is left of a file that is not good JSON: its good lines, or its text where people or programs took liberties (comments, `NaN`).
fn read_in_part(text: &str, wrong: &serde_json::Error, mut builder: Builder) -> Result<Document, ReadError> {
    let error = refusal(wrong);
    let ReadError::Damaged(problem) = &error else { return Err(error) };
    let (values, bad): (Vec<Option<Value>>, Vec<Option<Value>>) = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str::<Value>(line).ok()).flatten())
        .partition(Option::is_some);
    if values.len() > bad.len() {
        builder.warn(format!("{problem}: lines that are no JSON were left out ({})", bad.len()));
        add(&Value::List(values.into_iter().flatten().collect()), 1, &mut builder);
        return Ok(builder.finish());
    }
    if wrong.is_eof() {
        return Err(error);
    }
    builder.warn(format!("{problem}: read as text"));
    walk(text, &mut builder);
    Ok(builder.finish())
}

fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let whole = match serde_json::from_str::<Value>(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // A number of values, one after the other.
    let several: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    match several {
        Ok(values) if values.len() > 1 => Ok(Value::List(values)),
        _ => Err(whole),
    }
}

fn refusal(wrong: &serde_json::Error) -> ReadError {
    if wrong.to_string().contains("recursion limit") {
        return ReadError::TooComplex("its values are nested too deep".to_owned());
    }
    ReadError::Damaged(match wrong.classify() {
        Category::Eof => format!("its JSON ends too soon, on line {}", wrong.line()),
        _ => format!("its JSON is wrong on line {}, column {}", wrong.line(), wrong.column()),
    })
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Text(String::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(Value::Fields(fields))
    }
}
