//! XML of any vocabulary.

use super::{Value, add};
use crate::extract::document::{Builder, Document, Format, one_line};
use crate::extract::text::decode;
use crate::extract::xml::{Element, Node, parse};
use crate::extract::{Limits, ReadError};
use std::collections::HashMap;

/// Reads an XML file.
pub(in crate::extract) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let mut builder = Builder::new(Format::Xml);
    builder.headings_are_names();
    let text = decode(bytes, declared_encoding(bytes), &mut builder);
    let (root, left_out) = parse(&text, limits)?;
    if left_out {
        builder.warn("entities that the file declares itself were left out");
    }
    if let Some(title) = root.find("title") {
        builder.title(&title.text());
    }
    add(&value(root), 1, &mut builder);
    Ok(builder.finish())
}

/// `encoding="…"` of the first line.
fn declared_encoding(bytes: &[u8]) -> Option<&[u8]> {
    let line = &bytes[..bytes.iter().take(200).position(|byte| *byte == b'>')?];
    let at = line.windows(9).position(|window| window == b"encoding=")? + 9;
    line.get(at + 1..)?.split(|byte| matches!(byte, b'"' | b'\'')).next()
}

/// An element with words between its elements is a text; others are fields, those of one name together a list. Takes the tree apart as it
/// goes, so that the file is never in memory twice.
fn value(element: Element) -> Value {
    let mixed = element.children.iter().any(|child| matches!(child, Node::Text(text) if !text.trim().is_empty()));
    if mixed || (element.children.is_empty() && element.attributes.is_empty()) {
        // Words of neighbouring elements stay apart only where white space does that already, as within `H<sub>2</sub>O`.
        let text = Value::Text(one_line(&element.text()));
        return if element.attributes.is_empty() { text } else { with_attributes(element.attributes, vec![(String::new(), text)]) };
    }
    let mut fields: Vec<(String, Value)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for child in element.children {
        let Node::Element(mut child) = child else { continue };
        let name = std::mem::take(&mut child.name);
        let value = value(child);
        match places.get(&name).copied() {
            Some(place) => match &mut fields[place].1 {
                // A list made here, not one that the child is itself: XML has no lists of its own.
                Value::List(list) => list.push(value),
                single => *single = Value::List(vec![std::mem::replace(single, Value::Text(String::new())), value]),
            },
            None => {
                places.insert(name.clone(), fields.len());
                fields.push((name, value));
            }
        }
    }
    with_attributes(element.attributes, fields)
}

/// The fields after the attributes, without those that only name vocabularies.
fn with_attributes(mut attributes: Vec<(String, String)>, fields: Vec<(String, Value)>) -> Value {
    attributes.retain(|(name, value)| {
        !matches!(name.as_str(), "schemaLocation" | "noNamespaceSchemaLocation") && !value.starts_with("http://www.w3.org/")
    });
    Value::Fields(attributes.into_iter().map(|(name, value)| (name, Value::Text(value))).chain(fields).collect())
}
