//! Declarations in files: assistants, templates, models and knowledge bases as TOML, checked together and applied idempotently at start.

mod apply;
mod check;
mod finding;
mod key;
mod model;

pub use apply::ApplyError;
pub(crate) use apply::apply;
pub use check::{DeclareError, check};
pub use finding::{Around, Variety};
pub use key::{Key, Reference};
pub use model::{Deployment, Hedge, Kind, Limits, Model, Retries};

use crate::knowledge_bases::History;
use groundwork_core::prompt::{BUILT_IN_QUESTION, BUILT_IN_SYSTEM};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One file of declarations. Every table is keyed by the name of what it declares.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub knowledge_bases: BTreeMap<String, KnowledgeBase>,
    pub templates: BTreeMap<String, Template>,
    pub models: BTreeMap<String, Model>,
    pub assistants: BTreeMap<String, Assistant>,
    pub keys: BTreeMap<String, Key>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KnowledgeBase {
    pub title: Option<String>,
    /// The replaced versions of its documents that are kept; none unless given.
    pub history: Option<History>,
}

/// A prompt template of two minijinja texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Template {
    /// The rules; sees `assistant`.
    pub system: String,
    /// The last message; sees `assistant`, `sources` and `question`, which it must contain.
    pub question: String,
}

impl Default for Template {
    fn default() -> Self {
        Self { system: BUILT_IN_SYSTEM.to_owned(), question: BUILT_IN_QUESTION.to_owned() }
    }
}

/// A pipeline that is published under a model name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Assistant {
    pub title: Option<String>,
    pub template: String,
    pub model: String,
    pub knowledge_bases: Vec<String>,
    /// Passages that retrieval hands to packing, 1 to 50.
    pub passages: u32,
    /// Tokens of the prompt's window that are kept free for the answer when the client names no limit.
    pub answer_tokens: u32,
    /// How well what was found must fit a question, from 0 to 1: below it the assistant says that it does not know. The calibrated floor
    /// unless given; at 0 it always answers.
    pub floor: Option<f64>,
    /// Whether the reranker, where the process is set up with one, puts the passages in order.
    pub rerank: bool,
    /// Whether a chat model writes a question that leans on the conversation anew, before it is searched for. Models on this machine and
    /// quotes never do.
    pub rewrite: bool,
    /// How much the passages shall differ from each other.
    pub variety: Variety,
    /// What comes into the prompt with the passages because it stands around them.
    pub around: Around,
}

impl Default for Assistant {
    fn default() -> Self {
        Self {
            title: None,
            template: GROUNDED_ANSWER.to_owned(),
            model: DEFAULT.to_owned(),
            knowledge_bases: vec![DEFAULT.to_owned()],
            passages: 10,
            answer_tokens: 1024,
            floor: None,
            rerank: true,
            rewrite: true,
            variety: Variety::default(),
            around: Around::default(),
        }
    }
}

/// The built-in knowledge base and the built-in model.
pub const DEFAULT: &str = "default";
/// The built-in template.
pub const GROUNDED_ANSWER: &str = "grounded-answer";
/// The built-in assistant.
pub const GROUNDWORK: &str = "groundwork";

/// The target that is always there.
pub const EXTRACTIVE: &str = "extractive";

/// The JSON Schema of a file of declarations, as it is committed in `docs/applied.schema.json`.
pub fn json_schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<File>().to_value()
}

/// What is there when nothing is declared. `targets` are the configured ones, in order of preference; without any, answers are quotes.
pub(crate) fn built_in(targets: &[String]) -> File {
    let quotes = [EXTRACTIVE.to_owned()];
    let targets = if targets.is_empty() { &quotes } else { targets };
    let deployments = targets.iter().zip(0..).map(|(target, tier)| Deployment { tier, ..Deployment::of(target) }).collect();
    File {
        knowledge_bases: BTreeMap::from([(DEFAULT.to_owned(), KnowledgeBase::default())]),
        templates: BTreeMap::from([(GROUNDED_ANSWER.to_owned(), Template::default())]),
        models: BTreeMap::from([(DEFAULT.to_owned(), Model::of(deployments))]),
        assistants: BTreeMap::from([(GROUNDWORK.to_owned(), Assistant::default())]),
        keys: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_the_one_of_the_declarations() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/applied.schema.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == format!("{:#}\n", json_schema()), "run: groundwork check-config --applied-schema > docs/applied.schema.json");
    }

    #[test]
    fn the_schema_takes_what_is_taken_of_a_reference() {
        let schema = json_schema();
        let reference = &schema["$defs"]["Reference"];
        let kinds: Vec<&str> = reference["oneOf"].as_array().unwrap().iter().map(|kind| kind["required"][0].as_str().unwrap()).collect();
        assert_eq!(kinds, ["env", "file"]);
        assert_eq!(schema["$defs"]["Key"]["properties"]["role"]["enum"], serde_json::json!(["user", "admin"]));
    }
}
