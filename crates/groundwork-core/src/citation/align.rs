//! Two sentences laid side by side: which word of one stands for which of the other.

use crate::words::{Kind, Word};

/// The counterpart of each word of the claim in the source's sentence, and the other way round.
#[derive(Debug)]
pub(super) struct Alignment {
    pub(super) to_source: Vec<Option<usize>>,
    pub(super) to_claim: Vec<Option<usize>>,
}

/// Whether two words say the same: one stem, one number, or a name and its adjective, as Kenya and Kenyan.
pub(super) fn same(one: &Word, other: &Word) -> bool {
    let named = |word: &Word| word.kind == Kind::Name && word.key.chars().count() >= 4;
    one.key == other.key || (named(one) && named(other) && (one.key.starts_with(&other.key) || other.key.starts_with(&one.key)))
}

/// Aligns in order first (the longest common subsequence, content before grammar), then lets content that moved find its place.
pub(super) fn align(claim: &[Word], source: &[Word]) -> Alignment {
    let width = source.len() + 1;
    let mut best = vec![0u32; (claim.len() + 1) * width];
    for i in (0..claim.len()).rev() {
        for j in (0..source.len()).rev() {
            let skip = best[(i + 1) * width + j].max(best[i * width + j + 1]);
            let take = if same(&claim[i], &source[j]) { best[(i + 1) * width + j + 1] + weight(&claim[i]) } else { 0 };
            best[i * width + j] = skip.max(take);
        }
    }
    let mut alignment = Alignment { to_source: vec![None; claim.len()], to_claim: vec![None; source.len()] };
    let (mut i, mut j) = (0, 0);
    while i < claim.len() && j < source.len() {
        let here = best[i * width + j];
        if same(&claim[i], &source[j]) && here == best[(i + 1) * width + j + 1] + weight(&claim[i]) {
            alignment.pair(i, j);
            (i, j) = (i + 1, j + 1);
        } else if here == best[(i + 1) * width + j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    for (i, word) in claim.iter().enumerate().filter(|(_, word)| word.is_content()) {
        if alignment.to_source[i].is_none()
            && let Some(j) = (0..source.len()).find(|j| alignment.to_claim[*j].is_none() && same(word, &source[*j]))
        {
            alignment.pair(i, j);
        }
    }
    alignment
}

impl Alignment {
    fn pair(&mut self, i: usize, j: usize) {
        self.to_source[i] = Some(j);
        self.to_claim[j] = Some(i);
    }

    /// The words of the source that stand where the claim's word `i`, which has no counterpart, stands: between the counterparts of
    /// its neighbors.
    pub(super) fn gap(&self, i: usize) -> std::ops::Range<usize> {
        let before = self.to_source[..i].iter().rev().flatten().next().map_or(0, |j| j + 1);
        let after = self.to_source[i + 1..].iter().flatten().next().copied().unwrap_or(self.to_claim.len());
        before..after.max(before)
    }
}

fn weight(word: &Word) -> u32 {
    if word.is_content() || word.kind == Kind::Negation { 4 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn pairs(claim: &str, source: &str) -> Vec<(String, String)> {
        let (claim, source) = (words(claim), words(source));
        let alignment = align(&claim, &source);
        let pairs = alignment.to_source.iter().enumerate().filter_map(|(i, j)| Some((i, (*j)?)));
        pairs.filter(|(i, _)| claim[*i].is_content()).map(|(i, j)| (claim[i].key.clone(), source[j].key.clone())).collect()
    }

    #[test]
    fn content_finds_its_place_though_it_moved() {
        let found = pairs("Kenyan leaders met twice, on 28 February", "On 28 February leaders of Kenya met");
        let claim: Vec<_> = found.iter().map(|(claim, _)| claim.as_str()).collect();
        assert_eq!(claim, ["leader", "met", "28", "februari"]);
        assert_eq!(pairs("the WHO in Kenya", "the WHO and Kenyan staff").len(), 2);
    }

    #[test]
    fn a_gap_is_what_stands_between_the_neighbors() {
        let (claim, source) = (
            words("the cabinet would include two Orkney Vikings today"),
            words("the cabinet would include two deputy Prime Ministers today"),
        );
        let alignment = align(&claim, &source);
        let gap: Vec<_> = source[alignment.gap(5)].iter().map(|word| word.key.as_str()).collect();
        assert_eq!(gap, ["deputi", "prime", "minist"]);
    }
}
