//! Pictures of pages (TIFF, PNG, JPEG). Their text is in pixels: without a program that recognizes it there is none, and the reader is told.

use super::document::{Builder, Document, Format};
use super::{Limits, ReadError};

/// Counts the pages of a picture.
pub(super) fn read(bytes: &[u8], format: Format, limits: &Limits) -> Result<Document, ReadError> {
    let pages = match format {
        Format::Tiff => tiff_pages(bytes, limits.pages).ok_or_else(|| ReadError::Damaged("its directory of pages is broken".to_owned()))?,
        _ => 1,
    };
    let mut builder = Builder::new(format);
    builder.page_count(pages);
    builder.warn("the file is a picture: its text was not recognized, so that it has none");
    Ok(builder.finish())
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
    fn pages_are_counted_and_the_missing_text_is_said() {
        let document = read(&tiff(3, 0), Format::Tiff, &Limits::default()).unwrap();
        assert_eq!(document.pages, Some(3));
        assert_eq!((document.text().as_str(), document.warnings.len()), ("", 1));
    }

    #[test]
    fn broken_and_endless_chains_end() {
        assert_eq!(read(&tiff(2, 9999), Format::Tiff, &Limits::default()).unwrap_err().detail(), "damaged");
        let limits = Limits { pages: 50, ..Limits::default() };
        assert_eq!(read(&tiff(2, 8), Format::Tiff, &limits).unwrap().pages, Some(51));
    }
}
