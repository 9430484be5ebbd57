//! ZIP packages of office files: sizes checked before anything is unpacked. A directory may lie, so that readers limit what they unpack as well.

use super::{Limits, ReadError};
use std::io::Cursor;
use zip::ZipArchive;

/// Parts below this size may be packed as tightly as they like: it takes more to be a bomb.
const RATIO_COUNTS_FROM_BYTES: u64 = 1024 * 1024;
const MOST_PARTS: usize = 20_000;

/// Whether a package's stated sizes are within the limits, and none of its parts is encrypted.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), ReadError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged("its ZIP directory cannot be read"))?;
    if archive.len() > MOST_PARTS {
        return Err(ReadError::TooLarge(format!("{} parts, {MOST_PARTS} are read", archive.len())));
    }
    let mut total = 0_u64;
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(|_| damaged("a ZIP entry cannot be read"))?;
        if part.encrypted() {
            return Err(ReadError::Encrypted);
        }
        total = total.saturating_add(part.size());
        let tight = part.size() > RATIO_COUNTS_FROM_BYTES && part.size() / part.compressed_size().max(1) > limits.unpack_ratio;
        if part.size() > limits.part_bytes || tight {
            return Err(ReadError::TooLarge(format!("a part unpacks to {} bytes", part.size())));
        }
    }
    if total > limits.package_bytes {
        return Err(ReadError::TooLarge(format!("it unpacks to {total} bytes, {} are read", limits.package_bytes)));
    }
    Ok(())
}

fn damaged(why: &str) -> ReadError {
    ReadError::Damaged(why.to_owned())
}
