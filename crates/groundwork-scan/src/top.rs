//! The best rows so far.

use crate::Hit;
use std::cmp::Ordering;

/// The `k` best hits of those offered, in ascending order of their rows.
///
/// What beats the bar is collected, and the bar is raised when there is much of it: cheaper than keeping a heap in order.
pub(crate) struct Top {
    k: usize,
    hits: Vec<Hit>,
    room: usize,
    /// What a hit must beat.
    bar: f32,
}

impl Top {
    pub(crate) fn new(k: usize) -> Self {
        let room = k.saturating_mul(3).max(128);
        let bar = if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self { k, hits: Vec::with_capacity(room.min(4096)), room, bar }
    }

    /// Rows come in ascending order, so that one that only equals the worst is behind it.
    #[inline(always)]
    pub(crate) fn offer(&mut self, row: u32, score: f32) {
        if score > self.bar {
            self.hits.push(Hit { row, score });
            if self.hits.len() >= self.room {
                self.raise();
            }
        }
    }

    /// Best first.
    pub(crate) fn into_hits(mut self) -> Vec<Hit> {
        if self.hits.len() > self.k {
            self.raise();
        }
        self.hits.sort_unstable_by(better_first);
        self.hits
    }

    /// Keeps the `k` best of more than `k` hits.
    #[cold]
    #[inline(never)]
    fn raise(&mut self) {
        if let Some(worst) = self.k.checked_sub(1) {
            self.bar = self.hits.select_nth_unstable_by(worst, better_first).1.score;
        }
        self.hits.truncate(self.k);
    }
}

/// By score, then by the lower row.
fn better_first(a: &Hit, b: &Hit) -> Ordering {
    b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
}
