//! ZIP packages of office files: sizes checked before anything is unpacked, and again while it is, because a directory may lie.

use super::{Limits, ReadError};
use std::io::{Cursor, Read, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// Parts below this size may be packed as tightly as they like: it takes more to be a bomb.
const RATIO_COUNTS_FROM_BYTES: u64 = 1024 * 1024;
const MOST_PARTS: usize = 20_000;

/// A package whose stated sizes are within the limits.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    part_bytes: u64,
}

/// Whether a package's stated sizes are within the limits, and none of its parts is encrypted.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<(), ReadError> {
    Package::open(bytes, limits).map(|_| ())
}

/// The same, and that every part with text unpacks to what it states: for libraries that unpack by themselves, and would take a directory's word
/// or leave out without a word what they cannot unpack.
pub(super) fn check_unpacked(bytes: &[u8], limits: &Limits) -> Result<(), ReadError> {
    let mut package = Package::open(bytes, limits)?;
    for index in 0..package.archive.len() {
        let part = package.archive.by_index(index).map_err(|_| damaged("a ZIP entry cannot be read"))?;
        let name = part.name().map_err(|_| damaged("a ZIP entry has no readable name"))?.into_owned();
        // A damaged picture takes nothing from the text.
        if !name.rsplit_once('.').is_some_and(|(_, kind)| matches!(kind.to_ascii_lowercase().as_str(), "xml" | "rels" | "bin")) {
            continue;
        }
        let stated = part.size();
        match std::io::copy(&mut part.take(stated + 1), &mut std::io::sink()) {
            Ok(unpacked) if unpacked > stated => {
                return Err(ReadError::TooLarge(format!("{name} unpacks to more than the {stated} bytes that it states")));
            }
            Ok(_) => {}
            Err(error) => return Err(damaged(&format!("{name} cannot be unpacked: {error}"))),
        }
    }
    Ok(())
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, ReadError> {
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
        Ok(Self { archive, part_bytes: limits.part_bytes })
    }

    /// The bytes of a part; `None` when there is no such part.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let part = match self.archive.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(_) => return Err(damaged("a ZIP entry cannot be read")),
        };
        let mut bytes = Vec::new();
        part.take(self.part_bytes + 1).read_to_end(&mut bytes).map_err(|_| damaged("a ZIP entry cannot be unpacked"))?;
        if bytes.len() as u64 > self.part_bytes {
            return Err(ReadError::TooLarge(format!("a part unpacks to more than {} bytes", self.part_bytes)));
        }
        Ok(Some(bytes))
    }

    /// The package with another content in one of its parts.
    pub(super) fn with_part(&mut self, name: &str, content: &[u8]) -> Result<Vec<u8>, ReadError> {
        let written = |_| damaged("a ZIP entry cannot be read");
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..self.archive.len() {
            let part = self.archive.by_index_raw(index).map_err(written)?;
            if part.name().is_ok_and(|known| known == name) {
                writer.start_file(name, SimpleFileOptions::default()).map_err(written)?;
                writer.write_all(content).map_err(|_| damaged("a ZIP entry cannot be packed"))?;
            } else {
                writer.raw_copy_file(part).map_err(written)?;
            }
        }
        writer.finish().map(Cursor::into_inner).map_err(written)
    }
}

/// The name of a part that another one refers to, from the folder of that part or, with a slash before it, from the root.
pub(super) fn resolve(folder: &str, target: &str) -> String {
    let from_root = target.starts_with('/');
    let mut parts: Vec<&str> = if from_root { Vec::new() } else { folder.split('/').filter(|part| !part.is_empty()).collect() };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn damaged(why: &str) -> ReadError {
    ReadError::Damaged(why.to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A package of these parts.
    pub(in crate::extract) fn zipped(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in parts {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let bomb = zipped(&[("a.xml", &"0".repeat(4 << 20))]);
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(check(&bomb, &Limits::default()).unwrap_err().detail(), "too_large");
        let limits = Limits { package_bytes: 100, ..Limits::default() };
        assert_eq!(check(&zipped(&[("a", &"ab".repeat(40)), ("b", &"cd".repeat(40))]), &limits).unwrap_err().detail(), "too_large");
    }

    #[test]
    fn a_part_that_states_less_than_it_unpacks_to_is_refused() {
        let mut lying = zipped(&[("xl/workbook.xml", &"ab".repeat(5000))]);
        check_unpacked(&lying, &Limits::default()).unwrap();
        // The size stands in the entry's own header and in the directory.
        let size = 10_000_u32.to_le_bytes();
        while let Some(at) = lying.windows(4).position(|window| window == size) {
            lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
        }
        let refused = check_unpacked(&lying, &Limits::default()).unwrap_err();
        assert!(matches!(refused.detail(), "too_large" | "damaged"), "{refused}");
        let mut broken = zipped(&[("xl/workbook.xml", &"ab".repeat(5000)), ("xl/media/image1.png", "no picture")]);
        let picture = broken.windows(10).position(|window| window == b"no picture");
        if let Some(at) = picture {
            broken[at] = b'N';
        }
        check_unpacked(&broken, &Limits::default()).unwrap();
    }

    #[test]
    fn a_part_is_read_and_a_missing_one_is_none() {
        let bytes = zipped(&[("word/document.xml", "<w/>")]);
        let mut package = Package::open(&bytes, &Limits::default()).unwrap();
        assert_eq!(package.part("word/document.xml").unwrap().unwrap(), b"<w/>");
        assert_eq!(package.part("word/styles.xml").unwrap(), None);
    }
}
