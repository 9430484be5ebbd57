//! JSON and XML → blocks. Both become one kind of value first: records of like fields turn into tables, the rest into `name: value` lines
//! under headings, in the order of the file.

mod json;
mod markup;
mod notebook;

pub(super) use json::read as read_json;
pub(super) use markup::read as read_xml;
pub(super) use notebook::read as read_notebook;

use super::document::{Builder, Kind, one_line};
use std::borrow::Cow;

/// A value with its fields in the order of the file.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    List(Vec<Value>),
    Fields(Vec<(String, Value)>),
}

/// Headings go this deep; below, names are joined by dots.
const MOST_HEADINGS: u8 = 3;

/// Adds a value under the headings that are open; `level` is that of the next heading.
fn add(value: &Value, level: u8, builder: &mut Builder) {
    match value {
        Value::Text(text) => builder.paragraph(text),
        Value::List(items) => add_list(items, level, builder),
        Value::Fields(fields) => add_fields(fields, level, builder),
    }
}

fn add_list(items: &[Value], level: u8, builder: &mut Builder) {
    if let Some(rows) = as_table(items) {
        return builder.table(rows, 1);
    }
    for item in items {
        match item {
            Value::Text(text) => builder.push(Kind::ListItem { depth: 0 }, text),
            other => add(other, level, builder),
        }
    }
}

fn add_fields(fields: &[(String, Value)], level: u8, builder: &mut Builder) {
    let mut lines: Vec<String> = Vec::new();
    let end = |lines: &mut Vec<String>, builder: &mut Builder| builder.paragraph(&std::mem::take(lines).join("\n"));
    for (name, value) in fields {
        match value {
            Value::Text(text) if text.trim().is_empty() => {}
            Value::Text(text) if name.is_empty() => lines.push(text.clone()),
            Value::Text(text) => lines.push(format!("{name}: {text}")),
            other if level > MOST_HEADINGS => flatten(name, other, &mut lines),
            other => {
                end(&mut lines, builder);
                builder.heading(level, name);
                add(other, level + 1, builder);
            }
        }
    }
    end(&mut lines, builder);
}

/// `path.to.name: value`, one line for every text below.
fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Text(text) if text.trim().is_empty() => {}
        Value::Text(text) => lines.push(format!("{path}: {}", one_line(text))),
        Value::List(items) => match items.iter().map(as_text).collect::<Option<Vec<&str>>>() {
            Some(texts) if !texts.is_empty() => lines.push(format!("{path}: {}", texts.join(", "))),
            _ => items.iter().zip(1..).for_each(|(item, number)| flatten(&format!("{path}.{number}"), item, lines)),
        },
        Value::Fields(fields) => fields.iter().for_each(|(name, value)| flatten(&format!("{path}.{name}"), value, lines)),
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// What a value is in one cell: its text, or its texts with commas.
fn as_cell(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::List(items) => items.iter().map(as_text).collect::<Option<Vec<&str>>>().map(|texts| Cow::Owned(texts.join(", "))),
        Value::Fields(_) => None,
    }
}

/// Records with only texts in them, or lists of texts, at least half of the cells filled: a header of all names, then a row each.
fn as_table(items: &[Value]) -> Option<Vec<Vec<String>>> {
    const MOST_COLUMNS: usize = 256;
    let mut names: Vec<&str> = Vec::new();
    let mut filled = 0;
    for item in items {
        let Value::Fields(fields) = item else { return None };
        filled += fields.len();
        for (name, value) in fields {
            as_cell(value)?;
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        if names.len() > MOST_COLUMNS {
            return None;
        }
    }
    if items.len() < 2 || names.is_empty() || filled * 2 < names.len() * items.len() {
        return None;
    }
    let header = names.iter().map(|name| (*name).to_owned()).collect();
    let row = |item: &Value| -> Vec<String> {
        let Value::Fields(fields) = item else { return Vec::new() };
        let cell = |name: &&str| {
            fields.iter().filter(|(known, _)| known == name).filter_map(|(_, value)| as_cell(value)).collect::<Vec<_>>().join(", ")
        };
        names.iter().map(cell).collect()
    };
    Some(std::iter::once(header).chain(items.iter().map(row)).collect())
}

#[cfg(test)]
mod tests;
