//! Tables drawn with lines: horizontal and vertical lines that meet form a grid, and words go to the cell they stand in.

use super::aligned;
use super::columns::Table;
use super::geometry::Area;
use super::glyphs::Rule;
use super::lines::{Segment, rows, text_of};
use super::words::Word;

/// Lines this close are one, and lines this close to one another meet.
const TOUCH: f32 = 3.0;
const SHORTEST: f32 = 6.0;
/// Grids beyond this are drawings.
const MAX_LINES: usize = 4_000;
const MAX_CELLS: usize = 40_000;
/// Words times lines that are looked at for one grid.
const MAX_WORK: usize = 4_000_000;
/// A cell with more words than this lays out a page rather than a table.
const MAX_CELL_WORDS: usize = 160;

/// A straight line along one axis: its place across, and from where to where it runs.
#[derive(Debug, Clone, Copy)]
struct Line {
    at: f32,
    from: f32,
    to: f32,
}

/// Takes the tables that lines draw out of the segments.
pub(super) fn take(rules: &[Rule], segments: Vec<Segment>) -> (Vec<Table>, Vec<Segment>) {
    let (across, down) = lines_of(rules);
    if across.len() < 2 || down.len() < 2 || across.len() + down.len() > MAX_LINES {
        return (Vec::new(), segments);
    }
    let mut tables = Vec::new();
    let mut rest = segments;
    for (across, down) in grids(&across, &down) {
        let Some(grid) = Grid::new(&across, &down) else {
            continue;
        };
        let (inside, outside): (Vec<Segment>, Vec<Segment>) =
            rest.into_iter().partition(|segment| grid.area.contains(segment.area.center()));
        let words: Vec<Word> = inside.iter().flat_map(|segment| segment.words.clone()).collect();
        rest = outside;
        match grid.read(words) {
            Some(table) => tables.push(table),
            None => rest.extend(inside),
        }
    }
    (tables, rest)
}

fn lines_of(rules: &[Rule]) -> (Vec<Line>, Vec<Line>) {
    let (mut across, mut down) = (Vec::new(), Vec::new());
    for Rule { area } in rules {
        if area.width() >= area.height() {
            across.push(Line { at: (area.y0 + area.y1) / 2.0, from: area.x0, to: area.x1 });
        } else {
            down.push(Line { at: (area.x0 + area.x1) / 2.0, from: area.y0, to: area.y1 });
        }
    }
    (merged(across), merged(down))
}

/// Joins the pieces of one line: dashes, and borders drawn cell by cell.
fn merged(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut groups: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|first| line.at - first.at <= 1.5) => {
                group.push(line);
            }
            _ => groups.push(vec![line]),
        }
    }
    let mut joined = Vec::new();
    for mut group in groups {
        group.sort_by(|a, b| a.from.total_cmp(&b.from));
        let mut open: Option<Line> = None;
        for line in group {
            match &mut open {
                Some(whole) if line.from <= whole.to + TOUCH => whole.to = whole.to.max(line.to),
                _ => joined.extend(open.replace(line)),
            }
        }
        joined.extend(open);
    }
    joined.retain(|line| line.to - line.from >= SHORTEST);
    joined
}

/// Groups lines that meet, directly or through others.
fn grids(across: &[Line], down: &[Line]) -> Vec<(Vec<Line>, Vec<Line>)> {
    let total = across.len() + down.len();
    let mut parents: Vec<usize> = (0..total).collect();
    let find = |parents: &mut Vec<usize>, mut at: usize| {
        while parents[at] != at {
            parents[at] = parents[parents[at]];
            at = parents[at];
        }
        at
    };
    // `across` is sorted by its place, so each upright meets a contiguous run of it.
    for (at, upright) in down.iter().enumerate() {
        let from = across.partition_point(|line| line.at < upright.from - TOUCH);
        for (offset, line) in across[from..].iter().enumerate() {
            if line.at > upright.to + TOUCH {
                break;
            }
            if line.from - TOUCH <= upright.at && line.to + TOUCH >= upright.at {
                let (a, b) = (find(&mut parents, from + offset), find(&mut parents, across.len() + at));
                parents[a] = b;
            }
        }
    }
    let mut groups: std::collections::BTreeMap<usize, (Vec<Line>, Vec<Line>)> = std::collections::BTreeMap::new();
    for at in 0..total {
        let root = find(&mut parents, at);
        let group = groups.entry(root).or_default();
        match at.checked_sub(across.len()) {
            None => group.0.push(across[at]),
            Some(upright) => group.1.push(down[upright]),
        }
    }
    let mut found: Vec<(Vec<Line>, Vec<Line>)> =
        groups.into_values().filter(|(across, down)| across.len() >= 2 && down.len() >= 2).collect();
    // Inner tables first, so that their words are gone when the outer one is read.
    found.sort_by(|a, b| extent(&a.0).total_cmp(&extent(&b.0)));
    found
}

fn extent(across: &[Line]) -> f32 {
    across.iter().map(|line| line.to - line.from).fold(0.0, f32::max)
}

struct Grid<'l> {
    across: &'l [Line],
    down: &'l [Line],
    xs: Vec<f32>,
    ys: Vec<f32>,
    area: Area,
}

impl<'l> Grid<'l> {
    fn new(across: &'l [Line], down: &'l [Line]) -> Option<Self> {
        let xs = places(down);
        let ys = places(across);
        let area = Area { x0: *xs.first()?, y0: *ys.first()?, x1: *xs.last()?, y1: *ys.last()? };
        let (columns, rows) = (xs.len() - 1, ys.len() - 1);
        let is_table = rows >= 1 && columns >= 1 && rows * columns >= 2 && rows * columns <= MAX_CELLS;
        is_table.then_some(Self { across, down, xs, ys, area })
    }

    fn read(&self, words: Vec<Word>) -> Option<Table> {
        if words.len() * (self.across.len() + self.down.len()) > MAX_WORK {
            return None;
        }
        let (columns, row_count) = (self.xs.len() - 1, self.ys.len() - 1);
        let order = words.iter().map(|word| word.order).min()?;
        let mut cells: Vec<Vec<Word>> = vec![Vec::new(); columns * row_count];
        for word in words {
            let (x, y) = word.area.center();
            let column = self.xs.partition_point(|edge| *edge <= x).clamp(1, columns) - 1;
            let row = self.ys.partition_point(|edge| *edge <= y).clamp(1, row_count) - 1;
            let (column, row) = self.first_of_merged(column, row);
            cells[row * columns + column].push(word);
        }
        if cells.iter().any(|cell| cell.len() > MAX_CELL_WORDS || lays_out(cell)) {
            return None;
        }
        let bold_first = cells[..columns].iter().flatten().all(|word| word.style.bold);
        let table_rows: Vec<Vec<String>> = cells.chunks(columns).map(|row| row.iter().map(|cell| cell_text(cell)).collect()).collect();
        let filled_columns = (0..columns).filter(|column| table_rows.iter().any(|row| !row[*column].is_empty())).count();
        let filled_rows = table_rows.iter().filter(|row| row.iter().any(|cell| !cell.is_empty())).count();
        if filled_columns < 2 || filled_rows < 2 {
            return None;
        }
        let table_rows = without_empty_columns(table_rows);
        let header_rows = usize::from(bold_first || aligned::is_header(&table_rows) || filled_rows >= 3);
        Some(Table { rows: table_rows, header_rows, area: self.area, order })
    }

    /// The top left cell of the merged cell that a grid cell belongs to: there is no line between it and its neighbour.
    fn first_of_merged(&self, mut column: usize, mut row: usize) -> (usize, usize) {
        let middle = |edges: &[f32], at: usize| (edges[at] + edges[at + 1]) / 2.0;
        let y = middle(&self.ys, row);
        while column > 0 && !is_crossed(self.down, self.xs[column], y) {
            column -= 1;
        }
        let x = middle(&self.xs, column);
        while row > 0 && !is_crossed(self.across, self.ys[row], x) {
            row -= 1;
        }
        (column, row)
    }
}

/// Whether some line at this place runs past a point.
fn is_crossed(lines: &[Line], at: f32, along: f32) -> bool {
    lines.iter().any(|line| (line.at - at).abs() <= TOUCH && line.from <= along && line.to >= along)
}

/// The distinct places of lines, in order.
fn places(lines: &[Line]) -> Vec<f32> {
    let mut all: Vec<f32> = lines.iter().map(|line| line.at).collect();
    all.sort_by(f32::total_cmp);
    let mut distinct: Vec<f32> = Vec::new();
    for place in all {
        if distinct.last().is_none_or(|last| place - last > TOUCH) {
            distinct.push(place);
        }
    }
    distinct
}

/// Whether a cell holds rows of its own: then the lines frame parts of a form, and its rows are read without them.
fn lays_out(words: &[Word]) -> bool {
    const ROWS: usize = 3;
    if words.len() < ROWS * 2 {
        return false;
    }
    let parted = rows(words.to_vec(), |word| (word.baseline, word.area.x0, word.size))
        .iter()
        .filter(|row| row.windows(2).any(|pair| pair[1].area.x0 - pair[0].area.x1 > pair[0].size * 1.2))
        .count();
    parted >= ROWS
}

fn cell_text(words: &[Word]) -> String {
    let mut text = String::new();
    for row in rows(words.to_vec(), |word| (word.baseline, word.area.x0, word.size)) {
        aligned::append(&mut text, &text_of(&row));
    }
    text
}

fn without_empty_columns(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let width = rows.first().map_or(0, Vec::len);
    let filled: Vec<bool> = (0..width).map(|column| rows.iter().any(|row| !row[column].is_empty())).collect();
    rows.into_iter().map(|row| row.into_iter().zip(&filled).filter_map(|(cell, filled)| filled.then_some(cell)).collect()).collect()
}
