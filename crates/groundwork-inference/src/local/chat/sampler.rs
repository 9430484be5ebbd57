//! Chooses the next token from the scores of all.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// How freely a token is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Sampling {
    /// 0 takes the best.
    pub(super) temperature: f64,
    /// Only the most likely tokens that together have this share are chosen from.
    pub(super) top_p: f64,
    pub(super) seed: u64,
}

pub(super) struct Sampler {
    sampling: Sampling,
    dice: StdRng,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        Self { sampling, dice: StdRng::seed_from_u64(sampling.seed) }
    }

    /// The number of the chosen token; the first best where nothing is to be chosen.
    pub(super) fn choose(&mut self, scores: &[f32]) -> u32 {
        let best =
            scores.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (at, &score)| if score > best.1 { (at, score) } else { best });
        if self.sampling.temperature <= 0.0 {
            return best.0 as u32;
        }
        let weight = |score: f32| (f64::from(score - best.1) / self.sampling.temperature).exp();
        // What is less likely than this beside the best cannot be within any share that is asked for.
        const NEGLIGIBLE: f64 = 1e-6;
        let mut likely: Vec<(f64, u32)> =
            scores.iter().zip(0..).map(|(&score, token)| (weight(score), token)).filter(|(weight, _)| *weight > NEGLIGIBLE).collect();
        likely.sort_by(|a, b| b.0.total_cmp(&a.0));
        let all: f64 = likely.iter().map(|(weight, _)| weight).sum();
        let mut share = 0.0;
        let within = likely.iter().take_while(|(weight, _)| {
            let before = share;
            share += weight / all;
            before < self.sampling.top_p
        });
        let within: Vec<(f64, u32)> = within.copied().collect();
        let mut at = self.dice.random::<f64>() * within.iter().map(|(weight, _)| weight).sum::<f64>();
        for (weight, token) in &within {
            at -= weight;
            if at <= 0.0 {
                return *token;
            }
        }
        within.last().map_or(best.0 as u32, |(_, token)| *token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(temperature: f64, top_p: f64, scores: &[f32]) -> Vec<u32> {
        let mut sampler = Sampler::new(Sampling { temperature, top_p, seed: 7 });
        (0..200).map(|_| sampler.choose(scores)).collect()
    }

    #[test]
    fn without_temperature_the_best_is_chosen_and_the_same_seed_chooses_the_same() {
        let scores = [1.0, 3.0, 2.9, -1.0];
        assert!(chosen(0.0, 1.0, &scores).iter().all(|token| *token == 1));
        let free = chosen(1.0, 1.0, &scores);
        assert_eq!(free, chosen(1.0, 1.0, &scores));
        assert!(free.contains(&1) && free.contains(&2));
        assert!(chosen(1.0, 0.1, &scores).iter().all(|token| *token == 1));
        assert_eq!(chosen(1.0, 1.0, &[f32::NAN, f32::NAN])[0], 0);
        assert_eq!(chosen(1.0, 1.0, &[])[0], 0);
    }

    #[test]
    fn tokens_come_as_often_as_they_are_likely() {
        let scores = [0.0, (3.0_f32).ln()];
        let ones = chosen(1.0, 1.0, &scores).iter().filter(|token| **token == 1).count();
        assert!((120..180).contains(&ones), "{ones}");
    }
}
