//! The power of two choices: draw two by their weights, take the one that is less loaded.

use super::unit;
use std::time::Duration;

/// One that could be asked now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Where it stands in the caller's list.
    pub at: usize,
    /// Its part of the calls when all are equally well.
    pub weight: u32,
    pub in_flight: u32,
    /// Smoothed; `None` while it has not answered yet.
    pub latency: Option<Duration>,
}

/// Latencies that differ by less than this factor are the same: their noise must not shift the weights.
const SAME: f64 = 1.25;

/// One of `candidates`. Drawing with replacement keeps the weights when all are equally well, and takes at most the square of its part
/// from one that is not.
pub fn choose(candidates: &[Candidate], dice: (u128, u128)) -> Option<usize> {
    let [first, second] = [draw(candidates, dice.0)?, draw(candidates, dice.1)?];
    Some(if load(second, first) < load(first, second) { second.at } else { first.at })
}

fn draw(candidates: &[Candidate], dice: u128) -> Option<&Candidate> {
    let total: f64 = candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
    let mut point = unit(dice) * total;
    for candidate in candidates {
        point -= f64::from(candidate.weight);
        if point < 0.0 {
            return Some(candidate);
        }
    }
    candidates.last()
}

/// How long a call more would wait, in units that only a comparison with the other gives a meaning.
fn load(of: &Candidate, other: &Candidate) -> f64 {
    let queue = f64::from(of.in_flight) / f64::from(of.weight.max(1)) + 1.0;
    match (of.latency, other.latency) {
        (Some(own), Some(others)) => {
            let (own, others) = (own.as_secs_f64().max(1e-6), others.as_secs_f64().max(1e-6));
            if own / others < SAME && others / own < SAME { queue } else { queue * own / others.min(own) }
        }
        _ => queue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(at: usize, weight: u32, in_flight: u32, millis: u64) -> Candidate {
        Candidate { at, weight, in_flight, latency: (millis > 0).then(|| Duration::from_millis(millis)) }
    }

    /// How many of 10,000 calls each gets.
    fn spread(candidates: &[Candidate]) -> Vec<usize> {
        let mut counts = vec![0; candidates.len()];
        for roll in 0..10_000_u128 {
            counts[choose(candidates, (roll * 2, roll * 2 + 1)).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn nobody_is_chosen_from_nobody_and_the_only_one_always() {
        assert_eq!(choose(&[], (1, 2)), None);
        assert_eq!(choose(&[candidate(7, 1, 9, 900)], (1, 2)), Some(7));
    }

    #[test]
    fn equals_share_by_weight_and_small_noise_changes_nothing() {
        let counts = spread(&[candidate(0, 9, 0, 100), candidate(1, 1, 0, 90)]);
        assert!((800..=1200).contains(&counts[1]), "{counts:?}");
        let counts = spread(&[candidate(0, 1, 3, 0), candidate(1, 1, 3, 500), candidate(2, 2, 6, 500)]);
        assert!((2200..=2800).contains(&counts[0]) && (4600..=5400).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn the_loaded_and_the_slow_get_fewer() {
        let counts = spread(&[candidate(0, 1, 8, 100), candidate(1, 1, 2, 100)]);
        assert!((2200..=2800).contains(&counts[0]), "{counts:?}");
        let counts = spread(&[candidate(0, 1, 1, 100), candidate(1, 1, 1, 400)]);
        assert!((2200..=2800).contains(&counts[1]), "{counts:?}");
    }
}
