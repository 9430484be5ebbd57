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
        let end = rows.end as usize;
        if end > self.len {
            self.len = end;
            self.words.resize(end.div_ceil(64), 0);
        }
        for_each_word(rows, |word, mask| self.words[word] |= mask);
    }

    pub fn remove(&mut self, row: u32) {
        self.remove_range(row..row.saturating_add(1));
    }

    pub fn remove_range(&mut self, rows: Range<u32>) {
        let rows = rows.start..rows.end.min(self.len.try_into().unwrap_or(u32::MAX));
        for_each_word(rows, |word, mask| self.words[word] &= !mask);
    }

    /// Keeps what is in both; what `other` does not reach is out.
    pub fn and(&mut self, other: &Bitmap) {
        for (at, word) in self.words.iter_mut().enumerate() {
            *word &= other.words.get(at).copied().unwrap_or(0);
        }
    }

    /// Takes out what is in `other`.
    pub fn and_not(&mut self, other: &Bitmap) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// Adds what is in `other`, lengthening as needed.
    pub fn or(&mut self, other: &Bitmap) {
        if other.len > self.len {
            self.len = other.len;
            self.words.resize(other.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// The rows that are in, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let nonzero = |word: u64| (word != 0).then_some(word);
            std::iter::successors(nonzero(word), move |rest| nonzero(rest & (rest - 1)))
                .map(move |rest| at as u32 * 64 + rest.trailing_zeros())
        })
    }
}

/// Calls `act` for each word that `rows` touch, with the bits of those rows.
fn for_each_word(rows: Range<u32>, mut act: impl FnMut(usize, u64)) {
    let (start, end) = (rows.start as usize, rows.end as usize);
    if start >= end {
        return;
    }
    for word in start / 64..=(end - 1) / 64 {
        let from = start.max(word * 64) - word * 64;
        let to = end.min(word * 64 + 64) - word * 64;
        act(word, u64::MAX >> (64 - (to - from)) << from);
    }
}
