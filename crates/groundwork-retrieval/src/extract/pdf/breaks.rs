//! The lines of one column, and where a block ends among them: a wider step, another size or weight, an indent, a marker, or a line that was
//! ended on purpose.

use super::super::document::PAGE_END;
use super::bidi;
use super::fonts::Style;
use super::geometry::Area;
use super::lines::{Segment, text_of};
use super::markers;
use super::words::Word;

/// One line of a column.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) area: Area,
    pub(super) baseline: f32,
    pub(super) size: f32,
    pub(super) style: Style,
    /// Width of the first word: had it fitted on the line before, the line would not have ended there.
    first_word: f32,
    has_gaps: bool,
}

impl Line {
    pub(super) fn of(row: Vec<Segment>) -> Option<Self> {
        let has_gaps = row.len() > 1;
        let words = row.into_iter().flat_map(|segment| segment.words).collect();
        let whole = Segment::of(words)?;
        let mut text = if whole.style().mono { spaced_text(&whole.words) } else { text_of(&whole.words) };
        // A font may call any glyph by the name of the mark.
        text.retain(|char| char != PAGE_END);
        let (left, right) = bidi::letters(&text);
        // A right-to-left line is mirrored, so that its start is on the left like that of all others.
        let (area, first) = if right > left {
            let mirrored = Area { x0: -whole.area.x1, x1: -whole.area.x0, ..whole.area };
            (mirrored, whole.words.last())
        } else {
            (whole.area, whole.words.first())
        };
        Some(Self {
            text,
            area,
            baseline: whole.baseline,
            size: whole.size,
            style: whole.style(),
            first_word: first.map_or(0.0, |word| word.area.width()),
            has_gaps,
        })
    }
}

/// What is usual in one column.
pub(super) struct Column {
    /// From one baseline to the next within a paragraph, in ems.
    leading: f32,
}

impl Column {
    pub(super) fn new(lines: &[Line]) -> Self {
        let mut steps: Vec<f32> = lines
            .windows(2)
            .filter(|pair| (pair[0].size - pair[1].size).abs() < pair[0].size * 0.08)
            .map(|pair| (pair[1].baseline - pair[0].baseline) / pair[1].size.max(1.0))
            .filter(|step| (0.8..2.6).contains(step))
            .collect();
        steps.sort_by(f32::total_cmp);
        // Many columns have more steps between paragraphs than within them; the lower quarter is within.
        let leading = steps.get(steps.len() / 4).copied().unwrap_or(1.2);
        // A few steps alone may all be between paragraphs.
        let widest = if steps.len() < 4 { 1.5 } else { 2.2 };
        Self { leading: leading.min(widest) }
    }

    /// How far right lines near this one reach.
    pub(super) fn right_at(&self, lines: &[Line], at: usize) -> f32 {
        const NEAR: usize = 6;
        let from = at.saturating_sub(NEAR);
        let to = (at + NEAR + 1).min(lines.len());
        lines.get(from..to).unwrap_or_default().iter().map(|line| line.area.x1).fold(f32::NEG_INFINITY, f32::max)
    }

    /// Whether the block that starts at one line ends before another.
    pub(super) fn ends_before(&self, lines: &[Line], start: usize, at: usize) -> bool {
        let (Some(first), Some(last), Some(line)) = (lines.get(start), at.checked_sub(1).and_then(|at| lines.get(at)), lines.get(at))
        else {
            return true;
        };
        let step = (line.baseline - last.baseline) / line.size.max(last.size).max(1.0);
        if step > self.leading * 1.22 + 0.05 || step < -0.5 {
            return true;
        }
        if (line.size - last.size).abs() > last.size * 0.08 {
            return true;
        }
        let starts_low = line.text.chars().next().is_some_and(char::is_lowercase);
        if line.style.mono != last.style.mono {
            return true;
        }
        if line.style.mono {
            return false;
        }
        let goes_on = starts_low && !ends_sentence(&last.text);
        if line.style.bold != last.style.bold && !goes_on {
            return true;
        }
        let has_marker = markers::split(&line.text).is_some();
        let is_item = markers::split(&first.text).is_some();
        if has_marker && !goes_on {
            return true;
        }
        if line.has_gaps || last.has_gaps {
            return !goes_on;
        }
        let indent = line.area.x0 - last.area.x0;
        if is_item {
            let hang = lines.get(start + 1).map_or(first.area.x0, |second| second.area.x0);
            if at - start >= 2 && line.area.x0 < hang - line.size * 0.5 {
                return true;
            }
        } else if indent > line.size * 0.8 && indent < line.size * 8.0 && !goes_on {
            let hangs = at - start == 1
                && lines.get(at + 1).is_none_or(|next| (next.area.x0 - line.area.x0).abs() < line.size * 0.3)
                && !self.broke_early(lines, at);
            if !hangs {
                return true;
            }
        }
        self.broke_early(lines, at) && !starts_low && (ends_sentence(&last.text) || !ends_with_link_word(&last.text))
    }

    /// Whether the first word of this line would have fitted on the line before: then the line was ended on purpose.
    fn broke_early(&self, lines: &[Line], at: usize) -> bool {
        let (Some(last), Some(line)) = (at.checked_sub(1).and_then(|at| lines.get(at)), lines.get(at)) else {
            return false;
        };
        let room = self.right_at(lines, at - 1) - last.area.x1;
        room > line.first_word + line.size * 0.8
    }
}

/// A line that ends with a comma or a short word in lower case goes on, however short it is.
fn ends_with_link_word(text: &str) -> bool {
    text.ends_with([',', '-', '–', '&', '/'])
        || text.split_whitespace().next_back().is_some_and(|word| word.len() <= 4 && word.chars().all(char::is_lowercase))
}

pub(super) fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '”', '’', '\'', ')', ']', '»']).ends_with(['.', '!', '?', ':', ';', '。', '！', '？', '؟', '…'])
}

/// The text of a line of code, with as many spaces as its gaps are wide.
fn spaced_text(words: &[Word]) -> String {
    let mut line = String::new();
    let mut reached: Option<f32> = None;
    for word in words {
        let width = (word.size * 0.6).max(1.0);
        if let Some(end) = reached {
            let gap = (word.area.x0 - end) / width;
            line.push_str(&spaces(gap.max(if gap > 0.2 || word.spaced { 1.0 } else { 0.0 })));
        }
        line.push_str(&word.text);
        reached = Some(word.area.x1);
    }
    line
}

pub(super) fn spaces(count: f32) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a line's length")]
    " ".repeat(count.round().clamp(0.0, 120.0) as usize)
}
