//! What is made of a record: the ledger's row, the metrics' sample, the access line. Each destructures it exhaustively.

use super::{Attempt, Citations, Measure, Record, Retrieval, TargetKind};
use crate::clock::UnixMs;
use crate::ids::ModelName;
use crate::money::NanoDollars;
use crate::turn::Usage;
use groundwork_wire::members::digits;
use serde::Serialize;

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
    pub served_model: Option<String>,
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
    /// Deployments that were asked in vain, and the tokens that they may charge for, beside the above.
    pub failed_attempts: i64,
    pub lost_input_tokens: i64,
    pub lost_output_tokens: i64,
    pub cost_nano_dollars: Option<i64>,
    pub price_version: Option<String>,
    pub cached: &'static str,
    /// Retrieval and citation counts, and each attempt in vain, as JSON.
    pub extra: String,
}

/// What a call adds to the metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub labels: Labels,
    pub seconds: f64,
    pub first_token_seconds: Option<f64>,
    pub usage: Usage,
    pub estimated: bool,
    pub failed_attempts: u64,
    pub lost_input_tokens: u64,
    pub lost_output_tokens: u64,
    /// `None` counts as a call without a price.
    pub cost: Option<NanoDollars>,
    pub retrieval_seconds: Option<f64>,
    pub citations: Citations,
}

/// The labels of a call's metrics: closed sets and names of configuration only, never a principal or an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Labels {
    pub operation: &'static str,
    pub model: ModelName,
    /// `none` when no target was reached.
    pub target: &'static str,
    pub status: &'static str,
    pub cached: &'static str,
}

impl Record {
    /// Everything is kept.
    pub fn ledger_row(&self) -> LedgerRow {
        let Self {
            id,
            request_label,
            tenant,
            principal,
            operation,
            model,
            deployment,
            target,
            served_model,
            streamed,
            started,
            first_token,
            ended,
            outcome,
            usage:
                Usage {
                    input_tokens,
                    output_tokens,
                    cached_tokens,
                    reasoning_tokens,
                    // In the log of calls, with no column of their own.
                    cache_write_tokens: _,
                    input_audio_tokens: _,
                    output_audio_tokens: _,
                    accepted_prediction_tokens: _,
                    rejected_prediction_tokens: _,
                },
            measure,
            attempts,
            cost,
            cached,
            retrieval,
            citations,
        } = self;
        let (lost_input, lost_output) = self.lost();
        LedgerRow {
            call: id.to_string(),
            request_label: request_label.clone(),
            tenant: tenant.to_string(),
            principal: principal.clone(),
            operation: operation.as_str(),
            model: model.to_string(),
            deployment: deployment.clone(),
            target: target.map(TargetKind::as_str),
            served_model: served_model.clone(),
            streamed: *streamed,
            started_ms: whole(*started),
            first_token_ms: first_token.map(whole),
            ended_ms: whole(*ended),
            status: outcome.status(),
            detail: outcome.detail().map(str::to_owned),
            input_tokens: whole(*input_tokens),
            output_tokens: whole(*output_tokens),
            cached_tokens: whole(*cached_tokens),
            reasoning_tokens: whole(*reasoning_tokens),
            estimated: *measure == Measure::Estimate,
            failed_attempts: whole(attempts.len() as u64),
            lost_input_tokens: whole(lost_input),
            lost_output_tokens: whole(lost_output),
            cost_nano_dollars: cost.as_ref().map(|cost| cost.amount.0),
            price_version: cost.as_ref().map(|cost| cost.price_version.clone()),
            cached: cached.as_str(),
            extra: serde_json::to_string(&Extra { retrieval: *retrieval, citations: *citations, attempts }).unwrap_or_default(),
        }
    }

    /// Sums and durations; of names only those that configuration bounds.
    pub fn sample(&self) -> Sample {
        let Self {
            id: _,
            request_label: _,
            tenant: _,
            principal: _,
            operation,
            model,
            deployment: _,
            target,
            served_model: _,
            streamed,
            started,
            first_token,
            ended,
            outcome,
            usage,
            measure,
            attempts,
            cost,
            cached,
            retrieval,
            citations,
        } = self;
        let (lost_input_tokens, lost_output_tokens) = self.lost();
        Sample {
            labels: Labels {
                operation: operation.as_str(),
                model: model.clone(),
                target: target.map_or("none", TargetKind::as_str),
                status: outcome.status(),
                cached: cached.as_str(),
            },
            seconds: seconds(*started, *ended),
            // Without a stream the first token is seen with the last.
            first_token_seconds: first_token.filter(|_| *streamed).map(|first| seconds(*started, first)),
            usage: *usage,
            estimated: *measure == Measure::Estimate,
            failed_attempts: attempts.len() as u64,
            lost_input_tokens,
            lost_output_tokens,
            cost: cost.as_ref().map(|cost| cost.amount),
            retrieval_seconds: retrieval.map(|retrieval| f64::from(retrieval.millis) / 1_000.0),
            citations: citations.unwrap_or_default(),
        }
    }

    /// The access line: never a body, a key or a person.
    pub fn access_line(&self) -> String {
        let Self {
            id,
            request_label,
            tenant,
            principal: _,
            operation,
            model,
            deployment,
            target,
            served_model,
            streamed,
            started,
            first_token,
            ended,
            outcome,
            usage:
                Usage {
                    input_tokens,
                    output_tokens,
                    cached_tokens,
                    reasoning_tokens,
                    // In the log of calls, with no column of their own.
                    cache_write_tokens: _,
                    input_audio_tokens: _,
                    output_audio_tokens: _,
                    accepted_prediction_tokens: _,
                    rejected_prediction_tokens: _,
                },
            measure,
            attempts,
            cost,
            cached,
            retrieval,
            citations,
        } = self;
        let mut line = Line(String::with_capacity(320));
        line.add("call", Some(id.as_str()));
        line.add("tenant", Some(tenant.as_str()));
        line.add("operation", Some(operation.as_str()));
        line.add("model", Some(model.as_str()));
        line.add("status", Some(outcome.status()));
        line.count("duration_ms", Some(ended.saturating_sub(*started)));
        line.add("stream", Some(if *streamed { "true" } else { "false" }));
        line.count("input_tokens", Some(*input_tokens));
        line.count("output_tokens", Some(*output_tokens));
        line.add("estimated", Some(if *measure == Measure::Estimate { "true" } else { "false" }));
        line.add("cached", Some(cached.as_str()));
        line.add("detail", outcome.detail());
        line.count("first_token_ms", first_token.map(|first| first.saturating_sub(*started)));
        line.add("target", target.map(TargetKind::as_str));
        line.add("deployment", deployment.as_deref());
        line.add("served_model", served_model.as_deref());
        line.add("request", request_label.as_deref());
        let some = |count: u64| (count > 0).then_some(count);
        line.count("cached_tokens", some(*cached_tokens));
        line.count("reasoning_tokens", some(*reasoning_tokens));
        let (lost_input, lost_output) = self.lost();
        line.count("failed_attempts", some(attempts.len() as u64));
        line.count("lost_tokens", some(lost_input.saturating_add(lost_output)));
        line.add("cost", cost.as_ref().map(|cost| cost.amount.to_string()).as_deref());
        line.count("sources", retrieval.map(|retrieval| u64::from(retrieval.sources)));
        line.count("rerank_ms", retrieval.and_then(|retrieval| retrieval.rerank_millis).map(u64::from));
        line.count("citations", citations.map(|citations| u64::from(citations.tally.valid)));
        line.count("citations_unsupported", citations.map(|citations| u64::from(citations.unsupported)));
        line.0
    }
}

/// `name=value` after `name=value`. Written for every call, so without detours.
struct Line(String);

impl Line {
    fn add(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(value);
    }

    fn count(&mut self, name: &str, value: Option<u64>) {
        let Some(value) = value else { return };
        digits(value, |digits| self.add(name, std::str::from_utf8(digits).ok()));
    }
}

/// The part of a ledger row that is read as a whole.
#[derive(Serialize)]
struct Extra<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    retrieval: Option<Retrieval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    citations: Option<Citations>,
    #[serde(skip_serializing_if = "<[Attempt]>::is_empty")]
    attempts: &'a [Attempt],
}

/// Databases have no unsigned integers; a count past 2^63 is no count.
fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn seconds(from: UnixMs, to: UnixMs) -> f64 {
    to.saturating_sub(from) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Cached, Cost, Operation, Outcome};
    use crate::citation::Tally;

    fn record() -> Record {
        Record {
            id: "call_1".parse().unwrap(),
            request_label: None,
            tenant: "default".parse().unwrap(),
            principal: "user:ann".to_owned(),
            operation: Operation::Chat,
            model: "handbook".parse().unwrap(),
            deployment: None,
            target: Some(TargetKind::AzureOpenai),
            served_model: None,
            streamed: true,
            started: 1_000,
            first_token: Some(1_250),
            ended: 3_500,
            outcome: Outcome::Completed { finish: "stop".to_owned() },
            usage: Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() },
            measure: Measure::Exact,
            attempts: Vec::new(),
            cost: Some(Cost { amount: NanoDollars(1_500), price_version: "3".to_owned() }),
            cached: Cached::No,
            retrieval: Some(Retrieval { hits: 30, sources: 4, millis: 12, rerank_millis: None }),
            citations: None,
        }
    }

    #[test]
    fn an_unknown_price_is_never_a_zero() {
        let unpriced = Record { cost: None, ..record() };
        assert_eq!((unpriced.ledger_row().cost_nano_dollars, unpriced.sample().cost), (None, None));
        assert!(!unpriced.access_line().contains("cost="));
        assert_eq!(record().ledger_row().cost_nano_dollars, Some(1_500));
    }

    #[test]
    fn an_access_line_never_names_a_person() {
        assert!(!record().access_line().contains("ann"));
        assert!(!format!("{:?}", record().sample()).contains("ann"));
    }

    #[test]
    fn durations_are_told_from_the_start_and_survive_a_clock_that_goes_back() {
        let sample = record().sample();
        assert_eq!((sample.seconds, sample.first_token_seconds), (2.5, Some(0.25)));
        let back = Record { ended: 900, first_token: Some(900), ..record() }.sample();
        assert_eq!((back.seconds, back.first_token_seconds), (0.0, Some(0.0)));
    }

    #[test]
    fn the_ledger_row_keeps_the_counts_of_search_and_citations() {
        let citations = Some(Citations { tally: Tally { valid: 2, invented: 1 }, supported: 2, unsupported: 0, uncited_sentences: 3 });
        let row = Record { citations, outcome: Outcome::Abandoned, ..record() }.ledger_row();
        assert_eq!(
            row.extra,
            r#"{"retrieval":{"hits":30,"sources":4,"millis":12},"citations":{"tally":{"valid":2,"invented":1},"supported":2,"unsupported":0,"uncited_sentences":3}}"#
        );
        assert_eq!((row.status, row.detail), ("abandoned", None));
    }
}
