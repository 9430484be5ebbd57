//! Reading order: a page is cut at empty vertical stripes into columns and across them into bands, again and again, until what is left is read
//! line by line. A stripe between the cells of a table is told from one between columns by the text beside it and by the order of drawing.

use super::aligned;
use super::bands::{bands, gutters};
use super::bidi;
use super::geometry::Area;
use super::lines::{Segment, rows};
use super::strips::Strips;

/// How often a part is cut again at most.
const MAX_DEPTH: usize = 12;
/// A page with more pieces of text than this is a drawing; it is read line by line.
const MAX_ITEMS: usize = 3_000;

/// A table with its place.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) rows: Vec<Vec<String>>,
    pub(super) header_rows: usize,
    pub(super) area: Area,
    pub(super) order: u32,
}

/// What is put in order.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Segment(Segment),
    Table(Table),
}

/// A page's content in reading order.
#[derive(Debug)]
pub(super) enum Piece {
    /// One line, its segments from left to right.
    Row(Vec<Segment>),
    Table(Table),
    /// A column or the page's layout ends here.
    Break,
}

impl Item {
    pub(super) fn area(&self) -> Area {
        match self {
            Self::Segment(segment) => segment.area,
            Self::Table(table) => table.area,
        }
    }

    pub(super) fn size(&self) -> f32 {
        match self {
            Self::Segment(segment) => segment.size,
            Self::Table(_) => 10.0,
        }
    }

    pub(super) fn order(&self) -> u32 {
        match self {
            Self::Segment(segment) => segment.order.0,
            Self::Table(table) => table.order,
        }
    }
}

/// Puts a page's segments and ruled tables in reading order.
pub(super) fn order(items: Vec<Item>) -> Vec<Piece> {
    let (left, right) = items.iter().fold((0, 0), |(left, right), item| match item {
        Item::Segment(segment) => segment.words.iter().fold((left, right), |(l, r), word| {
            let (a, b) = bidi::letters(&word.text);
            (l + a, r + b)
        }),
        Item::Table(_) => (left, right),
    });
    let (mut mono, mut all) = (0, 0);
    for item in &items {
        if let Item::Segment(segment) = item {
            all += segment.words.len();
            mono += segment.words.iter().filter(|word| word.style.mono).count();
        }
    }
    let mut reader = Reader { right_to_left: right > left, is_mono: mono * 2 > all, pieces: Vec::new() };
    if items.len() > MAX_ITEMS {
        reader.emit(item_rows(items));
    } else {
        reader.cut(items, MAX_DEPTH);
    }
    reader.pieces
}

struct Reader {
    right_to_left: bool,
    /// Most of the page is set in a typewriter font, which then says nothing.
    is_mono: bool,
    pieces: Vec<Piece>,
}

impl Reader {
    fn cut(&mut self, items: Vec<Item>, depth: usize) {
        let rows = item_rows(items);
        if depth == 0 || rows.len() < 2 {
            self.emit(rows);
            return;
        }
        let gutters = gutters(rows.iter().flatten());
        if gutters.is_empty() {
            let bands = bands(rows);
            if let [_] = bands.as_slice() {
                bands.into_iter().for_each(|band| self.emit(band.rows));
                return;
            }
            for band in bands {
                if band.is_cut {
                    self.cut(band.rows.into_iter().flatten().collect(), depth - 1);
                } else {
                    self.emit(band.rows);
                }
            }
            return;
        }
        let strips = Strips::new(&rows, &gutters);
        let column_gutters: Vec<f32> =
            gutters.iter().enumerate().filter(|(at, _)| strips.parts_columns(*at)).map(|(_, gutter)| (gutter.0 + gutter.1) / 2.0).collect();
        if column_gutters.is_empty() {
            self.emit_aligned(rows);
            return;
        }
        let mut columns: Vec<Vec<Item>> = vec![Vec::new(); column_gutters.len() + 1];
        for item in rows.into_iter().flatten() {
            let at = column_gutters.partition_point(|gutter| *gutter < item.area().center().0);
            if let Some(column) = columns.get_mut(at) {
                column.push(item);
            }
        }
        if self.right_to_left {
            columns.reverse();
        }
        for column in columns {
            self.pieces.push(Piece::Break);
            self.cut(column, depth - 1);
        }
        self.pieces.push(Piece::Break);
    }

    /// Rows that share empty stripes without being columns: a table without lines, or lines that happen to stand so.
    fn emit_aligned(&mut self, rows: Vec<Vec<Item>>) {
        let only_segments: Option<Vec<Vec<Segment>>> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|item| match item {
                        Item::Segment(segment) => Some(segment.clone()),
                        Item::Table(_) => None,
                    })
                    .collect()
            })
            .collect();
        let Some(segments) = only_segments else {
            self.emit(rows);
            return;
        };
        // Aligned lines of code are code.
        let is_code = |row: &Vec<Segment>| row.iter().all(|segment| segment.style().mono);
        if !self.is_mono && segments.iter().all(is_code) {
            self.emit(rows);
            return;
        }
        for part in aligned::read(segments) {
            match part {
                aligned::Part::Table(table) => self.pieces.push(Piece::Table(table)),
                aligned::Part::Row(row) => self.pieces.push(Piece::Row(row)),
            }
        }
    }

    fn emit(&mut self, rows: Vec<Vec<Item>>) {
        for row in rows {
            let mut segments = Vec::new();
            for item in row {
                match item {
                    Item::Segment(segment) => segments.push(segment),
                    Item::Table(table) => self.pieces.push(Piece::Table(table)),
                }
            }
            if !segments.is_empty() {
                self.pieces.push(Piece::Row(segments));
            }
        }
    }
}

fn item_rows(items: Vec<Item>) -> Vec<Vec<Item>> {
    rows(items, |item| match item {
        Item::Segment(segment) => (segment.baseline, segment.area.x0, segment.size),
        // A table stands where its first line would.
        Item::Table(table) => (table.area.y0 + 8.0, table.area.x0, 1.0),
    })
}
