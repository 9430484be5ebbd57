//! Every number that is counted, by the names of the OpenTelemetry conventions for generative AI where there are any.

mod usual;

use crate::routing::Switchboard;
use groundwork_core::call::{Labels, Sample};
use groundwork_store::wal::Stats;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use usual::{Counted, Usual};

type Named = Vec<(&'static str, String)>;
type Histograms = Family<Named, Histogram, fn() -> Histogram>;
type Counters = Family<Named, Counter>;
type Gauges = Family<Named, Gauge>;

pub(crate) struct Metrics {
    registry: Registry,
    duration: Histograms,
    first_token: Histograms,
    token_usage: Histograms,
    in_flight: Gauge,
    cost: Counters,
    unpriced: Counters,
    failed_attempts: Counters,
    lost_tokens: Counters,
    open_calls: Gauge,
    unbooked_calls: Gauge,
    sync_failures: Gauge,
    citations: Counters,
    search: Histograms,
    rerank: Histograms,
    ingested: Counters,
    jobs: Counters,
    pub(crate) jobs_waiting: Gauge,
    pub(crate) compute_waiting: Gauge,
    attempts: Counters,
    deployment_ready: Gauges,
    deployment_in_flight: Gauges,
    deployment_waiting: Gauges,
    deployment_latency: Family<Named, Gauge<f64, AtomicU64>>,
    retries: Counters,
    hedges: Counters,
    calls_draining: Gauge,
    usual: Usual,
}

fn seconds() -> Histogram {
    Histogram::new([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 300.0])
}

fn search_seconds() -> Histogram {
    Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0])
}

fn tokens() -> Histogram {
    Histogram::new((0..14).map(|power| f64::from(1u32 << (2 * power))))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            duration: Family::new_with_constructor(seconds as fn() -> Histogram),
            first_token: Family::new_with_constructor(seconds as fn() -> Histogram),
            token_usage: Family::new_with_constructor(tokens as fn() -> Histogram),
            in_flight: Gauge::default(),
            cost: Counters::default(),
            unpriced: Counters::default(),
            failed_attempts: Counters::default(),
            lost_tokens: Counters::default(),
            open_calls: Gauge::default(),
            unbooked_calls: Gauge::default(),
            sync_failures: Gauge::default(),
            citations: Counters::default(),
            search: Family::new_with_constructor(search_seconds as fn() -> Histogram),
            rerank: Family::new_with_constructor(search_seconds as fn() -> Histogram),
            ingested: Counters::default(),
            jobs: Counters::default(),
            jobs_waiting: Gauge::default(),
            compute_waiting: Gauge::default(),
            attempts: Counters::default(),
            deployment_ready: Gauges::default(),
            deployment_in_flight: Gauges::default(),
            deployment_waiting: Gauges::default(),
            deployment_latency: Family::default(),
            retries: Counters::default(),
            hedges: Counters::default(),
            calls_draining: Gauge::default(),
            usual: Usual::default(),
            registry: Registry::default(),
        };
        registry.register("gen_ai_server_request_duration_seconds", "From a request to the end of its answer", metrics.duration.clone());
        registry.register("gen_ai_server_time_to_first_token_seconds", "From a request to its first token", metrics.first_token.clone());
        registry.register("gen_ai_client_token_usage", "Tokens of one call, by type", metrics.token_usage.clone());
        registry.register("groundwork_calls_in_flight", "Calls that have begun and not ended", metrics.in_flight.clone());
        registry.register("groundwork_cost_nano_dollars", "What calls cost, in billionths of a dollar", metrics.cost.clone());
        registry.register("groundwork_unpriced_calls", "Calls whose price is unknown", metrics.unpriced.clone());
        registry.register("groundwork_failed_attempts", "Deployments that were asked in vain", metrics.failed_attempts.clone());
        registry.register("groundwork_lost_tokens", "Tokens that they may charge for, by type, estimated", metrics.lost_tokens.clone());
        registry.register("groundwork_calls_draining", "Answers heard out without their clients", metrics.calls_draining.clone());
        registry.register("groundwork_open_holds", "Calls in the log of money records that have not ended", metrics.open_calls.clone());
        registry.register("groundwork_unbooked_calls", "Calls that have ended and wait for the ledger", metrics.unbooked_calls.clone());
        registry.register(
            "groundwork_sync_failures",
            "Times that money records were not forced to the disk",
            metrics.sync_failures.clone(),
        );
        registry.register("groundwork_citations", "Citations of answers, by what the check said", metrics.citations.clone());
        registry.register("groundwork_search_duration_seconds", "Searches, the embedding of the question included", metrics.search.clone());
        registry.register("groundwork_rerank_duration_seconds", "Rerankings, by what became of them", metrics.rerank.clone());
        registry.register("groundwork_ingested_documents", "Files that an ingest has dealt with, by outcome", metrics.ingested.clone());
        registry.register("groundwork_job_attempts", "Attempts at jobs, by kind and outcome", metrics.jobs.clone());
        registry.register("groundwork_jobs_waiting", "Documents that wait to be read, or are being read", metrics.jobs_waiting.clone());
        registry.register("groundwork_compute_waiting", "Pieces of work that wait for a processor", metrics.compute_waiting.clone());
        registry.register("groundwork_deployment_attempts", "Attempts at calls, by deployment and outcome", metrics.attempts.clone());
        registry.register(
            "groundwork_deployment_ready",
            "1 when a deployment takes calls, 0 when it rests",
            metrics.deployment_ready.clone(),
        );
        registry.register("groundwork_deployment_in_flight", "Calls that a deployment works on", metrics.deployment_in_flight.clone());
        registry.register("groundwork_deployment_waiting", "Calls that wait for a deployment", metrics.deployment_waiting.clone());
        registry.register(
            "groundwork_deployment_latency_seconds",
            "How soon a deployment answers, smoothed",
            metrics.deployment_latency.clone(),
        );
        registry.register("groundwork_retries", "Attempts that asked the same deployment again, by model", metrics.retries.clone());
        registry.register("groundwork_hedges", "Attempts beside a deployment that was slow, by model", metrics.hedges.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "the metrics could not be written");
        }
        text
    }

    pub(crate) fn began(&self) {
        self.in_flight.inc();
    }

    /// Calls that have begun and not ended.
    pub(crate) fn running(&self) -> usize {
        usize::try_from(self.in_flight.get()).unwrap_or(0)
    }

    pub(crate) fn ended(&self) {
        self.in_flight.dec();
    }

    pub(crate) fn settled(&self, sample: &Sample) {
        let Sample {
            labels,
            seconds,
            first_token_seconds,
            usage,
            estimated,
            failed_attempts,
            lost_input_tokens,
            lost_output_tokens,
            cost,
            retrieval_seconds: _,
            citations,
        } = sample;
        let Labels { operation, model, target, status, cached } = labels;
        let named = || -> Named {
            vec![
                ("gen_ai_operation_name", (*operation).to_owned()),
                ("gen_ai_request_model", model.to_string()),
                ("gen_ai_provider_name", (*target).to_owned()),
            ]
        };
        let with = |key, value: &str| -> Named { named().into_iter().chain([(key, value.to_owned())]).collect() };
        let counted = self.usual.find(labels, *estimated, || {
            let ended: Named = with("status", status).into_iter().chain([("cached", (*cached).to_owned())]).collect();
            let tokens = |kind| {
                let known = if *estimated { "estimate" } else { "exact" };
                let typed: Named = with("gen_ai_token_type", kind).into_iter().chain([("measure", known.to_owned())]).collect();
                self.token_usage.get_or_create(&typed).clone()
            };
            Counted {
                duration: self.duration.get_or_create(&ended).clone(),
                input: tokens("input"),
                output: tokens("output"),
                first_token: OnceLock::new(),
                cost: OnceLock::new(),
                unpriced: OnceLock::new(),
            }
        });
        counted.duration.observe(*seconds);
        counted.input.observe(usage.input_tokens as f64);
        counted.output.observe(usage.output_tokens as f64);
        if let Some(first) = first_token_seconds {
            counted.first_token.get_or_init(|| self.first_token.get_or_create(&named()).clone()).observe(*first);
        }
        if *failed_attempts > 0 {
            self.failed_attempts.get_or_create(&named()).inc_by(*failed_attempts);
            for (kind, lost) in [("input", lost_input_tokens), ("output", lost_output_tokens)] {
                self.lost_tokens.get_or_create(&with("gen_ai_token_type", kind)).inc_by(*lost);
            }
        }
        match cost {
            Some(cost) => {
                let costs = counted.cost.get_or_init(|| self.cost.get_or_create(&named()).clone());
                costs.inc_by(u64::try_from(cost.0).unwrap_or(0))
            }
            None => counted.unpriced.get_or_init(|| self.unpriced.get_or_create(&named()).clone()).inc(),
        };
        let verdicts = [("supported", citations.supported), ("unsupported", citations.unsupported), ("invented", citations.tally.invented)];
        for (verdict, count) in verdicts.into_iter().filter(|(_, count)| *count > 0) {
            self.citations.get_or_create(&vec![("verdict", verdict.to_owned())]).inc_by(u64::from(count));
        }
    }

    /// Takes over what the switchboard has counted.
    pub(crate) fn deployments(&self, switchboard: &Switchboard) {
        let (deployments, models) = switchboard.gauges();
        for seen in deployments {
            let named = || -> Named { vec![("deployment", seen.deployment.clone())] };
            for (outcome, count) in seen.attempts {
                let labels = named().into_iter().chain([("outcome", outcome.to_owned())]).collect();
                self.attempts.get_or_create(&labels).inner().store(count, Ordering::Relaxed);
            }
            self.deployment_ready.get_or_create(&named()).set(i64::from(seen.is_ready));
            self.deployment_in_flight.get_or_create(&named()).set(i64::from(seen.in_flight));
            self.deployment_waiting.get_or_create(&named()).set(seen.waiting as i64);
            if let Some(latency) = seen.latency {
                self.deployment_latency.get_or_create(&named()).set(latency.as_secs_f64());
            }
        }
        for model in models {
            let named: Named = vec![("gen_ai_request_model", model.model)];
            self.retries.get_or_create(&named).inner().store(model.retries, Ordering::Relaxed);
            self.hedges.get_or_create(&named).inner().store(model.hedges, Ordering::Relaxed);
        }
    }

    /// Takes over what the log of money records has counted.
    pub(crate) fn booked(&self, stats: &Stats) {
        let Stats { open, waiting, sync_failures } = *stats;
        self.open_calls.set(open as i64);
        self.unbooked_calls.set(waiting as i64);
        self.sync_failures.set(sync_failures as i64);
    }

    pub(crate) fn searched(&self, took: Duration, outcome: &'static str) {
        self.search.get_or_create(&vec![("outcome", outcome.to_owned())]).observe(took.as_secs_f64());
    }

    pub(crate) fn reranked(&self, took: Duration, outcome: &'static str) {
        self.rerank.get_or_create(&vec![("outcome", outcome.to_owned())]).observe(took.as_secs_f64());
    }

    pub(crate) fn ingested(&self, outcome: &'static str) {
        self.ingested.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
    }

    /// Counts one more that waits for a processor, until what it returns is dropped.
    pub(crate) fn waits_for_processor(&self) -> Raised {
        self.compute_waiting.inc();
        Raised(self.compute_waiting.clone())
    }

    /// Counts one more that is heard out without its client, until what it returns is dropped.
    pub(crate) fn drains(&self) -> Raised {
        self.calls_draining.inc();
        Raised(self.calls_draining.clone())
    }

    pub(crate) fn job_ended(&self, kind: &str, done: bool) {
        let outcome = if done { "done" } else { "failed" };
        self.jobs.get_or_create(&vec![("kind", kind.to_owned()), ("outcome", outcome.to_owned())]).inc();
    }
}

/// A gauge that stands one higher for as long as this lives.
pub(crate) struct Raised(Gauge);

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.dec();
    }
}
