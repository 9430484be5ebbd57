//! The one record of a call. Ledger row, metrics and access line are pure functions that destructure it exhaustively: a new field does
//! not compile until each has decided about it.

use crate::citation::Tally;
use crate::clock::UnixMs;
use crate::ids::{CallId, ModelName, TenantId};
use crate::money::NanoDollars;
use crate::turn::Usage;
use serde::{Deserialize, Serialize};

/// What happened in one call, from the request's arrival to its settlement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub id: CallId,
    /// The client's own id of its request: a label.
    pub request_label: Option<String>,
    pub tenant: TenantId,
    pub principal: String,
    pub operation: Operation,
    pub model: ModelName,
    /// The deployment that answered, when one was reached.
    pub deployment: Option<String>,
    pub target: Option<TargetKind>,
    pub streamed: bool,
    pub started: UnixMs,
    pub first_token: Option<UnixMs>,
    pub ended: UnixMs,
    pub outcome: Outcome,
    pub usage: Usage,
    /// How `usage` is known.
    pub measure: Measure,
    /// `None` when the price is unknown: never a silent zero.
    pub cost: Option<Cost>,
    pub cached: Cached,
    pub retrieval: Option<Retrieval>,
    pub citations: Option<Citations>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Chat,
    Embeddings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    AzureOpenai,
    Openai,
    Local,
    Extractive,
    Fake,
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
    pub millis: u32,
}

/// What became of the answer's citations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Citations {
    pub tally: Tally,
    pub supported: u32,
    pub unsupported: u32,
    pub uncited_sentences: u32,
}

/// A row of the ledger: flat, in the order of the table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    pub call: String,
    pub request_label: Option<String>,
    pub tenant: String,
    pub principal: String,
    pub operation: &'static str,
    pub model: String,
    pub deployment: Option<String>,
    pub target: Option<&'static str>,
    pub streamed: bool,
    pub started_ms: i64,
    pub first_token_ms: Option<i64>,
    pub ended_ms: i64,
    pub status: &'static str,
    /// The finish reason, or the error's kind.
    pub detail: Option<String>,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cached_tokens: i64,
    pub reasoning_tokens: i64,
    pub estimated: bool,
    pub cost_nano_dollars: Option<i64>,
    pub price_version: Option<String>,
    pub cached: &'static str,
    /// Retrieval and citation counts, as JSON.
    pub extra: String,
}

/// What a call adds to the metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub labels: Labels,
    pub seconds: f64,
    pub first_token_seconds: Option<f64>,
    pub usage: Usage,
    pub cost_nano_dollars: i64,
    pub unpriced: bool,
    pub citations: Citations,
}

/// The labels of a call's metrics: closed sets and names of configuration only, never a principal or an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Labels {
    pub operation: &'static str,
    pub model: String,
    pub target: &'static str,
    pub status: &'static str,
}

impl Record {
    pub fn ledger_row(&self) -> LedgerRow {
        unimplemented!()
    }

    pub fn sample(&self) -> Sample {
        unimplemented!()
    }

    /// The fields of the access line, in order: never a body, a key or a person.
    pub fn access_fields(&self) -> Vec<(&'static str, String)> {
        unimplemented!()
    }
}
