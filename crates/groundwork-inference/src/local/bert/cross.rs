//! A cross-encoder on the CPU: one number for a pair of texts that are read together.

use super::{BertError, Runner, Weights, check_window, graph, loaded, rows};
use rten::{Model, ModelOptions, NodeId, RunOptions, Value};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

/// The tokens of two texts with the special ones, as a model reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Pair {
    pub(in super::super) ids: Vec<u32>,
    /// Which of the texts each token belongs to, 0 or 1.
    pub(in super::super) types: Vec<u32>,
}

/// What the catalogue says about weights without a graph.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Shape {
    pub(in super::super) window: usize,
    pub(in super::super) heads: usize,
    pub(in super::super) layer_norm_epsilon: f32,
}

pub(in super::super) struct CrossEncoder {
    model: Model,
    inputs: Vec<Input>,
    output: NodeId,
    /// Rows of the table of words, where the file says so.
    vocabulary: Option<usize>,
}

/// What a graph wants to be told, and whether about a batch of texts (of one) or about a text.
struct Input {
    node: NodeId,
    what: What,
    batched: bool,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Ids,
    Types,
    Positions,
    /// 1 for each token that is to be read: all of them.
    Mask,
}

impl CrossEncoder {
    /// From weights that are named as BERT names them.
    pub(in super::super) fn from_weights(mut weights: Weights, shape: Shape) -> Result<Self, BertError> {
        let Shape { window, heads, layer_norm_epsilon } = shape;
        let words = ["", "bert."].iter().map(|prefix| format!("{prefix}embeddings.word_embeddings.weight"));
        let hidden = words.filter_map(|name| weights.tensor(&name, &[0, 0]).ok()).map(|tensor| tensor.shape[1]).next();
        let hidden = hidden.unwrap_or(heads);
        if heads == 0 || !hidden.is_multiple_of(heads) {
            return Err(BertError::Heads { hidden, heads });
        }
        let file = graph::cross_encoder(&mut weights, graph::Shape { hidden, heads, layer_norm_epsilon })?;
        let vocabulary = Some(rows(&weights, "word_embeddings"));
        check_window(&weights, window)?;
        Self::of(loaded(file, weights)?, vocabulary)
    }

    /// From a file that holds graph and weights. Its inputs must have the names that exporters give those of BERT and its kin.
    pub(in super::super) fn from_onnx(file: Vec<u8>) -> Result<Self, BertError> {
        let mut options = ModelOptions::with_all_ops();
        let model = options.prepack_weights(true).load(file).map_err(|error| BertError::Load(error.to_string()))?;
        Self::of(model, None)
    }

    fn of(model: Model, vocabulary: Option<usize>) -> Result<Self, BertError> {
        let inputs = model.input_ids().iter().map(|node| input(&model, *node)).collect::<Result<Vec<_>, _>>()?;
        if !inputs.iter().any(|input| matches!(input.what, What::Ids)) {
            return Err(BertError::Load("it has no input for identifiers of tokens".to_owned()));
        }
        let output = model.output_ids().first().copied().ok_or_else(|| BertError::Load("it has no output".to_owned()))?;
        Ok(Self { model, inputs, output, vocabulary })
    }

    pub(in super::super) fn vocabulary(&self) -> Option<usize> {
        self.vocabulary
    }

    /// What the model thinks of a pair: the higher, the better the second text answers the first. At most `window` tokens.
    pub(in super::super) fn logit(&self, runner: &Runner, pair: &Pair) -> Result<f32, BertError> {
        let length = pair.ids.len();
        let value = |input: &Input| {
            let row: Vec<i32> = match input.what {
                What::Ids => pair.ids.iter().map(|id| id.cast_signed()).collect(),
                What::Types => pair.types.iter().map(|kind| kind.cast_signed()).collect(),
                What::Positions => (0i32..).take(length).collect(),
                What::Mask => vec![1; length],
            };
            let value: Value =
                if input.batched { NdTensor::from_data([1, length], row).into() } else { NdTensor::from_data([length], row).into() };
            (input.node, value.into())
        };
        let options = RunOptions::default().with_thread_pool(Some(runner.0.clone()));
        let inputs = self.inputs.iter().map(value).collect();
        let [output] = self.model.run_n(inputs, [self.output], Some(options)).map_err(|error| BertError::Run(error.to_string()))?;
        let numbers: rten_tensor::Tensor<f32> = output.try_into().map_err(|_| BertError::Run("the output holds no numbers".to_owned()))?;
        match numbers.to_vec()[..] {
            [logit] if logit.is_finite() => Ok(logit),
            [_] => Err(BertError::Run("the output is not finite".to_owned())),
            ref several => Err(BertError::Run(format!("it gives {} numbers for a pair instead of one", several.len()))),
        }
    }
}

fn input(model: &Model, node: NodeId) -> Result<Input, BertError> {
    let info = model.node_info(node);
    let name = if let Some(info) = &info { info.name() } else { None };
    let what = match name.unwrap_or_default() {
        graph::IDS | "input_ids" => What::Ids,
        graph::TYPES | "token_type_ids" => What::Types,
        graph::POSITIONS | "position_ids" => What::Positions,
        "attention_mask" => What::Mask,
        other => return Err(BertError::Load(format!("it wants an input {other:?}, of which nothing is known"))),
    };
    let axes = info.and_then(|info| info.shape()).map_or(2, |shape| shape.len());
    Ok(Input { node, what, batched: axes != 1 })
}
