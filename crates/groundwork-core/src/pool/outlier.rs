//! Outlier ejection: a deployment that fails far more often than its peers takes a rest, also when it fails too seldom for its breaker.

use super::window::Counts;

/// Ended calls from which on a share says something.
const ENOUGH: u32 = 20;
/// How many times the peers' share of failures, and how much more of it in absolute terms, is too much.
const TIMES: f64 = 3.0;
const MORE: f64 = 0.1;

/// Whether `of` is out of line with `peers`, those of its tier that are in use. Without a peer that can be compared with there is none:
/// a fault that all share is not the deployment's.
pub fn is_outlier(of: Counts, peers: &[Counts]) -> bool {
    if of.total() < ENOUGH {
        return false;
    }
    let comparable = peers.iter().filter(|peer| peer.total() >= ENOUGH);
    let mut shares: Vec<f64> = comparable.map(|peer| peer.failed_share()).collect();
    if shares.is_empty() {
        return false;
    }
    shares.sort_by(f64::total_cmp);
    let usual = shares[(shares.len() - 1) / 2];
    let share = of.failed_share();
    share >= usual * TIMES && share >= usual + MORE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(failed: u32, of: u32) -> Counts {
        Counts { succeeded: of - failed, failed }
    }

    #[test]
    fn only_one_that_fails_far_more_than_its_peers_is_one() {
        for (of, peers, expected) in [
            (counts(20, 100), &[counts(1, 100), counts(0, 100)][..], true),
            (counts(30, 100), &[counts(28, 100)][..], false),
            (counts(9, 100), &[counts(0, 100)][..], false),
            (counts(30, 100), &[counts(15, 100), counts(25, 100)][..], false),
            (counts(19, 19), &[counts(0, 100)][..], false),
            (counts(50, 100), &[][..], false),
            (counts(50, 100), &[counts(0, 5)][..], false),
        ] {
            assert_eq!(is_outlier(of, peers), expected, "{of:?} among {peers:?}");
        }
    }
}
