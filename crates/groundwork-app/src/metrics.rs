//! Every number that is counted, by the names of the OpenTelemetry conventions for generative AI where there are any.

use groundwork_core::call::{Labels, Sample};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

type Named = Vec<(&'static str, String)>;
type Histograms = Family<Named, Histogram, fn() -> Histogram>;
type Counters = Family<Named, Counter>;

pub(crate) struct Metrics {
    registry: Registry,
    duration: Histograms,
    first_token: Histograms,
    token_usage: Histograms,
    in_flight: Gauge,
    cost: Counters,
    unpriced: Counters,
    citations: Counters,
    search: Histograms,
    ingested: Counters,
    jobs: Counters,
    pub(crate) jobs_waiting: Gauge,
    pub(crate) compute_waiting: Gauge,
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
            citations: Counters::default(),
            search: Family::new_with_constructor(search_seconds as fn() -> Histogram),
            ingested: Counters::default(),
            jobs: Counters::default(),
            jobs_waiting: Gauge::default(),
            compute_waiting: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("gen_ai_server_request_duration_seconds", "From a request to the end of its answer", metrics.duration.clone());
        registry.register("gen_ai_server_time_to_first_token_seconds", "From a request to its first token", metrics.first_token.clone());
        registry.register("gen_ai_client_token_usage", "Tokens of one call, by type", metrics.token_usage.clone());
        registry.register("groundwork_calls_in_flight", "Calls that have begun and not ended", metrics.in_flight.clone());
        registry.register("groundwork_cost_nano_dollars", "What calls cost, in billionths of a dollar", metrics.cost.clone());
        registry.register("groundwork_unpriced_calls", "Calls whose price is unknown", metrics.unpriced.clone());
        registry.register("groundwork_citations", "Citations of answers, by what the check said", metrics.citations.clone());
        registry.register("groundwork_search_duration_seconds", "Searches, the embedding of the question included", metrics.search.clone());
        registry.register("groundwork_ingested_documents", "Files that an ingest has dealt with, by outcome", metrics.ingested.clone());
        registry.register("groundwork_job_attempts", "Attempts at jobs, by kind and outcome", metrics.jobs.clone());
        registry.register("groundwork_jobs_waiting", "Jobs made by this process that have not ended", metrics.jobs_waiting.clone());
        registry.register("groundwork_compute_waiting", "Pieces of work that wait for a processor", metrics.compute_waiting.clone());
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
        let Sample { labels, seconds, first_token_seconds, usage, estimated, cost, retrieval_seconds: _, citations } = sample;
        let Labels { operation, model, target, status, cached } = labels;
        let named = || -> Named {
            vec![
                ("gen_ai_operation_name", (*operation).to_owned()),
                ("gen_ai_request_model", model.clone()),
                ("gen_ai_provider_name", (*target).to_owned()),
            ]
        };
        let with = |key, value: &str| -> Named { named().into_iter().chain([(key, value.to_owned())]).collect() };
        let ended: Named = with("status", status).into_iter().chain([("cached", (*cached).to_owned())]).collect();
        self.duration.get_or_create(&ended).observe(*seconds);
        if let Some(first) = first_token_seconds {
            self.first_token.get_or_create(&named()).observe(*first);
        }
        for (kind, count) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
            let known = if *estimated { "estimate" } else { "exact" };
            let typed: Named = with("gen_ai_token_type", kind).into_iter().chain([("measure", known.to_owned())]).collect();
            self.token_usage.get_or_create(&typed).observe(count as f64);
        }
        match cost {
            Some(cost) => self.cost.get_or_create(&named()).inc_by(u64::try_from(cost.0).unwrap_or(0)),
            None => self.unpriced.get_or_create(&named()).inc(),
        };
        let verdicts = [("supported", citations.supported), ("unsupported", citations.unsupported), ("invented", citations.tally.invented)];
        for (verdict, count) in verdicts.into_iter().filter(|(_, count)| *count > 0) {
            self.citations.get_or_create(&vec![("verdict", verdict.to_owned())]).inc_by(u64::from(count));
        }
    }

    pub(crate) fn searched(&self, took: Duration, outcome: &'static str) {
        self.search.get_or_create(&vec![("outcome", outcome.to_owned())]).observe(took.as_secs_f64());
    }

    pub(crate) fn ingested(&self, outcome: &'static str) {
        self.ingested.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
    }

    pub(crate) fn job_ended(&self, kind: &str, done: bool) {
        let outcome = if done { "done" } else { "failed" };
        self.jobs.get_or_create(&vec![("kind", kind.to_owned()), ("outcome", outcome.to_owned())]).inc();
    }
}
