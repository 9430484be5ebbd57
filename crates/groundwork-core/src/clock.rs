//! Time and dice as arguments (invariant 12). The real ones are made once, in the server's `main`; tests bring their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds since 1970-01-01 UTC.
pub type UnixMs = u64;

/// The day in UTC, as `2026-11-29`.
pub fn date(at: UnixMs) -> String {
    // Days since 1 March of the year 0: the leap day is the last of its year then.
    let days = at / 86_400_000 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year_of_era + next)
}

/// Where the current time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixMs + Send + Sync>);

impl Clock {
    pub fn new(now: impl Fn() -> UnixMs + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that stands still until its handle is moved.
    pub fn fake(start: UnixMs) -> (Self, Arc<AtomicU64>) {
        let hand = Arc::new(AtomicU64::new(start));
        let read = hand.clone();
        (Self::new(move || read.load(Ordering::SeqCst)), hand)
    }

    pub fn now(&self) -> UnixMs {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// Where random bits come from.
#[derive(Clone)]
pub struct Dice(Arc<dyn Fn() -> u128 + Send + Sync>);

impl Dice {
    pub fn new(roll: impl Fn() -> u128 + Send + Sync + 'static) -> Self {
        Self(Arc::new(roll))
    }

    /// Dice that count up from `seed`: different every time, the same in every run.
    pub fn counting(seed: u64) -> Self {
        let next = AtomicU64::new(seed);
        Self::new(move || u128::from(next.fetch_add(1, Ordering::SeqCst)))
    }

    pub fn roll(&self) -> u128 {
        (self.0)()
    }
}

impl std::fmt::Debug for Dice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dice")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_date() {
        for (days, expected) in [(0, "1970-01-01"), (58, "1970-02-28"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_786, "2026-11-29")]
        {
            assert_eq!(date(days * 86_400_000 + 86_399_999), expected);
        }
    }
}
