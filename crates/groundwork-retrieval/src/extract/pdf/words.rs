//! Glyphs → words. Gaps decide where a word ends, spaces help; glyphs drawn twice and text hidden under other text are dropped.

use super::bidi;
use super::fonts::Style;
use super::geometry::{Area, Turn, median};
use super::glyphs::{Drawing, Glyph, UNMAPPED};
use hayro_interpret::hayro_cmap::BfString;
use std::collections::{BTreeMap, HashMap, HashSet};
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

/// Bold imitated by drawing each letter twice, outlines drawn over fills, and shadows: one glyph is kept, and counts as bold.
fn without_copies(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    const CELL: f32 = 3.0;
    #[expect(clippy::cast_possible_truncation, reason = "glyphs lie on the page")]
    let cell = |(x, y): (f32, f32)| ((x / CELL).floor() as i32, (y / CELL).floor() as i32);
    let mut kept: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    let mut seen: HashMap<(char, i32, i32), usize> = HashMap::new();
    for glyph in glyphs {
        let BfString::Char(char) = glyph.text else {
            kept.push(glyph);
            continue;
        };
        if char.is_whitespace() {
            kept.push(glyph);
            continue;
        }
        let tolerance = (glyph.size * 0.12).min(CELL);
        let (column, row) = cell(glyph.origin);
        let is_copy = |at: &&usize| {
            kept.get(**at).is_some_and(|known| {
                (known.origin.0 - glyph.origin.0).abs() <= tolerance
                    && (known.origin.1 - glyph.origin.1).abs() <= tolerance
                    && (known.size - glyph.size).abs() <= glyph.size * 0.1
                    && known.turn == glyph.turn
            })
        };
        let copy = (-1..=1)
            .flat_map(|dx| (-1..=1).map(move |dy| (dx, dy)))
            .filter_map(|(dx, dy)| seen.get(&(char, column + dx, row + dy)))
            .find(is_copy)
            .copied();
        if let Some(known) = copy.and_then(|at| kept.get_mut(at)) {
            known.style.bold |= !known.invisible && !glyph.invisible;
            known.invisible &= glyph.invisible;
        } else {
            seen.insert((char, column, row), kept.len());
            kept.push(glyph);
        }
    }
    kept
}

/// The text layer over a scan is text; invisible text over visible text repeats it, and other invisible text is not there for a reader.
fn without_hidden(glyphs: Vec<Glyph>, drawing: &Drawing) -> (Vec<Glyph>, usize) {
    if glyphs.iter().all(|glyph| !glyph.invisible) {
        return (glyphs, 0);
    }
    const CELL: f32 = 4.0;
    #[expect(clippy::cast_possible_truncation, reason = "glyphs lie on the page")]
    let cell = |(x, y): (f32, f32)| ((x / CELL).floor() as i32, (y / CELL).floor() as i32);
    let mut covered: HashSet<(i32, i32)> = HashSet::new();
    let mut visible = 0;
    for glyph in glyphs.iter().filter(|glyph| !glyph.invisible && !is_space(glyph)) {
        visible += 1;
        let area = area_on_page(glyph);
        let ((x0, y0), (x1, y1)) = (cell((area.x0, area.y0)), cell((area.x1, area.y1)));
        for x in x0..=x1.min(x0 + 64) {
            for y in y0..=y1.min(y0 + 64) {
                covered.insert((x, y));
            }
        }
    }
    let is_covered = |glyph: &Glyph| covered.contains(&cell(area_on_page(glyph).center()));
    let layer: Vec<&Glyph> = glyphs.iter().filter(|glyph| glyph.invisible && !is_space(glyph)).collect();
    let repeated = layer.iter().filter(|glyph| is_covered(glyph)).count();
    let repeats = visible > 0 && repeated * 2 > layer.len();
    let mut hidden = 0;
    let kept = glyphs
        .into_iter()
        .filter(|glyph| {
            if !glyph.invisible {
                return true;
            }
            if repeats || is_covered(glyph) {
                return false;
            }
            let middle = area_on_page(glyph).center();
            let on_image = drawing.images.iter().any(|image| image.contains(middle));
            if on_image || visible == 0 {
                return true;
            }
            hidden += usize::from(!is_space(glyph));
            false
        })
        .collect();
    (kept, hidden)
}

fn is_space(glyph: &Glyph) -> bool {
    match &glyph.text {
        BfString::Char(char) => char.is_whitespace(),
        BfString::String(text) => text.trim().is_empty(),
    }
}

fn area_on_page(glyph: &Glyph) -> Area {
    let (x, y) = glyph.turn.to_frame(glyph.origin);
    let area = area_in_frame((x, y), glyph);
    area.map(|point| glyph.turn.to_page(point))
}

fn area_in_frame((x, y): (f32, f32), glyph: &Glyph) -> Area {
    let (above, below) = if glyph.vertical { (0.5, 0.5) } else { (0.75, 0.22) };
    Area { x0: x, y0: y - glyph.size * above, x1: x + glyph.advance.max(0.0), y1: y + glyph.size * below }
}

/// A word while it grows: glyphs with their left edges.
struct Growing {
    glyphs: Vec<(f32, String)>,
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
        let text = match glyph.text {
            BfString::Char(char) => char.to_string(),
            BfString::String(ref text) => text.clone(),
        };
        if let Some(growing) = &mut open {
            let is_mark = text.chars().all(is_combining_mark);
            if is_mark && growing.holds(&area) {
                if let Some((_, last)) = growing.glyphs.last_mut() {
                    last.push_str(&text);
                }
                continue;
            }
            if !growing.goes_on(at, &area, &glyph, &text) {
                words.extend(open.take().map(Growing::finish));
            }
        }
        match &mut open {
            Some(growing) => growing.add(at.0, &area, &glyph, text),
            None => {
                open = Some(Growing {
                    glyphs: vec![(at.0, text)],
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

    fn add(&mut self, left: f32, area: &Area, glyph: &Glyph, text: String) {
        self.glyphs.push((left, text));
        self.word.area = self.word.area.union(area);
        self.word.size = self.word.size.max(glyph.size);
        self.word.style.italic &= glyph.style.italic;
        self.word.style.mono &= glyph.style.mono;
        self.bold += usize::from(glyph.style.bold);
        self.count += 1;
    }

    fn finish(mut self) -> Word {
        if self.glyphs.iter().any(|(_, text)| bidi::is_right_to_left(text)) {
            self.glyphs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
        let parts: Vec<&str> = self.glyphs.iter().map(|(_, text)| text.as_str()).collect();
        self.word.text = bidi::word(&parts).into_boxed_str();
        self.word.style.bold = self.bold * 2 > self.count;
        self.word
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
