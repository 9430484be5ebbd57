//! Fusion: what several legs think of an item becomes one score. Each leg's scores are measured against its best, because scores of
//! different kinds do not compare, and how far an item is behind the best says more than its rank does.

use std::collections::HashMap;
use std::hash::Hash;

/// One leg's items with their scores, best first. An item that stands in it twice counts once, at its better place.
#[derive(Debug, Clone, Copy)]
pub struct Leg<'a, T> {
    pub weight: f64,
    /// The least that its best score counts as: for a leg whose best need not be good.
    pub least: f64,
    pub ranked: &'a [(T, f32)],
}

/// An item of the fused list.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused<T> {
    pub item: T,
    /// Sum over the legs of `weight * score / best score`, or of `weight * score / least` where that is more.
    pub score: f64,
    /// The rank from 1 in each leg, in the order of the legs; `None` where the leg does not hold the item.
    pub ranks: Vec<Option<u32>>,
}

/// Fuses the legs, best first. Equal scores are ordered by the best rank in any leg, then by the item itself, so the result never
/// depends on the order of a hash map. A score below zero counts as none.
pub fn weighed<T: Clone + Eq + Hash + Ord>(legs: &[Leg<'_, T>]) -> Vec<Fused<T>> {
    let mut fused: HashMap<&T, Fused<T>> = HashMap::new();
    for (leg_index, leg) in legs.iter().enumerate() {
        let best = leg.ranked.iter().map(|(_, score)| f64::from(*score)).fold(leg.least, f64::max);
        for (rank, (item, score)) in (1u32..).zip(leg.ranked) {
            let entry = fused.entry(item).or_insert_with(|| Fused { item: item.clone(), score: 0.0, ranks: vec![None; legs.len()] });
            if entry.ranks[leg_index].is_none() {
                entry.ranks[leg_index] = Some(rank);
                entry.score += if best > 0.0 { leg.weight * f64::from(*score).max(0.0) / best } else { 0.0 };
            }
        }
    }
    let mut fused: Vec<_> = fused.into_values().collect();
    fused.sort_by(|a, b| {
        let best = |entry: &Fused<T>| entry.ranks.iter().flatten().min().copied();
        b.score.total_cmp(&a.score).then_with(|| best(a).cmp(&best(b))).then_with(|| a.item.cmp(&b.item))
    });
    fused
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order<'a>(legs: &[Leg<'_, &'a str>]) -> Vec<&'a str> {
        weighed(legs).into_iter().map(|fused| fused.item).collect()
    }

    #[test]
    fn an_item_that_both_legs_think_well_of_beats_the_winner_of_one() {
        let (words, meaning) = ([("a", 9.0), ("b", 8.0)], [("c", 0.7), ("b", 0.6)]);
        let fused = weighed(&[Leg { weight: 0.4, least: 0.0, ranked: &words }, Leg { weight: 0.6, least: 0.0, ranked: &meaning }]);
        assert_eq!(fused.iter().map(|fused| fused.item).collect::<Vec<_>>(), ["b", "c", "a"]);
        assert_eq!(fused[0].ranks, [Some(2), Some(2)]);
        assert!((fused[0].score - (0.4 * 8.0 / 9.0 + 0.6 * 6.0 / 7.0)).abs() < 1e-6);
    }

    #[test]
    fn how_far_an_item_is_behind_counts_and_not_only_its_rank() {
        let meaning = [("b", 0.50), ("a", 0.49)];
        let ahead = |words: &[(&'static str, f32)]| {
            order(&[Leg { weight: 0.5, least: 0.0, ranked: words }, Leg { weight: 0.5, least: 0.0, ranked: &meaning }])[0]
        };
        assert_eq!(ahead(&[("a", 9.0), ("b", 3.0)]), "a");
        assert_eq!(ahead(&[("a", 9.0), ("b", 8.95)]), "b");
    }

    #[test]
    fn a_repeat_and_a_leg_that_found_nothing_change_nothing() {
        let words = [("a", 2.0), ("b", 1.0), ("a", 0.5)];
        assert_eq!(order(&[Leg { weight: 1.0, least: 0.0, ranked: &words }, Leg { weight: 1.0, least: 0.0, ranked: &[] }]), ["a", "b"]);
        let hopeless = [("b", -0.1), ("a", -0.2)];
        assert_eq!(
            order(&[Leg { weight: 1.0, least: 0.0, ranked: &words }, Leg { weight: 1.0, least: 0.0, ranked: &hopeless }]),
            ["a", "b"]
        );
    }

    #[test]
    fn the_best_of_a_leg_that_is_not_good_does_not_stand_beside_the_best_of_another() {
        let (all, new) = ([("a", 0.6), ("b", 0.5)], |score| [("new", score)]);
        let of_new = |score: f32| {
            let new = new(score);
            let fused = weighed(&[Leg { weight: 0.6, least: 0.0, ranked: &all }, Leg { weight: 0.6, least: 0.5, ranked: &new }]);
            fused.into_iter().find(|fused| fused.item == "new").unwrap().score
        };
        assert!((of_new(0.1) - 0.12).abs() < 1e-6);
        assert!((of_new(0.7) - 0.6).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn every_item_comes_out_once_in_falling_order(one in prop::collection::vec((0u8..40, -1.0f32..9.0), 0..30), two in prop::collection::vec((0u8..40, -1.0f32..1.0), 0..30)) {
            let fused = weighed(&[Leg { weight: 1.0, least: 0.0, ranked: &one }, Leg { weight: 0.5, least: 0.0, ranked: &two }]);
            let mut items: Vec<_> = fused.iter().map(|f| f.item).collect();
            prop_assert!(fused.windows(2).all(|pair| pair[0].score >= pair[1].score));
            prop_assert!(fused.iter().all(|fused| (0.0..=1.5 + 1e-9).contains(&fused.score)));
            items.sort_unstable();
            let mut expected: Vec<u8> = one.iter().chain(&two).map(|(item, _)| *item).collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(items, expected);
        }
    }
}
