//! Glyphs → words. Gaps decide where a word ends; spaces help.

use super::bidi;
use super::fonts::Style;
use super::geometry::{Area, Turn, median};
use super::glyphs::{Drawing, Glyph, UNMAPPED};
use super::visible::{area_in_frame, is_space, without_copies, without_hidden};
use hayro_interpret::hayro_cmap::BfString;
use std::collections::BTreeMap;
use unicode_normalization::char::is_combining_mark;

/// A gap of this many ems ends a word. The narrowest spaces of justified text are about .18, the widest kerning is about .1.
const WORD_GAP: f32 = 0.14;

/// A word in the frame of its direction of writing.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: Box<str>,
    pub(super) area: Area,
    pub(super) baseline: f32,
    pub(super) size: f32,
    pub(super) style: Style,
    /// Place in the order of drawing.
    pub(super) order: u32,
    /// A space was drawn before this word.
    pub(super) spaced: bool,
    pub(super) furniture: bool,
}

/// The words of a page, by direction of writing, most used first.
#[derive(Debug, Default)]
pub(super) struct PageText {
    pub(super) directions: Vec<(Turn, Vec<Word>)>,
    /// Glyphs that were left out because they are hidden without being the text layer of a scan.
    pub(super) hidden: usize,
    /// Visible glyphs that no Unicode text is known for.
    pub(super) unmapped: usize,
}

pub(super) fn read(drawing: &mut Drawing) -> PageText {
    let glyphs = without_copies(std::mem::take(&mut drawing.glyphs));
    let (glyphs, hidden) = without_hidden(glyphs, drawing);
    let mut by_turn: BTreeMap<Turn, Vec<(u32, Glyph)>> = BTreeMap::new();
    for (order, glyph) in (0..).zip(glyphs) {
        by_turn.entry(glyph.turn).or_default().push((order, glyph));
    }
    let mut directions: Vec<(Turn, Vec<(u32, Glyph)>)> = by_turn.into_iter().collect();
    directions.sort_by_key(|(_, glyphs)| std::cmp::Reverse(glyphs.len()));
    let mut unmapped = 0;
    PageText {
        directions: directions.into_iter().map(|(turn, glyphs)| (turn, without_unmapped(build(turn, glyphs), &mut unmapped))).collect(),
        hidden,
        unmapped,
    }
}

/// A glyph without meaning that stands alone before a line is a bullet; others are left out and counted.
fn without_unmapped(words: Vec<Word>, unmapped: &mut usize) -> Vec<Word> {
    let mut kept: Vec<Word> = Vec::with_capacity(words.len());
    let mut words = words.into_iter().peekable();
    while let Some(mut word) = words.next() {
        if word.text.contains(UNMAPPED) {
            let starts_line = kept.last().is_none_or(|last| (last.baseline - word.baseline).abs() > word.size * 0.3);
            let leads = words.peek().is_some_and(|next| {
                let gap = next.area.x0 - word.area.x1;
                (next.baseline - word.baseline).abs() < word.size * 0.3
                    && gap > word.size * WORD_GAP
                    && gap < word.size * 5.0
                    && !next.text.contains(UNMAPPED)
            });
            if starts_line && leads && word.text.chars().eq([UNMAPPED]) {
                word.text = "•".into();
            } else {
                *unmapped += word.text.chars().filter(|char| *char == UNMAPPED).count();
                word.text = word.text.replace(UNMAPPED, "").into_boxed_str();
            }
        }
        if !word.text.is_empty() {
            kept.push(word);
        }
    }
    kept
}

/// A word while it grows.
struct Growing {
    text: String,
    /// Left edge of each glyph, and where its text starts.
    glyphs: Vec<(f32, usize)>,
    word: Word,
    /// Sizes by glyphs drawn in them are not kept; the largest decides.
    bold: usize,
    count: usize,
}

fn build(turn: Turn, glyphs: Vec<(u32, Glyph)>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut open: Option<Growing> = None;
    let mut spaced = false;
    for (order, glyph) in glyphs {
        if is_space(&glyph) {
            words.extend(open.take().map(Growing::finish));
            spaced = true;
            continue;
        }
        let at = turn.to_frame(glyph.origin);
        let area = area_in_frame(at, &glyph);
        let mut buffer = [0; 4];
        let text = match &glyph.text {
            BfString::Char(char) => &*char.encode_utf8(&mut buffer),
            BfString::String(text) => text,
        };
        if let Some(growing) = &mut open {
            let is_mark = text.chars().all(is_combining_mark);
            if is_mark && growing.holds(&area) {
                growing.text.push_str(text);
                continue;
            }
            if !growing.goes_on(at, &area, &glyph, text) {
                words.extend(open.take().map(Growing::finish));
            }
        }
        match &mut open {
            Some(growing) => growing.add(at.0, &area, &glyph, text),
            None => {
                open = Some(Growing {
                    text: text.to_owned(),
                    glyphs: vec![(at.0, 0)],
                    bold: usize::from(glyph.style.bold),
                    count: 1,
                    word: Word {
                        text: Box::default(),
                        area,
                        baseline: if glyph.vertical { at.1 + glyph.size * 0.3 } else { at.1 },
                        size: glyph.size,
                        style: glyph.style,
                        order,
                        spaced: std::mem::take(&mut spaced),
                        furniture: glyph.furniture,
                    },
                });
            }
        }
    }
    words.extend(open.map(Growing::finish));
    settle_raised(&mut words);
    join_spread(words)
}

impl Growing {
    fn holds(&self, mark: &Area) -> bool {
        mark.x0 >= self.word.area.x0 - self.word.size * 0.3
            && mark.x0 <= self.word.area.x1 + self.word.size * 0.3
            && mark.overlap(&self.word.area.grown(self.word.size)) >= 0.0
    }

    fn goes_on(&self, at: (f32, f32), area: &Area, glyph: &Glyph, text: &str) -> bool {
        let size = self.word.size.max(glyph.size);
        let baseline = if glyph.vertical { at.1 + glyph.size * 0.3 } else { at.1 };
        if (baseline - self.word.baseline).abs() > size * 0.12
            || glyph.size < self.word.size * 0.75
            || glyph.size > self.word.size * 1.34
            || glyph.furniture != self.word.furniture
        {
            return false;
        }
        let after = area.x0 - self.word.area.x1;
        let before = self.word.area.x0 - area.x1;
        let near = |gap: f32| gap < size * WORD_GAP && gap > -size * 0.4;
        near(after) || (bidi::is_right_to_left(text) && near(before))
    }

    fn add(&mut self, left: f32, area: &Area, glyph: &Glyph, text: &str) {
        self.glyphs.push((left, self.text.len()));
        self.text.push_str(text);
        self.word.area = self.word.area.union(area);
        self.word.size = self.word.size.max(glyph.size);
        self.word.style.italic &= glyph.style.italic;
        self.word.style.mono &= glyph.style.mono;
        self.bold += usize::from(glyph.style.bold);
        self.count += 1;
    }

    fn finish(mut self) -> Word {
        let text = if bidi::is_right_to_left(&self.text) { self.visual_text() } else { bidi::plain(&self.text) };
        self.word.text = text.into_boxed_str();
        self.word.style.bold = self.bold * 2 > self.count;
        self.word
    }

    /// The text of glyphs that are read from the right, from their places on the page.
    fn visual_text(&self) -> String {
        let ends = self.glyphs.iter().skip(1).map(|(_, start)| *start).chain([self.text.len()]);
        let mut placed: Vec<(f32, &str)> =
            self.glyphs.iter().zip(ends).filter_map(|((left, start), end)| Some((*left, self.text.get(*start..end)?))).collect();
        placed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let parts: Vec<&str> = placed.into_iter().map(|(_, text)| text).collect();
        bidi::word(&parts)
    }
}

/// A raised or lowered small word (a footnote mark, an index) stands on the line of the word it follows or comes before.
fn settle_raised(words: &mut [Word]) {
    for at in 0..words.len() {
        let neighbours = [at.checked_sub(1), Some(at + 1)];
        for beside in neighbours.into_iter().flatten() {
            let (Some(small), Some(large)) = (words.get(at), words.get(beside)) else {
                continue;
            };
            let gap = (small.area.x0 - large.area.x1).max(large.area.x0 - small.area.x1);
            let shift = (small.baseline - large.baseline).abs();
            let is_index =
                small.size <= large.size * 0.85 && shift > large.size * 0.1 && shift < large.size * 0.6 && gap < large.size * 0.35;
            if is_index {
                let baseline = large.baseline;
                if let Some(small) = words.get_mut(at) {
                    small.baseline = baseline;
                }
                break;
            }
        }
    }
}

/// Letters set wide apart (`H E A D I N G`) are drawn as words of one letter; where the gaps are even, they are one word.
fn join_spread(words: Vec<Word>) -> Vec<Word> {
    const SHORTEST: usize = 4;
    let mut joined: Vec<Word> = Vec::with_capacity(words.len());
    let mut run: Vec<Word> = Vec::new();
    for word in words {
        let is_letter = word.text.chars().count() == 1;
        let fits = run.last().is_none_or(|last| {
            let gap = word.area.x0 - last.area.x1;
            (word.baseline - last.baseline).abs() < word.size * 0.1
                && (word.size - last.size).abs() < word.size * 0.05
                && gap > -word.size * 0.1
                && gap < word.size * 1.6
        });
        if !(is_letter && fits) {
            flush_spread(&mut run, &mut joined, SHORTEST);
        }
        if is_letter {
            run.push(word);
        } else {
            joined.push(word);
        }
    }
    flush_spread(&mut run, &mut joined, SHORTEST);
    joined
}

fn flush_spread(run: &mut Vec<Word>, joined: &mut Vec<Word>, shortest: usize) {
    let run = std::mem::take(run);
    let mut gaps: Vec<f32> = run.windows(2).map(|pair| pair[1].area.x0 - pair[0].area.x1).collect();
    let usual = median(&mut gaps).unwrap_or(0.0);
    let all_spaced = run.iter().skip(1).all(|word| word.spaced);
    let is_spread = run.len() >= shortest
        && run.iter().all(|word| word.text.chars().all(char::is_alphabetic) && !is_wide(&word.text))
        && usual < run.first().map_or(0.0, |word| word.size * 0.9);
    if !is_spread {
        joined.extend(run);
        return;
    }
    let mut open: Option<Word> = None;
    for word in run {
        match &mut open {
            Some(whole) if word.area.x0 - whole.area.x1 <= usual * 1.5 + word.size * 0.05 && (all_spaced || !word.spaced) => {
                whole.text = format!("{}{}", whole.text, word.text).into_boxed_str();
                whole.area = whole.area.union(&word.area);
            }
            _ => joined.extend(open.replace(word)),
        }
    }
    joined.extend(open);
}

/// Whether a text is of a script that is written without spaces.
pub(super) fn is_wide(text: &str) -> bool {
    text.chars()
        .any(|char| matches!(char, '\u{2E80}'..='\u{A4CF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FFEF}' | '\u{20000}'..='\u{3FFFF}'))
}
