//! A model and the deployments behind it.

use crate::routing::{Queue, Shares};
use groundwork_core::pool;
use groundwork_inference::target::Target;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A model name that maps to deployments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub deployments: Vec<Deployment>,
    /// Tokens of prompt and answer together.
    #[serde(default = "default_window")]
    pub window: u32,
    /// The model whose tokenizer counts, such as `gpt-5`; an unknown name is counted by an upper bound. Without it the name of the
    /// first deployment's model decides.
    #[serde(default)]
    pub tokenizer: Option<String>,
    /// Prompts that begin alike go to the same deployment of a tier, as far as it can bear them, because its prompt cache knows them;
    /// and an assistant's prompts name their template as `prompt_cache_key`.
    #[serde(default)]
    pub affinity: bool,
    /// Asks a second deployment beside one that is slower than it usually is.
    #[serde(default)]
    pub hedge: Option<Hedge>,
    #[serde(default)]
    pub retries: Retries,
    /// How often a deployment that rests after failures is asked whether it can be reached, in milliseconds; never unless given.
    #[serde(default)]
    pub probe_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hedge {
    /// The part of the calls that may ask a second deployment, such as 0.05.
    pub share: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retries {
    /// The part of the calls that may ask a deployment again which has failed them; asking another one costs none of it.
    pub share: f64,
}

impl Default for Retries {
    fn default() -> Self {
        Self { share: 0.2 }
    }
}

/// A model at a target. It may stand behind several models; what one of them says of its kind and limits holds for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// A target of the process configuration.
    pub target: String,
    /// The target's own name of the model or deployment; the target's default when absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Those of the lowest tier are asked first; a higher one when none of it can answer.
    #[serde(default)]
    pub tier: u32,
    /// Its part of the calls of its tier, beside the others' weights.
    #[serde(default = "default_weight")]
    pub weight: u32,
    /// `standard` unless given.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Tokens of prompt and answer together, where they differ from the model's.
    #[serde(default)]
    pub window: Option<u32>,
    #[serde(default)]
    pub limits: Option<Limits>,
}

/// How a deployment is paid for, which decides what its 429 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Capacity that is bought beforehand (PTU): a 429 says that it is busy at this moment and nothing about the next.
    Provisioned,
    Standard,
}

/// What a deployment takes at most. What is not given is not limited here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub requests_per_minute: Option<u64>,
    pub tokens_per_minute: Option<u64>,
    /// Calls at the same time.
    pub concurrency: Option<u32>,
    /// Calls that wait for it at most; 100 unless given.
    pub queue: Option<u32>,
    /// How long each may wait, in milliseconds; 30,000 unless given.
    pub queue_ms: Option<u64>,
}

impl Model {
    pub(crate) fn shares(&self) -> Shares {
        Shares { retries: self.retries.share, hedges: self.hedge.map_or(0.0, |hedge| hedge.share) }
    }

    pub(crate) fn of(deployments: Vec<Deployment>) -> Self {
        Self {
            deployments,
            window: default_window(),
            tokenizer: None,
            affinity: false,
            hedge: None,
            retries: Retries::default(),
            probe_ms: None,
        }
    }
}

impl Deployment {
    pub(crate) fn of(target: &str) -> Self {
        Self { target: target.to_owned(), model: None, tier: 0, weight: default_weight(), kind: None, window: None, limits: None }
    }

    /// Its name at its target.
    pub(crate) fn model_at<'a>(&'a self, target: &'a Target) -> &'a str {
        self.model.as_deref().unwrap_or(target.default_model())
    }
}

impl From<Kind> for pool::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Provisioned => Self::Provisioned,
            Kind::Standard => Self::Standard,
        }
    }
}

impl Limits {
    pub(crate) fn of_deployment(self) -> pool::Limits {
        let Self { requests_per_minute, tokens_per_minute, concurrency, queue: _, queue_ms: _ } = self;
        pool::Limits { requests_per_minute, tokens_per_minute, concurrency }
    }

    pub(crate) fn queue(self) -> Queue {
        let usual = Queue::default();
        Queue {
            length: self.queue.map_or(usual.length, |length| length as usize),
            wait: self.queue_ms.map_or(usual.wait, Duration::from_millis),
        }
    }
}

fn default_window() -> u32 {
    32_768
}

fn default_weight() -> u32 {
    1
}
