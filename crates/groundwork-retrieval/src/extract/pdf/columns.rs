//! Reading order: a page is cut at empty vertical stripes into columns and across them into bands, again and again, until what is left is read
//! line by line. A stripe between the cells of a table is told from one between columns by the text beside it and by the order of drawing.

use super::aligned;
use super::bidi;
use super::geometry::{Area, hull, median};
use super::lines::{Segment, rows};

/// How often a part is cut again at most.
const MAX_DEPTH: usize = 12;
/// The narrowest stripe that can part columns, in ems.
const GUTTER: f32 = 0.7;

/// Rows further above columns than this many line heights do not belong to them.
const FAR: f32 = 2.5;

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
    fn area(&self) -> Area {
        match self {
            Self::Segment(segment) => segment.area,
            Self::Table(table) => table.area,
        }
    }

    fn size(&self) -> f32 {
        match self {
            Self::Segment(segment) => segment.size,
            Self::Table(_) => 10.0,
        }
    }

    fn order(&self) -> u32 {
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
    reader.cut(items, MAX_DEPTH);
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

/// The empty vertical stripes through all items, left to right.
fn gutters<'i>(items: impl Iterator<Item = &'i Item>) -> Vec<(f32, f32)> {
    let mut spans = Vec::new();
    let mut sizes = Vec::new();
    for item in items {
        spans.push((item.area().x0, item.area().x1));
        sizes.push(item.size());
    }
    let narrowest = median(&mut sizes).unwrap_or(10.0) * GUTTER;
    stripes(spans, narrowest)
}

fn stripes(mut spans: Vec<(f32, f32)>, narrowest: f32) -> Vec<(f32, f32)> {
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut found = Vec::new();
    let mut reached = f32::INFINITY;
    for (start, end) in spans {
        if start - reached >= narrowest {
            found.push((reached, start));
        }
        reached = if reached.is_finite() { reached.max(end) } else { end };
    }
    found
}

/// Rows that are read together.
struct Band {
    rows: Vec<Vec<Item>>,
    /// Some stripe runs through all rows with text on both sides in at least two of them.
    is_cut: bool,
}

/// Splits rows where no stripe runs through, so that a heading over two columns stands alone.
fn bands(rows: Vec<Vec<Item>>) -> Vec<Band> {
    let Some(all) = hull(rows.iter().flatten().map(Item::area)) else {
        return Vec::new();
    };
    let mut bands: Vec<Band> = Vec::new();
    let mut open: Vec<Vec<Item>> = Vec::new();
    let mut free: Vec<(f32, f32)> = Vec::new();
    for row in rows {
        let own = free_stripes(&row, &all);
        let both = shared(&free, &own);
        let is_kept = both.iter().any(|stripe| is_inner(stripe, &open, &row));
        let was_parted = free.iter().any(|stripe| is_inner(stripe, &open, &[]));
        let is_parted = own.iter().any(|stripe| is_inner(stripe, &[], &row));
        if is_kept || (!was_parted && !is_parted && !both.is_empty()) {
            free = both;
        } else {
            close(&mut bands, std::mem::take(&mut open), &free);
            free = own;
        }
        open.push(row);
    }
    close(&mut bands, open, &free);
    bands
}

/// Whether a stripe has text on both sides.
fn is_inner(stripe: &(f32, f32), open: &[Vec<Item>], row: &[Item]) -> bool {
    let items = || open.iter().flatten().chain(row);
    items().any(|item| is_left_of(item, stripe)) && items().any(|item| is_right_of(item, stripe))
}

fn is_left_of(item: &Item, stripe: &(f32, f32)) -> bool {
    item.area().x1 <= stripe.0 + 0.1
}

fn is_right_of(item: &Item, stripe: &(f32, f32)) -> bool {
    item.area().x0 >= stripe.1 - 0.1
}

/// Ends a band. Rows before it that keep clear of its stripes belong to it, too: columns need not start at the same height.
fn close(bands: &mut Vec<Band>, rows: Vec<Vec<Item>>, free: &[(f32, f32)]) {
    if rows.is_empty() {
        return;
    }
    let inner: Vec<(f32, f32)> = free.iter().filter(|stripe| parts_rows(stripe, &rows)).copied().collect();
    if inner.is_empty() {
        match bands.last_mut() {
            Some(last) if !last.is_cut => last.rows.extend(rows),
            _ => bands.push(Band { rows, is_cut: false }),
        }
        return;
    }
    let mut before = Vec::new();
    if let Some(last) = bands.last_mut()
        && !last.is_cut
    {
        let clear =
            |row: &Vec<Item>| inner.iter().any(|stripe| row.iter().all(|item| is_left_of(item, stripe) || is_right_of(item, stripe)));
        let mut top = rows.iter().flatten().map(|item| item.area().y0).fold(f32::INFINITY, f32::min);
        while let Some(row) = last.rows.last() {
            let Some(area) = hull(row.iter().map(Item::area)) else {
                break;
            };
            if !clear(row) || top - area.y1 > FAR * area.height() {
                break;
            }
            top = top.min(area.y0);
            before.extend(last.rows.pop());
        }
        if last.rows.is_empty() {
            bands.pop();
        }
    }
    before.reverse();
    before.extend(rows);
    bands.push(Band { rows: before, is_cut: true });
}

/// Whether a stripe runs between texts that stand beside one another for two rows or more.
fn parts_rows(stripe: &(f32, f32), rows: &[Vec<Item>]) -> bool {
    let side = |is_on: fn(&Item, &(f32, f32)) -> bool| hull(rows.iter().flatten().filter(|item| is_on(item, stripe)).map(Item::area));
    let (Some(left), Some(right)) = (side(is_left_of), side(is_right_of)) else {
        return false;
    };
    let parted = rows
        .iter()
        .filter(|row| row.iter().any(|item| is_left_of(item, stripe)) && row.iter().any(|item| is_right_of(item, stripe)))
        .count();
    let count = |is_on: fn(&Item, &(f32, f32)) -> bool| rows.iter().flatten().filter(|item| is_on(item, stripe)).count();
    let common = left.y1.min(right.y1) - left.y0.max(right.y0);
    let is_beside = common > left.height().min(right.height()) * 0.5;
    parted >= 2 || is_beside && count(is_left_of) >= 3 && count(is_right_of) >= 3
}

/// The stripes of a row that no item covers, as wide as the whole part.
fn free_stripes(row: &[Item], all: &Area) -> Vec<(f32, f32)> {
    let mut spans: Vec<(f32, f32)> = row.iter().map(|item| (item.area().x0, item.area().x1)).collect();
    spans.push((all.x0 - 1.0, all.x0));
    spans.push((all.x1, all.x1 + 1.0));
    let mut sizes: Vec<f32> = row.iter().map(Item::size).collect();
    stripes(spans, median(&mut sizes).unwrap_or(10.0) * GUTTER)
}

fn shared(a: &[(f32, f32)], b: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let mut found = Vec::new();
    for one in a {
        for other in b {
            let (start, end) = (one.0.max(other.0), one.1.min(other.1));
            if end - start >= 4.0 {
                found.push((start, end));
            }
        }
    }
    found
}

/// The text between the gutters, measured.
struct Strips {
    measures: Vec<Measure>,
    /// For each gutter: rows with text on both sides, and how often drawing changes sides.
    meetings: Vec<(usize, usize)>,
}

#[derive(Default)]
struct Measure {
    segments: usize,
    chars: usize,
    words: usize,
    numbers: usize,
    /// Lines that go on in the next line: no end of sentence, and the next starts in lower case.
    wraps: usize,
    has_table: bool,
    extent: Option<Area>,
}

impl Strips {
    fn new(rows: &[Vec<Item>], gutters: &[(f32, f32)]) -> Self {
        let strip_of = |item: &Item| gutters.partition_point(|gutter| (gutter.0 + gutter.1) / 2.0 < item.area().center().0);
        let mut measures: Vec<Measure> = Vec::new();
        measures.resize_with(gutters.len() + 1, Measure::default);
        let mut last_texts: Vec<Option<String>> = vec![None; gutters.len() + 1];
        let mut drawn: Vec<(u32, usize)> = Vec::new();
        let mut beside = vec![0; gutters.len()];
        for row in rows {
            let mut present = vec![false; gutters.len() + 1];
            for item in row {
                let at = strip_of(item);
                let Some(measure) = measures.get_mut(at) else { continue };
                present[at] = true;
                drawn.push((item.order(), at));
                measure.add(item, &mut last_texts[at]);
            }
            for (at, count) in beside.iter_mut().enumerate() {
                *count += usize::from(present[at] && present[at + 1]);
            }
        }
        drawn.sort_unstable();
        let meetings = beside
            .into_iter()
            .enumerate()
            .map(|(gutter, rows)| {
                let sides: Vec<usize> = drawn.iter().map(|(_, at)| *at).filter(|at| *at == gutter || *at == gutter + 1).collect();
                (rows, sides.windows(2).filter(|pair| pair[0] != pair[1]).count())
            })
            .collect();
        Self { measures, meetings }
    }

    /// Whether the texts left and right of a gutter are columns, read one after the other, and not cells of a row.
    fn parts_columns(&self, gutter: usize) -> bool {
        let (Some(left), Some(right), Some((rows, changes))) =
            (self.measures.get(gutter), self.measures.get(gutter + 1), self.meetings.get(gutter))
        else {
            return false;
        };
        if left.has_table || right.has_table || !left.is_beside(right) {
            return true;
        }
        if left.is_numbers() || right.is_numbers() {
            return false;
        }
        // Cells are drawn row by row, columns one after the other.
        let per_row = *changes as f32 / (2 * (*rows).max(1)) as f32;
        match (left.is_prose(), right.is_prose()) {
            (true, true) => per_row <= 0.5 || (left.is_wrapped() && right.is_wrapped()),
            (false, false) => per_row <= 0.3 && left.segments.min(right.segments) >= 2 && left.is_phrases() && right.is_phrases(),
            _ => per_row <= 0.34 && left.segments.min(right.segments) >= 3,
        }
    }
}

impl Measure {
    fn add(&mut self, item: &Item, last: &mut Option<String>) {
        self.extent = Some(self.extent.map_or(item.area(), |extent| extent.union(&item.area())));
        let Item::Segment(segment) = item else {
            self.has_table = true;
            return;
        };
        let text = segment.text();
        self.segments += 1;
        self.chars += segment.chars();
        self.words += segment.words.len();
        self.numbers += usize::from(aligned::is_number(&text));
        if let Some(last) = last {
            let goes_on = !last.ends_with(['.', ':', ';', '!', '?']) && text.chars().next().is_some_and(char::is_lowercase);
            self.wraps += usize::from(goes_on);
        }
        *last = Some(text);
    }

    fn is_prose(&self) -> bool {
        self.segments >= 3 && self.chars >= self.segments * 18 && self.words >= self.segments * 3
    }

    fn is_phrases(&self) -> bool {
        self.chars >= self.segments * 10 && self.words * 2 >= self.segments * 5
    }

    fn is_wrapped(&self) -> bool {
        self.wraps * 5 >= self.segments * 2
    }

    fn is_numbers(&self) -> bool {
        self.numbers * 2 > self.segments
    }

    /// Whether the two stand beside one another for a good part of the shorter one's height.
    fn is_beside(&self, other: &Self) -> bool {
        let (Some(a), Some(b)) = (self.extent, other.extent) else {
            return false;
        };
        let common = a.y1.min(b.y1) - a.y0.max(b.y0);
        common > a.height().min(b.height()) * 0.3
    }
}
