//! A folder of labelled data: documents, questions, and which documents answer them.

mod digest;
mod judgements;
mod questions;
mod texts;

pub(super) use digest::digest;
pub(super) use judgements::judgements;
pub(super) use questions::{Place, Question, questions};
pub use texts::{Text, texts};

use serde::de::DeserializeOwned;
use std::path::Path;

/// A file of a data set that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct DatasetError {
    pub path: String,
    pub problem: String,
}

impl DatasetError {
    pub(super) fn new(path: &Path, problem: impl Into<String>) -> Self {
        Self { path: path.display().to_string(), problem: problem.into() }
    }
}

/// The file's text without the mark that some editors put first.
pub(super) async fn read(path: &Path) -> Result<String, DatasetError> {
    let text = tokio::fs::read_to_string(path).await.map_err(|error| DatasetError::new(path, error.to_string()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// One JSON object a line, each with its number from 1; empty lines count and say nothing.
pub(super) async fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<(usize, T)>, DatasetError> {
    let text = read(path).await?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let parse = |(number, line): (usize, &str)| match serde_json::from_str(line) {
        Ok(value) => Ok((number, value)),
        Err(error) => Err(DatasetError::new(path, format!("line {number}: {error}"))),
    };
    let read = lines.map(parse).collect::<Result<Vec<_>, _>>()?;
    if read.is_empty() { Err(DatasetError::new(path, "it is empty")) } else { Ok(read) }
}
