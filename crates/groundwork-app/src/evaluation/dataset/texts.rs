//! `docs.jsonl`: documents that are texts already.

use super::{DatasetError, read_lines};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

/// One document.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Text {
    pub id: String,
    #[serde(default)]
    pub title: String,
    pub text: String,
}

/// The documents of `folder`. An id stands once.
pub async fn texts(folder: &Path) -> Result<Vec<Text>, DatasetError> {
    let path = folder.join("docs.jsonl");
    let mut seen = BTreeSet::new();
    let mut texts = Vec::new();
    for (number, text) in read_lines::<Text>(&path).await? {
        if text.id.is_empty() || !seen.insert(text.id.clone()) {
            return Err(DatasetError::new(&path, format!("line {number}: the id {:?} is empty or stands twice", text.id)));
        }
        texts.push(text);
    }
    Ok(texts)
}
