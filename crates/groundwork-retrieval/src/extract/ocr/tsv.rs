//! What tesseract says of a picture, a line a word: where it stands, in which paragraph and line, and how sure it is.

use super::{Page, joined};
use crate::extract::boxes::Word;
use crate::extract::document::one_line;
use std::collections::BTreeMap;

/// A word that the recognizer is less sure of is a stain or a picture.
const LEAST: f32 = 10.0;
/// A mark without a letter or digit needs more.
const LEAST_FOR_MARKS: f32 = 60.0;

/// The pages of a picture; the first gets the number `first`.
pub(in crate::extract) fn read(text: &str, first: u32) -> Vec<Page> {
    let mut pages: BTreeMap<u32, Growing> = BTreeMap::new();
    for row in text.lines().skip(1).filter_map(Row::read) {
        let page = pages.entry(row.page).or_default();
        match row.level {
            1 => (page.width, page.height) = (row.right, row.bottom),
            5 => page.add(&row),
            _ => {}
        }
    }
    pages.into_iter().map(|(number, page)| page.finish(first + number.saturating_sub(1))).collect()
}

struct Row<'a> {
    level: u32,
    page: u32,
    /// Of the block and within it.
    paragraph: (u32, u32),
    line: u32,
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
    confidence: f32,
    text: &'a str,
}

impl<'a> Row<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(12, '\t');
        let mut number = || fields.next()?.parse::<u32>().ok();
        let (level, page, block, paragraph, line, _word) = (number()?, number()?, number()?, number()?, number()?, number()?);
        let mut size = || fields.next()?.parse::<f32>().ok().filter(|size| size.is_finite());
        let (left, top, width, height, confidence) = (size()?, size()?, size()?, size()?, size()?);
        let text = fields.next().unwrap_or("");
        Some(Self {
            level,
            page,
            paragraph: (block, paragraph),
            line,
            left,
            top,
            right: left + width,
            bottom: top + height,
            confidence,
            text,
        })
    }

    fn says_something(&self) -> bool {
        let least = if self.text.chars().any(char::is_alphanumeric) { LEAST } else { LEAST_FOR_MARKS };
        !self.text.trim().is_empty() && self.confidence >= least
    }
}

#[derive(Default)]
struct Growing {
    width: f32,
    height: f32,
    /// Words of each line of each paragraph.
    lines: BTreeMap<(u32, u32), BTreeMap<u32, Vec<String>>>,
    words: Vec<Word>,
    confidence: f32,
}

impl Growing {
    fn add(&mut self, row: &Row<'_>) {
        if !row.says_something() {
            return;
        }
        let text = one_line(row.text);
        self.confidence += row.confidence;
        self.words.push(Word { text: text.clone().into(), x0: row.left, y0: row.top, x1: row.right, y1: row.bottom });
        self.lines.entry(row.paragraph).or_default().entry(row.line).or_default().push(text);
    }

    fn finish(self, number: u32) -> Page {
        let paragraph = |lines: BTreeMap<u32, Vec<String>>| joined(&lines.into_values().map(|words| words.join(" ")).collect::<Vec<_>>());
        let paragraphs = self.lines.into_values().map(paragraph).filter(|text| !text.is_empty()).collect();
        #[expect(clippy::cast_precision_loss, reason = "words of a page")]
        let confidence = self.confidence / self.words.len().max(1) as f32;
        Page { number, width: self.width, height: self.height, paragraphs, words: self.words, confidence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_paragraphs_on_their_pages_and_noise_is_left_out() {
        let text = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext
1\t1\t0\t0\t0\t0\t0\t0\t800\t600\t-1\t
5\t1\t1\t1\t1\t1\t10\t20\t30\t40\t91.5\tMulti-
5\t1\t1\t1\t2\t1\t10\t70\t30\t40\t95.9\tpage
5\t1\t1\t1\t2\t2\t50\t70\t30\t40\t94.7\tscan
5\t1\t2\t1\t1\t1\t0\t0\t5\t5\t8.0\tx
5\t1\t2\t1\t1\t2\t0\t0\t5\t5\t40.0\t|
1\t2\t0\t0\t0\t0\t0\t0\t800\t500\t-1\t
a broken line";
        let pages = read(text, 7);
        assert_eq!(pages[0].paragraphs, ["Multipage scan"]);
        assert_eq!((pages[0].number, pages[0].width, pages[0].words.len()), (7, 800.0, 3));
        assert_eq!((pages[0].words[2].x0, pages[0].words[2].x1, pages[0].words[2].y1), (50.0, 80.0, 110.0));
        assert_eq!((pages[1].number, pages[1].height, pages[1].words.len()), (8, 500.0, 0));
    }
}
