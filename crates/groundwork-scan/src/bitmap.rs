//! A set of row numbers as bits.

use std::ops::Range;

/// Rows `0..len`, each in or out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// No row of `len`.
    pub fn empty(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// Every row of `len`.
    pub fn full(len: usize) -> Self {
        let mut bitmap = Self { words: vec![u64::MAX; len.div_ceil(64)], len };
        if let (Some(last), rest @ 1..) = (bitmap.words.last_mut(), len % 64) {
            *last = (1 << rest) - 1;
        }
        bitmap
    }

    /// How many rows there are, in or out.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// How many rows are in.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// False for a row beyond the end.
    pub fn contains(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// The rows 64 at a time; the lowest bit is the lowest row.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Puts a row in; a row beyond the end lengthens the bitmap.
    pub fn insert(&mut self, row: u32) {
        self.insert_range(row..row.saturating_add(1));
    }

    pub fn insert_range(&mut self, rows: Range<u32>) {
        unimplemented!("{rows:?}")
    }

    pub fn remove(&mut self, row: u32) {
        self.remove_range(row..row.saturating_add(1));
    }

    pub fn remove_range(&mut self, rows: Range<u32>) {
        unimplemented!("{rows:?}")
    }

    /// Keeps what is in both; what `other` does not reach is out.
    pub fn and(&mut self, other: &Bitmap) {
        unimplemented!("{other:?}")
    }

    /// Takes out what is in `other`.
    pub fn and_not(&mut self, other: &Bitmap) {
        unimplemented!("{other:?}")
    }

    /// Adds what is in `other`, lengthening as needed.
    pub fn or(&mut self, other: &Bitmap) {
        unimplemented!("{other:?}")
    }

    /// The rows that are in, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            std::iter::successors(Some(word), |rest| Some(rest & (rest - 1)))
                .take_while(|&rest| rest != 0)
                .map(move |rest| at as u32 * 64 + rest.trailing_zeros())
        })
    }
}
