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
mod tests {
    use super::*;

    const SICK: Ended = Ended::Failed(Failure::Sick { retry_after: None });

    fn standard(now: Instant) -> Deployment {
        Deployment::new(now, Kind::Standard, Limits::default())
    }

    fn call(deployment: &mut Deployment, now: Instant, ended: Ended) {
        let mut ticket = deployment.begin(now, 100);
        if matches!(ended, Ended::Succeeded { .. }) {
            deployment.answered(now, &mut ticket, true);
        }
        deployment.end(now, ticket, ended);
    }

    fn pressure(millis: u64) -> Ended {
        Ended::Failed(Failure::Pressure { retry_after: Some(Duration::from_millis(millis)) })
    }

    fn rests(deployment: &Deployment, now: Instant) -> Option<(Why, u128)> {
        match deployment.availability(now) {
            Availability::Resting(rest) => Some((rest.why, (rest.until - now).as_millis())),
            _ => None,
        }
    }

    #[test]
    fn a_429_never_opens_the_breaker_and_bought_capacity_is_hardly_left_alone() {
        let now = Instant::now();
        for (kind, asked, expected) in [
            (Kind::Standard, 20_000, Some((Why::RateLimited, 20_000))),
            (Kind::Standard, 86_400_000, Some((Why::RateLimited, 60_000))),
            (Kind::Provisioned, 300, Some((Why::RateLimited, 300))),
            (Kind::Provisioned, 20_000, Some((Why::RateLimited, 1_000))),
            (Kind::Provisioned, 0, None),
        ] {
            let mut deployment = Deployment::new(now, kind, Limits::default());
            for _ in 0..50 {
                call(&mut deployment, now, pressure(asked));
            }
            assert_eq!(rests(&deployment, now), expected, "{kind:?} {asked}");
            assert_eq!(deployment.snapshot(now).phase, Phase::Closed);
        }
    }

    #[test]
    fn a_shorter_wait_does_not_shorten_a_longer_one() {
        let now = Instant::now();
        let mut deployment = standard(now);
        call(&mut deployment, now, pressure(20_000));
        call(&mut deployment, now, pressure(2_000));
        assert_eq!(rests(&deployment, now), Some((Why::RateLimited, 20_000)));
    }

    #[test]
    fn what_no_second_call_must_confirm_rests_at_once_and_comes_back_by_one_probe() {
        let now = Instant::now();
        for (failure, why) in [(Failure::Denied, Why::Denied), (Failure::Missing, Why::Missing), (Failure::Exhausted, Why::Exhausted)] {
            let mut deployment = standard(now);
            call(&mut deployment, now, Ended::Failed(failure));
            assert_eq!(rests(&deployment, now), Some((why, 30_000)));
            let later = now + BELIEVED;
            assert_eq!(deployment.availability(later), Availability::Probe);
            let mut probe = deployment.begin(later, 0);
            assert_eq!(deployment.availability(later), Availability::Probing);
            deployment.answered(later, &mut probe, false);
            assert_eq!(deployment.availability(later), Availability::Ready, "its first token is proof enough");
            deployment.end(later, probe, Ended::Succeeded { tokens: None });
        }
    }

    #[test]
    fn the_clients_faults_count_for_nothing() {
        let now = Instant::now();
        let mut deployment = standard(now);
        for failure in [Failure::Final, Failure::TooLong, Failure::Unable] {
            for _ in 0..50 {
                call(&mut deployment, now, Ended::Failed(failure));
            }
        }
        assert_eq!(deployment.availability(now), Availability::Ready);
    }

    #[test]
    fn callers_in_a_hurry_open_the_breaker_only_when_nobody_gets_an_answer_any_more() {
        let now = Instant::now();
        let hurried = Ended::Failed(Failure::Deadline { patience: Duration::from_secs(1) });
        let mut deployment = standard(now);
        for _ in 0..50 {
            (1..UNANSWERED).for_each(|_| call(&mut deployment, now, hurried));
            call(&mut deployment, now, Ended::Succeeded { tokens: None });
        }
        assert_eq!(deployment.availability(now), Availability::Ready);
        for _ in 0..20 {
            call(&mut deployment, now, hurried);
        }
        assert_eq!(rests(&deployment, now).map(|(why, _)| why), Some(Why::Failures));
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let now = Instant::now();
        let mut deployment = Deployment::new(now, Kind::Standard, Limits { concurrency: Some(2), ..Limits::default() });
        let first = deployment.begin(now, 0);
        let second = deployment.begin(now, 0);
        assert_eq!(deployment.availability(now), Availability::Full);
        deployment.end(now, first, Ended::GivenUp);
        assert_eq!(deployment.availability(now), Availability::Ready);
        deployment.end(now, second, SICK);
        assert_eq!(deployment.in_flight(), 0);
    }

    #[test]
    fn the_last_resort_is_one_call_at_a_time_and_its_success_ends_the_rest() {
        let now = Instant::now();
        let mut sick = standard(now);
        (0..5).for_each(|_| call(&mut sick, now, SICK));
        let mut busy = standard(now);
        call(&mut busy, now, pressure(20_000));
        for mut deployment in [sick, busy] {
            let mut ticket = deployment.begin_as_last_resort(now, 0).unwrap();
            assert!(deployment.begin_as_last_resort(now, 0).is_none());
            assert_eq!(deployment.availability(now), Availability::Probing);
            deployment.answered(now, &mut ticket, true);
            assert_eq!(deployment.availability(now), Availability::Ready);
            deployment.end(now, ticket, Ended::Succeeded { tokens: None });
        }
    }

    #[test]
    fn a_refused_credential_stops_nobody_who_has_no_other_choice() {
        let now = Instant::now();
        let mut deployment = standard(now);
        call(&mut deployment, now, Ended::Failed(Failure::Denied));
        let tickets: Vec<Ticket> = (0..10).filter_map(|_| deployment.begin_as_last_resort(now, 0)).collect();
        assert_eq!(tickets.len(), 10);
        tickets.into_iter().for_each(|ticket| deployment.end(now, ticket, Ended::Failed(Failure::Denied)));
    }

    #[test]
    fn a_declared_quota_holds_even_as_the_last_resort() {
        let now = Instant::now();
        let mut deployment = Deployment::new(now, Kind::Standard, Limits { requests_per_minute: Some(60), ..Limits::default() });
        call(&mut deployment, now, Ended::Succeeded { tokens: None });
        assert_eq!(rests(&deployment, now), Some((Why::Quota, 1000)));
        assert!(deployment.begin_as_last_resort(now, 0).is_none());
        assert_eq!(deployment.availability(now + Duration::from_secs(1)), Availability::Ready);
    }

    #[test]
    fn what_headers_call_empty_is_tried_all_the_same_when_there_is_nobody_else() {
        let now = Instant::now();
        let mut deployment = standard(now);
        let ticket = deployment.begin(now, 0);
        deployment.hear(now, &ticket, &Told::of(0, [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "9s")]));
        deployment.end(now, ticket, Ended::GivenUp);
        assert_eq!(rests(&deployment, now), Some((Why::Quota, 9000)));
        let ticket = deployment.begin_as_last_resort(now, 0).unwrap();
        assert_eq!(deployment.availability(now), Availability::Probing);
        deployment.end(now, ticket, Ended::GivenUp);
    }

    #[test]
    fn bought_capacity_gives_back_what_was_not_used() {
        let now = Instant::now();
        for (kind, left) in [(Kind::Provisioned, 5_900.0), (Kind::Standard, 1_000.0)] {
            let mut deployment = Deployment::new(now, kind, Limits { tokens_per_minute: Some(60_000), ..Limits::default() });
            let ticket = deployment.begin(now, 5_000);
            deployment.end(now, ticket, Ended::Succeeded { tokens: Some(100) });
            assert_eq!(deployment.snapshot(now).tokens_left, Some(left), "{kind:?}");
        }
    }

    #[test]
    fn an_ejection_lasts_longer_each_time() {
        let now = Instant::now();
        let mut deployment = standard(now);
        deployment.eject(now);
        assert_eq!(rests(&deployment, now), Some((Why::Ejected, 30_000)));
        deployment.eject(now);
        assert_eq!(rests(&deployment, now), Some((Why::Ejected, 60_000)));
    }
}
