//! What a call does next: whom it asks, whom it waits for, or that nobody is left.

use super::Errand;
use super::course::Course;
use super::error::Unavailable;
use super::switchboard::{Patience, Slots};
use crate::published::Deployment;
use groundwork_core::clock::Dice;
use groundwork_core::pool::{Availability, Candidate, Key, Rest, Ticket, choose, in_order, within_bound};
use std::time::{Duration, Instant};

/// The circumstances.
pub(super) struct Decision<'a> {
    pub(super) now: Instant,
    pub(super) errand: &'a Errand<'a>,
    pub(super) course: &'a Course,
    pub(super) dice: &'a Dice,
}

pub(super) enum Decided {
    Ask { at: usize, ticket: Ticket },
    Wait { at: usize, until: Instant },
    Pause { at: usize, until: Instant },
    Nobody(Unavailable),
}

/// The longest time that a call waits until a deployment that rests may be asked; beyond it the client is told to come again itself.
const WORTH_WAITING: Duration = Duration::from_secs(10);
/// When nothing tells when a place will be free.
const SOON: Duration = Duration::from_secs(1);

impl Slots {
    /// The tiers in order: first one that is ready, then one that will be soon, then one that rests because it failed (there is nobody
    /// else, and one call at a time may find out whether it has recovered), then one that has failed this call already.
    pub(super) fn decide(&mut self, decision: &Decision<'_>) -> Decided {
        if decision.course.is_new() {
            let budget = self.budget(decision.errand.pool);
            budget.retries.earn();
            budget.hedges.earn();
        }
        if let Some(at) = self.ready(decision, None) {
            return Decided::Ask { at, ticket: self.begin(decision, at) };
        }
        if let Some((at, until)) = self.worth_waiting(decision) {
            return Decided::Wait { at, until };
        }
        if let Some((at, ticket)) = self.last_resort(decision) {
            return Decided::Ask { at, ticket };
        }
        match self.pause(decision) {
            Some((at, until)) => Decided::Pause { at, until },
            None => Decided::Nobody(self.unavailable(decision)),
        }
    }

    /// One to ask beside the one at `first`, which is slow.
    pub(super) fn second(&mut self, decision: &Decision<'_>, first: usize) -> Option<(usize, Ticket)> {
        let at = self.ready(decision, Some(first))?;
        let budget = self.budget(decision.errand.pool);
        if !budget.hedges.spend() {
            return None;
        }
        budget.hedged += 1;
        Some((at, self.begin(decision, at)))
    }

    fn begin(&mut self, decision: &Decision<'_>, at: usize) -> Ticket {
        self.all[decision.deployment(at).slot].deployment.begin(decision.now, decision.errand.tokens)
    }

    fn availability(&self, decision: &Decision<'_>, at: usize) -> Availability {
        self.all[decision.deployment(at).slot].deployment.availability(decision.now)
    }

    /// One of the first tier in which one is ready, but the one at `besides`. Those who wait for it already come first.
    fn ready(&mut self, decision: &Decision<'_>, besides: Option<usize>) -> Option<usize> {
        let mut at = 0;
        for tier in decision.errand.pool.deployments.chunk_by(|a, b| a.tier == b.tier) {
            self.candidates.clear();
            for deployment in tier {
                let slot = &self.all[deployment.slot];
                let is_free = matches!(slot.deployment.availability(decision.now), Availability::Ready | Availability::Probe);
                if is_free && slot.waiting.is_empty() && besides != Some(at) && decision.course.is_due(at, deployment) {
                    let latency = slot.deployment.latency(decision.errand.streamed).smoothed();
                    let in_flight = slot.deployment.in_flight();
                    self.candidates.push(Candidate { at, weight: deployment.weight, in_flight, latency });
                }
                at += 1;
            }
            match self.candidates.as_slice() {
                [] => {}
                [only] => return Some(only.at),
                several => {
                    let favourite = decision.errand.affinity.and_then(|key| decision.favourite(key, several));
                    return favourite.or_else(|| choose(several, (decision.dice.roll(), decision.dice.roll())));
                }
            }
        }
        None
    }

    /// The one of which a place is to be had soonest, and until when to wait for it.
    fn worth_waiting(&self, decision: &Decision<'_>) -> Option<(usize, Instant)> {
        let Decision { now, errand, .. } = *decision;
        let soon = |rest: Rest| rest.until - now <= WORTH_WAITING && rest.until < errand.deadline;
        let waited_for = decision.due().filter(|at| decision.course.may_wait(*at)).filter_map(|at| {
            let slot = &self.all[decision.deployment(at).slot];
            let rests = match slot.deployment.availability(now) {
                Availability::Resting(rest) if rest.is_from_load() && soon(rest) => rest.until - now,
                Availability::Resting(_) => return None,
                Availability::Ready | Availability::Probe | Availability::Full | Availability::Probing => Duration::ZERO,
            };
            let line = slot.waiting.len() as f64 / f64::from(slot.deployment.in_flight().max(1));
            (slot.waiting.has_place(errand.caller)).then_some((at, rests, line))
        });
        let (at, ..) = waited_for.min_by(|(_, a_rests, a), (_, b_rests, b)| a_rests.cmp(b_rests).then(a.total_cmp(b)))?;
        Some((at, errand.deadline.min(now + self.all[decision.deployment(at).slot].queue.wait)))
    }

    fn last_resort(&mut self, decision: &Decision<'_>) -> Option<(usize, Ticket)> {
        decision.due().find_map(|at| {
            let slot = &mut self.all[decision.deployment(at).slot];
            Some((at, slot.deployment.begin_as_last_resort(decision.now, decision.errand.tokens)?))
        })
    }

    /// The one that may be asked again soonest, when the budget for that allows it.
    fn pause(&mut self, decision: &Decision<'_>) -> Option<(usize, Instant)> {
        let again = decision.all().filter_map(|at| {
            let pause = decision.now + decision.course.pause(at, decision.deployment(at), decision.dice.roll())?;
            let until = match self.availability(decision, at) {
                Availability::Resting(rest) => pause.max(rest.until),
                _ => pause,
            };
            (until < decision.errand.deadline && until - decision.now <= WORTH_WAITING).then_some((at, until))
        });
        let (at, until) = again.min_by_key(|(_, until)| *until)?;
        let budget = self.budget(decision.errand.pool);
        let may = budget.retries.spend();
        budget.retried += u64::from(may);
        may.then_some((at, until))
    }

    fn unavailable(&self, decision: &Decision<'_>) -> Unavailable {
        let open = decision.all().filter(|at| decision.course.is_open(*at, decision.deployment(*at)));
        let rests = open.map(|at| match self.availability(decision, at) {
            Availability::Resting(rest) => (rest.until - decision.now, Some(rest.why)),
            _ => (SOON, None),
        });
        let (retry_after, why) = rests.min_by_key(|(wait, _)| *wait).unwrap_or((SOON, None));
        Unavailable { model: decision.errand.pool.name.to_string(), why, retry_after }
    }

    /// When others could answer in its place, it may be silent for half of the time that is left, or for twice what its slow answers
    /// take; and a second one may be asked when it is slower than they are.
    pub(super) fn patience(&self, decision: &Decision<'_>, at: usize) -> Patience {
        let Decision { now, errand, .. } = *decision;
        let could_answer = |other: usize| {
            other != at
                && decision.course.is_open(other, decision.deployment(other))
                && !matches!(self.availability(decision, other), Availability::Resting(_) | Availability::Probing)
        };
        if !decision.all().any(could_answer) {
            return Patience::default();
        }
        let left = errand.deadline.saturating_duration_since(now);
        let slow = self.all[decision.deployment(at).slot].deployment.latency(errand.streamed).p95();
        Patience {
            limit: Some(now + (slow.unwrap_or_default() * 2).clamp(left / 2, left / 4 * 3)),
            hedge: slow.filter(|_| errand.pool.hedges).map(|slow| now + slow),
        }
    }
}

impl<'a> Decision<'a> {
    fn deployment(&self, at: usize) -> &'a Deployment {
        &self.errand.pool.deployments[at]
    }

    /// The one of `candidates` that has the first claim to `key` and can bear another call for its sake.
    fn favourite(&self, key: Key, candidates: &[Candidate]) -> Option<usize> {
        let names: Vec<(&str, u32)> =
            candidates.iter().map(|candidate| (self.deployment(candidate.at).label(), candidate.weight)).collect();
        let (total, weights) = candidates
            .iter()
            .fold((0, 0), |(calls, weights), candidate| (calls + candidate.in_flight, weights + u64::from(candidate.weight)));
        let bears = |candidate: &&Candidate| within_bound(candidate.in_flight, total, f64::from(candidate.weight) / weights as f64);
        in_order(key, &names).into_iter().map(|at| &candidates[at]).find(bears).map(|candidate| candidate.at)
    }

    fn all(&self) -> std::ops::Range<usize> {
        0..self.errand.pool.deployments.len()
    }

    fn due(&self) -> impl Iterator<Item = usize> + '_ {
        self.all().filter(|at| self.course.is_due(*at, self.deployment(*at)))
    }
}
