//! Tiny models that are made here: every weight a fixed function of its name and place.

use crate::catalogue::{Engine, Entry, File, License, Pooling};
use crate::local::{Embedder, Options};
use half::f16;
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

pub(crate) const HIDDEN: usize = 8;
pub(crate) const HEADS: usize = 2;
pub(crate) const INNER: usize = 12;
pub(crate) const LAYERS: usize = 2;
pub(crate) const WINDOW: usize = 16;
pub(crate) const EPSILON: f32 = 1e-6;

/// The vocabulary, in the order of the identifiers.
pub(crate) const WORDS: [&str; 18] =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "sky", "the", "words", "of", "a", "b", "c", ",", "!", "##s"];

/// Tensors by name, row after row.
#[derive(Clone)]
pub(crate) struct Weights(BTreeMap<String, (Vec<usize>, Vec<f32>)>);

impl Weights {
    pub(crate) fn bert() -> Self {
        let mut weights = Self(BTreeMap::new());
        let mut add = |name: &str, shape: &[usize]| weights = weights.clone().with(name, shape, |at| made(name, at));
        add("embeddings.word_embeddings.weight", &[WORDS.len(), HIDDEN]);
        add("embeddings.position_embeddings.weight", &[WINDOW + 2, HIDDEN]);
        add("embeddings.token_type_embeddings.weight", &[2, HIDDEN]);
        add("embeddings.LayerNorm.weight", &[HIDDEN]);
        add("embeddings.LayerNorm.bias", &[HIDDEN]);
        for layer in 0..LAYERS {
            let parts = [
                ("attention.self.query", HIDDEN, HIDDEN),
                ("attention.self.key", HIDDEN, HIDDEN),
                ("attention.self.value", HIDDEN, HIDDEN),
                ("attention.output.dense", HIDDEN, HIDDEN),
                ("intermediate.dense", HIDDEN, INNER),
                ("output.dense", INNER, HIDDEN),
            ];
            for (part, from, to) in parts {
                add(&format!("encoder.layer.{layer}.{part}.weight"), &[to, from]);
                add(&format!("encoder.layer.{layer}.{part}.bias"), &[to]);
            }
            for norm in ["attention.output.LayerNorm", "output.LayerNorm"] {
                add(&format!("encoder.layer.{layer}.{norm}.weight"), &[HIDDEN]);
                add(&format!("encoder.layer.{layer}.{norm}.bias"), &[HIDDEN]);
            }
        }
        weights
    }

    /// With the head of a cross-encoder.
    pub(crate) fn cross_encoder() -> Self {
        let tensors = [("pooler.dense.weight", vec![HIDDEN, HIDDEN]), ("pooler.dense.bias", vec![HIDDEN])];
        let head = [("classifier.weight", vec![1, HIDDEN]), ("classifier.bias", vec![1])];
        tensors.iter().chain(&head).fold(Self::bert(), |weights, (name, shape)| weights.with(name, shape, |at| made(name, at)))
    }

    pub(crate) fn table() -> Self {
        Self(BTreeMap::new()).with("embeddings", &[WORDS.len(), HIDDEN], |at| made("embeddings", at))
    }

    pub(crate) fn with(&self, name: &str, shape: &[usize], value: impl Fn(usize) -> f32) -> Self {
        let mut weights = self.clone();
        weights.0.insert(name.to_owned(), (shape.to_vec(), (0..shape.iter().product()).map(value).collect()));
        weights
    }

    pub(crate) fn without(&self, name: &str) -> Self {
        let mut weights = self.clone();
        weights.0.remove(name).expect("the tensor was there");
        weights
    }

    pub(crate) fn renamed(&self, rename: impl Fn(&str) -> String) -> Self {
        Self(self.0.iter().map(|(name, tensor)| (rename(name), tensor.clone())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &[f32] {
        &self.0[name].1
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn serialized(&self) -> Vec<u8> {
        self.file(Dtype::F32, |value| value.to_le_bytes().to_vec())
    }

    pub(crate) fn half_precision(&self) -> Vec<u8> {
        self.file(Dtype::F16, |value| f16::from_f32(value).to_le_bytes().to_vec())
    }

    fn file(&self, dtype: Dtype, bytes: impl Fn(f32) -> Vec<u8>) -> Vec<u8> {
        let data: Vec<_> = self
            .0
            .iter()
            .map(|(name, (shape, values))| (name, shape, values.iter().flat_map(|value| bytes(*value)).collect::<Vec<u8>>()))
            .collect();
        let views = data
            .iter()
            .map(|(name, shape, bytes)| (name.as_str(), TensorView::new(dtype, shape.to_vec(), bytes).expect("the sizes agree")));
        serialize(views, None).expect("it serializes")
    }
}

/// Between -1 and 1; scales of norms around 1 are not needed for the arithmetic to be right.
fn made(name: &str, at: usize) -> f32 {
    let seed = name.bytes().fold(17u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let mixed = seed.wrapping_add(at as u32).wrapping_mul(2_654_435_761);
    (mixed >> 8) as f32 / (1u32 << 23) as f32 - 1.0
}

pub(crate) fn bert_entry(pooling: Pooling) -> Entry {
    Entry { engine: Engine::Bert { heads: HEADS, layer_norm_epsilon: EPSILON, pooling }, ..table_entry() }
}

pub(crate) fn table_entry() -> Entry {
    Entry {
        name: "made".to_owned(),
        license: License { name: "MIT".to_owned(), url: None, must_accept: false },
        engine: Engine::Static,
        dimensions: HIDDEN,
        window: WINDOW,
        chunk_tokens: 8,
        chunk_overlap: 2,
        query_prefix: String::new(),
        passage_prefix: String::new(),
        files: vec![],
        sources: vec![],
        probe: None,
    }
}

/// A model in a folder of its own.
pub(crate) struct Made {
    pub(crate) entry: Entry,
    folder: TempDir,
}

impl Made {
    pub(crate) fn bert(weights: &Weights, pooling: Pooling) -> Self {
        Self::write(bert_entry(pooling), &weights.serialized())
    }

    pub(crate) fn table(weights: &Weights) -> Self {
        Self::write(table_entry(), &weights.serialized())
    }

    pub(crate) fn write(entry: Entry, weights: &[u8]) -> Self {
        Self::write_as(entry, "model.safetensors", weights)
    }

    pub(crate) fn write_as(mut entry: Entry, name: &str, weights: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in [(name, weights), ("tokenizer.json", tokenizer().as_bytes())] {
            std::fs::write(folder.path().join(name), bytes).expect("written");
            entry.files.push(File { name: name.to_owned(), bytes: bytes.len() as u64, sha256: hex::encode(Sha256::digest(bytes)) });
        }
        Self { entry, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn open(&self) -> Embedder {
        Embedder::open(&self.entry, self.folder(), Options::default()).expect("it opens")
    }

    /// Identifiers of a text with the special tokens around it, by looking its words up.
    pub(crate) fn ids(&self, text: &str) -> Vec<usize> {
        let spaced: String =
            text.to_lowercase().chars().flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec![' ', c, ' '] }).collect();
        let id = |word: &str| WORDS.iter().position(|known| *known == word).unwrap_or(1);
        std::iter::once(2).chain(spaced.split_whitespace().map(id)).chain([3]).collect()
    }
}

/// A tokenizer of the usual make over `WORDS`, with a truncation and a padding that must not be obeyed.
pub(crate) fn tokenizer() -> String {
    let vocabulary: BTreeMap<_, _> = WORDS.iter().enumerate().map(|(id, word)| (*word, id)).collect();
    let special = |id: usize| serde_json::json!({"id": id, "content": WORDS[id], "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let around = |id: usize| serde_json::json!({"id": WORDS[id], "ids": [id], "tokens": [WORDS[id]]});
    serde_json::json!({
        "version": "1.0",
        "truncation": {"max_length": 4, "stride": 0, "strategy": "LongestFirst", "direction": "Right"},
        "padding": {"strategy": {"Fixed": 10}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": (0..5).map(special).collect::<Vec<_>>(),
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {"[CLS]": around(2), "[SEP]": around(3)}
        },
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocabulary}
    })
    .to_string()
}
