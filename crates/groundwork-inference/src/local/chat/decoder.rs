//! The decoder of the Llama family: reads tokens, and says how likely each token is to come next.
//!
//! Layers of attention with shared heads for keys and values (arXiv:2305.13245), rotary positions (arXiv:2104.09864), root mean square
//! norms (arXiv:1910.07467) and gated feed-forward parts (arXiv:2002.05202). `qwen2` adds biases, `qwen3` norms of queries and keys.

use super::gguf::{Gguf, Unusable, quick};
use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{D, DType, Device, Module, Tensor};
use candle_nn::kv_cache::KvCache;
use candle_nn::ops::{rms_norm, softmax_last_dim};
use candle_nn::rotary_emb::{rope, rope_i};
use std::sync::Arc;

/// Tokens that are read at a time: between two of them a call can be cancelled, and the memory of one is bounded.
pub(super) const READ_AT_ONCE: usize = 128;
/// Tokens by which what is kept of them grows.
const GROWTH: usize = 512;

pub(super) struct Decoder {
    embeddings: Arc<QTensor>,
    layers: Vec<Layer>,
    norm: Tensor,
    head: QMatMul,
    shape: Shape,
    positions: Positions,
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    heads: usize,
    /// Heads of keys and values; each serves `heads / shared` heads of queries.
    shared: usize,
    /// Numbers of one head.
    width: usize,
    epsilon: f32,
    window: usize,
}

/// The rotations of every position, and which numbers of a head are turned together.
struct Positions {
    cos: Tensor,
    sin: Tensor,
    /// Neighbors; else a number of the first half with one of the second.
    interleaved: bool,
}

struct Layer {
    attention_norm: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    query_norm: Option<Tensor>,
    key_norm: Option<Tensor>,
    output: Linear,
    feed_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

struct Linear {
    weights: QMatMul,
    bias: Option<Tensor>,
}

/// What is kept of the tokens that were read. Copies share what was read before them; of several that read on, the last one is right.
#[derive(Clone)]
pub(super) struct Memory {
    layers: Vec<KvCache>,
    read: usize,
}

impl Decoder {
    /// With room for at most `window` tokens.
    pub(super) fn read(gguf: &mut Gguf, window: usize) -> Result<Self, Unusable> {
        let interleaved = match gguf.architecture() {
            "llama" => true,
            "qwen2" | "qwen3" => false,
            other => return Err(Unusable(format!("its architecture is {other}; llama, qwen2 and qwen3 can be run"))),
        };
        let (dimensions, heads) = (gguf.needed("embedding_length")?, gguf.needed("attention.head_count")?);
        let shared = gguf.size("attention.head_count_kv").unwrap_or(heads);
        if heads == 0 || shared == 0 || !heads.is_multiple_of(shared) || !dimensions.is_multiple_of(heads) {
            return Err(Unusable(format!("{dimensions} numbers in {heads} heads over {shared} do not fit")));
        }
        let shape = Shape {
            heads,
            shared,
            width: gguf.size("attention.key_length").unwrap_or(dimensions / heads),
            epsilon: gguf.float("attention.layer_norm_rms_epsilon").unwrap_or(1e-5),
            window: gguf.needed("context_length")?.min(window),
        };
        let positions = Positions::new(gguf, shape, interleaved)?;
        let embeddings = Arc::new(quick(gguf.tensor("token_embd.weight")?)?);
        let head = if gguf.has("output.weight") { Arc::new(quick(gguf.tensor("output.weight")?)?) } else { embeddings.clone() };
        let layers = (0..gguf.needed("block_count")?).map(|number| Layer::read(gguf, number)).collect::<Result<_, _>>()?;
        let norm = gguf.plain("output_norm.weight")?;
        Ok(Self { embeddings, layers, norm, head: QMatMul::from_arc(head)?, shape, positions })
    }

    /// The most tokens of prompt and answer together.
    pub(super) fn window(&self) -> usize {
        self.shape.window
    }

    /// Tokens that it has numbers for.
    pub(super) fn vocabulary(&self) -> usize {
        self.embeddings.shape().dims().first().copied().unwrap_or_default()
    }

    pub(super) fn memory(&self) -> Memory {
        Memory { layers: self.layers.iter().map(|_| KvCache::new(2, GROWTH)).collect(), read: 0 }
    }

    /// Reads at most `READ_AT_ONCE` tokens and scores every token as the next.
    pub(super) fn next(&self, tokens: &[u32], memory: &mut Memory) -> Result<Vec<f32>, Unusable> {
        let state = self.read_on(tokens, memory)?;
        let last = state.narrow(1, tokens.len() - 1, 1)?.contiguous()?;
        Ok(self.scores(&last)?.flatten_all()?.to_vec1()?)
    }

    /// The same after each of the tokens.
    pub(super) fn each(&self, tokens: &[u32], memory: &mut Memory) -> Result<Vec<Vec<f32>>, Unusable> {
        let state = self.read_on(tokens, memory)?;
        Ok(self.scores(&state)?.squeeze(0)?.to_vec2()?)
    }

    fn scores(&self, state: &Tensor) -> Result<Tensor, Unusable> {
        Ok(self.head.forward(&rms_norm(state, &self.norm, self.shape.epsilon)?)?.to_dtype(DType::F32)?)
    }

    fn read_on(&self, tokens: &[u32], memory: &mut Memory) -> Result<Tensor, Unusable> {
        let count = tokens.len();
        if count == 0 || memory.read + count > self.shape.window {
            return Err(Unusable(format!("{count} tokens after {} do not fit into {}", memory.read, self.shape.window)));
        }
        let tokens = Tensor::new(tokens, &Device::Cpu)?;
        let mut state = self.embeddings.embedding(&tokens)?.unsqueeze(0)?;
        let mask = mask(count, memory.read)?;
        for (layer, kept) in self.layers.iter().zip(&mut memory.layers) {
            let seen = rms_norm(&state, &layer.attention_norm, self.shape.epsilon)?;
            let attended = self.attend(layer, &seen, kept, (memory.read, mask.as_ref()))?;
            state = (state + attended)?;
            let seen = rms_norm(&state, &layer.feed_norm, self.shape.epsilon)?;
            let gated = (layer.gate.of(&seen)?.silu()? * layer.up.of(&seen)?)?;
            state = (state + layer.down.of(&gated)?)?;
        }
        memory.read += count;
        Ok(state)
    }

    fn attend(&self, layer: &Layer, seen: &Tensor, kept: &mut KvCache, (at, mask): (usize, Option<&Tensor>)) -> Result<Tensor, Unusable> {
        let Shape { heads, shared, width, epsilon, .. } = self.shape;
        let count = seen.dim(1)?;
        // In heads, normed where the model asks for it, and turned by position: [1, heads, tokens, width].
        let turned = |linear: &Linear, heads: usize, norm: Option<&Tensor>| -> Result<Tensor, Unusable> {
            let mut states = linear.of(seen)?.reshape((1, count, heads, width))?;
            if let Some(norm) = norm {
                states = rms_norm(&states.contiguous()?, norm, epsilon)?;
            }
            self.positions.turn(&states.transpose(1, 2)?.contiguous()?, at)
        };
        let queries = turned(&layer.query, heads, layer.query_norm.as_ref())?;
        let keys = turned(&layer.key, shared, layer.key_norm.as_ref())?;
        let values = layer.value.of(seen)?.reshape((1, count, shared, width))?.transpose(1, 2)?.contiguous()?;
        let (keys, values) = kept.append(&keys, &values)?;
        let (keys, values) = (keys.squeeze(0)?, values.squeeze(0)?);

        // All heads of queries that share a head of keys are looked up in one product.
        let together = (heads / shared) * count;
        let queries = (queries.reshape((shared, together, width))? * (1.0 / (width as f64).sqrt()))?;
        let mut weights = queries.matmul(&keys.transpose(1, 2)?)?;
        if let Some(mask) = mask {
            let length = weights.dim(D::Minus1)?;
            let split = weights.reshape((shared, heads / shared, count, length))?;
            weights = split.broadcast_add(mask)?.reshape((shared, together, length))?;
        }
        let attended = softmax_last_dim(&weights)?.matmul(&values)?;
        let joined = attended.reshape((1, heads, count, width))?.transpose(1, 2)?.reshape((1, count, heads * width))?;
        layer.output.of(&joined)
    }
}

impl Positions {
    fn new(gguf: &mut Gguf, shape: Shape, interleaved: bool) -> Result<Self, Unusable> {
        let turned = gguf.size("rope.dimension_count").unwrap_or(shape.width);
        if turned != shape.width {
            return Err(Unusable(format!("it turns {turned} of {} numbers of a head; only all of them can be turned", shape.width)));
        }
        let base = gguf.float("rope.freq_base").unwrap_or(10_000.0);
        // Llama 3 stretches the slow rotations, so that its window is longer than what it was first trained on.
        let stretched = if gguf.has("rope_freqs.weight") { gguf.plain("rope_freqs.weight")?.to_vec1::<f32>()? } else { Vec::new() };
        let speed = |pair: usize| {
            let stretch = stretched.get(pair).copied().unwrap_or(1.0);
            1.0 / (base.powf(2.0 * pair as f32 / shape.width as f32) * stretch)
        };
        let speeds: Vec<f32> = (0..shape.width / 2).map(speed).collect();
        let angles: Vec<f32> = (0..shape.window).flat_map(|position| speeds.iter().map(move |speed| position as f32 * speed)).collect();
        let angles = Tensor::from_vec(angles, (shape.window, shape.width / 2), &Device::Cpu)?;
        Ok(Self { cos: angles.cos()?, sin: angles.sin()?, interleaved })
    }

    fn turn(&self, states: &Tensor, at: usize) -> Result<Tensor, Unusable> {
        let count = states.dim(2)?;
        let (cos, sin) = (self.cos.narrow(0, at, count)?, self.sin.narrow(0, at, count)?);
        Ok(if self.interleaved { rope_i(states, &cos, &sin)? } else { rope(states, &cos, &sin)? })
    }
}

impl Layer {
    fn read(gguf: &mut Gguf, number: usize) -> Result<Self, Unusable> {
        let name = |part: &str| format!("blk.{number}.{part}");
        let optional = |gguf: &mut Gguf, part: &str| if gguf.has(&name(part)) { gguf.plain(&name(part)).map(Some) } else { Ok(None) };
        Ok(Self {
            attention_norm: gguf.plain(&name("attn_norm.weight"))?,
            query: Linear::read(gguf, &name("attn_q"))?,
            key: Linear::read(gguf, &name("attn_k"))?,
            value: Linear::read(gguf, &name("attn_v"))?,
            query_norm: optional(gguf, "attn_q_norm.weight")?,
            key_norm: optional(gguf, "attn_k_norm.weight")?,
            output: Linear::read(gguf, &name("attn_output"))?,
            feed_norm: gguf.plain(&name("ffn_norm.weight"))?,
            gate: Linear::read(gguf, &name("ffn_gate"))?,
            up: Linear::read(gguf, &name("ffn_up"))?,
            down: Linear::read(gguf, &name("ffn_down"))?,
        })
    }
}

impl Linear {
    fn read(gguf: &mut Gguf, name: &str) -> Result<Self, Unusable> {
        let weights = QMatMul::from_qtensor(quick(gguf.tensor(&format!("{name}.weight"))?)?)?;
        let bias = format!("{name}.bias");
        Ok(Self { weights, bias: if gguf.has(&bias) { Some(gguf.plain(&bias)?) } else { None } })
    }

    fn of(&self, states: &Tensor) -> Result<Tensor, Unusable> {
        let states = self.weights.forward(&states.contiguous()?)?;
        Ok(match &self.bias {
            Some(bias) => states.broadcast_add(bias)?,
            None => states,
        })
    }
}

/// Keeps a token from looking at those after it; a single one has none after it.
fn mask(count: usize, read: usize) -> Result<Option<Tensor>, Unusable> {
    if count == 1 {
        return Ok(None);
    }
    let length = read + count;
    let hidden = |row: usize| (0..length).map(move |column| if column > read + row { f32::NEG_INFINITY } else { 0.0 });
    Ok(Some(Tensor::from_vec((0..count).flat_map(hidden).collect(), (count, length), &Device::Cpu)?))
}
