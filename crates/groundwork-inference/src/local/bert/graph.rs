//! The graph of a BERT encoder for one text, written as an ONNX model around the weights where they lie.
//!
//! One text at a time needs no mask and no padding: each text costs what its own length costs.

use super::onnx::{Attribute, FLOAT, Graph, INT64, Model, Node, Opset, Tensor, ValueInfo};
use crate::local::weights::{Weights, WeightsError};
use prost::Message;

/// The name under which the runtime finds the buffer of the weights.
pub(super) const BUFFER: &str = "weights.data";
pub(super) const IDS: &str = "ids";
pub(super) const POSITIONS: &str = "positions";

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
    let prefix = if weights.contains("bert.embeddings.word_embeddings.weight") { "bert." } else { "" };
    let mut builder = Builder { weights, shape, graph: Graph { name: "encoder".to_owned(), ..Graph::default() } };
    let mut x = builder.embeddings(prefix)?;
    let mut layer = 0;
    while builder.weights.contains(&format!("{prefix}encoder.layer.{layer}.attention.self.query.weight")) {
        x = builder.layer(&format!("{prefix}encoder.layer.{layer}."), &x)?;
        layer += 1;
    }
    let mut graph = builder.graph;
    graph.input = vec![ValueInfo::per_token(IDS, INT64, None), ValueInfo::per_token(POSITIONS, INT64, None)];
    graph.output = vec![ValueInfo::per_token(&x, FLOAT, Some(shape.hidden))];
    let opset_import = vec![Opset { domain: String::new(), version: 20 }];
    Ok(Model { ir_version: 9, graph: Some(graph), opset_import }.encode_to_vec())
}

struct Builder<'w> {
    weights: &'w mut Weights,
    shape: Shape,
    graph: Graph,
}

impl Builder<'_> {
    fn embeddings(&mut self, prefix: &str) -> Result<String, WeightsError> {
        let hidden = self.shape.hidden;
        let words = self.weight(&format!("{prefix}embeddings.word_embeddings.weight"), &[0, hidden])?;
        let places = self.weight(&format!("{prefix}embeddings.position_embeddings.weight"), &[0, hidden])?;
        let types = self.weight(&format!("{prefix}embeddings.token_type_embeddings.weight"), &[0, hidden])?;
        let first = self.constant(Tensor::vector("first_type", &[0]), "first_type");
        let words = self.node("Gather", &[&words, IDS], vec![]);
        let places = self.node("Gather", &[&places, POSITIONS], vec![]);
        let kind = self.node("Gather", &[&types, &first], vec![]);
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
