//! Time and dice as arguments (invariant 12). The real ones are made once, in the server's `main`; tests bring their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds since 1970-01-01 UTC.
pub type UnixMs = u64;

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
