//! How long to wait before a deployment is asked again.

use super::unit;
use std::time::Duration;

/// Exponential backoff with full jitter: anything from nothing to a bound that doubles with each retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), most: Duration::from_secs(2) }
    }
}

impl Backoff {
    /// The wait before retry number `retry`, counted from 0. What the deployment asked for is never undercut, and spread by the jitter
    /// so that not all who were told the same come back in the same instant.
    pub fn wait(&self, retry: u32, retry_after: Option<Duration>, dice: u128) -> Duration {
        let bound = self.first.saturating_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX)).min(self.most);
        match retry_after {
            None => bound.mul_f64(unit(dice)),
            Some(asked) => asked.saturating_add(self.first.mul_f64(unit(dice))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_wait_stays_in_its_bound(retry in 0_u32..200, dice: u128) {
            let backoff = Backoff::default();
            let bound = Duration::from_millis(100_u64.saturating_mul(1 << retry.min(20))).min(backoff.most);
            prop_assert!(backoff.wait(retry, None, dice) <= bound);
            let asked = Duration::from_millis(1500);
            let wait = backoff.wait(retry, Some(asked), dice);
            prop_assert!(wait >= asked && wait <= asked + backoff.first);
        }
    }

    #[test]
    fn the_jitter_is_full() {
        let waits: Vec<u128> = (0..1000).map(|dice| Backoff::default().wait(0, None, dice).as_millis()).collect();
        assert!(waits.iter().any(|wait| *wait < 5) && waits.iter().any(|wait| *wait > 95));
        let mean = waits.iter().sum::<u128>() / 1000;
        assert!((45..=55).contains(&mean), "{mean}");
    }
}
