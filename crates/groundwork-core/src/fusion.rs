//! Rank fusion: several ranked lists become one, by reciprocal rank.

use std::collections::HashMap;
use std::hash::Hash;

/// The constant of reciprocal rank fusion: how fast a rank loses weight.
pub const K: f64 = 60.0;

/// One ranked list, best first. An item that stands in it twice counts once, at its better rank.
#[derive(Debug, Clone, Copy)]
pub struct Leg<'a, T> {
    pub weight: f64,
    pub ranked: &'a [T],
}

/// An item of the fused list.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused<T> {
    pub item: T,
    /// Sum over the legs of `weight / (K + rank)`, rank from 1.
    pub score: f64,
    /// The rank from 1 in each leg, in the order of the legs; `None` where the leg does not hold the item.
    pub ranks: Vec<Option<u32>>,
}

/// Fuses the legs, best first. Equal scores are ordered by the best rank in any leg, then by the item itself, so the result never
/// depends on the order of a hash map.
pub fn reciprocal_rank<T: Clone + Eq + Hash + Ord>(legs: &[Leg<'_, T>]) -> Vec<Fused<T>> {
    let mut fused: HashMap<&T, Fused<T>> = HashMap::new();
    for (leg_index, leg) in legs.iter().enumerate() {
        for (rank, item) in (1u32..).zip(leg.ranked) {
            let entry = fused.entry(item).or_insert_with(|| Fused { item: item.clone(), score: 0.0, ranks: vec![None; legs.len()] });
            if entry.ranks[leg_index].is_none() {
                entry.ranks[leg_index] = Some(rank);
                entry.score += leg.weight / (K + f64::from(rank));
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

    #[test]
    fn an_item_of_both_legs_beats_the_winner_of_one() {
        let fused = reciprocal_rank(&[Leg { weight: 1.0, ranked: &["a", "b"] }, Leg { weight: 1.0, ranked: &["c", "b"] }]);
        let order: Vec<_> = fused.iter().map(|f| f.item).collect();
        assert_eq!(order, ["b", "a", "c"]);
        assert_eq!(fused[0].ranks, [Some(2), Some(2)]);
        assert!((fused[0].score - 2.0 / 62.0).abs() < 1e-12);
    }

    #[test]
    fn a_weight_moves_the_order_and_a_repeat_does_not() {
        let fused = reciprocal_rank(&[Leg { weight: 1.0, ranked: &["a", "a"] }, Leg { weight: 2.0, ranked: &["b", "c"] }]);
        let order: Vec<_> = fused.iter().map(|f| f.item).collect();
        assert_eq!(order, ["b", "c", "a"]);
    }

    proptest! {
        #[test]
        fn every_item_comes_out_once_in_falling_order(one in prop::collection::vec(0u8..40, 0..30), two in prop::collection::vec(0u8..40, 0..30)) {
            let fused = reciprocal_rank(&[Leg { weight: 1.0, ranked: &one }, Leg { weight: 0.5, ranked: &two }]);
            let mut items: Vec<_> = fused.iter().map(|f| f.item).collect();
            prop_assert!(fused.windows(2).all(|pair| pair[0].score >= pair[1].score));
            items.sort_unstable();
            let mut expected = [one, two].concat();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(items, expected);
        }
    }
}
