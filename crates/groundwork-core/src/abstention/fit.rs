//! How well what was found fits a question, before anyone has answered it: by the one passage that fits best.

use crate::words::{Word, words};
use std::collections::HashSet;

/// What a search found, as far as it tells.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Of the question and the passage (cosine); `None` where meanings were not compared.
    pub similarity: Option<f32>,
    /// The passage, its title, the headings above it.
    pub texts: &'a [String],
}

/// What the question's words, and two of them side by side, count beside the similarity, which has 1. The choice hardly matters: any from
/// a quarter to three quarters tells unanswerable questions from answerable ones as well.
const WORDS: f64 = 0.5;
const PAIRS: f64 = 0.5;

/// From 0, nothing in common, to 1. The same passage must be near the question in meaning, have its words and have them side by side:
/// a near miss is near in meaning (`standing desks` and `fitness equipment`) or has the words apart.
pub fn fit(question: &str, found: &[Evidence<'_>]) -> f64 {
    let asked = keys(question);
    let (words, pairs): (HashSet<&String>, HashSet<_>) = (asked.iter().collect(), asked.windows(2).collect());
    let of = |evidence: &Evidence<'_>| {
        let has: Vec<Vec<String>> = evidence.texts.iter().map(|text| keys(text)).collect();
        let (has_words, has_pairs): (HashSet<&String>, HashSet<_>) =
            (has.iter().flatten().collect(), has.iter().flat_map(|keys| keys.windows(2)).collect());
        let of_words = share(&words, &has_words);
        let of_pairs = share(&pairs, &has_pairs).or(of_words);
        let parts = [(evidence.similarity.map(f64::from), 1.0), (of_words, WORDS), (of_pairs, PAIRS)];
        let (sum, weights) = parts.iter().fold((0.0, 0.0), |(sum, weights), (part, weight)| match part {
            Some(part) => (sum + part.clamp(0.0, 1.0) * weight, weights + weight),
            None => (sum, weights),
        });
        if weights > 0.0 { sum / weights } else { 0.0 }
    };
    found.iter().map(of).fold(0.0, f64::max)
}

/// The words that say something, in their order.
fn keys(text: &str) -> Vec<String> {
    words(text).into_iter().filter(Word::is_content).map(|word| word.key).collect()
}

/// How many of `wanted` are there; `None` when nothing is wanted.
fn share<T: std::hash::Hash + Eq>(wanted: &HashSet<T>, there: &HashSet<T>) -> Option<f64> {
    (!wanted.is_empty()).then(|| wanted.intersection(there).count() as f64 / wanted.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(question: &str, found: &[(Option<f32>, &[&str])]) -> f64 {
        let texts: Vec<Vec<String>> = found.iter().map(|(_, texts)| texts.iter().map(|&text| text.to_owned()).collect()).collect();
        let found: Vec<Evidence<'_>> =
            found.iter().zip(&texts).map(|((similarity, _), texts)| Evidence { similarity: *similarity, texts }).collect();
        fit(question, &found)
    }

    #[test]
    fn a_passage_fits_by_its_meaning_its_words_and_their_pairs() {
        let question = "What is the notice period for interns?";
        let all = of(question, &[(Some(1.0), &["The notice period for interns is two weeks."])]);
        let apart = of(question, &[(Some(1.0), &["Interns have a period of grace. They get notice."])]);
        let other = of(question, &[(Some(1.0), &["The canteen is open."])]);
        assert!((all - 1.0).abs() < 1e-9 && (apart - 0.75).abs() < 1e-9 && (other - 0.5).abs() < 1e-9, "{all} {apart} {other}");
        // A title counts with its passage, but is no neighbor of it.
        assert!((of(question, &[(Some(1.0), &["Notice period", "Interns: two weeks."])]) - 0.875).abs() < 1e-9);
        // What two passages have together none of them has.
        assert!(of(question, &[(Some(0.4), &["Notice."]), (Some(0.4), &["Interns."])]) < 0.3);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert!((of("Interns?", &[(None, &["The interns"])]) - 1.0).abs() < 1e-9);
        assert!((of("Why is it so?", &[(Some(0.3), &["Because."])]) - 0.3).abs() < 1e-6);
        assert!(of("Interns?", &[]) == 0.0 && of("", &[(None, &[])]) == 0.0);
    }

    proptest! {
        #[test]
        fn a_fit_is_a_share(question in "\\PC{0,40}", text in "\\PC{0,80}", similarity in prop::option::of(-1.0f32..1.1)) {
            prop_assert!((0.0..=1.0).contains(&of(&question, &[(similarity, &[&text])])));
        }
    }
}
