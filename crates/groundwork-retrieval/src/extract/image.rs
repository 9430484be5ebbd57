//! Pictures of pages (TIFF, PNG, JPEG). Their text is in pixels, and a recognizer's to read: here the pages are counted.

use super::document::{Builder, Format};
use super::{Limits, Parsed, ReadError};

/// Counts the pages of a picture.
pub(super) fn read(bytes: &[u8], format: Format, limits: &Limits) -> Result<Parsed, ReadError> {
    let pages = match format {
        Format::Tiff => tiff_pages(bytes, limits.pages).ok_or_else(|| ReadError::Damaged("its directory of pages is broken".to_owned()))?,
        _ => 1,
    };
    let mut builder = Builder::new(format);
    builder.page_count(pages);
    Ok(Parsed { scanned: (1..=pages).collect(), ..builder.finish().into() })
}

/// Directories of a TIFF file, each of which is a page; they are chained by their places in the file.
fn tiff_pages(bytes: &[u8], most: u32) -> Option<u32> {
    let little = bytes.starts_with(b"II");
    let number = |at: usize, length: usize| -> Option<usize> {
        let digits = bytes.get(at..at.checked_add(length)?)?;
        let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(if little { digits.iter().rev().fold(0, add) } else { digits.iter().fold(0, add) })
    };
    let mut at = number(4, 4)?;
    let mut pages = 0;
    // A chain that comes back to itself never ends; the cap ends it.
    while at != 0 && pages <= most {
        let entries = number(at, 2)?;
        pages += 1;
        at = number(at + 2 + entries * 12, 4)?;
    }
    (pages > 0).then_some(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF file whose directories are empty; the last one points to `end`.
    fn tiff(pages: u32, end: u32) -> Vec<u8> {
        let mut bytes = b"II*\0".to_vec();
        bytes.extend(8_u32.to_le_bytes());
        for page in 1..=pages {
            bytes.extend(0_u16.to_le_bytes());
            bytes.extend((if page == pages { end } else { 8 + page * 6 }).to_le_bytes());
        }
        bytes
    }

    #[test]
    fn pages_are_counted_and_all_are_in_pixels() {
        let parsed = read(&tiff(3, 0), Format::Tiff, &Limits::default()).unwrap();
        assert_eq!((parsed.document.pages, parsed.scanned.as_slice()), (Some(3), &[1, 2, 3][..]));
    }

    #[test]
    fn broken_and_endless_chains_end() {
        assert_eq!(read(&tiff(2, 9999), Format::Tiff, &Limits::default()).unwrap_err().detail(), "damaged");
        let limits = Limits { pages: 50, ..Limits::default() };
        assert_eq!(read(&tiff(2, 8), Format::Tiff, &limits).unwrap().document.pages, Some(51));
    }
}
