//! Cells of a sheet → regions: what empty rows, and empty columns between two tables side by side, keep apart.

use super::value::Shown;
use crate::extract::document::Builder;
use std::collections::{BTreeMap, BTreeSet};

/// The cells that hold something, by row and column.
#[derive(Debug, Default)]
pub(super) struct Grid(BTreeMap<u32, BTreeMap<u32, Shown>>);

type Row = BTreeMap<u32, Shown>;

impl Grid {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn put(&mut self, (row, column): (u32, u32), value: Shown) {
        self.0.entry(row).or_default().insert(column, value);
    }

    /// Adds each region as a block, from top to bottom and left to right.
    pub(super) fn regions(self, builder: &mut Builder) {
        let mut band: Vec<Row> = Vec::new();
        let mut last = None;
        for (number, row) in self.0 {
            if last.is_some_and(|last: u32| number > last.saturating_add(1)) {
                add_band(std::mem::take(&mut band), builder);
            }
            last = Some(number);
            band.push(row);
        }
        add_band(band, builder);
    }
}

/// Rows without an empty one between them.
fn add_band(band: Vec<Row>, builder: &mut Builder) {
    for region in side_by_side(band) {
        add_region(&region, builder);
    }
}

/// Tables side by side: an empty column parts them where at least two columns stand on either side. One column alone belongs to its neighbour.
fn side_by_side(band: Vec<Row>) -> Vec<Vec<Row>> {
    let columns: BTreeSet<u32> = band.iter().flat_map(|row| row.keys().copied()).collect();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for column in columns {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|last| column <= last.saturating_add(1)) => group.push(column),
            _ => groups.push(vec![column]),
        }
    }
    if groups.len() < 2 || groups.iter().any(|group| group.len() < 2) {
        return vec![band];
    }
    let part = |group: &Vec<u32>| -> Vec<Row> {
        let (first, last) = (group[0], group[group.len() - 1]);
        band.iter().map(|row| row.range(first..=last).map(|(column, value)| (*column, value.clone())).collect()).collect()
    };
    groups.iter().map(part).collect()
}

fn add_region(rows: &[Row], builder: &mut Builder) {
    let rows: Vec<&Row> = rows.iter().filter(|row| !row.is_empty()).collect();
    // Lines of one cell above a wider table are its title.
    let titles = if rows.iter().any(|row| row.len() > 1) { rows.iter().take_while(|row| row.len() == 1).count() } else { rows.len() };
    for title in &rows[..titles] {
        builder.paragraph(&title.values().map(|value| value.text.as_str()).collect::<String>());
    }
    let table = &rows[titles..];
    // Columns that are used keep their order; wholly empty ones would only be noise in every row.
    let columns: BTreeSet<u32> = table.iter().flat_map(|row| row.keys().copied()).collect();
    let cells =
        table.iter().map(|row| columns.iter().map(|column| row.get(column).map_or_else(String::new, |value| value.text.clone())).collect());
    builder.table(cells.collect(), usize::from(has_header(table)));
}

/// Whether the first row names the columns: only words in it, and anything below.
fn has_header(table: &[&Row]) -> bool {
    let Some((first, below)) = table.split_first() else { return false };
    let words = first.len() > 1 && first.values().all(|value| !value.is_number);
    words && !below.is_empty()
}
