//! The best rows so far.

use crate::Hit;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// The `k` best hits of those offered, in ascending order of their rows.
pub(crate) struct Top {
    k: usize,
    /// The worst on top.
    heap: BinaryHeap<Reverse<Ranked>>,
    /// What a hit must beat.
    bar: f32,
}

struct Ranked(Hit);

impl Top {
    pub(crate) fn new(k: usize) -> Self {
        let bar = if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self { k, heap: BinaryHeap::with_capacity(k.min(1024) + 1), bar }
    }

    /// Rows come in ascending order, so that one that only equals the worst is behind it.
    #[inline(always)]
    pub(crate) fn offer(&mut self, row: u32, score: f32) {
        if score > self.bar {
            self.insert(Hit { row, score });
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, hit: Hit) {
        self.heap.push(Reverse(Ranked(hit)));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
        if self.heap.len() == self.k
            && let Some(Reverse(Ranked(worst))) = self.heap.peek()
        {
            self.bar = worst.score;
        }
    }

    /// Best first.
    pub(crate) fn into_hits(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(Ranked(hit))| hit).collect()
    }
}

/// The greater is the better: by score, then by the lower row.
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.score.total_cmp(&other.0.score).then(other.0.row.cmp(&self.0.row))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}
