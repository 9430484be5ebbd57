//! Texts that are nearly the same: a short signature of a text, of which as much agrees between two texts as they share of their runs of
//! words (MinHash), and bands of it by which those that may be alike find each other.

use crate::mix::mix;
use std::collections::HashSet;

/// Minima that a signature is made of.
const MINIMA: usize = 64;
/// Minima of one band; texts that share one band may be alike.
const ROWS: usize = 4;
/// Words of one run.
const RUN: usize = 4;
/// Fewer words than this are alike by chance.
const LEAST_WORDS: usize = 20;

/// From here on two texts count as near-duplicates.
pub const ALIKE: f32 = 0.8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature([u32; MINIMA]);

impl Signature {
    /// `None` for a text of too few words to tell.
    pub fn of(text: &str) -> Option<Self> {
        let words: Vec<u64> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(|word| {
                word.chars().flat_map(char::to_lowercase).fold(0xcbf2_9ce4_8422_2325, |hash, c| mix(hash ^ u64::from(u32::from(c))))
            })
            .collect();
        if words.len() < LEAST_WORDS {
            return None;
        }
        let runs: HashSet<u64> = words.windows(RUN).map(|run| run.iter().fold(0, |hash, word| mix(hash ^ word))).collect();
        let mut minima = [u32::MAX; MINIMA];
        for run in runs {
            for (seed, least) in (1_u64..).zip(&mut minima) {
                *least = (*least).min((mix(run ^ mix(seed)) >> 32) as u32);
            }
        }
        Some(Self(minima))
    }

    /// About the share of runs of words that two texts have in common.
    pub fn similarity(&self, other: &Self) -> f32 {
        let same = self.0.iter().zip(&other.0).filter(|(one, other)| one == other).count();
        same as f32 / MINIMA as f32
    }

    /// Two texts that are alike share one of these with near certainty.
    pub fn bands(&self) -> impl Iterator<Item = i64> {
        let band = |(number, rows): (u64, &[u32])| rows.iter().fold(mix(number), |hash, row| mix(hash ^ u64::from(*row))).cast_signed();
        (0..).zip(self.0.chunks(ROWS)).map(band)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|least| least.to_le_bytes()).collect()
    }

    /// `None` for bytes that are no signature.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (parts, rest) = bytes.as_chunks::<4>();
        let minima: Vec<u32> = parts.iter().map(|part| u32::from_le_bytes(*part)).collect();
        rest.is_empty().then(|| minima.try_into().ok().map(Self)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: std::ops::Range<u32>) -> String {
        words.map(|number| format!("word{number} ")).collect()
    }

    fn signature(text: &str) -> Signature {
        Signature::of(text).unwrap()
    }

    #[test]
    fn agreement_is_about_the_share_of_common_runs() {
        let whole = signature(&text(0..1000));
        for (other, expected) in [(0..1000, 1.0), (100..1100, 0.82), (500..1500, 0.33), (2000..3000, 0.0)] {
            let found = whole.similarity(&signature(&text(other.clone())));
            assert!((found - expected).abs() < 0.13, "{other:?}: {found}");
        }
        assert!((whole.similarity(&signature(&text(0..1000).to_uppercase().replace(' ', ",\n"))) - 1.0).abs() < f32::EPSILON);
        assert_eq!(Signature::of(&text(0..19)), None);
    }

    #[test]
    fn texts_that_are_alike_share_a_band_and_strangers_do_not() {
        let bands = |range| signature(&text(range)).bands().collect::<HashSet<_>>();
        assert!(!bands(0..1000).is_disjoint(&bands(50..1050)));
        assert!(bands(0..1000).is_disjoint(&bands(5000..6000)));
        assert_eq!(bands(0..1000).len(), MINIMA / ROWS);
    }

    #[test]
    fn a_signature_comes_back_from_its_bytes() {
        let whole = signature(&text(0..100));
        assert_eq!(Signature::from_bytes(&whole.to_bytes()), Some(whole.clone()));
        assert_eq!(Signature::from_bytes(&whole.to_bytes()[1..]), None);
    }
}
