//! How good a ranking is against judgements, and how sure a difference of two runs is.

use std::collections::{BTreeMap, BTreeSet};

/// The grade of each unit that answers a question; a unit that is not in it does not.
pub type Judged = BTreeMap<String, u32>;

/// Discounted gain of the first `at` units against that of the best order, with gain 2^grade - 1; 0 when nothing is judged.
pub fn ndcg(ranked: &[String], judged: &Judged, at: usize) -> f64 {
    let gain = |grade: u32| 2f64.powi(grade.min(30).cast_signed()) - 1.0;
    let discounted = |grades: &mut dyn Iterator<Item = u32>| -> f64 {
        grades.take(at).zip(2u32..).map(|(grade, place)| gain(grade) / f64::from(place).log2()).sum()
    };
    let mut best: Vec<u32> = judged.values().copied().collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    let ideal = discounted(&mut best.into_iter());
    if ideal == 0.0 {
        return 0.0;
    }
    discounted(&mut ranked.iter().map(|unit| judged.get(unit).copied().unwrap_or_default())) / ideal
}

/// The share of the units with a grade that stand among the first `at`.
pub fn recall(ranked: &[String], judged: &Judged, at: usize) -> f64 {
    let wanted: BTreeSet<&String> = judged.iter().filter(|(_, grade)| **grade > 0).map(|(unit, _)| unit).collect();
    if wanted.is_empty() {
        return 0.0;
    }
    let found: BTreeSet<&String> = ranked.iter().take(at).filter(|unit| wanted.contains(unit)).collect();
    found.len() as f64 / wanted.len() as f64
}

/// One over the place of the first unit with a grade among the first `at`; 0 when there is none.
pub fn reciprocal_rank(ranked: &[String], judged: &Judged, at: usize) -> f64 {
    let is_wanted = |unit: &String| judged.get(unit).is_some_and(|grade| *grade > 0);
    ranked.iter().take(at).position(is_wanted).map_or(0.0, |place| 1.0 / (place + 1) as f64)
}

/// The mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The value that `share` of the values do not exceed; 0 of nothing.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = (share.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or_default()
}

/// What the mean of `differences` may be, drawn anew with replacement `draws` times: the middle `level` of the means. `roll` gives
/// random numbers.
pub fn bootstrap(differences: &[f64], draws: usize, level: f64, roll: &mut dyn FnMut() -> u64) -> (f64, f64) {
    let count = differences.len() as u64;
    if count == 0 {
        return (0.0, 0.0);
    }
    let mut draw = || differences[usize::try_from(roll() % count).unwrap_or_default()];
    let means: Vec<f64> = (0..draws.max(1)).map(|_| (0..count).map(|_| draw()).sum::<f64>() / count as f64).collect();
    let outside = (1.0 - level.clamp(0.0, 1.0)) / 2.0;
    (percentile(&means, outside), percentile(&means, 1.0 - outside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn judged(grades: &[(&str, u32)]) -> Judged {
        grades.iter().map(|&(unit, grade)| (unit.to_owned(), grade)).collect()
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn figures_are_those_of_the_textbook() {
        let judged = judged(&[("a", 1), ("b", 2), ("z", 0)]);
        let ranked = units(&["x", "a", "z", "b"]);
        // Gains 1 at place 2 and 3 at place 4, against 3 at place 1 and 1 at place 2.
        let ideal = 3.0 + 1.0 / 3f64.log2();
        near(ndcg(&ranked, &judged, 10), (1.0 / 3f64.log2() + 3.0 / 5f64.log2()) / ideal);
        near(ndcg(&ranked, &judged, 1), 0.0);
        near(recall(&ranked, &judged, 2), 0.5);
        near(recall(&ranked, &judged, 10), 1.0);
        near(reciprocal_rank(&ranked, &judged, 10), 0.5);
        near(reciprocal_rank(&ranked, &judged, 1), 0.0);
        near(ndcg(&[], &judged, 10), 0.0);
        near(ndcg(&ranked, &Judged::new(), 10), 0.0);
        near(recall(&ranked, &Judged::new(), 10), 0.0);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values = [4.0, 1.0, 3.0, 2.0];
        near(percentile(&values, 0.5), 2.0);
        near(percentile(&values, 0.95), 4.0);
        near(percentile(&values, 0.0), 1.0);
        near(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn an_interval_holds_zero_when_two_runs_differ_by_chance_and_not_when_one_is_better() {
        let dice = |seed: u64| {
            let mut state = seed;
            move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state >> 33
            }
        };
        let chance: Vec<f64> = (0..60).map(|at| if at % 2 == 0 { 0.1 } else { -0.1 }).collect();
        let (low, high) = bootstrap(&chance, 1000, 0.95, &mut dice(7));
        assert!(low < 0.0 && high > 0.0, "{low} {high}");
        let better: Vec<f64> = chance.iter().map(|difference| difference + 0.1).collect();
        let (low, high) = bootstrap(&better, 1000, 0.95, &mut dice(7));
        assert!(low > 0.0 && high > low, "{low} {high}");
        assert_eq!(bootstrap(&[], 10, 0.95, &mut dice(1)), (0.0, 0.0));
    }

    proptest! {
        #[test]
        fn figures_stay_between_nothing_and_all(ranked in prop::collection::vec("[a-e]", 0..9), grades in prop::collection::btree_map("[a-e]", 0u32..4, 0..5), at in 1usize..12) {
            let mut ranked = ranked;
            let mut seen = BTreeSet::new();
            ranked.retain(|unit| seen.insert(unit.clone()));
            for figure in [ndcg(&ranked, &grades, at), recall(&ranked, &grades, at), reciprocal_rank(&ranked, &grades, at)] {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&figure));
            }
        }
    }
}
