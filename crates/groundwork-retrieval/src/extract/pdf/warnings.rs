//! What a reader of the result should know about pages.

use super::super::document::Builder;
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
        let page = drawing.width * drawing.height;
        let covered: f32 = drawing.images.iter().map(|image| image.width() * image.height()).sum();
        let has_text = text.directions.iter().any(|(_, words)| !words.is_empty());
        Self {
            number: drawing.number,
            is_scan: !has_text && text.unmapped == 0 && covered >= page * SCAN_SHARE,
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
    let scans = pages(&|note| note.is_scan);
    if !scans.is_empty() {
        builder.warn(format!("{} scanned: the text can only be read by OCR", named(&scans, "is", "are")));
    }
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

/// `page 3 is`, `pages 1-4, 9 are`.
fn named(pages: &[u32], one: &str, more: &str) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for page in pages {
        match ranges.last_mut() {
            Some(range) if range.1 + 1 == *page => range.1 = *page,
            _ => ranges.push((*page, *page)),
        }
    }
    let list: Vec<String> =
        ranges.iter().map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") }).collect();
    let (noun, verb) = if pages.len() == 1 { ("page", one) } else { ("pages", more) };
    format!("{noun} {} {verb}", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_named_in_ranges() {
        assert_eq!(named(&[3], "is", "are"), "page 3 is");
        assert_eq!(named(&[1, 2, 3, 7, 9, 10], "is", "are"), "pages 1-3, 7, 9-10 are");
    }
}
