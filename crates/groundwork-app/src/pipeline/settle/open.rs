//! The record of a call in the making: who was asked, what has come back, and what is booked of it.

use super::estimate::Counted;
use super::{Asking, Call, Estimate};
use crate::published::Deployment;
use groundwork_core::call::{Attempt, Cached, Measure, Outcome, Record, TargetKind};
use groundwork_core::clock::UnixMs;
use groundwork_core::turn::{Event, FinishReason, Usage};
use groundwork_inference::target::{self, HangUp, Served};
use std::mem::replace;

pub(super) struct Open {
    pub(super) record: Record,
    estimate: Option<Estimate>,
    pub(super) prompt_tokens: Option<usize>,
    tries: Vec<Try>,
    /// The one whose answer it is.
    answering: Option<Asking>,
    /// What has come back so far, for an estimate when the target does not say what it used.
    answer: String,
    pub(super) finish: Option<String>,
    pub(super) usage: Option<Usage>,
    /// Told at the beginning of an answer: the input is exact, the output is not known yet.
    prompted: Option<Usage>,
}

/// A deployment that was asked.
struct Try {
    deployment: String,
    target: TargetKind,
    hang_up: HangUp,
    failed: Option<Failed>,
}

struct Failed {
    kind: &'static str,
    may_be_charged: bool,
    /// As it says itself.
    used: Option<Usage>,
}

impl Try {
    /// Whether it may be charged for and does not say for what.
    fn is_untold(&self) -> bool {
        self.failed.as_ref().is_none_or(|failed| failed.may_be_charged && failed.used.is_none())
    }

    fn attempt(&self, usage: Usage) -> Attempt {
        let outcome = self.failed.as_ref().map_or("given_up", |failed| failed.kind).into();
        let told = self.failed.as_ref().and_then(|failed| failed.used).unwrap_or_default();
        let (usage, measure) = if self.is_untold() { (usage, Measure::Estimate) } else { (told, Measure::Exact) };
        Attempt { deployment: self.deployment.clone(), target: self.target, outcome, usage, measure }
    }
}

impl Open {
    pub(super) fn new(call: Call, estimate: Option<Estimate>) -> Self {
        let Call { id, label, tenant, principal, operation, model, streamed, started } = call;
        let record = Record {
            id,
            request_label: label,
            tenant,
            principal,
            operation,
            model,
            deployment: None,
            target: None,
            served_model: None,
            streamed,
            started,
            first_token: None,
            ended: started,
            outcome: Outcome::Abandoned,
            usage: Usage::default(),
            measure: Measure::Exact,
            attempts: Vec::new(),
            cost: None,
            cached: Cached::No,
            retrieval: None,
            citations: None,
        };
        Self {
            record,
            estimate,
            prompt_tokens: None,
            tries: Vec::new(),
            answering: None,
            answer: String::new(),
            finish: None,
            usage: None,
            prompted: None,
        }
    }

    pub(super) fn asks(&mut self, deployment: &Deployment) -> Asking {
        let (label, target) = (deployment.label().to_owned(), &deployment.target);
        self.record.deployment = Some(label.clone());
        self.record.target = Some(target.kind());
        self.tries.push(Try { deployment: label, target: target.kind(), hang_up: target.hang_up(), failed: None });
        Asking(self.tries.len() - 1)
    }

    /// The last one was not asked after all.
    pub(super) fn not_asked(&mut self) {
        self.tries.pop();
    }

    pub(super) fn failed(&mut self, Asking(at): Asking, error: &target::CallError) {
        if let Some(one) = self.tries.get_mut(at) {
            one.failed = Some(Failed { kind: error.kind(), may_be_charged: error.may_be_charged(), used: error.used() });
        }
    }

    /// Another than was asked may have done the work, where the service itself says so.
    pub(super) fn answered(&mut self, Asking(at): Asking, served: &Served) {
        let Some(one) = self.tries.get(at) else { return };
        self.answering = Some(Asking(at));
        self.record.target = Some(one.target);
        self.record.deployment = Some(match served.deployment.as_ref().filter(|_| served.spilled) {
            Some(deployment) => {
                let target = one.deployment.split_once('/').map_or("", |(target, _)| target);
                format!("{target}/{deployment}")
            }
            None => one.deployment.clone(),
        });
        if served.model.is_some() {
            self.record.served_model.clone_from(&served.model);
        }
    }

    pub(super) fn heard(&mut self, events: &[Event], now: UnixMs) {
        for event in events {
            match event {
                Event::Text { text, .. }
                | Event::Refusal { text, .. }
                | Event::Reasoning { text, .. }
                | Event::ReasoningSummary { text, .. } => self.said(text, now),
                Event::ToolCall { name, .. } => self.said(name, now),
                Event::ToolArguments { fragment, .. } => self.said(fragment, now),
                Event::Retracted { .. } => self.finish = Some(FinishReason::ContentFilter.as_str().to_owned()),
                Event::Finish { reason, .. } => self.finish = Some(reason.as_str().to_owned()),
                Event::Prompted(usage) => self.prompted = Some(*usage),
                Event::Usage(usage) => self.usage = Some(*usage),
                Event::Start { model: Some(model), .. } if self.record.served_model.is_none() => {
                    self.record.served_model = Some(model.clone());
                }
                Event::Start { .. } | Event::ReasoningEnd { .. } | Event::Annotations { .. } | Event::Logprobs { .. } | Event::Tier(_) => {}
            }
        }
    }

    pub(super) fn said(&mut self, text: &str, now: UnixMs) {
        self.record.first_token.get_or_insert(now);
        self.answer.push_str(text);
    }

    /// The one whose answer it is or would have been.
    pub(super) fn decisive(&self) -> Option<Asking> {
        self.answering.or_else(|| self.tries.len().checked_sub(1).map(Asking))
    }

    pub(super) fn policy(&self, Asking(at): Asking) -> HangUp {
        self.tries.get(at).map_or(HangUp::Cancel, |one| one.hang_up)
    }

    pub(super) fn is_waiting_for(&self, Asking(at): Asking) -> bool {
        self.answering.is_none() && self.tries.get(at).is_some_and(|one| one.failed.is_none())
    }

    /// Tells what is booked if nothing is ever heard of the call again: the most that it can come to.
    pub(super) fn at_most<T>(&mut self, tell: impl FnOnce(&Record) -> T) -> T {
        let output = self.estimate.as_ref().map_or(0, |estimate| estimate.most_output);
        let input_tokens = self.most_input_tokens();
        let usage = |output_tokens| Usage { input_tokens, output_tokens, ..Usage::default() };
        let before = self.tries.split_last().map(|(_, before)| before).unwrap_or_default();
        let attempts = before.iter().map(|one| one.attempt(usage(if one.failed.is_none() { output } else { 0 }))).collect();
        // For the moment, which costs less than another record.
        let Record { usage: used, measure, attempts: tried, .. } = &mut self.record;
        let kept = (replace(used, usage(output)), replace(measure, Measure::Estimate), replace(tried, attempts));
        let answer = tell(&self.record);
        (self.record.usage, self.record.measure, self.record.attempts) = kept;
        answer
    }

    /// As packed, or at most: every token covers at least one byte.
    fn most_input_tokens(&self) -> u64 {
        let most = || self.estimate.as_ref().map_or(0, |estimate| estimate.most_input);
        self.prompt_tokens.map_or_else(most, |tokens| tokens as u64)
    }

    /// Whether somebody may have worked and did not say for how many tokens.
    pub(super) fn has_to_count(&self) -> bool {
        let decisive = self.decisive();
        let untold = |(at, one): (usize, &Try)| one.is_untold() && (decisive != Some(Asking(at)) || self.usage.is_none());
        self.tries.iter().enumerate().any(untold)
    }

    fn known_input_tokens(&self) -> Option<u64> {
        let told = self.usage.or(self.prompted).map(|usage| usage.input_tokens);
        told.or(self.prompt_tokens.map(|tokens| tokens as u64))
    }

    /// Without counting: every token covers at least one byte.
    pub(super) fn at_most_counted(&self) -> Counted {
        let input = self.known_input_tokens().unwrap_or_else(|| self.most_input_tokens());
        Counted { input, output: self.answer.len() as u64 }
    }

    pub(super) fn counting(&mut self) -> Option<impl FnOnce() -> Counted + Send + 'static> {
        let known = self.known_input_tokens();
        let (estimate, answer) = (self.estimate.take()?, std::mem::take(&mut self.answer));
        Some(move || estimate.count(known, &answer))
    }

    /// The record as it is booked. `counted` is what was counted, where something had to be.
    pub(super) fn close(self, counted: Option<Counted>) -> Record {
        let decisive = self.decisive();
        let counted = counted.map(Counted::usage).unwrap_or_default();
        let Self { mut record, tries, usage, prompted, .. } = self;
        for (at, one) in tries.iter().enumerate() {
            if decisive == Some(Asking(at)) {
                let told = prompted.map_or(counted, |prompted| Usage { output_tokens: counted.output_tokens, ..prompted });
                let Attempt { usage, measure, .. } = one.attempt(told);
                (record.usage, record.measure) = (usage, measure);
            } else {
                // Of what it said nothing was heard.
                record.attempts.push(one.attempt(Usage { input_tokens: counted.input_tokens, ..Usage::default() }));
            }
        }
        if let Some(usage) = usage {
            // Quotes are no model's work: what one would have counted is estimated.
            let measure = if record.target == Some(TargetKind::Extractive) { Measure::Estimate } else { Measure::Exact };
            (record.usage, record.measure) = (usage, measure);
        }
        record
    }
}
