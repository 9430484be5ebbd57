//! One file of the log. A line is a letter, a checksum and a record as JSON; it is written whole, or is seen not to be.

use super::WalError;
use groundwork_core::call::Record;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the parts of a line are.
const CHECKSUM: Range<usize> = 2..10;
const JSON: usize = 11;
const HEX: &[u8; 16] = b"0123456789abcdef";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hold,
    Settle,
}

/// A file that is being appended to, or was.
#[derive(Debug)]
pub(super) struct Segment {
    number: u64,
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    /// The last line was not written whole: the next begins on a line of its own.
    torn: bool,
}

/// A file to be forced to the disk.
#[derive(Debug)]
pub(super) struct Written {
    path: PathBuf,
    file: Arc<File>,
}

/// The line that says `record`.
pub(super) fn line(kind: Kind, record: &Record) -> Vec<u8> {
    let mut line = Vec::with_capacity(1024);
    line.extend_from_slice(match kind {
        Kind::Hold => b"H ",
        Kind::Settle => b"S ",
    });
    line.extend_from_slice(b"00000000 ");
    let mut line = record.write(line);
    let checksum = crc32fast::hash(&line[JSON..]);
    for (digit, shift) in line[CHECKSUM].iter_mut().zip((0..8).rev()) {
        *digit = HEX[(checksum >> (shift * 4)) as usize & 15];
    }
    line.push(b'\n');
    line
}

/// What a line without its end says; `None` when it was not written whole or is damaged.
pub(super) fn parse(line: &[u8]) -> Option<(Kind, Record)> {
    let kind = match line.first()? {
        b'H' => Kind::Hold,
        b'S' => Kind::Settle,
        _ => return None,
    };
    let checksum = std::str::from_utf8(line.get(CHECKSUM)?).ok()?;
    let json = line.get(JSON..)?;
    let whole = u32::from_str_radix(checksum, 16).ok()? == crc32fast::hash(json);
    Some((kind, whole.then(|| serde_json::from_slice(json).ok())??))
}

/// The segments of a folder, oldest first.
pub(super) fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>, WalError> {
    let failed = |source| WalError::Io { path: folder.into(), source };
    let mut segments = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".log")?.parse().ok());
        segments.extend(number.map(|number| (number, path)));
    }
    segments.sort();
    Ok(segments)
}

impl Segment {
    pub(super) fn create(folder: &Path, number: u64) -> Result<Self, WalError> {
        let path = folder.join(format!("{number:012}.log"));
        let file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(|source| failed(&path, source))?;
        // A file whose name is lost is lost.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| failed(&path, source))?;
        Ok(Self { number, path, file: Arc::new(file), bytes: 0, torn: false })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn append(&mut self, line: &[u8]) -> Result<(), WalError> {
        if self.torn {
            (&*self.file).write_all(b"\n").map_err(|source| failed(&self.path, source))?;
            self.torn = false;
        }
        if let Err(source) = (&*self.file).write_all(line) {
            self.torn = true;
            return Err(failed(&self.path, source));
        }
        self.bytes += line.len() as u64;
        Ok(())
    }

    pub(super) fn written(&self) -> Written {
        Written { path: self.path.clone(), file: self.file.clone() }
    }

    pub(super) fn remove(&self) -> Result<(), WalError> {
        std::fs::remove_file(&self.path).map_err(|source| failed(&self.path, source))
    }
}

impl Written {
    pub(super) fn sync(&self) -> Result<(), WalError> {
        self.file.sync_data().map_err(|source| failed(&self.path, source))
    }
}

pub(super) fn failed(path: &Path, source: std::io::Error) -> WalError {
    match source.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => WalError::Full { path: path.into() },
        _ => WalError::Io { path: path.into(), source },
    }
}
