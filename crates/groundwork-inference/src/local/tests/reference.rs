//! What the engines should compute, in the plainest way and in double precision.

use super::made::{EPSILON, HEADS, HIDDEN, LAYERS, WORDS, Weights};
use crate::catalogue::Pooling;

type Rows = Vec<Vec<f64>>;

pub(super) fn bert(weights: &Weights, ids: &[usize], pooling: Pooling) -> Vec<f32> {
    let x = states(weights, ids, &vec![0; ids.len()]);
    let rows = if pooling == Pooling::First { &x[..1] } else { &x[..] };
    unit((0..HIDDEN).map(|at| rows.iter().map(|row| row[at]).sum()).collect())
}

/// The score of a pair before the logistic function.
pub(crate) fn logit(weights: &Weights, ids: &[usize], types: &[usize]) -> f32 {
    let mut first = states(weights, ids, types);
    first.truncate(1);
    let mut pooled = linear(weights, "pooler.dense", &first);
    pooled.iter_mut().flatten().for_each(|value| *value = value.tanh());
    linear(weights, "classifier", &pooled)[0][0] as f32
}

fn states(weights: &Weights, ids: &[usize], types: &[usize]) -> Rows {
    let row = |name: &str, at: usize| -> Vec<f64> {
        weights.get(name)[at * HIDDEN..(at + 1) * HIDDEN].iter().map(|value| f64::from(*value)).collect()
    };
    let mut x: Rows = ids
        .iter()
        .enumerate()
        .zip(types)
        .map(|((place, id), kind)| {
            let word = row("embeddings.word_embeddings.weight", *id);
            let place = row("embeddings.position_embeddings.weight", place);
            let kind = row("embeddings.token_type_embeddings.weight", *kind);
            (0..HIDDEN).map(|at| word[at] + place[at] + kind[at]).collect()
        })
        .collect();
    norm(weights, "embeddings.LayerNorm", &mut x);
    for layer in 0..LAYERS {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let context = attention(weights, &name("attention.self"), &x);
        add(&mut x, &linear(weights, &name("attention.output.dense"), &context));
        norm(weights, &name("attention.output.LayerNorm"), &mut x);
        let mut wide = linear(weights, &name("intermediate.dense"), &x);
        wide.iter_mut().flatten().for_each(|value| *value *= 0.5 * (1.0 + erf(*value / 2f64.sqrt())));
        add(&mut x, &linear(weights, &name("output.dense"), &wide));
        norm(weights, &name("output.LayerNorm"), &mut x);
    }
    x
}

pub(super) fn table(weights: &Weights, words: &[&str]) -> Vec<f32> {
    let mut sum = vec![0.0; HIDDEN];
    for word in words {
        let id = WORDS.iter().position(|known| known == word).expect("a known word");
        let factor = if weights.has("weights") { f64::from(weights.get("weights")[id]) } else { 1.0 };
        for (at, total) in sum.iter_mut().enumerate() {
            *total += factor * f64::from(weights.get("embeddings")[id * HIDDEN + at]);
        }
    }
    unit(sum)
}

fn attention(weights: &Weights, name: &str, x: &Rows) -> Rows {
    let part = |part: &str| linear(weights, &format!("{name}.{part}"), x);
    let (query, key, value) = (part("query"), part("key"), part("value"));
    let width = HIDDEN / HEADS;
    let mut context = vec![vec![0.0; HIDDEN]; x.len()];
    for head in 0..HEADS {
        let columns = head * width..(head + 1) * width;
        for (at, row) in context.iter_mut().enumerate() {
            let score = |other: usize| columns.clone().map(|c| query[at][c] * key[other][c]).sum::<f64>() / (width as f64).sqrt();
            let shares: Vec<f64> = (0..x.len()).map(|other| score(other).exp()).collect();
            let total: f64 = shares.iter().sum();
            for c in columns.clone() {
                row[c] = shares.iter().enumerate().map(|(other, share)| share / total * value[other][c]).sum();
            }
        }
    }
    context
}

fn linear(weights: &Weights, name: &str, x: &Rows) -> Rows {
    let (matrix, bias) = (weights.get(&format!("{name}.weight")), weights.get(&format!("{name}.bias")));
    let output = |row: &Vec<f64>, at: usize| {
        let products = row.iter().enumerate().map(|(c, value)| value * f64::from(matrix[at * row.len() + c]));
        products.sum::<f64>() + f64::from(bias[at])
    };
    x.iter().map(|row| (0..bias.len()).map(|at| output(row, at)).collect()).collect()
}

fn norm(weights: &Weights, name: &str, x: &mut Rows) {
    let (scale, bias) = (weights.get(&format!("{name}.weight")), weights.get(&format!("{name}.bias")));
    for row in x {
        let mean = row.iter().sum::<f64>() / HIDDEN as f64;
        let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / HIDDEN as f64;
        for (at, value) in row.iter_mut().enumerate() {
            *value = (*value - mean) / (variance + f64::from(EPSILON)).sqrt() * f64::from(scale[at]) + f64::from(bias[at]);
        }
    }
}

fn add(x: &mut Rows, y: &Rows) {
    x.iter_mut().flatten().zip(y.iter().flatten()).for_each(|(x, y)| *x += y);
}

fn unit(vector: Vec<f64>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.into_iter().map(|value| (value / length) as f32).collect()
}

/// The error function as the sum of its series, which converges for every argument that occurs here.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}
