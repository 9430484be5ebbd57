//! How the deployments are: the list that operators see, and their gauges.

use super::switchboard::{Slot, Slots, Switchboard, Tally};
use crate::App;
use crate::pipeline::now;
use groundwork_core::access::Caller;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::ModelName;
use groundwork_core::pool::{Availability, Kind, Phase, Why};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A deployment as it is at this moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deployment {
    pub id: String,
    pub target: String,
    pub model: String,
    pub kind: &'static str,
    /// The models that it stands behind.
    pub serves: Vec<Part>,
    /// `ready`, `full` (all its places are taken), `probing` (the call that decides is out) or `resting`.
    pub state: &'static str,
    /// Why it rests, and until when.
    pub reason: Option<&'static str>,
    pub until_ms: Option<UnixMs>,
    /// `closed`, `open` or `half_open`.
    pub breaker: &'static str,
    pub in_flight: u32,
    pub waiting: usize,
    /// How soon it answers: smoothed, and what 95 of 100 answers take at most. Of first tokens where it streams.
    pub latency_ms: Option<u64>,
    pub p95_ms: Option<u64>,
    /// Attempts of the last 30 seconds.
    pub lately: Counted,
    /// What is left of the declared limits at this moment, by our estimate.
    pub requests_left: Option<i64>,
    pub tokens_left: Option<i64>,
}

/// Its place behind a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    pub model: ModelName,
    pub tier: u32,
    pub weight: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub succeeded: u32,
    pub failed: u32,
}

/// What is counted of a deployment.
pub(crate) struct Gauges {
    pub(crate) deployment: String,
    pub(crate) is_ready: bool,
    pub(crate) in_flight: u32,
    pub(crate) waiting: usize,
    pub(crate) latency: Option<Duration>,
    /// Attempts since the start, by outcome.
    pub(crate) attempts: [(&'static str, u64); 3],
}

/// What is counted of a model.
pub(crate) struct Extra {
    pub(crate) model: String,
    pub(crate) retries: u64,
    pub(crate) hedges: u64,
}

/// All deployments that stand behind a model, by their names.
pub fn list(app: &App, caller: &Caller) -> Vec<Deployment> {
    if caller.tenant.as_ref() != Some(&app.inner().tenant) {
        return Vec::new();
    }
    let published = app.published();
    let mut parts: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
    for pool in published.pools.values() {
        for deployment in &pool.deployments {
            let part = Part { model: pool.name.clone(), tier: deployment.tier, weight: deployment.weight };
            parts.entry(deployment.slot).or_default().push(part);
        }
    }
    let time = Time { now: now(), now_ms: app.inner().clock.now() };
    let mut slots = app.inner().switchboard.lock();
    let names = slots.names();
    let known = names.into_iter().filter_map(|(name, at)| Some((name, parts.remove(&at)?, at)));
    known.map(|(name, serves, at)| of_slot(&mut slots.all[at], name, serves, time)).collect()
}

#[derive(Clone, Copy)]
struct Time {
    now: Instant,
    now_ms: UnixMs,
}

fn of_slot(slot: &mut Slot, (target, model): (String, String), serves: Vec<Part>, Time { now, now_ms }: Time) -> Deployment {
    let seen = slot.deployment.snapshot(now);
    let millis = |time: Option<Duration>| time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let (state, rest) = match slot.deployment.availability(now) {
        Availability::Ready | Availability::Probe => ("ready", None),
        Availability::Full => ("full", None),
        Availability::Probing => ("probing", None),
        Availability::Resting(rest) => ("resting", Some(rest)),
    };
    Deployment {
        id: format!("{target}/{model}"),
        target,
        model,
        kind: match slot.deployment.kind() {
            Kind::Provisioned => "provisioned",
            Kind::Standard => "standard",
        },
        serves,
        state,
        reason: rest.map(|rest| word(rest.why)),
        until_ms: rest.map(|rest| now_ms + millis(Some(rest.until - now)).unwrap_or_default()),
        breaker: match seen.phase {
            Phase::Closed => "closed",
            Phase::Open { .. } => "open",
            Phase::HalfOpen => "half_open",
        },
        in_flight: seen.in_flight,
        waiting: slot.waiting.len(),
        latency_ms: millis(seen.latency),
        p95_ms: millis(seen.p95),
        lately: Counted { succeeded: seen.lately.succeeded, failed: seen.lately.failed },
        requests_left: seen.requests_left.map(|left| left.floor() as i64),
        tokens_left: seen.tokens_left.map(|left| left.floor() as i64),
    }
}

fn word(why: Why) -> &'static str {
    match why {
        Why::Failures => "failures",
        Why::Denied => "credential_refused",
        Why::Missing => "not_found",
        Why::Exhausted => "quota_exhausted",
        Why::Ejected => "outlier",
        Why::RateLimited => "rate_limited",
        Why::Quota => "quota",
    }
}

impl Switchboard {
    pub(crate) fn gauges(&self) -> (Vec<Gauges>, Vec<Extra>) {
        let now = now();
        let mut slots = self.lock();
        let names = slots.names();
        let gauges = names.into_iter().map(|((target, model), at)| of(&mut slots.all[at], format!("{target}/{model}"), now)).collect();
        let extras = slots.budgets_by_model().map(|(model, budget)| Extra {
            model: model.to_string(),
            retries: budget.retried,
            hedges: budget.hedged,
        });
        let extras = extras.collect();
        (gauges, extras)
    }

    /// Whether its breaker is open after failures.
    pub(super) fn rests_after_failures(&self, slot: usize) -> bool {
        matches!(self.lock().all[slot].deployment.availability(now()), Availability::Resting(rest) if rest.why == Why::Failures)
    }
}

fn of(slot: &mut Slot, deployment: String, now: Instant) -> Gauges {
    let Tally { succeeded, failed, given_up } = slot.tally;
    Gauges {
        deployment,
        is_ready: !matches!(slot.deployment.availability(now), Availability::Resting(_) | Availability::Probing),
        in_flight: slot.deployment.in_flight(),
        waiting: slot.waiting.len(),
        latency: slot.deployment.snapshot(now).latency,
        attempts: [("succeeded", succeeded), ("failed", failed), ("given_up", given_up)],
    }
}

impl Slots {
    /// In the order of their names.
    fn names(&self) -> Vec<((String, String), usize)> {
        self.by_name.iter().map(|(name, at)| (name.clone(), *at)).collect()
    }
}
