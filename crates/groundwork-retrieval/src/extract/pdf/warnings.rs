//! What a reader of the result should know about pages.

use super::super::document::Builder;
use super::super::ocr::named;
use super::glyphs::Drawing;
use super::words::PageText;

/// What is worth telling about one page.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageNotes {
    pub(super) number: u32,
    pub(super) is_scan: bool,
    pub(super) unmapped: usize,
    pub(super) hidden: usize,
    pub(super) overfull: bool,
}

impl PageNotes {
    pub(super) fn of(drawing: &Drawing, text: &PageText) -> Self {
        /// Images smaller than this share of the page decorate it.
        const SCAN_SHARE: f32 = 0.2;
        /// A scan may have its number, or a stamp, drawn over it.
        const WHOLE_SHARE: f32 = 0.6;
        const STAMP: usize = 30;
        let page = drawing.width * drawing.height;
        let covered: f32 = drawing.images.iter().map(|image| image.width() * image.height()).sum();
        let words: usize = text.directions.iter().map(|(_, words)| words.len()).sum();
        let only_pictures = words == 0 && text.unmapped == 0 && covered >= page * SCAN_SHARE;
        Self {
            number: drawing.number,
            is_scan: only_pictures || (words <= STAMP && covered >= page * WHOLE_SHARE),
            unmapped: text.unmapped,
            hidden: text.hidden,
            overfull: drawing.overfull,
        }
    }
}

pub(super) fn report(notes: &[PageNotes], is_complete: bool, builder: &mut Builder) {
    if !is_complete {
        builder.warn("the end of the file is missing, and parts of the text may be, too");
    }
    let pages = |is: &dyn Fn(&PageNotes) -> bool| -> Vec<u32> { notes.iter().filter(|note| is(note)).map(|note| note.number).collect() };
    let unmapped = pages(&|note| note.unmapped > 0);
    if !unmapped.is_empty() {
        let count: usize = notes.iter().map(|note| note.unmapped).sum();
        builder.warn(format!(
            "{count} characters could not be read, because their font does not say what they mean ({})",
            named(&unmapped, "", "").trim_end()
        ));
    }
    let hidden = pages(&|note| note.hidden > 0);
    if !hidden.is_empty() {
        builder.warn(format!("invisible text was left out ({})", named(&hidden, "", "").trim_end()));
    }
    let overfull = pages(&|note| note.overfull);
    if !overfull.is_empty() {
        builder.warn(format!("only the first part was read of {}", named(&overfull, "", "").trim_end()));
    }
}
