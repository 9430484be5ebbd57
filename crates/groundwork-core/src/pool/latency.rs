//! How soon a deployment begins to answer: smoothed for choosing, and as a quantile for hedging.

use std::time::{Duration, Instant};

/// How fast the smoothed value forgets.
const MEMORY: Duration = Duration::from_secs(10);
/// Answers that the quantile looks at, and from how many on it says something.
const KEPT: usize = 128;
const ENOUGH: usize = 20;
/// Answers after which the quantile is renewed.
const STALE: usize = 10;

#[derive(Debug, Clone, Default)]
pub struct Latency {
    smoothed: Option<(f64, Instant)>,
    /// The last answers in milliseconds, as a ring.
    recent: Vec<u32>,
    next: usize,
    /// Of `recent`, renewed now and then: it is asked for at every call.
    p95: Option<Duration>,
}

impl Latency {
    /// A slower answer counts at once, a faster one by and by: it is the slow ones that hurt.
    pub fn record(&mut self, now: Instant, took: Duration) {
        let took_s = took.as_secs_f64();
        self.smoothed = Some(match self.smoothed {
            Some((before, at)) if took_s < before => {
                let age = now.saturating_duration_since(at).as_secs_f64();
                // Even answers in the same instant teach something.
                let keep = (-age / MEMORY.as_secs_f64()).exp().min(0.9);
                (took_s + (before - took_s) * keep, now)
            }
            _ => (took_s, now),
        });
        let millis = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        if self.recent.len() < KEPT {
            self.recent.push(millis);
        } else {
            self.recent[self.next] = millis;
        }
        self.next = (self.next + 1) % KEPT;
        if self.recent.len() >= ENOUGH && self.next.is_multiple_of(STALE) {
            self.p95 = Some(quantile(self.recent.clone()));
        }
    }

    /// `None` before the first answer.
    pub fn smoothed(&self) -> Option<Duration> {
        self.smoothed.map(|(seconds, _)| Duration::from_secs_f64(seconds))
    }

    /// What 95 of 100 answers took at most; `None` while there are too few to say.
    pub fn p95(&self) -> Option<Duration> {
        self.p95
    }
}

/// Of at least one.
fn quantile(mut millis: Vec<u32>) -> Duration {
    let at = (millis.len() * 95).div_ceil(100) - 1;
    let (_, millis, _) = millis.select_nth_unstable(at);
    Duration::from_millis(u64::from(*millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_at_once_and_falls_with_time() {
        let start = Instant::now();
        let mut latency = Latency::default();
        assert_eq!(latency.smoothed(), None);
        latency.record(start, Duration::from_millis(100));
        latency.record(start, Duration::from_secs(2));
        assert_eq!(latency.smoothed(), Some(Duration::from_secs(2)));
        latency.record(start + Duration::from_secs(1), Duration::from_millis(100));
        let soon = latency.smoothed().unwrap();
        assert!(soon > Duration::from_secs(1) && soon < Duration::from_secs(2), "{soon:?}");
        latency.record(start + Duration::from_secs(60), Duration::from_millis(100));
        assert!(latency.smoothed().unwrap() < Duration::from_millis(120));
    }

    #[test]
    fn the_quantile_needs_enough_answers_and_forgets_the_oldest() {
        let now = Instant::now();
        let mut latency = Latency::default();
        for millis in 1..ENOUGH as u64 {
            latency.record(now, Duration::from_millis(millis));
            assert_eq!(latency.p95(), None);
        }
        for millis in ENOUGH as u64..=100 {
            latency.record(now, Duration::from_millis(millis));
        }
        assert_eq!(latency.p95(), Some(Duration::from_millis(95)));
        for _ in 0..KEPT {
            latency.record(now, Duration::from_millis(7));
        }
        assert_eq!(latency.p95(), Some(Duration::from_millis(7)));
    }
}
