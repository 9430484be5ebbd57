//! How much of what is known to stand in a set of files comes out of them, and at the right place.

mod check;
mod expected;
mod text;

#[cfg(test)]
mod tests;

use check::{NotRead, check};
use expected::{Expected, File};
use futures::StreamExt;
use groundwork_retrieval::extract::Extraction;
use groundwork_retrieval::extract::sandbox::Extractor;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractionReport {
    pub total: Tally,
    pub files: Vec<FileReport>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub checked: usize,
    pub failed: usize,
    /// Texts in pixels that nothing recognizes here.
    pub skipped: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    pub file: String,
    /// `ok` or `error`.
    pub outcome: String,
    pub checked: usize,
    pub failed: usize,
    pub skipped: usize,
    pub failures: Vec<Failure>,
    /// What would have been better and is no failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wishes: Vec<String>,
}

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The field of the expectation: `must`, `rows` and so on.
    pub rule: String,
    pub expected: String,
    pub found: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ExtractionError {
    #[error("{path} cannot be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a list of expectations: {source}")]
    NotExpectations { path: PathBuf, source: serde_json::Error },
}

/// Reads every file that `expected` names, below `files`, and compares. `progress` is called after each with how many are done, of how many.
pub async fn extraction(
    extractor: &Extractor,
    expected: &Path,
    files: &Path,
    progress: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<ExtractionReport, ExtractionError> {
    let path = || expected.to_owned();
    let json = tokio::fs::read(expected).await.map_err(|source| ExtractionError::Unreadable { path: path(), source })?;
    let expected: Expected = serde_json::from_slice(&json).map_err(|source| ExtractionError::NotExpectations { path: path(), source })?;
    let of = expected.files.len();
    let read = |file: File| async move {
        let outcome = read(extractor, files, &file.file).await;
        check(&file, &outcome, extractor.ocr().missing().is_none())
    };
    let mut reports = futures::stream::iter(expected.files).map(read).buffered(extractor.children());
    let mut report = ExtractionReport { total: Tally::default(), files: Vec::with_capacity(of) };
    while let Some(file) = reports.next().await {
        report.total.checked += file.checked;
        report.total.failed += file.failed;
        report.total.skipped += file.skipped;
        report.files.push(file);
        progress(report.files.len(), of);
    }
    Ok(report)
}

async fn read(extractor: &Extractor, folder: &Path, file: &str) -> Result<Extraction, NotRead> {
    let bytes = tokio::fs::read(folder.join(file)).await.map_err(|error| NotRead::Disk(error.to_string()))?;
    extractor.extract(bytes.into(), file).await.map_err(NotRead::Parser)
}
