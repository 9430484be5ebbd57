//! Declarations in files: assistants, templates, models and knowledge bases as TOML, checked and applied idempotently at start.

use crate::settings::AppliedFile;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One file of declarations. Every table is keyed by the name of what it declares.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub knowledge_bases: BTreeMap<String, KnowledgeBase>,
    pub templates: BTreeMap<String, Template>,
    pub models: BTreeMap<String, Model>,
    pub assistants: BTreeMap<String, Assistant>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KnowledgeBase {
    pub title: Option<String>,
}

/// A prompt template: a minijinja text that becomes the system message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    pub system: String,
}

/// A model name that maps to deployments, tried in order.
#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub deployments: Vec<Deployment>,
    /// Tokens of prompt and answer together.
    #[serde(default)]
    pub window: Option<u32>,
    /// `cl100k_base` or `o200k_base`; without it tokens are counted by an upper bound.
    #[serde(default)]
    pub tokenizer: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// A target of the process configuration.
    pub target: String,
    /// The target's own name of the model or deployment; the target's default when absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Tried in ascending order.
    #[serde(default)]
    pub tier: u32,
}

/// A pipeline that is published under a model name.
#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assistant {
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default = "default_template")]
    pub template: String,
    #[serde(default = "default_name")]
    pub model: String,
    #[serde(default = "default_knowledge_bases")]
    pub knowledge_bases: Vec<String>,
    /// Chunks that retrieval hands to packing.
    #[serde(default = "default_passages")]
    pub passages: u32,
    /// Tokens of sources in the prompt.
    #[serde(default = "default_source_tokens")]
    pub source_tokens: u32,
}

fn default_template() -> String {
    "grounded-answer".into()
}

fn default_name() -> String {
    "default".into()
}

fn default_knowledge_bases() -> Vec<String> {
    vec!["default".into()]
}

fn default_passages() -> u32 {
    12
}

fn default_source_tokens() -> u32 {
    3000
}

/// Why a file of declarations was refused.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {path}: {problem}; {fix}")]
pub struct DeclareError {
    pub file: String,
    /// The key, like `assistants.hr.model`.
    pub path: String,
    pub problem: String,
    pub fix: String,
}

/// Reads all files and checks them together, without applying anything: what `check-config` calls. `targets` are the names that
/// deployments may use.
pub fn check(files: &[AppliedFile], targets: &[String]) -> Result<Vec<File>, DeclareError> {
    let _ = (files, targets);
    unimplemented!()
}
