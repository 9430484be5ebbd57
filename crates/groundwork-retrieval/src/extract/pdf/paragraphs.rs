//! Lines in reading order → paragraphs, list items, code and tables.

use super::super::document::PAGE_END;
use super::breaks::{self, Column, Line, spaces};
use super::columns::{self, Item, Piece, Table};
use super::fonts::Style;
use super::lines::{Direction, Page};
use super::markers::{self, Marker};
use super::ruled;
use std::ops::Range;

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
    /// Lines, parted by line feeds until hyphens are joined, and pages by [`PAGE_END`].
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
    let (tables, segments) =
        if direction.turn.is_straight() { ruled::take(&direction.rules, direction.segments) } else { (Vec::new(), direction.segments) };
    let items = segments.into_iter().map(Item::Segment).chain(tables.into_iter().map(Item::Table)).collect();
    let mut writer = Writer { page, starts_part: true, drafts };
    let mut lines = Vec::new();
    for piece in columns::order(items) {
        match piece {
            Piece::Row(row) => lines.extend(Line::of(row)),
            Piece::Table(table) => {
                writer.write(&std::mem::take(&mut lines));
                writer.drafts.push(table_draft(table, page));
            }
            Piece::Break => {
                writer.write(&std::mem::take(&mut lines));
                writer.starts_part = true;
            }
        }
    }
    writer.write(&lines);
}

/// Writes the lines of one column after the other as blocks.
struct Writer<'d> {
    page: u32,
    /// The next block is the first of its column.
    starts_part: bool,
    drafts: &'d mut Vec<Draft>,
}

impl Writer<'_> {
    fn write(&mut self, lines: &[Line]) {
        let column = Column::new(lines);
        let mut start = 0;
        for at in 1..lines.len() {
            if column.ends_before(lines, start, at) {
                self.write_block(lines, start..at, &column);
                start = at;
            }
        }
        self.write_block(lines, start..lines.len(), &column);
    }

    fn write_block(&mut self, lines: &[Line], range: Range<usize>, column: &Column) {
        let end = range.end;
        let members = lines.get(range).unwrap_or_default();
        let (Some(first), Some(last)) = (members.first(), members.last()) else {
            return;
        };
        let marker = markers::split(&first.text).map(|(marker, _)| marker);
        let content = if first.style.mono && marker.is_none() {
            Content::Code(code_text(members))
        } else {
            let mut text = String::new();
            for line in members {
                super::aligned::append(&mut text, &line.text);
            }
            Content::Text(text)
        };
        if let (Content::Code(code), Some(before)) = (&content, self.drafts.last_mut())
            && let Content::Code(text) = &mut before.content
            && before.pages.1 == self.page
        {
            text.push('\n');
            text.push_str(code);
            return;
        }
        let reach = column.right_at(lines, end - 1) - last.size * 4.0;
        self.drafts.push(Draft {
            content,
            size: members.iter().map(|line| line.size).fold(0.0, f32::max),
            style: Style {
                bold: members.iter().all(|line| line.style.bold),
                italic: members.iter().all(|line| line.style.italic),
                mono: first.style.mono,
            },
            lines: members.len(),
            left: first.area.x0,
            marker,
            pages: (self.page, self.page),
            is_main: true,
            starts_part: std::mem::take(&mut self.starts_part),
            is_open: !breaks::ends_sentence(&last.text) && last.area.x1 >= reach,
        });
    }
}

fn table_draft(table: Table, page: u32) -> Draft {
    Draft {
        content: Content::Table { rows: table.rows, header_rows: table.header_rows },
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

/// Keeps line ends and indents.
fn code_text(lines: &[Line]) -> String {
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

/// Joins a paragraph that goes on in the next column or on the next page.
pub(super) fn continue_over_pages(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut joined: Vec<Draft> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let Some(last) = joined.last_mut() else {
            joined.push(draft);
            continue;
        };
        let is_next = draft.starts_part && draft.pages.0 - last.pages.1 <= 1 && last.is_open;
        let is_alike = (draft.size - last.size).abs() <= last.size * 0.05 && draft.style.bold == last.style.bold && draft.marker.is_none();
        if let (true, true, Content::Text(text), Content::Text(rest)) = (is_next, is_alike, &mut last.content, &draft.content)
            && rest.chars().next().is_some_and(char::is_lowercase)
        {
            text.push(if draft.pages.0 > last.pages.1 { PAGE_END } else { '\n' });
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
