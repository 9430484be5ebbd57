//! The attributes of some documents, attribute by attribute: what a filter asks is answered once for each value, not for each document.

use super::snapshot::Live;
use groundwork_core::attributes::{Attributes, Scalar};
use groundwork_core::filter::{Comparison, Filter};
use groundwork_core::ids::DocumentId;
use groundwork_scan::Bitmap;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// Takes 28 bytes a document whose chunks stand together and 8 for each attribute that it has, and each different value once.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Ascending; a document's row is its place here.
    documents: Vec<DocumentId>,
    /// Where the chunks of each row's live version are.
    slots: Vec<(u32, Range<u32>)>,
    /// Ascending by key.
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    key: String,
    /// Ascending, each once.
    values: Vec<Scalar>,
    /// The rows that have the attribute, ascending, each with the place of its value.
    rows: Vec<(u32, u32)>,
}

impl Columns {
    /// Those of `live`; `take` gives what each document has.
    pub(super) fn new(live: &HashMap<DocumentId, Live>, mut take: impl FnMut(&DocumentId) -> Attributes) -> Self {
        let mut documents: Vec<DocumentId> = live.keys().cloned().collect();
        documents.sort_unstable();
        let mut slots = Vec::with_capacity(documents.len());
        let mut by_key: BTreeMap<String, Vec<(u32, Scalar)>> = BTreeMap::new();
        for (row, document) in (0..).zip(&documents) {
            slots.extend(live.get(document).into_iter().flat_map(|live| &live.slots).map(|slots| (row, slots.clone())));
            for (key, value) in take(document) {
                by_key.entry(key).or_default().push((row, value));
            }
        }
        Self { documents, slots, columns: by_key.into_iter().map(|(key, rows)| Column::new(key, &rows)).collect() }
    }

    /// What a document has, if it is among these.
    pub(super) fn of(&self, document: &DocumentId) -> Option<Attributes> {
        let row = self.row(document)?;
        let has = |column: &Column| {
            let at = column.rows.binary_search_by_key(&row, |(row, _)| *row).ok()?;
            Some((column.key.clone(), column.values.get(column.rows[at].1 as usize)?.clone()))
        };
        Some(self.columns.iter().filter_map(has).collect())
    }

    /// Puts the slots of those that pass `filter` into `rows`.
    pub(super) fn sift(&self, filter: &Filter, rows: &mut Bitmap) {
        let passing = self.passing(filter);
        let of_passing = self.slots.iter().filter(|(row, _)| passing[*row as usize]);
        of_passing.for_each(|(_, slots)| rows.insert_range(slots.clone()));
    }

    /// The same for other versions of the documents; those that are not among these do not pass.
    pub(super) fn sift_others(&self, filter: &Filter, live: &HashMap<DocumentId, Live>, rows: &mut Bitmap) {
        let passing = self.passing(filter);
        let of_passing = live.iter().filter(|(document, _)| self.row(document).is_some_and(|row| passing[row as usize]));
        of_passing.flat_map(|(_, live)| &live.slots).for_each(|slots| rows.insert_range(slots.clone()));
    }

    /// For each row whether it passes.
    fn passing(&self, filter: &Filter) -> Vec<bool> {
        filter.among(self.documents.len(), &|comparison: &Comparison| {
            let mut passing = vec![comparison.passes(None); self.documents.len()];
            if let Ok(at) = self.columns.binary_search_by(|column| column.key.as_str().cmp(&comparison.key)) {
                self.columns[at].compare(comparison, &mut passing);
            }
            passing
        })
    }

    fn row(&self, document: &DocumentId) -> Option<u32> {
        self.documents.binary_search(document).ok().map(|row| row as u32)
    }
}

impl Column {
    fn new(key: String, rows: &[(u32, Scalar)]) -> Self {
        let mut values: Vec<Scalar> = rows.iter().map(|(_, value)| value.clone()).collect();
        values.sort_unstable_by(Scalar::total_cmp);
        values.dedup_by(|one, other| one.total_cmp(other).is_eq());
        values.shrink_to_fit();
        let place = |value: &Scalar| values.partition_point(|other| other.total_cmp(value).is_lt()) as u32;
        let rows = rows.iter().map(|(row, value)| (*row, place(value))).collect();
        Self { key, values, rows }
    }

    fn compare(&self, comparison: &Comparison, passing: &mut [bool]) {
        let passes: Vec<bool> = self.values.iter().map(|value| comparison.passes(Some(value))).collect();
        self.rows.iter().for_each(|(row, value)| passing[*row as usize] = passes[*value as usize]);
    }
}
