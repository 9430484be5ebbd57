//! The one record of a call. Ledger row, metrics and access line are pure functions that destructure it exhaustively: a new field does
//! not compile until each has decided about it.

mod views;
mod written;

pub use views::{Labels, LedgerRow, Sample};

use crate::citation::Tally;
use crate::clock::UnixMs;
use crate::ids::{CallId, ModelName, TenantId};
use crate::money::NanoDollars;
use crate::turn::Usage;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What happened in one call, from the request's arrival to its settlement.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Record {
    pub id: CallId,
    /// The client's own id of its request: a label.
    #[serde(default)]
    pub request_label: Option<String>,
    pub tenant: TenantId,
    pub principal: String,
    pub operation: Operation,
    pub model: ModelName,
    /// The deployment that did the work, or was asked last.
    pub deployment: Option<String>,
    pub target: Option<TargetKind>,
    /// What stands behind the deployment or the router, as the answer says.
    #[serde(default)]
    pub served_model: Option<String>,
    pub streamed: bool,
    pub started: UnixMs,
    #[serde(default)]
    pub first_token: Option<UnixMs>,
    pub ended: UnixMs,
    pub outcome: Outcome,
    pub usage: Usage,
    /// How `usage` is known.
    pub measure: Measure,
    /// Deployments that were asked in vain, in their order. What they may charge is theirs and no part of `usage`.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// `None` when the price is unknown: never a silent zero.
    #[serde(default)]
    pub cost: Option<Cost>,
    pub cached: Cached,
    #[serde(default)]
    pub retrieval: Option<Retrieval>,
    #[serde(default)]
    pub citations: Option<Citations>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Chat,
    Embeddings,
    Completions,
    Moderations,
    Images,
    Audio,
    /// A question written anew so that it stands by itself, for a call of its own.
    Rewrite,
    Rerank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    AzureOpenai,
    Openai,
    Anthropic,
    Local,
    Extractive,
    Fake,
}

/// A deployment that was asked and whose answer is not the call's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub deployment: String,
    pub target: TargetKind,
    /// A short fixed word: the error's kind, or `given_up`.
    pub outcome: Cow<'static, str>,
    /// Nothing where it cannot have begun to work.
    pub usage: Usage,
    pub measure: Measure,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer went out; `finish` is the model's reason, such as `stop`.
    Completed { finish: String },
    /// The caller hung up.
    Abandoned,
    /// `kind` is a short fixed word such as `upstream_timeout`, never a message.
    Failed { kind: String, http_status: u16 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Reported by the target.
    Exact,
    /// Counted by us, with the model's tokenizer or an upper bound.
    Estimate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub amount: NanoDollars,
    /// The version of the price list that it was computed with.
    pub price_version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cached {
    No,
    Exact,
    Semantic,
}

/// What the search contributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrieval {
    pub hits: u32,
    pub sources: u32,
    /// Of the whole search, reranking included.
    pub millis: u32,
    /// Of the reranking, where a reranker was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerank_millis: Option<u32>,
}

/// What became of the answer's citations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Citations {
    pub tally: Tally,
    pub supported: u32,
    pub unsupported: u32,
    pub uncited_sentences: u32,
}

impl Record {
    /// What attempts in vain have used: input and output tokens.
    pub fn lost(&self) -> (u64, u64) {
        self.attempts.iter().fold((0, 0), |(input, output), attempt| {
            (input.saturating_add(attempt.usage.input_tokens), output.saturating_add(attempt.usage.output_tokens))
        })
    }
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Completions => "completions",
            Self::Moderations => "moderations",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Rewrite => "query_rewrite",
            Self::Rerank => "rerank",
        }
    }
}

impl TargetKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AzureOpenai => "azure_openai",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Local => "local",
            Self::Extractive => "extractive",
            Self::Fake => "fake",
        }
    }
}

impl Cached {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Exact => "exact",
            Self::Semantic => "semantic",
        }
    }
}

impl Outcome {
    pub fn status(&self) -> &'static str {
        match self {
            Self::Completed { .. } => "completed",
            Self::Abandoned => "abandoned",
            Self::Failed { .. } => "failed",
        }
    }

    /// The finish reason, or the error's kind.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Completed { finish } => Some(finish),
            Self::Abandoned => None,
            Self::Failed { kind, .. } => Some(kind),
        }
    }
}
