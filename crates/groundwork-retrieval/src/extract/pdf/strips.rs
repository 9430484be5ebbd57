//! Whether a stripe parts columns of text or cells of a table: by the text on its sides and by the order in which it was drawn.

use super::aligned;
use super::columns::Item;
use super::geometry::Area;

/// The text between the gutters, measured.
pub(super) struct Strips {
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
    pub(super) fn new(rows: &[Vec<Item>], gutters: &[(f32, f32)]) -> Self {
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
    pub(super) fn parts_columns(&self, gutter: usize) -> bool {
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
