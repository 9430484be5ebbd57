//! Text in pixels: what a recognizer (tesseract) made of pages becomes blocks and words of the document, each on its page.

mod tsv;

pub(super) use tsv::read;

use super::boxes::{PageWords, Word};
use super::document::{Block, Document, Kind, one_line};
use super::{Parsed, ReadError};

/// What recognizes text in pixels, if anything does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ocr {
    /// Switched off by the settings.
    Off,
    /// Wanted, and not there: the reason says what to do.
    Missing(String),
    With(Recognizer),
}

impl Ocr {
    /// Why text in pixels is not read.
    pub fn missing(&self) -> Option<&str> {
        match self {
            Self::Off => Some("reading text in pictures is switched off by extract.ocr"),
            Self::Missing(reason) => Some(reason),
            Self::With(_) => None,
        }
    }
}

/// A tesseract and what one page may cost it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognizer {
    /// Where the program is.
    pub program: std::path::PathBuf,
    /// Its languages, joined by `+`, such as `eng+deu`.
    pub languages: String,
    /// Time on the clock for a page; the processor time is the same.
    pub page_seconds: u64,
    pub memory_bytes: u64,
    /// Pages of one file that are recognized; the rest stay without text.
    pub pages: usize,
}

/// One page as it was recognized, in pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Page {
    pub(super) number: u32,
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) paragraphs: Vec<String>,
    pub(super) words: Vec<Word>,
    /// Mean of how sure the recognizer is of its words, in per cent.
    pub(super) confidence: f32,
}

impl Page {
    /// Whether there are words that hardly anybody could read.
    pub(super) fn is_doubtful(&self) -> bool {
        self.confidence < DOUBTFUL && !self.words.is_empty()
    }

    /// Measures in points what was measured in pixels.
    pub(super) fn in_points(&mut self, dots_per_inch: u32) {
        #[expect(clippy::cast_precision_loss, reason = "dots of an inch")]
        let scale = 72.0 / dots_per_inch.max(1) as f32;
        self.width *= scale;
        self.height *= scale;
        for word in &mut self.words {
            for edge in [&mut word.x0, &mut word.y0, &mut word.x1, &mut word.y1] {
                *edge *= scale;
            }
        }
    }
}

/// Below this mean a page's text is told to be doubtful.
const DOUBTFUL: f32 = 70.0;

/// Puts recognized pages in their places among those that had text of their own, and says what was done.
pub(super) fn merge(parsed: &mut Parsed, pages: Vec<Page>) {
    let numbers = |keep: &dyn Fn(&Page) -> bool| pages.iter().filter(|page| keep(page)).map(|page| page.number).collect::<Vec<_>>();
    let (read, doubtful, empty) = (numbers(&|_| true), numbers(&Page::is_doubtful), numbers(&|page| page.words.is_empty()));
    let warnings = &mut parsed.document.warnings;
    if !read.is_empty() {
        warnings.push(format!("{} scanned: the text was recognized in the picture and may have mistakes", named(&read, "is", "are")));
    }
    if !doubtful.is_empty() {
        warnings.push(format!("the text of {} is doubtful: the picture is hard to read", named(&doubtful, "", "").trim_end()));
    }
    if !empty.is_empty() {
        warnings.push(format!("no text was found in the picture of {}", named(&empty, "", "").trim_end()));
    }
    for page in pages {
        insert(&mut parsed.document, &page);
        let words = PageWords { page: page.number, width: page.width, height: page.height, words: page.words };
        // A page that has words of its own keeps them: the boxes of the picture's go after them.
        match parsed.words.iter_mut().find(|known| known.page == words.page) {
            Some(known) if known.words.is_empty() => *known = words,
            Some(known) => known.words.extend(scaled(&words, known.width, known.height)),
            None => parsed.words.push(words),
        }
    }
    parsed.words.sort_by_key(|words| words.page);
    place(&mut parsed.document);
}

/// Of two readings of the same pages the surer one of each.
pub(super) fn surer(pages: Vec<Page>, mut again: Vec<Page>) -> Vec<Page> {
    let choose = |page: Page| match again.iter().position(|other| other.number == page.number && other.confidence > page.confidence) {
        Some(at) => again.swap_remove(at),
        None => page,
    };
    pages.into_iter().map(choose).collect()
}

/// Says which pages stay without text, and why.
pub(super) fn leave_out(document: &mut Document, pages: &[u32], why: &str) {
    if !pages.is_empty() {
        document.warnings.push(format!("{} scanned, and the text was not recognized: {why}", named(pages, "is", "are")));
    }
}

/// Why a page could not be recognized, in a warning's words.
pub(super) fn reason(error: &ReadError) -> String {
    match error {
        ReadError::TimedOut { seconds } => format!("it took longer than {seconds} seconds"),
        ReadError::OutOfMemory { mebibytes } => format!("it took more than {mebibytes} MiB of memory"),
        other => other.to_string(),
    }
}

fn insert(document: &mut Document, page: &Page) {
    // After what stands on earlier pages and on this one.
    let after = |block: &Block| block.pages.is_some_and(|(first, _)| first <= page.number);
    let at = document.blocks.iter().rposition(after).map_or(0, |at| at + 1);
    let blocks = page.paragraphs.iter().map(|text| Block {
        kind: Kind::Paragraph,
        text: text.clone(),
        heading_path: Vec::new(),
        pages: Some((page.number, page.number)),
        page_breaks: Vec::new(),
        sheet: None,
        span: 0..0,
    });
    document.blocks.splice(at..at, blocks);
}

/// Counts the characters anew.
fn place(document: &mut Document) {
    let mut at = 0;
    for block in &mut document.blocks {
        let end = at + block.text.chars().count();
        block.span = at..end;
        at = end + 2;
    }
}

fn scaled(words: &PageWords, width: f32, height: f32) -> Vec<Word> {
    let (x, y) = (width / words.width.max(1.0), height / words.height.max(1.0));
    let place = |word: &Word| Word { text: word.text.clone(), x0: word.x0 * x, y0: word.y0 * y, x1: word.x1 * x, y1: word.y1 * y };
    words.words.iter().map(place).collect()
}

/// `page 3 is`, `pages 1-4, 9 are`.
pub(super) fn named(pages: &[u32], one: &str, more: &str) -> String {
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

/// Lines of a paragraph as one text; a word parted at a line's end becomes whole.
pub(super) fn joined(lines: &[String]) -> String {
    let mut whole = String::new();
    for line in lines {
        let parted = whole.ends_with('-')
            && whole[..whole.len() - 1].ends_with(char::is_alphabetic)
            && line.starts_with(|first: char| first.is_lowercase());
        if parted {
            whole.pop();
        } else if !whole.is_empty() {
            whole.push(' ');
        }
        whole.push_str(line);
    }
    one_line(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::document::{Builder, Format};

    #[test]
    fn the_surer_reading_of_a_page_is_kept() {
        let page = |number: u32, confidence: f32, text: &str| Page {
            number,
            width: 9.0,
            height: 9.0,
            paragraphs: vec![text.to_owned()],
            words: Vec::new(),
            confidence,
        };
        let kept = surer(vec![page(1, 90.0, "good"), page(2, 20.0, "bad")], vec![page(2, 95.0, "turned"), page(1, 60.0, "worse")]);
        let texts: Vec<&str> = kept.iter().map(|page| page.paragraphs[0].as_str()).collect();
        assert_eq!(texts, ["good", "turned"]);
    }

    #[test]
    fn pages_are_named_in_ranges() {
        assert_eq!(named(&[3], "is", "are"), "page 3 is");
        assert_eq!(named(&[1, 2, 3, 7, 9, 10], "is", "are"), "pages 1-3, 7, 9-10 are");
    }

    #[test]
    fn a_recognized_page_stands_between_its_neighbours() {
        let mut builder = Builder::new(Format::Pdf);
        builder.page_count(3);
        for (page, text) in [(1, "Größe."), (3, "Three.")] {
            builder.at_pages(Some((page, page)));
            builder.paragraph(text);
        }
        let mut parsed: Parsed = builder.finish().into();
        let word = Word { text: "Two.".into(), x0: 1.0, y0: 2.0, x1: 3.0, y1: 4.0 };
        let page = Page {
            number: 2,
            width: 100.0,
            height: 200.0,
            paragraphs: vec!["Two.".to_owned()],
            words: vec![word.clone()],
            confidence: 90.0,
        };
        merge(&mut parsed, vec![page]);
        assert_eq!(parsed.document.text(), "Größe.\n\nTwo.\n\nThree.");
        let spans: Vec<_> = parsed.document.blocks.iter().map(|block| (block.pages, block.span.clone())).collect();
        assert_eq!(spans, [(Some((1, 1)), 0..6), (Some((2, 2)), 8..12), (Some((3, 3)), 14..20)]);
        assert_eq!((parsed.words[0].page, parsed.words[0].words.as_slice()), (2, &[word][..]));
        assert_eq!(parsed.document.warnings.len(), 1);
    }
}
