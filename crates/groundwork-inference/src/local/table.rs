//! Static embeddings: one vector per token, averaged over the text.

use super::bert::normalized;
use super::weights::{Weights, WeightsError};

pub(super) struct Table {
    /// Row after row; the weight of each token is multiplied in.
    rows: Vec<f32>,
    dimensions: usize,
    unknown: Option<u32>,
}

impl Table {
    /// `unknown` is the token that stands for what the vocabulary does not have; it says nothing and is left out of the mean.
    pub(super) fn new(weights: &Weights, dimensions: usize, unknown: Option<u32>) -> Result<Self, WeightsError> {
        let tensor = weights.tensor("embeddings", &[0, dimensions])?;
        let mut rows = weights.values(tensor);
        if weights.contains("weights") {
            let factors = weights.values(weights.tensor("weights", &[tensor.shape[0]])?);
            for (row, factor) in rows.chunks_exact_mut(dimensions).zip(factors) {
                row.iter_mut().for_each(|value| *value *= factor);
            }
        }
        Ok(Self { rows, dimensions, unknown })
    }

    pub(super) fn vocabulary(&self) -> usize {
        self.rows.len() / self.dimensions
    }

    /// The vector of one text, given its tokens without special ones. Zeros when none of them is known.
    pub(super) fn embed(&self, tokens: &[u32]) -> Vec<f32> {
        let mut sum = vec![0.0; self.dimensions];
        for token in tokens.iter().filter(|token| Some(**token) != self.unknown) {
            let start = *token as usize * self.dimensions;
            let row = self.rows.get(start..start + self.dimensions).unwrap_or_default();
            for (total, value) in sum.iter_mut().zip(row) {
                *total += value;
            }
        }
        normalized(sum)
    }
}
