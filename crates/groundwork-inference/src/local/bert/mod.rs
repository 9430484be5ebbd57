//! A BERT encoder on the CPU, run by rten.

pub(super) mod cross;
mod graph;
mod onnx;

use super::weights::{Weights, WeightsError};
use crate::catalogue::Pooling;
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};
use std::sync::Arc;

pub(super) use cross::{CrossEncoder, Pair};

/// Why an encoder cannot be built or run.
#[derive(Debug, thiserror::Error)]
pub(super) enum BertError {
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error("{hidden} columns cannot be split among {heads} heads")]
    Heads { hidden: usize, heads: usize },
    #[error("the weights hold {positions} positions, the catalogue says {window}")]
    Window { positions: usize, window: usize },
    #[error("the runtime refused the graph: {0}")]
    Load(String),
    #[error("the runtime failed: {0}")]
    Run(String),
}

/// What the catalogue says about an encoder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) dimensions: usize,
    pub(super) window: usize,
    pub(super) heads: usize,
    pub(super) layer_norm_epsilon: f32,
    pub(super) pooling: Pooling,
}

pub(super) struct Encoder {
    model: Model,
    ids: NodeId,
    positions: NodeId,
    output: NodeId,
    vocabulary: usize,
    settings: Settings,
}

/// What one thread needs to run encoders: the runtime's own threads, one of them.
pub(super) struct Runner(Arc<ThreadPool>);

impl Runner {
    pub(super) fn new() -> Self {
        Self(Arc::new(ThreadPool::with_num_threads(1)))
    }
}

impl Encoder {
    pub(super) fn new(mut weights: Weights, settings: Settings) -> Result<Self, BertError> {
        let Settings { dimensions: hidden, heads, window, layer_norm_epsilon, .. } = settings;
        if heads == 0 || hidden == 0 || !hidden.is_multiple_of(heads) {
            return Err(BertError::Heads { hidden, heads });
        }
        let file = graph::encoder(&mut weights, graph::Shape { hidden, heads, layer_norm_epsilon })?;
        let vocabulary = rows(&weights, "word_embeddings");
        check_window(&weights, window)?;
        let model = loaded(file, weights)?;
        let load = |error: &dyn std::fmt::Display| BertError::Load(error.to_string());
        let ids = model.node_id(graph::IDS).map_err(|error| load(&error))?;
        let positions = model.node_id(graph::POSITIONS).map_err(|error| load(&error))?;
        let output = model.output_ids().first().copied().ok_or_else(|| BertError::Load("it has no output".to_owned()))?;
        Ok(Self { model, ids, positions, output, vocabulary, settings })
    }

    /// Rows of the table of words: identifiers must be below.
    pub(super) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The vector of one text, given its tokens with the special ones; at most `window` of them.
    pub(super) fn embed(&self, runner: &Runner, tokens: &[u32]) -> Result<Vec<f32>, BertError> {
        let ids: Vec<i32> = tokens.iter().map(|id| id.cast_signed()).collect();
        let positions: Vec<i32> = (0i32..).take(ids.len()).collect();
        let ids = NdTensor::from_data([ids.len()], ids);
        let positions = NdTensor::from_data([positions.len()], positions);
        let inputs = vec![(self.ids, ids.into()), (self.positions, positions.into())];
        let options = RunOptions::default().with_thread_pool(Some(runner.0.clone()));
        let run = |error: &dyn std::fmt::Display| BertError::Run(error.to_string());
        let [output] = self.model.run_n(inputs, [self.output], Some(options)).map_err(|error| run(&error))?;
        let states: NdTensor<f32, 2> = output.try_into().map_err(|_| BertError::Run("the output is no matrix".to_owned()))?;
        Ok(normalized(pooled(states.view(), self.settings.pooling)))
    }
}

/// Rows of a table of the embeddings.
fn rows(weights: &Weights, name: &str) -> usize {
    let of = |prefix: &&str| weights.tensor(&format!("{prefix}embeddings.{name}.weight"), &[0, 0]).ok();
    ["", "bert."].iter().find_map(of).map_or(0, |tensor| tensor.shape[0])
}

fn check_window(weights: &Weights, window: usize) -> Result<(), BertError> {
    let positions = rows(weights, "position_embeddings");
    if window > positions {
        return Err(BertError::Window { positions, window });
    }
    Ok(())
}

/// A graph of ours around its weights, ready to run.
fn loaded(graph: Vec<u8>, weights: Weights) -> Result<Model, BertError> {
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true).external_data(graph::BUFFER, weights.buffer);
    options.load(graph).map_err(|error| BertError::Load(error.to_string()))
}

fn pooled(states: NdTensorView<'_, f32, 2>, pooling: Pooling) -> Vec<f32> {
    let rows = match pooling {
        Pooling::First => 1,
        Pooling::Mean => states.size(0),
    };
    let mut sum = vec![0.0; states.size(1)];
    for row in 0..rows.min(states.size(0)) {
        for (total, value) in sum.iter_mut().zip(states.slice(row).iter()) {
            *total += value;
        }
    }
    sum
}

/// Scales to length 1, so that the sum pools as well as the mean. A vector of zeros stays one.
pub(super) fn normalized(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
    vector
}
