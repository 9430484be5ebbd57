//! Settling a call exactly once: at its end, at an error, or when the client hangs up.

use super::asked::Asked;
use super::text::text;
use crate::App;
use crate::published::{Deployment, Pool};
use groundwork_core::call::{Cached, Citations, Measure, Operation, Outcome, Record, Retrieval, TargetKind};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{CallId, ModelName, TenantId};
use groundwork_core::turn::{Event, FinishReason, Usage};
use groundwork_inference::target::Served;
use groundwork_store::wal::WalError;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The record of a call in the making. When it is dropped before it was completed, the client has hung up, and that is what is booked.
pub(crate) struct Settlement {
    app: App,
    /// `None` once it was handed over.
    open: Option<Open>,
    /// Shutdown waits for the call.
    _running: TaskTrackerToken,
}

struct Open {
    record: Record,
    estimate: Option<Estimate>,
    /// Counted when the prompt was packed.
    prompt_tokens: Option<usize>,
    /// What has come back so far, for an estimate when the target does not say what it used.
    answer: String,
    finish: Option<String>,
    usage: Option<Usage>,
    /// The target has begun to answer, or may have charged for the prompt.
    charged: bool,
}

impl Open {
    /// As packed, or at most.
    fn most_input_tokens(&self) -> u64 {
        let most = || self.estimate.as_ref().map_or(0, |estimate| estimate.asked.most_tokens);
        self.prompt_tokens.unwrap_or_else(most) as u64
    }
}

/// What a call's tokens are estimated from when the target does not report them.
pub(crate) struct Estimate {
    pub(crate) pool: Arc<Pool>,
    pub(super) asked: Arc<Asked>,
}

/// Who calls what.
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) label: Option<String>,
    pub(crate) tenant: TenantId,
    pub(crate) principal: String,
    pub(crate) operation: Operation,
    pub(crate) model: ModelName,
    pub(crate) streamed: bool,
    pub(crate) started: UnixMs,
}

impl Settlement {
    pub(crate) fn begin(app: &App, call: Call, estimate: Option<Estimate>) -> Self {
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
            streamed,
            started,
            first_token: None,
            ended: started,
            outcome: Outcome::Abandoned,
            usage: Usage::default(),
            measure: Measure::Exact,
            cost: None,
            cached: Cached::No,
            retrieval: None,
            citations: None,
        };
        let open = Open { record, estimate, prompt_tokens: None, answer: String::new(), finish: None, usage: None, charged: false };
        app.inner().metrics.began();
        Self { app: app.clone(), open: Some(open), _running: app.tasks().token() }
    }

    pub(crate) fn retrieved(&mut self, retrieval: Retrieval) {
        self.edit(|open| open.record.retrieval = Some(retrieval));
    }

    pub(crate) fn prompt_tokens(&mut self, tokens: usize) {
        self.edit(|open| open.prompt_tokens = Some(tokens));
    }

    /// A deployment is about to be asked; after an error it must not be. What is recorded now is what a kill would leave.
    pub(crate) fn asks(&mut self, deployment: &Deployment) -> Result<(), WalError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.record.deployment = Some(deployment.label());
        open.record.target = Some(deployment.target.kind());
        let usage = Usage { input_tokens: open.most_input_tokens(), ..Usage::default() };
        let estimate = Record { usage, measure: Measure::Estimate, ..open.record.clone() };
        self.app.inner().books.hold(&estimate)
    }

    pub(crate) fn reached(&mut self) {
        self.edit(|open| open.charged = true);
    }

    /// A piece of the answer has come.
    pub(crate) fn said(&mut self, text: &str) {
        let now = self.app.inner().clock.now();
        self.edit(|open| {
            open.record.first_token.get_or_insert(now);
            open.answer.push_str(text);
        });
    }

    /// What an answer says of itself.
    pub(crate) fn heard(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Text { text, .. }
                | Event::Refusal { text, .. }
                | Event::Reasoning { text, .. }
                | Event::ReasoningSummary { text, .. } => self.said(text),
                Event::ToolCall { name, .. } => self.said(name),
                Event::ToolArguments { fragment, .. } => self.said(fragment),
                Event::Retracted { .. } => self.finished(FinishReason::ContentFilter.as_str()),
                Event::Finish { reason, .. } => self.finished(reason.as_str()),
                Event::Usage(usage) => self.used(*usage),
                Event::Start { .. } | Event::ReasoningEnd { .. } | Event::Annotations { .. } | Event::Logprobs { .. } | Event::Tier(_) => {}
            }
        }
    }

    /// Who did the work, where the service itself says that it was another than was asked.
    pub(crate) fn served(&mut self, served: &Served) {
        if let Some(deployment) = served.deployment.as_ref().filter(|_| served.spilled) {
            self.edit(|open| {
                let target = open.record.deployment.as_deref().and_then(|label| label.split_once('/')).map(|(target, _)| target.to_owned());
                open.record.deployment = Some(format!("{}/{deployment}", target.unwrap_or_default()));
            });
        }
    }

    pub(crate) fn used(&mut self, usage: Usage) {
        self.edit(|open| open.usage = Some(usage));
    }

    pub(crate) fn finished(&mut self, reason: &str) {
        self.edit(|open| open.finish = Some(reason.to_owned()));
    }

    pub(crate) fn checked(&mut self, citations: Citations) {
        self.edit(|open| open.record.citations = Some(citations));
    }

    /// The whole answer is there. Returns when it is booked.
    pub(crate) async fn complete(mut self) {
        let finish = self.open.as_ref().and_then(|open| open.finish.clone()).unwrap_or_else(|| "unknown".to_owned());
        self.book(Outcome::Completed { finish }).await;
    }

    /// The call failed. `charged` tells that the target may have worked on the prompt all the same. Returns when it is booked.
    pub(crate) async fn fail(mut self, kind: &'static str, http_status: u16, charged: bool) {
        if charged {
            self.edit(|open| open.charged |= open.record.deployment.is_some());
        }
        self.book(Outcome::Failed { kind: kind.to_owned(), http_status }).await;
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Open)) {
        if let Some(open) = &mut self.open {
            edit(open);
        }
    }

    /// Writing goes on when the one who waits for it goes away.
    async fn book(&mut self, outcome: Outcome) {
        if let Some(writing) = self.hand_over(outcome)
            && let Err(error) = writing.await
        {
            tracing::error!(%error, "a call could not be booked");
        }
    }

    fn hand_over(&mut self, outcome: Outcome) -> Option<JoinHandle<()>> {
        let mut open = self.open.take()?;
        open.record.outcome = outcome;
        open.record.ended = self.app.inner().clock.now();
        let app = self.app.clone();
        Some(self.app.tasks().spawn(async move { write(&app, open).await }))
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        // Dropped outside the runtime there is nobody left to write; inside it the tracker waits for the task.
        if tokio::runtime::Handle::try_current().is_ok() {
            drop(self.hand_over(Outcome::Abandoned));
        }
        self.app.inner().metrics.ended();
        self.app.inner().gate.left.notify_waiters();
    }
}

async fn write(app: &App, open: Open) {
    let record = match (open.usage, open.charged) {
        // Quotes are no model's work: what one would have counted is estimated.
        (Some(usage), _) if open.record.target == Some(TargetKind::Extractive) => {
            Record { usage, measure: Measure::Estimate, ..open.record }
        }
        (Some(usage), _) => Record { usage, measure: Measure::Exact, ..open.record },
        (None, false) => open.record,
        (None, true) => estimate(app, open).await,
    };
    app.inner().metrics.settled(&record.sample());
    log(&record);
    let id = record.id.clone();
    if let Err(error) = app.inner().books.settle(record).await {
        tracing::error!(call = %id, %error, "how a call ended could not be recorded at once");
    }
}

/// Counts what the target did not report.
async fn estimate(app: &App, open: Open) -> Record {
    let Open { record, estimate, prompt_tokens, answer, .. } = open;
    let Some(Estimate { pool, asked }) = estimate else { return Record { measure: Measure::Estimate, ..record } };
    let count = move || {
        let prompt = || pool.tokenizer.count(&text(&asked.object));
        Usage {
            input_tokens: prompt_tokens.unwrap_or_else(prompt) as u64,
            output_tokens: pool.tokenizer.count(&answer) as u64,
            ..Usage::default()
        }
    };
    let usage = app.compute(count).await.unwrap_or_default();
    Record { usage, measure: Measure::Estimate, ..record }
}

fn log(record: &Record) {
    if !tracing::enabled!(target: "groundwork::call", tracing::Level::INFO) {
        return;
    }
    let fields: Vec<String> = record.access_fields().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    tracing::info!(target: "groundwork::call", call = %record.id, "{}", fields.join(" "));
}
