//! All that is known of one deployment, and whether a call may go to it now.

use super::breaker::{Breaker, Passage, Phase};
use super::failure::Failure;
use super::latency::Latency;
use super::quota::{Quota, Told};
use super::window::{Counts, Window};
use std::time::{Duration, Instant};

/// How a deployment is paid for, which decides what its 429 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Capacity that is bought beforehand: a 429 says that it is busy at this moment and nothing about the next.
    Provisioned,
    #[default]
    Standard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    pub requests_per_minute: Option<u64>,
    pub tokens_per_minute: Option<u64>,
    /// Calls at the same time.
    pub concurrency: Option<u32>,
}

/// Why a deployment gets no calls for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its breaker is open after failures.
    Failures,
    /// It refused the credential.
    Denied,
    /// It does not exist.
    Missing,
    /// Its account's quota is used up.
    Exhausted,
    /// It fails far more often than its peers.
    Ejected,
    /// It answered 429.
    RateLimited,
    /// By our estimate it would answer 429.
    Quota,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    pub until: Instant,
    pub why: Why,
}

impl Rest {
    /// Whether it only has too much to do: its rest ends by itself, and asking it before does no good.
    pub fn is_from_load(self) -> bool {
        matches!(self.why, Why::RateLimited | Why::Quota)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    Ready,
    /// Ready for one call, whose answer decides.
    Probe,
    /// All its places are taken.
    Full,
    /// The probe that decides is out.
    Probing,
    Resting(Rest),
}

/// A call that is under way. Every ticket must come back by `end`.
#[derive(Debug)]
#[must_use]
pub struct Ticket {
    began: Instant,
    tokens: u64,
    probe: bool,
    /// A call to one that rests from refusals, because there was nobody else.
    trial: bool,
}

/// How a call ended, as far as the deployment is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With all it had to say; `tokens` when it said how many it used.
    Succeeded {
        tokens: Option<u64>,
    },
    Failed(Failure),
    /// By us: the client hung up, or another was faster.
    GivenUp,
}

/// What is shown of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub phase: Phase,
    pub rest: Option<Rest>,
    pub in_flight: u32,
    pub latency: Option<Duration>,
    pub p95: Option<Duration>,
    pub lately: Counts,
    pub requests_left: Option<f64>,
    pub tokens_left: Option<f64>,
}

#[derive(Debug, Clone)]
pub struct Deployment {
    kind: Kind,
    concurrency: Option<u32>,
    breaker: Breaker,
    /// Why the breaker opened last.
    opened: Why,
    window: Window,
    /// Of whole answers, and of the first tokens of streams.
    latency: [Latency; 2],
    quota: Quota,
    in_flight: u32,
    /// From refusals or by ejection: ends by itself.
    rest: Option<Rest>,
    trial: bool,
    ejections: u32,
    /// Calls in a row that were given up for want of time before it had said anything.
    unanswered: u32,
}

/// After a 429 that names no time.
const UNNAMED_WAIT: Duration = Duration::from_secs(1);
/// The longest that other calls keep away for one refusal: what is refused for hours may be allowed again by a person in between.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// The same for bought capacity, which is worth asking often.
const PROVISIONED_REST: Duration = Duration::from_secs(1);
/// How long a refused credential, an unknown deployment or a used-up quota is believed.
const BELIEVED: Duration = Duration::from_secs(30);
/// An ejection lasts this, times the ejections so far, up to a bound.
const EJECTION: Duration = Duration::from_secs(30);
const LONGEST_EJECTION: Duration = Duration::from_secs(300);
/// Callers in a hurry from which on silence is the deployment's fault: nobody has had an answer any more.
const UNANSWERED: u32 = 5;

impl Deployment {
    pub fn new(now: Instant, kind: Kind, limits: Limits) -> Self {
        Self {
            kind,
            concurrency: limits.concurrency,
            breaker: Breaker::default(),
            opened: Why::Failures,
            window: Window::new(now),
            latency: [Latency::default(), Latency::default()],
            quota: Quota::new(now, limits.requests_per_minute, limits.tokens_per_minute),
            in_flight: 0,
            rest: None,
            trial: false,
            ejections: 0,
            unanswered: 0,
        }
    }

    /// What is declared of it, which may differ from before; what is known of it stays.
    pub fn declare(&mut self, now: Instant, kind: Kind, limits: Limits) {
        self.kind = kind;
        self.concurrency = limits.concurrency;
        self.quota.declare(now, limits.requests_per_minute, limits.tokens_per_minute);
    }

    /// Its refusals have shown that it is bought capacity, whatever was declared.
    pub fn is_provisioned(&mut self) {
        self.kind = Kind::Provisioned;
    }

    pub fn availability(&self, now: Instant) -> Availability {
        let full = self.concurrency.is_some_and(|places| self.in_flight >= places);
        match self.breaker.passage(now) {
            Passage::Probing => Availability::Probing,
            Passage::Barred { until } => Availability::Resting(Rest { until, why: self.opened }),
            Passage::Probe if full => Availability::Full,
            Passage::Probe => Availability::Probe,
            Passage::Free => match self.resting(now) {
                Some(_) if self.trial => Availability::Probing,
                Some(rest) => Availability::Resting(rest),
                None if full => Availability::Full,
                None => Availability::Ready,
            },
        }
    }

    fn resting(&self, now: Instant) -> Option<Rest> {
        let rest = self.rest.filter(|rest| now < rest.until);
        let wait = self.quota.wait(now);
        let quota = (!wait.is_zero()).then(|| Rest { until: now + wait, why: Why::Quota });
        match (rest, quota) {
            (Some(rest), Some(quota)) => Some(if quota.until > rest.until { quota } else { rest }),
            (rest, quota) => rest.or(quota),
        }
    }

    /// A call of about `tokens` goes out, as `availability` allowed: free, or as the probe.
    pub fn begin(&mut self, now: Instant, tokens: u64) -> Ticket {
        let probe = self.breaker.probe();
        self.take(now, Ticket { began: now, tokens, probe, trial: false })
    }

    /// A call goes out although the deployment rests, because there is nobody else: one at a time where it may still be sick or busy.
    /// `None` when that one is out, when no place is free, or when a declared quota says no.
    pub fn begin_as_last_resort(&mut self, now: Instant, tokens: u64) -> Option<Ticket> {
        if self.concurrency.is_some_and(|places| self.in_flight >= places) || !self.quota.declared_wait(now).is_zero() {
            return None;
        }
        let (probe, trial) = match self.availability(now) {
            Availability::Resting(Rest { why: Why::Failures, .. }) => (self.breaker.probe(), false),
            // They refuse within milliseconds and do no work for it.
            Availability::Resting(Rest { why: Why::Denied | Why::Missing | Why::Exhausted, .. }) => (self.breaker.probe(), false),
            Availability::Probing if self.breaker.passage(now) == Passage::Probing && self.opened != Why::Failures => (false, false),
            Availability::Resting(_) => (false, true),
            Availability::Ready | Availability::Probe | Availability::Full | Availability::Probing => return None,
        };
        self.trial |= trial;
        Some(self.take(now, Ticket { began: now, tokens, probe, trial }))
    }

    fn take(&mut self, now: Instant, ticket: Ticket) -> Ticket {
        self.in_flight += 1;
        self.quota.take(now, ticket.tokens);
        ticket
    }

    /// The answer has begun, or a whole one is there. A probe has shown enough by that.
    pub fn answered(&mut self, now: Instant, ticket: &mut Ticket, streamed: bool) {
        self.unanswered = 0;
        self.latency[usize::from(streamed)].record(now, now.saturating_duration_since(ticket.began));
        if std::mem::take(&mut ticket.probe) {
            self.breaker.succeeded(true);
            self.window.clear();
        }
        if std::mem::take(&mut ticket.trial) {
            self.trial = false;
            self.rest = None;
        }
    }

    /// What an answer's headers tell of the quota.
    pub fn hear(&mut self, now: Instant, ticket: &Ticket, told: &Told) {
        self.quota.hear(now, ticket.began, told);
    }

    #[expect(clippy::needless_pass_by_value, reason = "a ticket ends once")]
    pub fn end(&mut self, now: Instant, ticket: Ticket, ended: Ended) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Ticket { tokens, probe, trial, .. } = ticket;
        if trial {
            self.trial = false;
        }
        match ended {
            Ended::Succeeded { tokens: used } => {
                self.window.succeeded(now);
                self.breaker.succeeded(probe);
                // Bought capacity is metered by what was used, in the end; the others by what was announced.
                if let (Kind::Provisioned, Some(used)) = (self.kind, used) {
                    self.quota.give_back(now, tokens.saturating_sub(used));
                }
            }
            Ended::GivenUp => {
                if probe {
                    self.breaker.probe_given_up();
                }
            }
            Ended::Failed(failure) => self.failed(now, probe, failure),
        }
    }

    fn failed(&mut self, now: Instant, probe: bool, failure: Failure) {
        let in_a_hurry = matches!(failure, Failure::Deadline { .. });
        self.unanswered = if in_a_hurry { self.unanswered.saturating_add(1) } else { 0 };
        if failure.is_sickness() || self.unanswered >= UNANSWERED {
            self.window.failed(now);
            let lately = self.window.counts(now);
            if self.breaker.failed(now, probe, lately, failure.retry_after()) {
                self.opened = Why::Failures;
            }
            return;
        }
        match failure {
            Failure::Denied => self.trip(now, probe, Why::Denied),
            Failure::Missing => self.trip(now, probe, Why::Missing),
            Failure::Exhausted => self.trip(now, probe, Why::Exhausted),
            Failure::Pressure { retry_after } => {
                let wait = match self.kind {
                    Kind::Standard => retry_after.unwrap_or(UNNAMED_WAIT).min(LONGEST_REST),
                    Kind::Provisioned => retry_after.unwrap_or_default().min(PROVISIONED_REST),
                };
                self.rest_until(Rest { until: now + wait, why: Why::RateLimited });
                // It is alive: a refusal for load is an answer.
                self.breaker.succeeded(probe);
            }
            // The request's fault: the deployment has answered as it should.
            Failure::Final | Failure::TooLong | Failure::Unable => self.breaker.succeeded(probe),
            Failure::Deadline { .. } | Failure::Sick { .. } | Failure::Silent => {
                if probe {
                    self.breaker.probe_given_up();
                }
            }
        }
    }

    fn trip(&mut self, now: Instant, was_probe: bool, why: Why) {
        self.opened = why;
        self.breaker.trip(now, was_probe, BELIEVED);
    }

    /// Never shortens a rest.
    fn rest_until(&mut self, rest: Rest) {
        if self.rest.is_none_or(|before| before.until < rest.until) {
            self.rest = Some(rest);
        }
    }

    /// It fails far more often than its peers: see `is_outlier`.
    pub fn eject(&mut self, now: Instant) {
        self.ejections = self.ejections.saturating_add(1);
        let lasting = EJECTION.saturating_mul(self.ejections).min(LONGEST_EJECTION);
        self.rest_until(Rest { until: now + lasting, why: Why::Ejected });
        self.window.clear();
    }

    /// It was reached by something other than a call: if its breaker is open, the next call may be the probe.
    pub fn reached(&mut self, now: Instant) {
        self.breaker.shorten(now);
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub fn counts_tokens(&self) -> bool {
        self.quota.counts_tokens()
    }

    pub fn latency(&self, streamed: bool) -> &Latency {
        &self.latency[usize::from(streamed)]
    }

    pub fn lately(&mut self, now: Instant) -> Counts {
        self.window.counts(now)
    }

    pub fn snapshot(&mut self, now: Instant) -> Snapshot {
        let (requests_left, tokens_left) = self.quota.left(now);
        let [whole, streamed] = &self.latency;
        let rest = match self.availability(now) {
            Availability::Resting(rest) => Some(rest),
            _ => None,
        };
        Snapshot {
            phase: self.breaker.phase(now),
            rest,
            in_flight: self.in_flight,
            latency: streamed.smoothed().or(whole.smoothed()),
            p95: streamed.p95().or(whole.p95()),
            lately: self.window.counts(now),
            requests_left,
            tokens_left,
        }
    }
}

#[cfg(test)]
mod tests;
