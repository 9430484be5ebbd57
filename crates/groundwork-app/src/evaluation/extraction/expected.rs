//! The expectations of a set of files, as `expected.json` states them.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
pub(super) struct Expected {
    pub(super) files: Vec<File>,
}

/// What must come out of one file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct File {
    pub(super) file: String,
    #[serde(deserialize_with = "is_ok")]
    pub(super) outcome: Outcome,
    pub(super) error_kind: Option<String>,
    pub(super) count: Option<Count>,
    pub(super) must: Vec<Must>,
    pub(super) must_not: Vec<String>,
    pub(super) exactly_once: Vec<String>,
    pub(super) order: Vec<Vec<String>>,
    /// Wishes: told, and no failures.
    pub(super) order_preferred: Vec<Vec<String>>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) any_of: Vec<Vec<String>>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) metadata: BTreeMap<String, String>,
    /// The text is in pixels.
    pub(super) ocr: bool,
    /// The format may be refused as not read.
    pub(super) legacy: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Outcome {
    #[default]
    Ok,
    Error,
}

fn is_ok<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outcome, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "ok" => Ok(Outcome::Ok),
        "error" => Ok(Outcome::Error),
        other => Err(D::Error::custom(format!("an outcome is `ok` or `error`, not {other:?}"))),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Count {
    pub(super) unit: String,
    pub(super) n: u32,
}

/// A text that must come out, and where.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Must {
    Anywhere(String),
    There { text: String, at: Option<String> },
}

#[derive(Debug, Deserialize)]
pub(super) struct Attachment {
    pub(super) name: String,
    #[serde(default)]
    pub(super) must: Vec<String>,
}
