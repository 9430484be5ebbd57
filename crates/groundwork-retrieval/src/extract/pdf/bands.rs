//! Empty vertical stripes through rows of text, and the bands of rows that share them.

use super::columns::Item;
use super::geometry::{hull, median};
use std::ops::Range;

/// The narrowest stripe that can part columns, in ems.
const GUTTER: f32 = 0.7;
/// Rows further from columns than this many line heights do not belong to them.
const FAR: f32 = 2.5;

/// The empty vertical stripes through all items, left to right.
pub(super) fn gutters<'i>(items: impl Iterator<Item = &'i Item>) -> Vec<(f32, f32)> {
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
pub(super) struct Band {
    pub(super) rows: Vec<Vec<Item>>,
    /// An empty stripe with text on both sides runs through all rows.
    pub(super) is_cut: bool,
}

/// Splits rows where no stripe runs through, so that a heading over two columns stands alone: the longest stripe makes the first band, and the
/// rows above and below it are split in the same way.
pub(super) fn bands(rows: Vec<Vec<Item>>) -> Vec<Band> {
    let stripes = candidates(&rows);
    let mut cut: Vec<Range<usize>> = Vec::new();
    let mut open: Vec<Range<usize>> = std::iter::once(0..rows.len()).collect();
    while let Some(range) = open.pop() {
        let best = stripes.iter().filter_map(|x| longest_run(&rows, range.clone(), *x)).max_by_key(|run| run.score);
        if let Some(run) = best {
            open.push(range.start..run.rows.start);
            open.push(run.rows.end..range.end);
            cut.push(run.rows);
        }
    }
    cut.sort_by_key(|range| range.start);
    let mut bands: Vec<Band> = Vec::new();
    let mut next_cut = cut.into_iter().peekable();
    let mut rows = rows.into_iter().enumerate().peekable();
    while let Some((at, _)) = rows.peek() {
        let start = *at;
        let (end, is_cut) = match next_cut.peek() {
            Some(range) if range.start == start => (next_cut.next().map_or(start + 1, |range| range.end), true),
            Some(range) => (range.start, false),
            None => (usize::MAX, false),
        };
        let mut members = Vec::new();
        while let Some((_, row)) = rows.next_if(|(at, _)| *at < end) {
            members.push(row);
        }
        bands.push(Band { rows: members, is_cut });
    }
    bands
}

/// Places where a stripe may run, in the middle of each gap in a row and beside each lone text.
fn candidates(rows: &[Vec<Item>]) -> Vec<f32> {
    const APART: f32 = 3.0;
    let mut places: Vec<f32> = Vec::new();
    for row in rows {
        for pair in row.windows(2) {
            places.push((pair[0].area().x1 + pair[1].area().x0) / 2.0);
        }
        let half = row.first().map_or(5.0, Item::size) * GUTTER * 0.6;
        places.extend(row.first().map(|item| item.area().x0 - half));
        places.extend(row.last().map(|item| item.area().x1 + half));
    }
    places.sort_by(f32::total_cmp);
    places.dedup_by(|next, kept| *next - *kept < APART);
    places
}

/// Rows that a stripe runs through.
struct Run {
    rows: Range<usize>,
    score: usize,
}

/// The run of rows with the most text beside one another that keeps clear of a place.
fn longest_run(rows: &[Vec<Item>], range: Range<usize>, x: f32) -> Option<Run> {
    let mut best: Option<Run> = None;
    let mut start = range.start;
    for at in range.start..=range.end {
        let is_clear = at < range.end && rows.get(at).is_some_and(|row| row.iter().all(|item| is_beside(item, x)));
        if is_clear {
            continue;
        }
        if let Some(run) = parted_run(rows, start..at, x)
            && best.as_ref().is_none_or(|best| run.score > best.score)
        {
            best = Some(run);
        }
        start = at + 1;
    }
    best
}

/// Whether a text leaves half a gutter free beside a place.
fn is_beside(item: &Item, x: f32) -> bool {
    let half = item.size() * GUTTER / 2.0;
    item.area().x1 + half <= x || item.area().x0 - half >= x
}

/// The part of a run that has text on both sides, with what stands close above and below it.
fn parted_run(rows: &[Vec<Item>], range: Range<usize>, x: f32) -> Option<Run> {
    let run = rows.get(range.clone())?;
    let items = || run.iter().flatten();
    let is_left = |item: &&Item| item.area().x1 <= x;
    let left = hull(items().filter(is_left).map(Item::area))?;
    let right = hull(items().filter(|item| !is_left(item)).map(Item::area))?;
    let (top, bottom) = (left.y0.max(right.y0), left.y1.min(right.y1));
    let within = |row: &Vec<Item>| row.iter().any(|item| item.area().y1 > top && item.area().y0 < bottom);
    let first = run.iter().position(within)?;
    let last = run.iter().rposition(within)?;
    let parted = run.iter().filter(|row| row.iter().any(|item| is_left(&item)) && row.iter().any(|item| !is_left(&item))).count();
    let sides = run[first..=last].iter().flatten().fold(
        (0, 0),
        |(left, right), item| {
            if is_left(&item) { (left + 1, right) } else { (left, right + 1) }
        },
    );
    if parted < 2 && (sides.0 < 3 || sides.1 < 3) {
        return None;
    }
    let start = (0..first).rev().take_while(|at| is_near(&run[*at], &run[at + 1])).last().unwrap_or(first);
    let end = (last + 1..run.len()).take_while(|at| is_near(&run[at - 1], &run[*at])).last().unwrap_or(last);
    Some(Run { rows: range.start + start..range.start + end + 1, score: last + 1 - first })
}

/// Whether a row stands so close below another that both can be of one column.
fn is_near(above: &[Item], below: &[Item]) -> bool {
    let (Some(above), Some(below)) = (hull(above.iter().map(Item::area)), hull(below.iter().map(Item::area))) else {
        return false;
    };
    below.y0 - above.y1 <= FAR * above.height().min(below.height())
}
