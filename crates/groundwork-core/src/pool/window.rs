//! What happened lately: successes and failures of the last half minute.

use std::time::{Duration, Instant};

const SLOTS: u64 = 10;
const SLOT: Duration = Duration::from_secs(3);

/// Ended calls by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub succeeded: u32,
    pub failed: u32,
}

impl Counts {
    pub fn total(self) -> u32 {
        self.succeeded + self.failed
    }

    /// The share of failures; 0 without calls.
    pub fn failed_share(self) -> f64 {
        if self.total() == 0 { 0.0 } else { f64::from(self.failed) / f64::from(self.total()) }
    }
}

/// Counts that age: those of 30 seconds, in steps of 3.
#[derive(Debug, Clone)]
pub struct Window {
    began: Instant,
    /// The number, since `began`, of the slot that was written last.
    newest: u64,
    slots: [Counts; SLOTS as usize],
}

impl Window {
    pub fn new(now: Instant) -> Self {
        Self { began: now, newest: 0, slots: [Counts::default(); SLOTS as usize] }
    }

    pub fn succeeded(&mut self, now: Instant) {
        let slot = self.slot(now);
        slot.succeeded = slot.succeeded.saturating_add(1);
    }

    pub fn failed(&mut self, now: Instant) {
        let slot = self.slot(now);
        slot.failed = slot.failed.saturating_add(1);
    }

    pub fn counts(&mut self, now: Instant) -> Counts {
        self.slot(now);
        self.slots.iter().fold(Counts::default(), |sum, slot| Counts {
            succeeded: sum.succeeded.saturating_add(slot.succeeded),
            failed: sum.failed.saturating_add(slot.failed),
        })
    }

    /// What happened before says nothing any more.
    pub fn clear(&mut self) {
        self.slots = [Counts::default(); SLOTS as usize];
    }

    /// The slot of now, with those that have become too old emptied.
    fn slot(&mut self, now: Instant) -> &mut Counts {
        let number = (now.saturating_duration_since(self.began).as_millis() / SLOT.as_millis()) as u64;
        let number = number.max(self.newest);
        for passed in self.newest + 1..=number.min(self.newest + SLOTS) {
            self.slots[(passed % SLOTS) as usize] = Counts::default();
        }
        self.newest = number;
        &mut self.slots[(number % SLOTS) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_half_a_minute_is_forgotten() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut window = Window::new(start);
        window.failed(at(0));
        window.succeeded(at(10));
        window.failed(at(29));
        assert_eq!(window.counts(at(29)), Counts { succeeded: 1, failed: 2 });
        assert_eq!(window.counts(at(31)), Counts { succeeded: 1, failed: 1 });
        assert_eq!(window.counts(at(41)), Counts { succeeded: 0, failed: 1 });
        assert_eq!(window.counts(at(100_000)), Counts::default());
        window.succeeded(at(100_000));
        assert_eq!(window.counts(at(100_001)), Counts { succeeded: 1, failed: 0 });
    }

    #[test]
    fn a_clock_that_goes_back_loses_nothing() {
        let start = Instant::now();
        let mut window = Window::new(start + Duration::from_secs(60));
        window.failed(start + Duration::from_secs(70));
        window.failed(start);
        assert_eq!(window.counts(start + Duration::from_secs(70)).failed, 2);
    }
}
