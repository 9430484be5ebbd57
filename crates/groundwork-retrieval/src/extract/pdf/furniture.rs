//! Running headers, footers and page numbers: what stands at the edge of several pages, at the same height, the same but for its numbers.

use super::geometry::{Area, Turn, median};
use super::glyphs::Rule;
use super::lines::{Direction, Page, Segment};
use std::collections::{HashMap, HashSet};

/// Only this share of a page's height at its top and bottom can hold furniture.
const MARGIN: f32 = 0.16;
/// Within this share, text that repeats is furniture even in a short document.
const OUTER_MARGIN: f32 = 0.09;
/// Rows at an edge that can be furniture.
const MAX_ROWS: usize = 4;
/// A step of more than this many sizes from row to row is wider than those within a text.
const WIDE_GAP: f32 = 1.7;
/// Within this share of the page's height no text is expected.
const FAR_OUT: f32 = 0.06;
/// Heights of the same furniture differ by at most this, in points.
const SAME_HEIGHT: f32 = 8.0;

/// Furniture on one line has the same baseline.
const SAME_LINE: f32 = 1.0;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    at_top: bool,
    /// The text, digits as `#`.
    shape: String,
}

/// One possible piece of furniture.
struct Candidate {
    page: usize,
    /// Of the page's directions of writing, and of its segments.
    direction: usize,
    segment: usize,
    /// Distance of the baseline from its edge of the page.
    distance: f32,
    number: Option<i64>,
}

/// Takes furniture out of the pages of a document. A single page has none: what stands at its edges is not known to repeat.
pub(super) fn remove(pages: &mut [Page]) {
    if pages.len() < 2 {
        return;
    }
    let mut candidates: HashMap<Key, Vec<Candidate>> = HashMap::new();
    for (at, page) in pages.iter().enumerate() {
        collect(at, page, &mut candidates);
    }
    let mut dropped: Vec<HashSet<(usize, usize)>> = vec![HashSet::new(); pages.len()];
    let mut heights: Vec<(bool, f32)> = Vec::new();
    for (key, found) in &candidates {
        for candidate in repeated(key, found, pages) {
            dropped[candidate.page].insert((candidate.direction, candidate.segment));
            heights.push((key.at_top, candidate.distance));
        }
    }
    // What stands on a line where most pages have furniture is furniture, too: the name of a short chapter.
    for (key, candidate) in candidates.iter().flat_map(|(key, found)| found.iter().map(move |one| (key, one))) {
        let on_line =
            heights.iter().filter(|(at_top, distance)| *at_top == key.at_top && (distance - candidate.distance).abs() <= SAME_LINE).count();
        if on_line >= 3 && on_line * 2 >= pages.len() {
            dropped[candidate.page].insert((candidate.direction, candidate.segment));
        }
    }
    for (page, dropped) in pages.iter().zip(&mut dropped) {
        keep_later_lines(page, dropped);
    }
    remove_watermarks(pages);
    for (page, dropped) in pages.iter_mut().zip(dropped) {
        for (number, direction) in page.directions.iter_mut().enumerate() {
            let mut at = 0;
            direction.segments.retain(|segment| {
                let is_dropped = dropped.contains(&(number, at));
                at += 1;
                !is_dropped && !segment.is_furniture()
            });
        }
    }
}

/// Text across the page's main direction that stands in the same place on several pages.
fn remove_watermarks(pages: &mut [Page]) {
    let needed = if pages.len() <= 3 { 2 } else { 3 };
    let place = |turn: Turn, segment: &Segment| {
        let (x, y) = turn.to_page(segment.area.center());
        #[expect(clippy::cast_possible_truncation, reason = "places on a page")]
        let place = ((x / 12.0).round() as i32, (y / 12.0).round() as i32);
        (turn, segment.text(), place)
    };
    let mut counts: HashMap<(Turn, String, (i32, i32)), usize> = HashMap::new();
    for page in pages.iter() {
        for direction in page.directions.iter().skip(1) {
            for segment in &direction.segments {
                *counts.entry(place(direction.turn, segment)).or_default() += 1;
            }
        }
    }
    for page in pages {
        for direction in page.directions.iter_mut().skip(1) {
            let turn = direction.turn;
            direction.segments.retain(|segment| counts.get(&place(turn, segment)).is_none_or(|count| *count < needed));
        }
    }
}

/// The directions of a page that its furniture can have, each with its edges: upright, as a rule, and that of most of its text, where a page was
/// turned as a whole.
fn edged(page: &Page) -> impl Iterator<Item = (usize, &Direction, Edges)> {
    let has_furniture = |at: usize, turn: Turn| turn == Turn::UPRIGHT || (at == 0 && turn.is_straight());
    let directions = page.directions.iter().enumerate().filter(move |(at, direction)| has_furniture(*at, direction.turn));
    directions.map(|(at, direction)| {
        let frame = Area { x0: 0.0, y0: 0.0, x1: page.width, y1: page.height }.map(|point| direction.turn.to_frame(point));
        (at, direction, Edges { top: frame.y0, bottom: frame.y1 })
    })
}

/// Where a page begins and ends, along the direction of a text.
#[derive(Debug, Clone, Copy)]
struct Edges {
    top: f32,
    bottom: f32,
}

impl Edges {
    fn height(self) -> f32 {
        self.bottom - self.top
    }

    fn distance(self, segment: &Segment, at_top: bool) -> f32 {
        if at_top { segment.baseline - self.top } else { self.bottom - segment.baseline }
    }
}

fn collect(at: usize, page: &Page, candidates: &mut HashMap<Key, Vec<Candidate>>) {
    for (number, direction, edges) in edged(page) {
        for at_top in [true, false] {
            for segment in edge_rows(&direction.segments, edges, at_top).into_iter().flat_map(|row| row.segments) {
                if in_grid(&direction.rules, &direction.segments[segment]) {
                    continue;
                }
                let text = direction.segments[segment].text();
                let distance = edges.distance(&direction.segments[segment], at_top);
                candidates.entry(Key { at_top, shape: shape(&text) }).or_default().push(Candidate {
                    page: at,
                    direction: number,
                    segment,
                    distance,
                    number: first_number(&text),
                });
            }
        }
    }
}

/// A line close behind one that stays is of the same paragraph, and stays with it, however often it is on other pages.
fn keep_later_lines(page: &Page, dropped: &mut HashSet<(usize, usize)>) {
    for (number, direction, edges) in edged(page) {
        for at_top in [true, false] {
            let mut stays = false;
            for row in edge_rows(&direction.segments, edges, at_top) {
                let is_dropped = row.segments.iter().any(|segment| dropped.contains(&(number, *segment)));
                stays = if is_dropped { stays && row.is_close } else { !row.segments.is_empty() };
                if stays {
                    dropped.retain(|(of, segment)| *of != number || !row.segments.contains(segment));
                }
            }
        }
    }
}

/// Whether upright lines run on both sides of a text: it is a cell of a table, whose header may stand on top of every page.
fn in_grid(rules: &[Rule], segment: &Segment) -> bool {
    let (_, y) = segment.area.center();
    let beside = |rule: &&Rule| rule.area.height() > rule.area.width() && rule.area.y0 <= y && rule.area.y1 >= y;
    let mut upright = rules.iter().filter(beside).map(|rule| rule.area.center().0);
    let (mut left, mut right) = (false, false);
    upright.any(|x| {
        left |= x <= segment.area.x0 + 1.0;
        right |= x >= segment.area.x1 - 1.0;
        left && right
    })
}

/// A row at an edge of a page.
struct EdgeRow {
    segments: Vec<usize>,
    /// No wide gap parts it from the row before, which stands further out.
    is_close: bool,
}

/// The outermost rows at one edge of a page, as far as a wide gap parts them from the text; what stands far out needs none.
fn edge_rows(segments: &[Segment], edges: Edges, at_top: bool) -> Vec<EdgeRow> {
    let height = edges.height();
    let mut by_distance: Vec<(f32, usize)> =
        segments.iter().enumerate().map(|(at, segment)| (edges.distance(segment, at_top), at)).collect();
    by_distance.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut rows: Vec<(f32, Vec<usize>)> = Vec::new();
    for (distance, at) in by_distance {
        let is_enough = rows.len() > MAX_ROWS;
        match rows.last_mut() {
            Some((last, row)) if distance - *last <= 3.0 => row.push(at),
            _ if is_enough || distance > height * MARGIN * 2.0 => break,
            _ => rows.push((distance, vec![at])),
        }
    }
    let size = |row: &[usize]| row.iter().map(|at| segments[*at].size).fold(0.0, f32::max);
    let parted = |at: &usize| rows.get(at + 1).is_none_or(|next| next.0 - rows[*at].0 > size(&next.1).max(size(&rows[*at].1)) * WIDE_GAP);
    let last = (0..rows.len().min(MAX_ROWS)).rev().find(parted);
    let is_edge = |(at, (distance, _)): &(usize, &(f32, Vec<usize>))| {
        *at < MAX_ROWS && *distance <= height * MARGIN && (last.is_some_and(|last| *at <= last) || *distance <= height * FAR_OUT)
    };
    let edge = rows.iter().enumerate().filter(is_edge);
    edge.map(|(at, (_, row))| EdgeRow { segments: row.clone(), is_close: at > 0 && !parted(&(at - 1)) }).collect()
}

/// The candidates of one shape that do repeat.
fn repeated<'c>(key: &Key, found: &'c [Candidate], pages: &[Page]) -> Vec<&'c Candidate> {
    let mut distances: Vec<f32> = found.iter().map(|candidate| candidate.distance).collect();
    let Some(usual) = median(&mut distances) else {
        return Vec::new();
    };
    let same: Vec<&Candidate> = found.iter().filter(|candidate| (candidate.distance - usual).abs() <= SAME_HEIGHT).collect();
    let mut on_pages: Vec<usize> = same.iter().map(|candidate| candidate.page).collect();
    on_pages.dedup();
    // Numbers that count the pages are furniture on two pages already; numbers that do not are data.
    if key.shape.contains('#') {
        let counted = counting_pages(&same);
        if counted.len() >= 2 {
            return counted;
        }
        // The name of a chapter stays for some pages; what is another on each is data, such as a table's first row.
        let numbers: HashSet<Option<i64>> = same.iter().map(|candidate| candidate.number).collect();
        if !key.shape.chars().any(char::is_alphabetic) || numbers.len() * 2 > same.len() {
            return Vec::new();
        }
    }
    let height = same.first().and_then(|one| pages.get(one.page)).map_or(0.0, |page| page.height);
    let needed = match (usual <= height * OUTER_MARGIN, pages.len()) {
        (true, ..=3) => 2,
        (true, _) => 3,
        (false, count) => 3.max(count.div_ceil(2)),
    };
    if on_pages.len() >= needed { same } else { Vec::new() }
}

/// Those whose number grows as the pages do.
fn counting_pages<'c>(candidates: &[&'c Candidate]) -> Vec<&'c Candidate> {
    let offset = |candidate: &Candidate| {
        let page = i64::try_from(candidate.page).unwrap_or(i64::MAX);
        candidate.number.map(|number| number.saturating_sub(page))
    };
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for offset in candidates.iter().filter_map(|candidate| offset(candidate)) {
        *counts.entry(offset).or_default() += 1;
    }
    let Some((usual, count)) = counts.into_iter().max_by_key(|(offset, count)| (*count, *offset)) else {
        return Vec::new();
    };
    if count * 2 <= candidates.len() && count < 3 {
        return Vec::new();
    }
    candidates.iter().filter(|candidate| offset(candidate) == Some(usual)).copied().collect()
}

fn shape(text: &str) -> String {
    let is_roman = text.len() <= 7 && text.chars().all(|char| "ivxlcIVXLC".contains(char));
    if is_roman {
        return "#".to_owned();
    }
    let mut shape = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !shape.is_empty() {
            shape.push(' ');
        }
        for char in word.chars() {
            match char {
                char if char.is_ascii_digit() => {
                    if !shape.ends_with('#') {
                        shape.push('#');
                    }
                }
                char => shape.extend(char.to_lowercase()),
            }
        }
    }
    shape
}

/// The number that can be a page's: the last one for `7-45` and `Chapter 2 page 9`, the first one before an `of`.
fn first_number(text: &str) -> Option<i64> {
    let head = text.split(" of ").next().unwrap_or(text);
    let head = head.split('/').next().unwrap_or(head);
    let digits: Vec<&str> = head.split(|char: char| !char.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    match digits.last() {
        Some(last) => last.parse().ok(),
        None => roman(text.trim()),
    }
}

fn roman(text: &str) -> Option<i64> {
    let value = |char: char| match char.to_ascii_lowercase() {
        'i' => Some(1),
        'v' => Some(5),
        'x' => Some(10),
        'l' => Some(50),
        'c' => Some(100),
        _ => None,
    };
    if text.is_empty() || text.len() > 7 {
        return None;
    }
    let values: Vec<i64> = text.chars().map(value).collect::<Option<_>>()?;
    let mut sum = 0;
    for (at, value) in values.iter().enumerate() {
        let is_before_larger = values.get(at + 1).is_some_and(|next| next > value);
        sum += if is_before_larger { -value } else { *value };
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_forget_numbers_and_case() {
        assert_eq!(shape("Page 12 of 48"), "page # of #");
        assert_eq!(shape("xiv"), "#");
        assert_eq!(shape("7-45"), "#-#");
    }

    #[test]
    fn the_page_s_own_number_is_found() {
        assert_eq!(first_number("Page 12 of 48"), Some(12));
        assert_eq!(first_number("12 / 48"), Some(12));
        assert_eq!(first_number("7-45"), Some(45));
        assert_eq!(first_number("xiv"), Some(14));
        assert_eq!(first_number("Annual report"), None);
    }
}
