//! One file of a model in the cache: checked before it is used, and put in place whole or not at all.

use super::VerifyError;
use crate::catalogue::{Entry, File};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const BUFFER: usize = 1024 * 1024;

/// What the first pull found of a file of which the catalogue says nothing; from then on the file must stay so.
#[derive(Debug, Serialize, Deserialize)]
struct Recorded {
    bytes: u64,
    sha256: String,
}

fn record_of(folder: &Path, file: &File) -> PathBuf {
    folder.join(format!("{}.recorded.json", file.name))
}

/// The file as the catalogue or the first pull describes it. `None` when neither does.
pub(super) fn described(folder: &Path, file: &File) -> Option<File> {
    if file.is_known() {
        return Some(file.clone());
    }
    let Recorded { bytes, sha256 } = serde_json::from_slice(&std::fs::read(record_of(folder, file)).ok()?).ok()?;
    Some(File { name: file.name.clone(), bytes, sha256 })
}

/// Whether a file is there with the length it should have.
pub(super) fn check_length(entry: &Entry, folder: &Path, file: &File) -> Result<(), VerifyError> {
    let path = folder.join(&file.name);
    let Some(file) = described(folder, file) else { return Err(VerifyError::Missing { name: entry.name.clone(), path }) };
    match std::fs::metadata(&path) {
        Ok(found) if found.len() == file.bytes => Ok(()),
        Ok(found) => Err(VerifyError::WrongLength { name: entry.name.clone(), path, expected: file.bytes, found: found.len() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(VerifyError::Missing { name: entry.name.clone(), path }),
        Err(source) => Err(VerifyError::Read { path, source }),
    }
}

/// Whether a file holds the bytes it should.
pub(super) fn check(entry: &Entry, folder: &Path, file: &File) -> Result<(), VerifyError> {
    check_length(entry, folder, file)?;
    let path = folder.join(&file.name);
    let found = hash(&path).map_err(|source| VerifyError::Read { path: path.clone(), source })?;
    let file = described(folder, file).unwrap_or_else(|| file.clone());
    same(entry, &path, &file, found)
}

/// The bytes of a file of a model, of which it is certain that they are the right ones.
pub(crate) fn read_checked(entry: &Entry, folder: &Path, name: &str) -> Result<Vec<u8>, VerifyError> {
    let path = folder.join(name);
    let Some(file) = entry.files.iter().find(|file| file.name == name) else {
        return Err(VerifyError::Missing { name: entry.name.clone(), path });
    };
    check_length(entry, folder, file)?;
    let file = &described(folder, file).unwrap_or_else(|| file.clone());
    let bytes = std::fs::read(&path).map_err(|source| VerifyError::Read { path: path.clone(), source })?;
    same(entry, &path, file, hex::encode(Sha256::digest(&bytes)))?;
    Ok(bytes)
}

fn same(entry: &Entry, path: &Path, file: &File, found: String) -> Result<(), VerifyError> {
    if found == file.sha256 {
        return Ok(());
    }
    Err(VerifyError::WrongHash { name: entry.name.clone(), path: path.to_owned(), expected: file.sha256.clone(), found })
}

/// Why a fetched file is not put in place.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    #[error("it has {found} bytes instead of {expected}; nothing was kept")]
    Length { expected: u64, found: u64 },
    #[error("its SHA-256 is {found}, the catalogue says {expected}; nothing was kept")]
    Hash { expected: String, found: String },
    #[error("its SHA-256 is {found}, an earlier pull found {expected}; nothing was kept. If the change is meant, remove {}", record.display())]
    Changed { record: PathBuf, expected: String, found: String },
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Checks the file at `fetched`, makes it durable and moves it to its place in `folder`. A wrong one is removed, as is what a
/// download left that another source has now overtaken. What nobody knows of it yet is recorded.
pub(super) fn place(fetched: &Path, folder: &Path, file: &File) -> Result<(), PlaceError> {
    let found = Recorded { bytes: std::fs::metadata(fetched)?.len(), sha256: hash(fetched)? };
    let known = described(folder, file);
    if let Some(wrong) = known.as_ref().and_then(|expected| found.differs(expected, folder, file)) {
        std::fs::remove_file(fetched)?;
        return Err(wrong);
    }
    std::fs::File::open(fetched)?.sync_all()?;
    std::fs::rename(fetched, folder.join(&file.name))?;
    if known.is_none() {
        std::fs::write(record_of(folder, file), serde_json::to_vec(&found).map_err(io::Error::other)?)?;
    }
    std::fs::File::open(folder)?.sync_all()?;
    match std::fs::remove_file(folder.join(format!("{}.part", file.name))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

impl Recorded {
    fn differs(&self, expected: &File, folder: &Path, file: &File) -> Option<PlaceError> {
        let (found, sha256) = (self.sha256.clone(), expected.sha256.clone());
        match file.is_known() {
            true if self.bytes != expected.bytes => Some(PlaceError::Length { expected: expected.bytes, found: self.bytes }),
            _ if found == sha256 => None,
            true => Some(PlaceError::Hash { expected: sha256, found }),
            false => Some(PlaceError::Changed { record: record_of(folder, file), expected: sha256, found }),
        }
    }
}

fn hash(path: &Path) -> io::Result<String> {
    let mut input = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}
