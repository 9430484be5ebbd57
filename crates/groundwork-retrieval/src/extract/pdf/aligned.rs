//! Tables without lines: rows whose text stands in the same columns.

use super::columns::Table;
use super::geometry::{hull, median};
use super::lines::Segment;

/// What aligned rows turn out to be.
pub(super) enum Part {
    Table(Table),
    Row(Vec<Segment>),
}

/// A larger step than this many usual steps ends a table.
const BLOCK_GAP: f32 = 2.2;

/// Reads rows that share empty stripes: tables where the rows are like one, else the rows as they are.
pub(super) fn read(rows: Vec<Vec<Segment>>) -> Vec<Part> {
    let mut parts = Vec::new();
    for mut block in blocks(rows).into_iter().flat_map(unlike_apart) {
        let is_single = |row: &Vec<Segment>| row.len() < 2;
        let lead = block.iter().position(|row| !is_single(row)).unwrap_or(block.len());
        let mut body = block.split_off(lead);
        parts.extend(block.into_iter().map(Part::Row));
        let end = body.iter().rposition(|row| !is_single(row)).map_or(0, |last| last + 1);
        // Single cells right under the last row are the rest of one of its cells.
        let mut kept = end;
        while kept > 0 && body.get(kept).is_some_and(|row| goes_on(&body[kept - 1], row)) {
            kept += 1;
        }
        let tail = body.split_off(kept);
        match table(&body) {
            Some(table) => parts.push(Part::Table(table)),
            None => parts.extend(body.into_iter().map(Part::Row)),
        }
        parts.extend(tail.into_iter().map(Part::Row));
    }
    parts
}

/// Whether a text is a number, an amount, a percentage or a date in digits.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(|char| char.is_alphabetic()).count();
    digits > 0 && letters * 2 <= digits && text.chars().count() <= 24
}

/// Splits rows at large steps.
fn blocks(rows: Vec<Vec<Segment>>) -> Vec<Vec<Vec<Segment>>> {
    let baseline = |row: &Vec<Segment>| row.first().map_or(0.0, |segment| segment.baseline);
    let mut steps: Vec<f32> = rows.windows(2).map(|pair| baseline(&pair[1]) - baseline(&pair[0])).collect();
    let usual = median(&mut steps).unwrap_or(0.0);
    let mut blocks: Vec<Vec<Vec<Segment>>> = Vec::new();
    let mut last = f32::NEG_INFINITY;
    for row in rows {
        let here = baseline(&row);
        match blocks.last_mut() {
            Some(block) if here - last <= usual * BLOCK_GAP => block.push(row),
            _ => blocks.push(vec![row]),
        }
        last = here;
    }
    blocks
}

/// Splits rows of two tables, one close below the other, where that gives cells columns of their own.
fn unlike_apart(rows: Vec<Vec<Segment>>) -> Vec<Vec<Vec<Segment>>> {
    const WIDER: f32 = 1.25;
    let whole = crowded(&rows);
    if whole == 0 {
        return vec![rows];
    }
    let steps: Vec<f32> = rows.windows(2).map(|pair| step(&pair[0], &pair[1])).collect();
    let usual = median(&mut steps.clone()).unwrap_or(0.0);
    let wide = (1..rows.len()).filter(|at| steps[at - 1] >= usual * WIDER);
    let best = wide.map(|at| (crowded(&rows[..at]) + crowded(&rows[at..]), at)).min();
    match best {
        Some((left, at)) if left < whole => {
            let mut above = rows;
            let below = above.split_off(at);
            unlike_apart(above).into_iter().chain(unlike_apart(below)).collect()
        }
        _ => vec![rows],
    }
}

/// Texts that share a column with another one of their row.
fn crowded(rows: &[Vec<Segment>]) -> usize {
    let columns = columns(rows);
    let in_row = |row: &Vec<Segment>| row.len() - cells_of(row, &columns).iter().filter(|cell| !cell.is_empty()).count().min(row.len());
    rows.iter().filter(|row| row.len() > 1).map(in_row).sum()
}

/// Whether a row is the rest of cells in the row above: close below it, and nothing in it stands alone as a row would.
fn goes_on(above: &[Segment], row: &[Segment]) -> bool {
    let (Some(first_above), Some(first)) = (above.first(), row.first()) else {
        return false;
    };
    let step = first.baseline - first_above.baseline;
    step <= first.size * 1.45
        && row.iter().all(|segment| {
            let text = segment.text();
            !is_number(&text)
                && above.iter().any(|cell| {
                    (cell.area.x0 - segment.area.x0).abs() < segment.size * 0.6
                        || (cell.area.x0 <= segment.area.x0 && cell.area.x1 >= segment.area.x1)
                })
        })
}

fn table(rows: &[Vec<Segment>]) -> Option<Table> {
    let columns = columns(rows);
    if columns.len() < 2 || rows.len() < 2 {
        return None;
    }
    let lines: Vec<Vec<String>> = rows.iter().map(|row| cells_of(row, &columns)).collect();
    let tight_step = tight_step(rows, &lines);
    let mut cells: Vec<Vec<String>> = Vec::with_capacity(rows.len());
    for (at, line) in lines.into_iter().enumerate() {
        let above = at.checked_sub(1).and_then(|above| rows.get(above));
        let is_rest = above.is_some_and(|above| match tight_step {
            Some(tight) => step(above, &rows[at]) <= tight,
            None => is_rest(above, &rows[at], &line),
        });
        match cells.last_mut() {
            Some(last) if is_rest => {
                for (cell, rest) in last.iter_mut().zip(&line) {
                    append(cell, rest);
                }
            }
            _ => cells.push(line),
        }
    }
    let bold_first = rows.first().is_some_and(|row| row.iter().all(|segment| segment.style().bold));
    let cells = with_labels_joined(cells)?;
    let filled = |row: &&Vec<String>| row.iter().filter(|cell| !cell.is_empty()).count() >= 2;
    let full_rows = cells.iter().filter(filled).count();
    let longest_mean = 90 * cells.iter().flatten().filter(|cell| !cell.is_empty()).count();
    let chars: usize = cells.iter().flatten().map(|cell| cell.chars().count()).sum();
    if full_rows < 2 || full_rows * 2 < cells.len() || chars > longest_mean {
        return None;
    }
    let area = hull(rows.iter().flatten().map(|segment| segment.area))?;
    let order = rows.iter().flatten().map(|segment| segment.order.0).min()?;
    let header_rows = usize::from(bold_first && !rows_all_bold(rows) || is_header(&cells));
    Some(Table { rows: cells, header_rows, area, order })
}

/// In a form, labels that end with a colon and their values belong together. `None` where nothing but such pairs is left: those are lines.
fn with_labels_joined(rows: Vec<Vec<String>>) -> Option<Vec<Vec<String>>> {
    let is_pair = |pair: &[String]| pair[0].ends_with(':') && !pair[1].is_empty() && !pair[1].ends_with(':');
    let labelled = rows.iter().filter(|row| row.windows(2).any(is_pair)).count();
    if labelled * 5 < rows.len() * 3 {
        return Some(rows);
    }
    let joined: Vec<Vec<String>> = rows
        .into_iter()
        .map(|mut row| {
            for at in 1..row.len() {
                if is_pair(&row[at - 1..=at]) {
                    let value = std::mem::take(&mut row[at]);
                    row[at - 1].push(' ');
                    row[at - 1].push_str(&value);
                }
            }
            row.retain(|cell| !cell.is_empty());
            row
        })
        .collect();
    joined.iter().any(|row| row.len() > 1).then_some(joined)
}

fn cells_of(row: &[Segment], columns: &[(f32, f32)]) -> Vec<String> {
    let mut line = vec![String::new(); columns.len().max(1)];
    for segment in row {
        let column = columns.iter().position(|column| segment.area.x0 < column.1 && segment.area.x1 > column.0).unwrap_or(0);
        append(&mut line[column], &segment.text());
    }
    line
}

fn step(above: &[Segment], row: &[Segment]) -> f32 {
    row.first().map_or(0.0, |segment| segment.baseline) - above.first().map_or(0.0, |segment| segment.baseline)
}

/// Whether a line is the rest of the row above, by its cells: only one is not empty, and it does not look like the start of a row.
fn is_rest(above: &[Segment], row: &[Segment], line: &[String]) -> bool {
    let filled = line.iter().filter(|cell| !cell.is_empty()).count();
    let starts_low = || line.iter().any(|cell| cell.starts_with(char::is_lowercase));
    filled == 1 && goes_on(above, row) && (line.first().is_some_and(String::is_empty) || starts_low())
}

/// The widest step from line to line within rows, where steps between rows are clearly wider and each row starts in the first column.
fn tight_step(rows: &[Vec<Segment>], lines: &[Vec<String>]) -> Option<f32> {
    const WIDER: f32 = 1.2;
    let size = rows.first()?.first()?.size;
    let mut steps: Vec<f32> = rows.windows(2).map(|pair| step(&pair[0], &pair[1])).collect();
    steps.sort_by(f32::total_cmp);
    let split = steps.windows(2).position(|pair| pair[0] > 0.0 && pair[1] >= pair[0] * WIDER && pair[0] <= size * 1.45)?;
    let tight = steps[split] * 1.02;
    let starts = (1..rows.len()).filter(|at| step(&rows[at - 1], &rows[*at]) > tight);
    let (mut all, mut anchored) = (1, 1);
    for at in starts {
        all += 1;
        anchored += usize::from(lines.get(at).and_then(|line| line.first()).is_some_and(|cell| !cell.is_empty()));
    }
    let rest_is_loose = (1..rows.len())
        .filter(|at| step(&rows[at - 1], &rows[*at]) <= tight)
        .all(|at| lines.get(at).is_some_and(|line| line.iter().any(String::is_empty)));
    (all >= 2 && anchored * 10 >= all * 9 && rest_is_loose).then_some(tight)
}

fn rows_all_bold(rows: &[Vec<Segment>]) -> bool {
    rows.iter().flatten().all(|segment| segment.style().bold)
}

/// A first row without numbers above columns of numbers names the columns.
pub(super) fn is_header(rows: &[Vec<String>]) -> bool {
    let Some((first, rest)) = rows.split_first() else {
        return false;
    };
    let numeric_below = |column: usize| {
        let below: Vec<&String> = rest.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).collect();
        !below.is_empty() && below.iter().filter(|cell| is_number(cell)).count() * 3 >= below.len() * 2
    };
    first.iter().all(|cell| !is_number(cell))
        && first.iter().filter(|cell| !cell.is_empty()).count() >= 2
        && (0..first.len()).any(numeric_below)
}

/// The columns of a table: what lies between stripes that nearly no row crosses.
fn columns(rows: &[Vec<Segment>]) -> Vec<(f32, f32)> {
    // A long cell may reach over a stripe: one in eight rows may.
    let allowed = rows.len() / 8;
    let mut edges: Vec<(f32, i32)> = Vec::new();
    for segment in rows.iter().filter(|row| row.len() > 1).flatten() {
        edges.push((segment.area.x0, 1));
        edges.push((segment.area.x1, -1));
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let narrowest = rows.iter().flatten().map(|segment| segment.size).fold(f32::INFINITY, f32::min) * 0.5;
    let mut columns: Vec<(f32, f32)> = Vec::new();
    let mut covering = 0;
    let mut start = None;
    for (x, change) in edges {
        let was_column = covering > allowed;
        covering = covering.saturating_add_signed(isize::try_from(change).unwrap_or(0));
        let is_column = covering > allowed;
        match (was_column, is_column) {
            (false, true) => {
                start = Some(x);
                if let Some(last) = columns.last()
                    && x - last.1 < narrowest
                {
                    start = columns.pop().map(|last| last.0);
                }
            }
            (true, false) => columns.extend(start.take().map(|from| (from, x))),
            _ => {}
        }
    }
    columns
}

/// Adds text to a cell; a line end inside it is a candidate for a joined hyphen.
pub(super) fn append(cell: &mut String, text: &str) {
    if !cell.is_empty() && !text.is_empty() {
        cell.push('\n');
    }
    cell.push_str(text);
}
