//! All that is known of the deployments, in one place: a decision takes one short lock, and nothing waits under it.

use super::Errand;
use super::attempt::Attempt;
use super::course::Course;
use super::decision::{Decided, Decision};
use super::error::Unavailable;
use super::waiting::{Waiter, Waiting};
use crate::pipeline::now;
use crate::published::{Deployment, Pool};
use groundwork_core::clock::Dice;
use groundwork_core::pool::{self, Availability, Candidate, Counts, Ended, Failure, Fair, Kind, Limits, Share, Ticket, Told, is_outlier};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Switchboard(Arc<Inner>);

struct Inner {
    slots: Mutex<Slots>,
    dice: Dice,
}

#[derive(Default)]
pub(super) struct Slots {
    pub(super) all: Vec<Slot>,
    /// By target and model: what different models have in common is one deployment.
    by_name: BTreeMap<(String, String), usize>,
    /// Room for a decision.
    pub(super) candidates: Vec<Candidate>,
}

pub(super) struct Slot {
    pub(super) deployment: pool::Deployment,
    pub(super) waiting: Fair<Waiter>,
    pub(super) queue: Queue,
    /// How often a call may ask it again.
    pub(super) retries: Share,
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

/// Retries on the same deployment, of all calls to it.
const RETRIES: f64 = 0.2;

/// What to do next.
pub(super) enum Choice {
    /// With the time until which it may be silent, because others could answer in its place.
    Ask {
        attempt: Attempt,
        limit: Option<Instant>,
    },
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
    pub(crate) fn new(dice: Dice) -> Self {
        Self(Arc::new(Inner { slots: Mutex::default(), dice }))
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
                retries: Share::new(RETRIES),
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
                let limit = slots.limit(&decision, at);
                drop(slots);
                Choice::Ask { attempt: Attempt::new(self.clone(), errand.pool.clone(), at, errand.deadline, ticket), limit }
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

    /// The same for one whose turn has come.
    pub(super) fn limit(&self, errand: &Errand<'_>, course: &Course, at: usize) -> Option<Instant> {
        self.lock().limit(&Decision { now: now(), errand, course, dice: &self.0.dice }, at)
    }

    /// The answer is there as a whole.
    pub(super) fn done(&self, slot: usize, mut ticket: Ticket, told: &Told, tokens: Option<u64>) {
        let now = now();
        let mut slots = self.lock();
        let deployment = &mut slots.all[slot].deployment;
        deployment.hear(now, &ticket, told);
        deployment.answered(now, &mut ticket, false);
        deployment.end(now, ticket, Ended::Succeeded { tokens });
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
        slots.all[slot].deployment.end(now(), ticket, ended);
        self.serve(&mut slots, slot);
    }

    /// The attempt gave no answer, or one that broke off; `provisioned` when the refusal shows bought capacity.
    pub(super) fn failed(&self, (pool, at): (&Pool, usize), ticket: Ticket, failure: Failure, (told, provisioned): (&Told, bool)) {
        let now = now();
        let slot = pool.deployments[at].slot;
        let mut slots = self.lock();
        let deployment = &mut slots.all[slot].deployment;
        deployment.hear(now, &ticket, told);
        if provisioned {
            deployment.is_provisioned();
        }
        deployment.end(now, ticket, Ended::Failed(failure));
        if failure.is_sickness() {
            slots.eject_outlier(now, pool, at);
        }
        self.serve(&mut slots, slot);
    }

    /// Sends those who wait for a deployment on their way, as far as it takes them now. Tells when to look again, when that is known.
    pub(super) fn serve_waiting(&self, slot: usize) -> Option<Instant> {
        self.serve(&mut self.lock(), slot)
    }

    fn serve(&self, slots: &mut Slots, slot: usize) -> Option<Instant> {
        let slot = &mut slots.all[slot];
        let mut attempt = |waiter: &Waiter, ticket| Attempt::new(self.clone(), waiter.pool.clone(), waiter.at, waiter.deadline, ticket);
        slot.serve(now(), &mut attempt)
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// A call of about `tokens` goes out; its first attempt here earns the right to later ones.
    pub(super) fn begin(&mut self, now: Instant, tokens: u64, is_new: bool) -> Ticket {
        if is_new {
            self.retries.earn();
        }
        self.deployment.begin(now, tokens)
    }

    fn serve(&mut self, now: Instant, attempt: &mut dyn FnMut(&Waiter, Ticket) -> Attempt) -> Option<Instant> {
        while !self.waiting.is_empty() {
            match self.deployment.availability(now) {
                Availability::Ready | Availability::Probe => {}
                Availability::Resting(rest) => return Some(rest.until),
                Availability::Full | Availability::Probing => return None,
            }
            let Some(waiter) = self.waiting.pop().filter(Waiter::is_there) else { continue };
            let ticket = self.begin(now, waiter.tokens, true);
            let attempt = attempt(&waiter, ticket);
            // It has gone away in this moment. Its place goes to the next, without another lock.
            if let Some(ticket) = waiter.hand_over(attempt).and_then(Attempt::into_ticket) {
                self.deployment.end(now, ticket, Ended::GivenUp);
            }
        }
        None
    }
}

impl Slots {
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
