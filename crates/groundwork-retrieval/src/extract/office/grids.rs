//! Tables of PowerPoint files of before 2007: groups of shapes, marked as a table, of a box a cell and a line a border. The library takes a
//! group for a table when it is a full grid of boxes, so that the lines are taken from its sight, but for those that stand in for the cells
//! that a wider one covers.

use crate::extract::{ReadError, compound};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

const FURTHER: [&str; 3] = ["Current User", "\u{5}SummaryInformation", "\u{5}DocumentSummaryInformation"];

mod record {
    pub(super) const GROUP: u16 = 0xF003;
    pub(super) const SHAPE: u16 = 0xF004;
    pub(super) const KIND: u16 = 0xF00A;
    pub(super) const TEXT: u16 = 0xF00D;
    pub(super) const PLACE: u16 = 0xF00F;
    pub(super) const PROPERTIES: [u16; 3] = [0xF00B, 0xF121, 0xF122];
    /// What no slide has.
    pub(super) const NONE: u16 = 0xF1FF;
}

const LINE: u16 = 20;
const IS_TABLE: u16 = 0x039F;
/// Records inside one another.
const DEEPEST: usize = 32;

/// The file with tables that the library finds; a file without any stays as it is.
pub(super) fn with_plain_tables(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ReadError> {
    let Some((name, mut slides)) = compound::streams(bytes, &["PowerPoint Document"]).pop() else { return Ok(Cow::Borrowed(bytes)) };
    let mut tables = Vec::new();
    find_tables(&slides, 0..slides.len(), 0, &mut tables);
    if tables.is_empty() {
        return Ok(Cow::Borrowed(bytes));
    }
    for table in tables {
        make_plain(&mut slides, table);
    }
    let mut streams = compound::streams(bytes, &FURTHER);
    streams.push((name, slides));
    compound::write(&streams).map(Cow::Owned)
}

struct Record {
    at: usize,
    kind: u16,
    /// A number whose meaning depends on the kind.
    instance: u16,
    is_container: bool,
    content: Range<usize>,
}

/// The records of a range, as far as they are sound.
fn records(stream: &[u8], range: Range<usize>) -> impl Iterator<Item = Record> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let [a, b, c, d, length @ ..] = stream.get(at..range.end)?.first_chunk::<8>()?;
        let first = u16::from_le_bytes([*a, *b]);
        let content = at + 8..(at + 8).checked_add(u32::from_le_bytes(*length) as usize)?;
        if content.end > range.end {
            return None;
        }
        let record = Record { at, kind: u16::from_le_bytes([*c, *d]), instance: first >> 4, is_container: first & 15 == 15, content };
        at = record.content.end;
        Some(record)
    })
}

fn find_tables(stream: &[u8], range: Range<usize>, depth: usize, tables: &mut Vec<Range<usize>>) {
    for record in records(stream, range).filter(|record| record.is_container) {
        if record.kind == record::GROUP && is_table(stream, record.content.clone()) {
            tables.push(record.content);
        } else if depth < DEEPEST {
            find_tables(stream, record.content, depth + 1, tables);
        }
    }
}

/// Whether the first shape of a group, which is the group itself, says that it is a table.
fn is_table(stream: &[u8], group: Range<usize>) -> bool {
    let Some(own) = records(stream, group).find(|record| record.kind == record::SHAPE) else { return false };
    let properties = records(stream, own.content).filter(|record| record::PROPERTIES.contains(&record.kind));
    properties.flat_map(|list| stream[list.content].chunks_exact(6).take(usize::from(list.instance))).any(|property| {
        let [a, b, flags, ..] = property else { return false };
        u16::from_le_bytes([*a, *b]) & 0x3FFF == IS_TABLE && flags & 1 == 1
    })
}

/// A box or a line of a table.
struct Shape {
    at: usize,
    is_line: bool,
    /// Where the stream says where it is, and what it says: left and top.
    place_at: usize,
    place: (i32, i32),
}

fn shape(stream: &[u8], record: Record) -> Option<Shape> {
    let (mut is_line, mut has_text, mut place) = (false, false, None);
    for part in records(stream, record.content) {
        match part.kind {
            record::KIND => is_line = part.instance == LINE,
            record::TEXT => has_text = true,
            record::PLACE => place = stream[part.content.clone()].first_chunk::<16>().map(|numbers| (part.content.start, numbers)),
            _ => {}
        }
    }
    let (place_at, [a, b, c, d, e, f, g, h, ..]) = place?;
    let place = (i32::from_le_bytes([*a, *b, *c, *d]), i32::from_le_bytes([*e, *f, *g, *h]));
    Some(Shape { at: record.at, is_line: is_line && !has_text, place_at, place })
}

/// How far apart rows and columns are put: the library takes those that are near one another for one.
const APART: usize = 1000;

fn make_plain(stream: &mut [u8], group: Range<usize>) {
    let shapes = records(stream, group).filter(|record| record.kind == record::SHAPE).skip(1);
    let (lines, cells): (Vec<Shape>, Vec<Shape>) = shapes.filter_map(|record| shape(stream, record)).partition(|shape| shape.is_line);
    let lefts = numbered(cells.iter().map(|cell| cell.place.0));
    let tops = numbered(cells.iter().map(|cell| cell.place.1));
    let taken: BTreeSet<(i32, i32)> = cells.iter().map(|cell| (lefts[&cell.place.0], tops[&cell.place.1])).collect();
    // There are more lines than cells in a table; what has fewer is none and may not cost more.
    let covered: Vec<(i32, i32)> = if lefts.len().saturating_mul(tops.len()) <= cells.len() + lines.len() {
        lefts.values().flat_map(|left| tops.values().map(move |top| (*left, *top))).filter(|place| !taken.contains(place)).collect()
    } else {
        Vec::new()
    };
    for cell in &cells {
        put(stream, cell, (lefts[&cell.place.0], tops[&cell.place.1]));
    }
    for (number, line) in lines.iter().enumerate() {
        match covered.get(number) {
            Some(place) => put(stream, line, *place),
            None => stream[line.at + 2..line.at + 4].copy_from_slice(&record::NONE.to_le_bytes()),
        }
    }
}

/// New places in the order of the old ones.
fn numbered(places: impl Iterator<Item = i32>) -> BTreeMap<i32, i32> {
    places.collect::<BTreeSet<i32>>().into_iter().zip((0..).step_by(APART)).collect()
}

fn put(stream: &mut [u8], shape: &Shape, (left, top): (i32, i32)) {
    stream[shape.place_at..shape.place_at + 4].copy_from_slice(&left.to_le_bytes());
    stream[shape.place_at + 4..shape.place_at + 8].copy_from_slice(&top.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, instance: u16, content: &[u8]) -> Vec<u8> {
        let is_container = matches!(kind, record::GROUP | record::SHAPE | record::TEXT | 0x03EE);
        let first = instance << 4 | if is_container { 15 } else { 0 };
        [&first.to_le_bytes(), &kind.to_le_bytes(), &u32::try_from(content.len()).unwrap().to_le_bytes()[..], content].concat()
    }

    fn shape_at(kind: u16, left: i32, top: i32) -> Vec<u8> {
        let place = [left, top, left + 9, top + 9].map(i32::to_le_bytes).concat();
        record(record::SHAPE, 0, &[record(record::KIND, kind, &[0; 8]), record(record::PLACE, 0, &place)].concat())
    }

    /// The places of the shapes that are left of a table.
    fn left_of(shapes: &[Vec<u8>]) -> Vec<(i32, i32)> {
        let mark = record(record::PROPERTIES[2], 1, &[0x9F, 0x03, 1, 0, 0, 0]);
        let group = record(record::GROUP, 0, &[record(record::SHAPE, 0, &mark), shapes.concat()].concat());
        let mut stream = record(0x03EE, 0, &group);
        let mut tables = Vec::new();
        find_tables(&stream, 0..stream.len(), 0, &mut tables);
        let [table] = tables.as_slice() else { panic!("{tables:?}") };
        make_plain(&mut stream, table.clone());
        let left = records(&stream, table.clone()).filter(|record| record.kind == record::SHAPE).skip(1);
        left.filter_map(|record| shape(&stream, record)).map(|shape| shape.place).collect()
    }

    #[test]
    fn lines_are_taken_away_but_for_those_in_the_place_of_covered_cells() {
        let lines = || [(0, 0), (0, 10), (20, 0), (20, 10)].map(|(left, top)| shape_at(LINE, left, top));
        // Rows of no height, as some programs write them.
        let full = [(3, 0), (20, 0), (3, 1), (20, 1)].map(|(left, top)| shape_at(1, left, top));
        assert_eq!(left_of(&[&full[..], &lines()].concat()), [(0, 0), (1000, 0), (0, 1000), (1000, 1000)]);
        assert_eq!(left_of(&[&full[..3], &lines()].concat()), [(0, 0), (1000, 0), (0, 1000), (1000, 1000)]);
    }
}
