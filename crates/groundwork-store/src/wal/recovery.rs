//! What an earlier process left: its settled calls, and those it was killed in.

use super::WalError;
use super::segment::{self, Kind, failed};
use groundwork_core::call::Record;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What was found when the log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Calls whose end was recorded and that were not in the ledger yet.
    pub settled: u64,
    /// Calls that had begun and not ended: they are booked with their estimate.
    pub estimated: u64,
    /// Lines that were not written whole. One at the end of the log is what a kill leaves; a segment with others is kept beside the log
    /// as `….damaged`.
    pub damaged: u64,
}

pub(super) struct Leftovers {
    pub(super) settled: Vec<Record>,
    /// Begun and not ended.
    pub(super) open: Vec<Record>,
    pub(super) segments: Vec<Left>,
    pub(super) next_number: u64,
    pub(super) damaged: u64,
}

/// A segment that was read.
pub(super) struct Left {
    path: PathBuf,
    damaged: bool,
}

/// Makes the folder if it is not there and reads all of it.
pub(super) fn read(folder: &Path) -> Result<Leftovers, WalError> {
    crate::lock::make_folder(folder).map_err(|source| failed(folder, source))?;
    let paths = segment::list(folder)?;
    let (mut settled, mut open, mut segments, mut all_damaged) = (vec![], BTreeMap::new(), vec![], 0);
    let next_number = paths.last().map_or(1, |(number, _)| number + 1);
    for (_, path) in paths {
        let bytes = std::fs::read(&path).map_err(|source| failed(&path, source))?;
        let mut damaged = 0;
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let whole = line.strip_suffix(b"\n");
            match whole.and_then(segment::parse) {
                Some((Kind::Hold, record)) => _ = open.insert(record.id.clone(), record),
                Some((Kind::Settle, record)) => {
                    open.remove(&record.id);
                    settled.push(record);
                }
                None if whole == Some(b"") => {}
                None => {
                    all_damaged += 1;
                    damaged += usize::from(whole.is_some());
                }
            }
        }
        segments.push(Left { path, damaged: damaged > 0 });
    }
    Ok(Leftovers { settled, open: open.into_values().collect(), segments, next_number, damaged: all_damaged })
}

impl Left {
    /// Takes the segment out of the log, now that the ledger has what could be read of it.
    pub(super) fn clear(self) -> Result<(), WalError> {
        let cleared =
            if self.damaged { std::fs::rename(&self.path, self.path.with_extension("damaged")) } else { std::fs::remove_file(&self.path) };
        cleared.map_err(|source| failed(&self.path, source))
    }
}
