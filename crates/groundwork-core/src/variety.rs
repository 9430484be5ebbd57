//! Variety: which of the hits, best first, are worth their place beside each other. A document that is nothing but right would else take
//! every place, and a text that stands in five versions five of them.

use std::collections::HashMap;
use std::hash::Hash;

/// How much hits shall differ. By default the order is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Variety {
    /// So many hits of one document come first; more of it stand behind all others.
    pub per_document: Option<usize>,
    /// From 0 to 1: what the likeness to a better hit counts against a hit, where its own score counts 1.
    pub weight: f64,
}

impl Variety {
    pub fn is_wanted(&self) -> bool {
        self.per_document.is_some() || self.weight > 0.0
    }
}

/// A hit as far as the choice looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<D> {
    pub document: D,
    pub score: f64,
}

/// The first `k` of `hits`, by their places, in the order of the choice: one after the other the hit with the best score against the
/// best of all, less `weight` times its greatest likeness to one that is chosen. `likeness` is of two places, from 0 to 1.
pub fn vary<D: Eq + Hash>(hits: &[Candidate<D>], k: usize, variety: Variety, likeness: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let best = hits.iter().map(|hit| hit.score).fold(f64::MIN_POSITIVE, f64::max);
    let mut left: Vec<usize> = (0..hits.len()).collect();
    let mut likest = vec![0.0_f64; hits.len()];
    let mut taken: HashMap<&D, usize> = HashMap::new();
    let mut chosen = Vec::with_capacity(k.min(hits.len()));
    while chosen.len() < k && !left.is_empty() {
        let worth = |at: usize| hits[at].score / best - variety.weight * likest[at];
        let is_full = |at: usize| variety.per_document.is_some_and(|most| taken.get(&hits[at].document).is_some_and(|of| *of >= most));
        let next = left.iter().copied().enumerate().reduce(|one, other| {
            let by_worth = || worth(other.1).total_cmp(&worth(one.1));
            if is_full(one.1).cmp(&is_full(other.1)).then_with(by_worth).is_gt() { other } else { one }
        });
        let Some((place, at)) = next else { break };
        left.remove(place);
        *taken.entry(&hits[at].document).or_default() += 1;
        if variety.weight > 0.0 {
            left.iter().for_each(|&other| likest[other] = likest[other].max(likeness(at, other)));
        }
        chosen.push(at);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hits(of: &[(char, f64)]) -> Vec<Candidate<char>> {
        of.iter().map(|&(document, score)| Candidate { document, score }).collect()
    }

    #[test]
    fn a_document_that_has_its_share_stands_behind_the_others_and_still_fills_the_places() {
        let hits = hits(&[('a', 0.9), ('a', 0.8), ('a', 0.7), ('b', 0.3), ('c', 0.1)]);
        let two = Variety { per_document: Some(2), ..Variety::default() };
        assert_eq!(vary(&hits, 4, two, |_, _| 0.0), [0, 1, 3, 4]);
        assert_eq!(vary(&hits, 9, two, |_, _| 0.0), [0, 1, 3, 4, 2]);
    }

    #[test]
    fn what_has_been_said_already_gives_way_to_what_has_not() {
        let hits = hits(&[('a', 1.0), ('b', 0.9), ('c', 0.6)]);
        let same = |one: usize, other: usize| if one + other == 1 { 1.0 } else { 0.0 };
        let weight = |weight| vary(&hits, 3, Variety { weight, ..Variety::default() }, same);
        assert_eq!(weight(0.5), [0, 2, 1]);
        assert_eq!(weight(0.2), [0, 1, 2]);
        assert_eq!(vary(&[] as &[Candidate<char>], 3, Variety { weight: 1.0, per_document: Some(1) }, |_, _| 1.0), [] as [usize; 0]);
    }

    proptest! {
        #[test]
        fn every_choice_is_of_different_hits_and_without_a_wish_the_order_stays(
            scores in prop::collection::vec((0u8..4, 0.0f64..1.0), 0..20), k in 0usize..25, most in 1usize..4, weight in 0.0f64..1.0,
        ) {
            let mut hits: Vec<Candidate<u8>> = scores.into_iter().map(|(document, score)| Candidate { document, score }).collect();
            hits.sort_by(|a, b| b.score.total_cmp(&a.score));
            let likeness = |one: usize, other: usize| ((one * 7 + other * 7) % 11) as f64 / 10.0;
            let plain: Vec<usize> = (0..hits.len().min(k)).collect();
            prop_assert_eq!(vary(&hits, k, Variety::default(), likeness), plain);
            let mut chosen = vary(&hits, k, Variety { per_document: Some(most), weight }, likeness);
            prop_assert_eq!(chosen.len(), hits.len().min(k));
            chosen.sort_unstable();
            chosen.dedup();
            prop_assert_eq!(chosen.len(), hits.len().min(k));
        }
    }
}
