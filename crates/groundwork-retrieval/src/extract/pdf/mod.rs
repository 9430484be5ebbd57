//! PDF → blocks. `hayro` interprets a page's content; what is ours is the reading: glyphs become words (`words`), words lines (`lines`), lines
//! columns in reading order (`columns`), tables (`ruled`, `aligned`) and paragraphs (`paragraphs`), and over all pages what repeats is left out
//! (`furniture`) and headings get their levels (`headings`).

mod aligned;
mod bands;
mod bidi;
mod bitmap;
mod breaks;
mod columns;
mod fonts;
mod forms;
mod furniture;
mod geometry;
mod glyphs;
mod headings;
mod hyphens;
mod lines;
mod markers;
mod metadata;
mod paragraphs;
mod ruled;
mod strips;
mod unmapped;
mod visible;
mod warnings;
mod words;

pub(super) use bitmap::draw as draw_pictures;

use super::boxes::PageWords;
use super::document::{Builder, Document, Format};
use super::{Limits, Parsed, ReadError};
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

/// Reads a PDF file into blocks.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    read_with_words(bytes, limits).map(|(document, _)| document)
}

/// Reads a PDF file into blocks, and beside them the boxes of all words that are shown, page by page.
pub fn read_with_words(bytes: &[u8], limits: &Limits) -> Result<(Document, Vec<PageWords>), ReadError> {
    read_all(bytes, limits).map(|parsed| (parsed.document, parsed.words))
}

/// The same, and which pages hold text in pixels.
pub(super) fn read_all(bytes: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    let pdf = open(bytes, limits)?;
    let pages = pdf.pages();
    let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    if count > limits.pages {
        return Err(ReadError::TooLarge(format!("more than {} pages", limits.pages)));
    }
    let mut interpreter = glyphs::Interpreter::new(&pdf);
    let mut notes = Vec::new();
    let mut texts = Vec::new();
    let mut bytes_left = limits.text_bytes;
    for (number, page) in (1..).zip(pages.iter()) {
        let mut drawing = interpreter.draw(page, number);
        let text = words::read(&mut drawing);
        notes.push(warnings::PageNotes::of(&drawing, &text));
        let page = lines::Page::new(&drawing, text);
        bytes_left = page.text_bytes().and_then(|used| bytes_left.checked_sub(used)).ok_or_else(|| too_much_text(limits))?;
        texts.push(page);
    }
    let mut builder = Builder::new(Format::Pdf);
    builder.page_count(count);
    warnings::report(&notes, is_complete(bytes), &mut builder);
    let boxes = texts.iter().map(lines::Page::words).collect();
    furniture::remove(&mut texts);
    let drafts: Vec<paragraphs::Draft> = texts.into_iter().flat_map(paragraphs::read).collect();
    if drafts.len() > limits.blocks {
        return Err(ReadError::TooComplex(format!("more than {} blocks", limits.blocks)));
    }
    let mut drafts = paragraphs::continue_over_pages(drafts);
    hyphens::join(&mut drafts);
    let title = metadata::title(&pdf);
    builder.author(&metadata::author(&pdf).unwrap_or_default());
    headings::build(drafts, title, &mut builder);
    if builder.is_empty() && !is_complete(bytes) && !notes.iter().any(|note| note.is_scan) {
        return Err(ReadError::Damaged("its end is missing, and no text is left".to_owned()));
    }
    let scanned = notes.iter().filter(|note| note.is_scan).map(|note| note.number).collect();
    Ok(Parsed { words: boxes, scanned, ..builder.finish().into() })
}

/// Whether the file has its end; without it, whatever stood behind the cut is lost.
fn is_complete(bytes: &[u8]) -> bool {
    const TAIL: usize = 2048;
    let tail = bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or(bytes);
    tail.windows(9).any(|part| part == b"startxref")
}

fn too_much_text(limits: &Limits) -> ReadError {
    ReadError::TooLarge(format!("more than {} MiB of text", limits.text_bytes / (1024 * 1024)))
}

fn open(bytes: &[u8], limits: &Limits) -> Result<Pdf, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if bytes.len() as u64 > limits.file_bytes {
        return Err(ReadError::TooLarge(format!("more than {} MiB", limits.file_bytes / (1024 * 1024))));
    }
    Pdf::new(bytes.to_vec()).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => ReadError::Encrypted,
        LoadPdfError::Decryption(_) => ReadError::Unsupported("its encryption is not known".to_owned()),
        LoadPdfError::Invalid => ReadError::Damaged("it has no readable table of objects or pages".to_owned()),
    })
}

#[cfg(test)]
mod tests;
