//! Lines in reading order → paragraphs, list items, code and tables.

use super::bidi;
use super::columns::{self, Item, Piece, Table};
use super::fonts::Style;
use super::geometry::Area;
use super::lines::{Direction, Page, Segment, text_of};
use super::markers::{self, Marker};
use super::ruled;
use super::words::Word;

/// A block before the whole document is known: its level as a heading and its hyphens are still open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) content: Content,
    pub(super) size: f32,
    pub(super) style: Style,
    pub(super) lines: usize,
    /// Where the text starts and ends across the page, in points of its frame.
    pub(super) left: f32,
    pub(super) marker: Option<Marker>,
    pub(super) pages: (u32, u32),
    /// Runs along the page's main direction; a watermark or a note in the margin does not.
    pub(super) is_main: bool,
    /// First on its page or in its column.
    starts_part: bool,
    /// The last line is as long as lines get and ends within a sentence.
    is_open: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// Lines, parted by line feeds until hyphens are joined.
    Text(String),
    Code(String),
    Table {
        rows: Vec<Vec<String>>,
        header_rows: usize,
    },
}

impl Draft {
    #[cfg(test)]
    pub(super) fn text(text: &str) -> Self {
        Self {
            content: Content::Text(text.to_owned()),
            size: 10.0,
            style: Style::default(),
            lines: 1,
            left: 0.0,
            marker: None,
            pages: (1, 1),
            is_main: true,
            starts_part: false,
            is_open: false,
        }
    }
}

/// One line of a column.
struct Line {
    text: String,
    area: Area,
    baseline: f32,
    size: f32,
    style: Style,
    /// Width of the first word: had it fitted on the line before, the line would not have ended there.
    first_word: f32,
    has_gaps: bool,
}

impl Line {
    fn of(row: Vec<Segment>) -> Option<Self> {
        let has_gaps = row.len() > 1;
        let words = row.into_iter().flat_map(|segment| segment.words).collect();
        let whole = Segment::of(words)?;
        let text = if whole.style().mono { spaced_text(&whole.words) } else { text_of(&whole.words) };
        let (left, right) = bidi::letters(&text);
        // A right-to-left line is mirrored, so that its start is on the left like that of all others.
        let (area, first) = if right > left {
            let mirrored = Area {
                x0: -whole.area.x1,
                x1: -whole.area.x0,
                ..whole.area
            };
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

/// Reads a page into blocks, in reading order.
pub(super) fn read(page: Page) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (at, direction) in page.directions.into_iter().enumerate() {
        let start = drafts.len();
        read_direction(direction, page.number, &mut drafts);
        for draft in drafts.iter_mut().skip(start) {
            draft.is_main = at == 0;
        }
        if let Some(first) = drafts.get_mut(start) {
            first.starts_part = true;
        }
    }
    drafts
}

fn read_direction(direction: Direction, page: u32, drafts: &mut Vec<Draft>) {
    let (tables, segments) = if direction.turn.is_straight() {
        ruled::take(&direction.rules, direction.segments)
    } else {
        (Vec::new(), direction.segments)
    };
    let items = segments
        .into_iter()
        .map(Item::Segment)
        .chain(tables.into_iter().map(Item::Table))
        .collect();
    let mut lines = Vec::new();
    let mut starts_part = true;
    for piece in columns::order(items) {
        match piece {
            Piece::Row(row) => lines.extend(Line::of(row)),
            Piece::Table(table) => {
                flush(&mut lines, page, &mut starts_part, drafts);
                drafts.push(table_draft(table, page));
            }
            Piece::Break => {
                flush(&mut lines, page, &mut starts_part, drafts);
                starts_part = true;
            }
        }
    }
    flush(&mut lines, page, &mut starts_part, drafts);
}

fn table_draft(table: Table, page: u32) -> Draft {
    Draft {
        content: Content::Table {
            rows: table.rows,
            header_rows: table.header_rows,
        },
        size: 0.0,
        style: Style::default(),
        lines: 0,
        left: table.area.x0,
        marker: None,
        pages: (page, page),
        is_main: true,
        starts_part: false,
        is_open: false,
    }
}

/// Turns the collected lines of one column into blocks.
fn flush(lines: &mut Vec<Line>, page: u32, starts_part: &mut bool, drafts: &mut Vec<Draft>) {
    let lines = std::mem::take(lines);
    if lines.is_empty() {
        return;
    }
    let column = Column::new(&lines);
    let mut open: Vec<usize> = Vec::new();
    for at in 0..lines.len() {
        if !open.is_empty() && column.ends_before(&lines, &open, at) {
            push(&lines, &open, &column, page, starts_part, drafts);
            open.clear();
        }
        open.push(at);
    }
    push(&lines, &open, &column, page, starts_part, drafts);
}

fn push(
    lines: &[Line],
    open: &[usize],
    column: &Column,
    page: u32,
    starts_part: &mut bool,
    drafts: &mut Vec<Draft>,
) {
    let members: Vec<&Line> = open.iter().filter_map(|at| lines.get(*at)).collect();
    let (Some(first), Some(last)) = (members.first(), members.last()) else {
        return;
    };
    let mut style = first.style;
    style.bold = members.iter().all(|line| line.style.bold);
    style.italic = members.iter().all(|line| line.style.italic);
    let marker = markers::split(&first.text).map(|(marker, _)| marker);
    let is_code = style.mono && marker.is_none();
    let content = if is_code {
        Content::Code(code_text(&members))
    } else {
        let mut text = String::new();
        for line in &members {
            super::aligned::append(&mut text, &line.text);
        }
        Content::Text(text)
    };
    if let (Content::Code(code), Some(last)) = (&content, drafts.last_mut())
        && let Content::Code(before) = &mut last.content
        && last.pages.1 == page
    {
        before.push('\n');
        before.push_str(code);
        return;
    }
    let ends_sentence = ends_sentence(&last.text);
    drafts.push(Draft {
        content,
        size: members.iter().map(|line| line.size).fold(0.0, f32::max),
        style,
        lines: members.len(),
        left: first.area.x0,
        marker,
        pages: (page, page),
        is_main: true,
        starts_part: std::mem::take(starts_part),
        is_open: !ends_sentence && last.area.x1 >= column.right_at(lines, open.last().copied().unwrap_or(0)) - last.size * 4.0,
    });
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

fn spaces(count: f32) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a line's length"
    )]
    " ".repeat(count.round().clamp(0.0, 120.0) as usize)
}

/// Keeps line ends and indents.
fn code_text(lines: &[&Line]) -> String {
    let left = lines.iter().map(|line| line.area.x0).fold(f32::INFINITY, f32::min);
    let mut text = String::new();
    for line in lines {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&spaces((line.area.x0 - left) / (line.size * 0.6).max(1.0)));
        text.push_str(&line.text);
    }
    text
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '”', '’', '\'', ')', ']', '»'])
        .ends_with(['.', '!', '?', ':', ';', '。', '！', '？', '؟', '…'])
}

/// What is usual in one column.
struct Column {
    /// From one baseline to the next within a paragraph, in ems.
    leading: f32,
}

impl Column {
    fn new(lines: &[Line]) -> Self {
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
        Self {
            leading: leading.min(widest),
        }
    }

    /// How far right lines near this one reach.
    fn right_at(&self, lines: &[Line], at: usize) -> f32 {
        const NEAR: usize = 6;
        let from = at.saturating_sub(NEAR);
        let to = (at + NEAR + 1).min(lines.len());
        lines
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .map(|line| line.area.x1)
            .fold(f32::NEG_INFINITY, f32::max)
    }

    /// Whether the block made of the open lines ends before this one.
    fn ends_before(&self, lines: &[Line], open: &[usize], at: usize) -> bool {
        let (Some(first), Some(last), Some(line)) = (
            open.first().and_then(|at| lines.get(*at)),
            at.checked_sub(1).and_then(|at| lines.get(at)),
            lines.get(at),
        ) else {
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
            let hang = lines.get(open.first().copied().unwrap_or(0) + 1).map_or(first.area.x0, |second| second.area.x0);
            if open.len() >= 2 && line.area.x0 < hang - line.size * 0.5 {
                return true;
            }
        } else if indent > line.size * 0.8 && indent < line.size * 8.0 && !goes_on {
            let hangs = open.len() == 1
                && lines.get(at + 1).is_none_or(|next| (next.area.x0 - line.area.x0).abs() < line.size * 0.3)
                && !self.broke_early(lines, at);
            if !hangs {
                return true;
            }
        }
        self.broke_early(lines, at)
            && !starts_low
            && (ends_sentence(&last.text) || !ends_with_link_word(&last.text))
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
        || text
            .split_whitespace()
            .next_back()
            .is_some_and(|word| word.len() <= 4 && word.chars().all(char::is_lowercase))
}

/// Joins a paragraph that goes on in the next column or on the next page.
pub(super) fn continue_over_pages(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut joined: Vec<Draft> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let Some(last) = joined.last_mut() else {
            joined.push(draft);
            continue;
        };
        let is_next = draft.starts_part && draft.pages.0 - last.pages.1 <= 1 && last.is_open;
        let is_alike = (draft.size - last.size).abs() <= last.size * 0.05
            && draft.style.bold == last.style.bold
            && draft.marker.is_none();
        if let (true, true, Content::Text(text), Content::Text(rest)) =
            (is_next, is_alike, &mut last.content, &draft.content)
            && rest.chars().next().is_some_and(char::is_lowercase)
        {
            text.push('\n');
            text.push_str(rest);
            last.pages.1 = draft.pages.1;
            last.lines += draft.lines;
            last.is_open = draft.is_open;
        } else {
            joined.push(draft);
        }
    }
    joined
}
