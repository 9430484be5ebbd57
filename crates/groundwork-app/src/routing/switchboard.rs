//! All that is known of the deployments, in one place: a decision takes one short lock, and nothing waits under it.

use super::Errand;
use super::attempt::Attempt;
use super::course::Course;
use super::decision::{Decided, Decision};
use super::error::Unavailable;
use super::failure;
use super::waiting::{Waiter, Waiting};
use crate::pipeline::now;
use crate::published::{Deployment, Pool};
use groundwork_core::clock::{Clock, Dice};
use groundwork_core::ids::ModelName;
use groundwork_core::pool::{self, Availability, Candidate, Counts, Ended, Failure, Fair, Kind, Limits, Share, Ticket, Told, is_outlier};
use groundwork_inference::target::CallError;
use http::HeaderMap;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Switchboard(Arc<Inner>);

struct Inner {
    slots: Mutex<Slots>,
    clock: Clock,
    dice: Dice,
}

#[derive(Default)]
pub(super) struct Slots {
    pub(super) all: Vec<Slot>,
    /// By target and model: what different models have in common is one deployment.
    pub(super) by_name: BTreeMap<(String, String), usize>,
    budgets: Vec<Budget>,
    budget_of: BTreeMap<ModelName, usize>,
    /// Room for a decision.
    pub(super) candidates: Vec<Candidate>,
}

pub(super) struct Slot {
    pub(super) deployment: pool::Deployment,
    pub(super) waiting: Fair<Waiter>,
    pub(super) queue: Queue,
    pub(super) tally: Tally,
}

/// Attempts since the start, by how they ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) given_up: u64,
}

/// What the calls of one model may spend beyond one attempt each.
pub(super) struct Budget {
    declared: Shares,
    pub(super) retries: Share,
    pub(super) hedges: Share,
    pub(super) retried: u64,
    pub(super) hedged: u64,
}

/// Parts of a model's calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shares {
    /// That ask the same deployment again.
    pub(crate) retries: f64,
    /// That ask a second one because the first is slow.
    pub(crate) hedges: f64,
}

/// What is declared of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Declared {
    pub(crate) kind: Kind,
    pub(crate) limits: Limits,
    pub(crate) queue: Queue,
}

/// How many calls may wait for a deployment, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) length: usize,
    pub(crate) wait: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self { length: 100, wait: Duration::from_secs(30) }
    }
}

/// How long a deployment is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Patience {
    /// Until when it may be silent, because others could answer in its place.
    pub(super) limit: Option<Instant>,
    /// When a second one may be asked beside it: it is slower then than it usually is.
    pub(super) hedge: Option<Instant>,
}

/// What to do next.
pub(super) enum Choice {
    Ask(Attempt, Patience),
    Wait {
        at: usize,
        waiting: Waiting,
    },
    /// Ask this one again, but not before.
    Pause {
        at: usize,
        until: Instant,
    },
    Nobody(Unavailable),
}

impl Switchboard {
    pub(crate) fn new(clock: Clock, dice: Dice) -> Self {
        Self(Arc::new(Inner { slots: Mutex::default(), clock, dice }))
    }

    /// The budget of a model; what it has saved stays unless other shares are declared.
    pub(crate) fn budget(&self, model: &ModelName, shares: Shares) -> usize {
        let mut slots = self.lock();
        let next = slots.budgets.len();
        let at = *slots.budget_of.entry(model.clone()).or_insert(next);
        if at == next {
            slots.budgets.push(Budget::new(shares));
        } else if slots.budgets[at].declared != shares {
            slots.budgets[at] = Budget::new(shares);
        }
        at
    }

    /// The slot of a deployment, which stays the same however often it is declared.
    pub(crate) fn slot(&self, target: &str, model: &str, declared: Declared) -> usize {
        let now = now();
        let mut slots = self.lock();
        let next = slots.all.len();
        let at = *slots.by_name.entry((target.to_owned(), model.to_owned())).or_insert(next);
        if at == next {
            slots.all.push(Slot {
                deployment: pool::Deployment::new(now, declared.kind, declared.limits),
                waiting: Fair::new(declared.queue.length),
                queue: declared.queue,
                tally: Tally::default(),
            });
        } else {
            let slot = &mut slots.all[at];
            slot.deployment.declare(now, declared.kind, declared.limits);
            slot.queue = declared.queue;
            slot.waiting.resize(declared.queue.length);
            self.serve(&mut slots, at);
        }
        at
    }

    pub(crate) fn counts_tokens(&self, slot: usize) -> bool {
        self.lock().all[slot].deployment.counts_tokens()
    }

    pub(super) fn choose(&self, errand: &Errand<'_>, course: &Course) -> Choice {
        let mut slots = self.lock();
        let decision = Decision { now: now(), errand, course, dice: &self.0.dice };
        match slots.decide(&decision) {
            Decided::Ask { at, ticket } => {
                let patience = slots.patience(&decision, at);
                drop(slots);
                Choice::Ask(self.attempt(errand, at, ticket), patience)
            }
            Decided::Wait { at, until } => {
                let slot = &mut slots.all[errand.pool.deployments[at].slot];
                let (waiter, place) = Waiter::of(errand, at);
                // Whoever has to make place learns it by its sender being gone.
                let turned_away = slot.waiting.join(errand.caller, waiter);
                drop(slots);
                drop(turned_away);
                Choice::Wait { at, waiting: Waiting::new(self.clone(), errand.pool.deployments[at].slot, place, until) }
            }
            Decided::Pause { at, until } => Choice::Pause { at, until },
            Decided::Nobody(unavailable) => Choice::Nobody(unavailable),
        }
    }

    /// How long to wait for one whose turn has come.
    pub(super) fn patience(&self, errand: &Errand<'_>, course: &Course, at: usize) -> Patience {
        self.lock().patience(&Decision { now: now(), errand, course, dice: &self.0.dice }, at)
    }

    /// A second one, to be asked beside the one at `first`, if one is ready and the model's budget allows it.
    pub(super) fn second(&self, errand: &Errand<'_>, course: &Course, first: usize) -> Option<Attempt> {
        let mut slots = self.lock();
        let (at, ticket) = slots.second(&Decision { now: now(), errand, course, dice: &self.0.dice }, first)?;
        drop(slots);
        Some(self.attempt(errand, at, ticket))
    }

    fn attempt(&self, errand: &Errand<'_>, at: usize, ticket: Ticket) -> Attempt {
        Attempt::new(self.clone(), errand.pool.clone(), at, errand.deadline, ticket)
    }

    /// What the headers of an answer tell.
    pub(super) fn told(&self, headers: Option<&HeaderMap>) -> Told {
        let headers = headers.into_iter().flatten();
        Told::of(self.0.clock.now(), headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))))
    }

    /// The answer is there as a whole.
    pub(super) fn done(&self, slot: usize, mut ticket: Ticket, told: &Told, tokens: Option<u64>) {
        let now = now();
        let mut slots = self.lock();
        let found = &mut slots.all[slot];
        found.deployment.hear(now, &ticket, told);
        found.deployment.answered(now, &mut ticket, false);
        found.end(now, ticket, Ended::Succeeded { tokens });
        self.serve(&mut slots, slot);
    }

    /// The answer has begun.
    pub(super) fn answered(&self, slot: usize, ticket: &mut Ticket, told: &Told, streamed: bool) {
        let now = now();
        let mut slots = self.lock();
        let deployment = &mut slots.all[slot].deployment;
        deployment.hear(now, ticket, told);
        deployment.answered(now, ticket, streamed);
        self.serve(&mut slots, slot);
    }

    pub(super) fn end(&self, slot: usize, ticket: Ticket, ended: Ended) {
        let mut slots = self.lock();
        slots.all[slot].end(now(), ticket, ended);
        self.serve(&mut slots, slot);
    }

    /// The attempt gave no answer, or one that broke off; `provisioned` when the refusal shows bought capacity.
    pub(super) fn failed(&self, (pool, at): (&Pool, usize), ticket: Ticket, failure: Failure, (told, provisioned): (&Told, bool)) {
        let now = now();
        let slot = pool.deployments[at].slot;
        let mut slots = self.lock();
        let found = &mut slots.all[slot];
        found.deployment.hear(now, &ticket, told);
        if provisioned {
            found.deployment.is_provisioned();
        }
        found.end(now, ticket, Ended::Failed(failure));
        if failure.is_sickness() {
            slots.eject_outlier(now, pool, at);
        }
        self.serve(&mut slots, slot);
    }

    /// It was reached by something other than a call: if its breaker is open, the next call may find out whether it has recovered.
    pub(super) fn reached(&self, slot: usize) {
        let mut slots = self.lock();
        slots.all[slot].deployment.reached(now());
        self.serve(&mut slots, slot);
    }

    /// What an error means; a refusal for load that names no time has its headers' word for it.
    pub(super) fn failure(&self, error: &CallError, everywhere: bool, times: (Instant, Instant)) -> Failure {
        match (failure::of(error, everywhere, times), error) {
            (Failure::Pressure { retry_after: None }, error) => Failure::Pressure { retry_after: self.told(error.headers()).reset() },
            (failure, _) => failure,
        }
    }

    /// Sends those who wait for a deployment on their way, as far as it takes them now. Tells when to look again, when that is known.
    pub(super) fn serve_waiting(&self, slot: usize) -> Option<Instant> {
        self.serve(&mut self.lock(), slot)
    }

    fn serve(&self, slots: &mut Slots, slot: usize) -> Option<Instant> {
        let slot = &mut slots.all[slot];
        if slot.waiting.is_empty() {
            return None;
        }
        let mut attempt = |waiter: &Waiter, ticket| Attempt::new(self.clone(), waiter.pool.clone(), waiter.at, waiter.deadline, ticket);
        slot.serve(now(), &mut attempt)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn end(&mut self, now: Instant, ticket: Ticket, ended: Ended) {
        let count = match ended {
            Ended::Succeeded { .. } => &mut self.tally.succeeded,
            Ended::Failed(_) => &mut self.tally.failed,
            Ended::GivenUp => &mut self.tally.given_up,
        };
        *count += 1;
        self.deployment.end(now, ticket, ended);
    }

    fn serve(&mut self, now: Instant, attempt: &mut dyn FnMut(&Waiter, Ticket) -> Attempt) -> Option<Instant> {
        while !self.waiting.is_empty() {
            match self.deployment.availability(now) {
                Availability::Ready | Availability::Probe => {}
                Availability::Resting(rest) => return Some(rest.until),
                Availability::Full | Availability::Probing => return None,
            }
            let Some(waiter) = self.waiting.pop().filter(Waiter::is_there) else { continue };
            let ticket = self.deployment.begin(now, waiter.tokens);
            let attempt = attempt(&waiter, ticket);
            // It has gone away in this moment. Its place goes to the next, without another lock.
            if let Some(ticket) = waiter.hand_over(attempt).and_then(Attempt::into_ticket) {
                self.deployment.end(now, ticket, Ended::GivenUp);
            }
        }
        None
    }
}

impl Budget {
    fn new(shares: Shares) -> Self {
        let (retries, hedges) = (Share::new(shares.retries), Share::new(shares.hedges));
        Self { declared: shares, retries, hedges, retried: 0, hedged: 0 }
    }
}

impl Slots {
    pub(super) fn budgets_by_model(&self) -> impl Iterator<Item = (&ModelName, &Budget)> {
        self.budget_of.iter().map(|(model, at)| (model, &self.budgets[*at]))
    }

    pub(super) fn budget(&mut self, pool: &Pool) -> &mut Budget {
        &mut self.budgets[pool.budget]
    }

    /// Takes a deployment that fails far more often than its peers out of use for a while: at most a third of a tier, and one in any case.
    fn eject_outlier(&mut self, now: Instant, pool: &Pool, at: usize) {
        let tier = pool.deployments[at].tier;
        let peers: Vec<&Deployment> = pool.deployments.iter().filter(|deployment| deployment.tier == tier).collect();
        let resting = |slot: &Slot| matches!(slot.deployment.availability(now), Availability::Resting(_) | Availability::Probing);
        let out = peers.iter().filter(|peer| resting(&self.all[peer.slot])).count();
        if peers.len() < 2 || out >= (peers.len() / 3).max(1) {
            return;
        }
        let slot = pool.deployments[at].slot;
        let in_use: Vec<usize> = peers.iter().map(|peer| peer.slot).filter(|peer| *peer != slot && !resting(&self.all[*peer])).collect();
        let counts: Vec<Counts> = in_use.into_iter().map(|peer| self.all[peer].deployment.lately(now)).collect();
        let of = self.all[slot].deployment.lately(now);
        if is_outlier(of, &counts) {
            tracing::warn!(
                deployment = pool.deployments[at].label(),
                failed = of.failed,
                of = of.total(),
                "a deployment fails far more often than its peers"
            );
            self.all[slot].deployment.eject(now);
        }
    }
}
