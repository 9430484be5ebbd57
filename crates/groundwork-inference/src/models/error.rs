//! What can go wrong with the files of a model.

use std::path::PathBuf;

/// A source that was tried, and why it did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub source: String,
    pub reason: String,
}

/// A name that is not in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no model named {name}; known are {known}")]
pub struct UnknownModel {
    pub name: String,
    pub known: String,
}

/// Why a model could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Unknown(#[from] UnknownModel),
    #[error(
        "{name} comes under the terms {license}{}: read them, then add \"{license}\" to models.accepted_licenses",
        url.as_ref().map(|url| format!(" ({url})")).unwrap_or_default()
    )]
    LicenseNotAccepted { name: String, license: String, url: Option<String> },
    #[error("{name} could not be fetched:{}", list(attempts))]
    NoSourceWorked { name: String, attempts: Vec<Attempt> },
    #[error("{path} could not be written ({source}): free space, make its folder writable, or set models.folder to another one")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("fetching {name} was cancelled; the next pull goes on from there")]
    Cancelled { name: String },
}

/// Why the files of a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Unknown(#[from] UnknownModel),
    #[error("{path} is missing: run `groundwork models pull {name}`")]
    Missing { name: String, path: PathBuf },
    #[error("{path} is damaged, it has {found} bytes instead of {expected}: run `groundwork models pull {name}`")]
    WrongLength { name: String, path: PathBuf, expected: u64, found: u64 },
    #[error("{path} is damaged, its SHA-256 is {found} instead of {expected}: run `groundwork models pull {name}`")]
    WrongHash { name: String, path: PathBuf, expected: String, found: String },
    #[error("{path} could not be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{name} is no chat model: `groundwork models list` names those")]
    NotAChatModel { name: String },
    #[error("checking the files was broken off: {0}")]
    Stopped(String),
}

fn list(attempts: &[Attempt]) -> String {
    attempts.iter().map(|attempt| format!("\n  {}: {}", attempt.source, attempt.reason)).collect()
}
