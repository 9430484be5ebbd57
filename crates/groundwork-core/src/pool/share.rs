//! A share of the calls: how many retries or hedges there may be, so that they cannot multiply the load of a bad hour.

/// Earned a little by each call, spent by what may only happen now and then.
#[derive(Debug, Clone)]
pub struct Share {
    of_calls: f64,
    saved: f64,
}

/// What can be saved up: a quiet hour must not pay for a burst.
const MOST_SAVED: f64 = 20.0;

impl Share {
    /// At most `of_calls` of the calls, rounded up: with 0.2, one after the first call and 20 after a hundred.
    pub fn new(of_calls: f64) -> Self {
        let of_calls = if of_calls.is_finite() { of_calls.clamp(0.0, 1.0) } else { 0.0 };
        Self { of_calls, saved: if of_calls > 0.0 { 1.0 - of_calls } else { 0.0 } }
    }

    /// A call was made.
    pub fn earn(&mut self) {
        self.saved = (self.saved + self.of_calls).min(MOST_SAVED);
    }

    /// Spends one if there is one.
    pub fn spend(&mut self) -> bool {
        // A sum of fractions may miss the whole by a hair.
        let may = self.saved >= 1.0 - 1e-9;
        if may {
            self.saved -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_call_may_already_be_helped_once() {
        let mut share = Share::new(0.2);
        share.earn();
        assert!(share.spend());
        assert!(!share.spend());
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        for of_calls in [0.0, -1.0, f64::NAN] {
            let mut share = Share::new(of_calls);
            share.earn();
            assert!(!share.spend());
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_share_rounded_up(percent in 1_u32..=100, wants in proptest::collection::vec(0_u8..4, 1..400)) {
            let mut share = Share::new(f64::from(percent) / 100.0);
            let (mut calls, mut spent) = (0_u32, 0_u32);
            for wanted in wants {
                share.earn();
                calls += 1;
                spent += (0..wanted).filter(|_| share.spend()).count() as u32;
                prop_assert!(spent * 100 <= calls * percent + 99, "{spent} of {calls} at {percent} %");
            }
        }
    }
}
