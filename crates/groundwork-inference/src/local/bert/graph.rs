//! The graph of a BERT encoder for one text, or for a pair of texts with a score at its end, written as an ONNX model around the weights
//! where they lie.
//!
//! One text at a time needs no mask and no padding: each text costs what its own length costs.

use super::onnx::{Attribute, FLOAT, Graph, INT64, Model, Node, Opset, Tensor, ValueInfo};
use crate::local::weights::{Weights, WeightsError};
use prost::Message;

/// The name under which the runtime finds the buffer of the weights.
pub(super) const BUFFER: &str = "weights.data";
pub(super) const IDS: &str = "ids";
pub(super) const POSITIONS: &str = "positions";
/// 0 for the tokens of the first text, 1 for those of the second.
pub(super) const TYPES: &str = "types";

/// What the weights do not say themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) layer_norm_epsilon: f32,
}

/// The encoder as an ONNX file: from token identifiers and positions to one vector per token. The matrices of the linear layers are
/// turned around in `weights`, because the runtime prepares only matrices of the form (inputs, outputs).
pub(super) fn encoder(weights: &mut Weights, shape: Shape) -> Result<Vec<u8>, WeightsError> {
    let mut builder = Builder::new(weights, shape);
    let first = builder.constant(Tensor::vector("first_type", &[0]), "first_type");
    let x = builder.states(&first)?;
    Ok(builder.file(&[IDS, POSITIONS], &x, shape.hidden))
}

/// The cross-encoder as an ONNX file: from token identifiers, positions and types of a pair to one number. Its head is that of BERT for
/// the classification of sequences: the first token's vector through `pooler` and `classifier`.
pub(super) fn cross_encoder(weights: &mut Weights, shape: Shape) -> Result<Vec<u8>, WeightsError> {
    let mut builder = Builder::new(weights, shape);
    let states = builder.states(TYPES)?;
    let start = builder.constant(Tensor::vector("start", &[0]), "start");
    let first = builder.node("Gather", &[&states, &start], vec![]);
    let pooler = format!("{}pooler.dense", builder.prefix);
    let pooled = builder.linear(&pooler, &first, shape.hidden, shape.hidden)?;
    let pooled = builder.node("Tanh", &[&pooled], vec![]);
    let logit = builder.linear("classifier", &pooled, shape.hidden, 1)?;
    Ok(builder.file(&[IDS, POSITIONS, TYPES], &logit, 1))
}

struct Builder<'w> {
    weights: &'w mut Weights,
    shape: Shape,
    graph: Graph,
    /// Of the encoder's tensors, where a model with a head holds it.
    prefix: &'static str,
}

impl<'w> Builder<'w> {
    fn new(weights: &'w mut Weights, shape: Shape) -> Self {
        let prefix = if weights.contains("bert.embeddings.word_embeddings.weight") { "bert." } else { "" };
        Self { weights, shape, graph: Graph { name: "encoder".to_owned(), ..Graph::default() }, prefix }
    }

    /// The finished file: `output` has `width` columns.
    fn file(mut self, inputs: &[&str], output: &str, width: usize) -> Vec<u8> {
        self.graph.input = inputs.iter().map(|name| ValueInfo::per_token(name, INT64, None)).collect();
        self.graph.output = vec![ValueInfo::per_token(output, FLOAT, Some(width))];
        let opset_import = vec![Opset { domain: String::new(), version: 20 }];
        Model { ir_version: 9, graph: Some(self.graph), opset_import }.encode_to_vec()
    }

    /// One vector a token; `kinds` names which row of the types each token has.
    fn states(&mut self, kinds: &str) -> Result<String, WeightsError> {
        let prefix = self.prefix;
        let mut x = self.embeddings(prefix, kinds)?;
        let mut layer = 0;
        while self.weights.contains(&format!("{prefix}encoder.layer.{layer}.attention.self.query.weight")) {
            x = self.layer(&format!("{prefix}encoder.layer.{layer}."), &x)?;
            layer += 1;
        }
        Ok(x)
    }

    fn embeddings(&mut self, prefix: &str, kinds: &str) -> Result<String, WeightsError> {
        let hidden = self.shape.hidden;
        let words = self.weight(&format!("{prefix}embeddings.word_embeddings.weight"), &[0, hidden])?;
        let places = self.weight(&format!("{prefix}embeddings.position_embeddings.weight"), &[0, hidden])?;
        let types = self.weight(&format!("{prefix}embeddings.token_type_embeddings.weight"), &[0, hidden])?;
        let words = self.node("Gather", &[&words, IDS], vec![]);
        let places = self.node("Gather", &[&places, POSITIONS], vec![]);
        let kind = self.node("Gather", &[&types, kinds], vec![]);
        let sum = self.node("Add", &[&words, &places], vec![]);
        let sum = self.node("Add", &[&sum, &kind], vec![]);
        self.layer_norm(&format!("{prefix}embeddings.LayerNorm"), &sum)
    }

    fn layer(&mut self, prefix: &str, x: &str) -> Result<String, WeightsError> {
        let hidden = self.shape.hidden;
        let context = self.attention(&format!("{prefix}attention.self."), x)?;
        let context = self.linear(&format!("{prefix}attention.output.dense"), &context, hidden, hidden)?;
        let sum = self.node("Add", &[&context, x], vec![]);
        let x = self.layer_norm(&format!("{prefix}attention.output.LayerNorm"), &sum)?;
        let inner = self.weights.tensor(&format!("{prefix}intermediate.dense.weight"), &[0, hidden])?.shape[0];
        let wide = self.linear(&format!("{prefix}intermediate.dense"), &x, hidden, inner)?;
        let wide = self.node("Gelu", &[&wide], vec![]);
        let narrow = self.linear(&format!("{prefix}output.dense"), &wide, inner, hidden)?;
        let sum = self.node("Add", &[&narrow, &x], vec![]);
        self.layer_norm(&format!("{prefix}output.LayerNorm"), &sum)
    }

    fn attention(&mut self, prefix: &str, x: &str) -> Result<String, WeightsError> {
        let Shape { hidden, heads, .. } = self.shape;
        let width = hidden / heads;
        let split = self.constant(Tensor::vector(&format!("{prefix}split"), &[0, heads as i64, width as i64]), &format!("{prefix}split"));
        let join = self.constant(Tensor::vector(&format!("{prefix}join"), &[0, hidden as i64]), &format!("{prefix}join"));
        let scale = (width as f32).sqrt().recip();
        let scale = self.constant(Tensor::scalar(&format!("{prefix}scale"), scale), &format!("{prefix}scale"));
        let mut heads_of = |part: &str, order: &[i64]| {
            let y = self.linear(&format!("{prefix}{part}"), x, hidden, hidden)?;
            let y = self.node("Reshape", &[&y, &split], vec![]);
            Ok(self.node("Transpose", &[&y], vec![Attribute::ints("perm", order)]))
        };
        let query = heads_of("query", &[1, 0, 2])?;
        let key = heads_of("key", &[1, 2, 0])?;
        let value = heads_of("value", &[1, 0, 2])?;
        let scores = self.node("MatMul", &[&query, &key], vec![]);
        let scores = self.node("Mul", &[&scores, &scale], vec![]);
        let shares = self.node("Softmax", &[&scores], vec![Attribute::int("axis", -1)]);
        let context = self.node("MatMul", &[&shares, &value], vec![]);
        let context = self.node("Transpose", &[&context], vec![Attribute::ints("perm", &[1, 0, 2])]);
        Ok(self.node("Reshape", &[&context, &join], vec![]))
    }

    fn linear(&mut self, name: &str, x: &str, from: usize, to: usize) -> Result<String, WeightsError> {
        let matrix = format!("{name}.weight");
        self.weights.tensor(&matrix, &[to, from])?;
        self.weights.transpose(&matrix)?;
        let matrix = self.weight(&matrix, &[from, to])?;
        let bias = self.weight(&format!("{name}.bias"), &[to])?;
        let y = self.node("MatMul", &[x, &matrix], vec![]);
        Ok(self.node("Add", &[&y, &bias], vec![]))
    }

    fn layer_norm(&mut self, name: &str, x: &str) -> Result<String, WeightsError> {
        let scale = self.weight(&format!("{name}.weight"), &[self.shape.hidden])?;
        let bias = self.weight(&format!("{name}.bias"), &[self.shape.hidden])?;
        let attributes = vec![Attribute::int("axis", -1), Attribute::float("epsilon", self.shape.layer_norm_epsilon)];
        Ok(self.node("LayerNormalization", &[x, &scale, &bias], attributes))
    }

    fn weight(&mut self, name: &str, shape: &[usize]) -> Result<String, WeightsError> {
        let tensor = self.weights.tensor(name, shape)?;
        let external = Tensor::external(name, &tensor.shape, BUFFER, tensor.bytes.start, tensor.bytes.len());
        Ok(self.constant(external, name))
    }

    fn constant(&mut self, tensor: Tensor, name: &str) -> String {
        self.graph.initializer.push(tensor);
        name.to_owned()
    }

    fn node(&mut self, operator: &str, inputs: &[&str], attribute: Vec<Attribute>) -> String {
        let output = format!("{operator}{}", self.graph.node.len());
        self.graph.node.push(Node {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![output.clone()],
            name: output.clone(),
            op_type: operator.to_owned(),
            attribute,
        });
        output
    }
}
