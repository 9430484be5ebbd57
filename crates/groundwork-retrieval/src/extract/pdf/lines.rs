//! Words → segments: what stands on one line without a wide gap. Columns, tables and running headers are made of segments.

use super::super::boxes::{PageWords, Word as PlacedWord};
use super::bidi;
use super::fonts::Style;
use super::geometry::{Area, Turn, hull};
use super::glyphs::{Drawing, Rule};
use super::markers;
use super::words::{self, Word, is_wide};

/// A gap of this many ems may be a column's edge. Too small splits justified lines, which is mended later; too large joins columns, which is not.
const SEGMENT_GAP: f32 = 0.9;

/// Words on one line with ordinary gaps.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// From left to right.
    pub(super) words: Vec<Word>,
    pub(super) area: Area,
    pub(super) baseline: f32,
    pub(super) size: f32,
    /// First and last place in the order of drawing.
    pub(super) order: (u32, u32),
}

/// All text of one direction of writing, in its own frame.
#[derive(Debug)]
pub(super) struct Direction {
    pub(super) turn: Turn,
    pub(super) segments: Vec<Segment>,
    pub(super) rules: Vec<Rule>,
}

/// A page as segments.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) number: u32,
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) directions: Vec<Direction>,
}

impl Page {
    pub(super) fn new(drawing: &Drawing, text: words::PageText) -> Self {
        let directions = text.directions.into_iter().map(|(turn, words)| {
            let rules: Vec<Rule> = drawing.rules.iter().map(|rule| Rule { area: rule.area.map(|point| turn.to_frame(point)) }).collect();
            let segments = segments(words, &rules);
            Direction { turn, segments, rules }
        });
        Self { number: drawing.number, width: drawing.width, height: drawing.height, directions: directions.collect() }
    }

    /// Bytes of text on the page; `None` beyond what can be counted.
    pub(super) fn text_bytes(&self) -> Option<u64> {
        let segments = self.directions.iter().flat_map(|direction| &direction.segments);
        segments.flat_map(|segment| &segment.words).try_fold(0_u64, |sum, word| sum.checked_add(word.text.len() as u64))
    }

    /// The boxes of all words on the shown page.
    pub(super) fn words(&self) -> PageWords {
        let mut words = Vec::new();
        for direction in &self.directions {
            // As they are drawn: column after column, as a rule, so that a sentence stands together.
            let mut drawn: Vec<&Word> = direction.segments.iter().flat_map(|segment| &segment.words).collect();
            drawn.sort_by_key(|word| word.order);
            for word in drawn {
                let area = word.area.map(|point| direction.turn.to_page(point));
                words.push(PlacedWord { text: word.text.clone(), x0: area.x0, y0: area.y0, x1: area.x1, y1: area.y1 });
            }
        }
        PageWords { page: self.number, width: self.width, height: self.height, words }
    }
}

impl Segment {
    /// `None` without words.
    pub(super) fn of(words: Vec<Word>) -> Option<Self> {
        let area = hull(words.iter().map(|word| word.area))?;
        // The size and baseline that most of the text has.
        let main = words.iter().max_by(|a, b| a.area.width().total_cmp(&b.area.width()))?;
        let (baseline, size) = (main.baseline, main.size);
        let first = words.iter().map(|word| word.order).min()?;
        let last = words.iter().map(|word| word.order).max()?;
        Some(Self { area, baseline, size, order: (first, last), words })
    }

    pub(super) fn text(&self) -> String {
        text_of(&self.words)
    }

    pub(super) fn chars(&self) -> usize {
        self.words.iter().map(|word| word.text.chars().count() + 1).sum::<usize>().saturating_sub(1)
    }

    /// Bold, italic or mono where all of the segment is; a word of punctuation does not count.
    pub(super) fn style(&self) -> Style {
        let all = |is: fn(&Style) -> bool| {
            let mut lettered = self.words.iter().filter(|word| word.text.chars().any(char::is_alphanumeric)).peekable();
            if lettered.peek().is_none() {
                return self.words.iter().all(|word| is(&word.style));
            }
            lettered.all(|word| is(&word.style))
        };
        Style { bold: all(|style| style.bold), italic: all(|style| style.italic), mono: all(|style| style.mono) }
    }

    pub(super) fn is_furniture(&self) -> bool {
        self.words.iter().all(|word| word.furniture)
    }
}

/// The text of words given from left to right, in reading order, with spaces where there are gaps.
pub(super) fn text_of(words: &[Word]) -> String {
    let texts: Vec<&str> = words.iter().map(|word| &*word.text).collect();
    let misplaced = bidi::misplaced_marks(&texts);
    let mut line = String::new();
    let mut before: Option<(usize, &Word)> = None;
    for at in bidi::line(&texts) {
        let Some(word) = words.get(at) else { continue };
        if let Some((last_at, last)) = before {
            // Neighbours in reading order are neighbours on the page, except where a run turns round.
            let is_beside = last_at.abs_diff(at) == 1;
            if !is_beside || has_space_between(last, word) {
                line.push(' ');
            }
        }
        let marks = misplaced.iter().find(|(first, _, _)| *first == at).map_or(0, |(_, marks, _)| *marks);
        line.push_str(&word.text[marks..]);
        if let Some((first, marks, _)) = misplaced.iter().find(|(_, _, last)| *last == at) {
            line.push_str(&texts[*first][..*marks]);
        }
        before = Some((at, word));
    }
    line
}

fn has_space_between(a: &Word, b: &Word) -> bool {
    let (left, right) = if a.area.x0 <= b.area.x0 { (a, b) } else { (b, a) };
    let gap = right.area.x0 - left.area.x1;
    let size = left.size.min(right.size);
    if is_wide(&left.text) && is_wide(&right.text) {
        return gap > size * 0.8;
    }
    let later = if a.order < b.order { b } else { a };
    gap >= size * 0.1 || (later.spaced && gap >= size * 0.04)
}

/// Groups words that share a baseline into rows, top to bottom, each row from left to right.
pub(super) fn rows<T>(mut items: Vec<T>, place: impl Fn(&T) -> (f32, f32, f32)) -> Vec<Vec<T>> {
    items.sort_by(|a, b| place(a).0.total_cmp(&place(b).0));
    let mut rows: Vec<Vec<T>> = Vec::new();
    let mut start = f32::NEG_INFINITY;
    for item in items {
        let (baseline, _, size) = place(&item);
        match rows.last_mut() {
            Some(row) if baseline - start <= size * 0.3 => row.push(item),
            _ => {
                start = baseline;
                rows.push(vec![item]);
            }
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| place(a).1.total_cmp(&place(b).1));
    }
    rows
}

fn segments(words: Vec<Word>, rules: &[Rule]) -> Vec<Segment> {
    let mut uprights: Vec<Area> =
        rules.iter().map(|rule| rule.area).filter(|area| area.height() > area.width() && area.height() > 4.0).collect();
    uprights.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    let mut found = Vec::new();
    for row in rows(words, |word| (word.baseline, word.area.x0, word.size)) {
        let mut open: Vec<Word> = Vec::new();
        for word in row {
            if let Some(last) = open.last()
                && ends_segment(&open, last, &word, &uprights)
            {
                found.extend(Segment::of(std::mem::take(&mut open)));
            }
            open.push(word);
        }
        found.extend(Segment::of(open));
    }
    found
}

fn ends_segment(open: &[Word], last: &Word, word: &Word, uprights: &[Area]) -> bool {
    let size = last.size.max(word.size);
    let gap = word.area.x0 - last.area.x1;
    if gap > size * 0.2 && has_upright_between(last, word, uprights) {
        return true;
    }
    let is_marker = open.len() == 1 && markers::leads(&last.text, &word.text);
    let limit = if is_marker { 4.0 } else { SEGMENT_GAP };
    gap > size * limit || last.furniture != word.furniture
}

fn has_upright_between(last: &Word, word: &Word, uprights: &[Area]) -> bool {
    let middle = last.baseline - last.size * 0.3;
    let from = uprights.partition_point(|rule| rule.x1 < last.area.x1 - 1.0);
    uprights
        .get(from..)
        .unwrap_or_default()
        .iter()
        .take_while(|rule| rule.x0 <= word.area.x0 + 1.0)
        .any(|rule| rule.y0 <= middle && rule.y1 >= middle)
}
