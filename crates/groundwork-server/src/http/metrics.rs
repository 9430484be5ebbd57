//! What the HTTP front counts, by the names of OpenTelemetry's HTTP conventions.

use axum::http::Method;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Seconds; wide, because an answer may take minutes and a probe takes none.
const BUCKETS: [f64; 12] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];

pub(super) struct Metrics {
    registry: Registry,
    durations: Family<Labels, Histogram>,
    running: Gauge,
}

/// A route is the pattern, never the path, so that there are few.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: String,
    route: String,
    status: u16,
}

impl Labels {
    fn new(method: &Method, route: &str, status: u16) -> Self {
        let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];
        let method = if known.contains(method) { method.as_str() } else { "_OTHER" };
        Self { method: method.to_owned(), route: route.to_owned(), status }
    }
}

/// What is counted of one route.
pub(super) struct Route {
    durations: Family<Labels, Histogram>,
    route: &'static str,
    /// Of the usual answer, so that it is not looked up by its labels each time.
    usual: Histogram,
}

impl Route {
    pub(super) fn observe(&self, method: &Method, status: u16, elapsed: Duration) {
        if (method, status) == (&Method::POST, 200) {
            return self.usual.observe(elapsed.as_secs_f64());
        }
        self.durations.get_or_create(&Labels::new(method, self.route, status)).observe(elapsed.as_secs_f64());
    }
}

/// A request that is being answered; counted until it is dropped.
pub(super) struct Running(Gauge);

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::default();
        let durations = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        registry.register_with_unit("http_server_request_duration", "Time to the head of the answer", Unit::Seconds, durations.clone());
        let running = Gauge::default();
        registry.register("http_server_active_requests", "Requests that are being answered, streams included", running.clone());
        Self { registry, durations, running }
    }

    pub(super) fn begin(&self) -> Running {
        self.running.inc();
        Running(self.running.clone())
    }

    pub(super) fn route(&self, route: &'static str) -> Route {
        let usual = self.durations.get_or_create(&Labels::new(&Method::POST, route, 200)).clone();
        Route { durations: self.durations.clone(), route, usual }
    }

    /// Everything in the OpenMetrics text format, behind `others`, which are in it already.
    pub(super) fn text(&self, others: &str) -> String {
        let mut text = others.trim_end().trim_end_matches("# EOF").to_owned();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}
