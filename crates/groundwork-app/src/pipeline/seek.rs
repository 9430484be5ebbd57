//! What a question is searched by: its own words, those of the conversation that it goes on from, or nothing at all. A chat model that is
//! there may write the question so that it stands by itself; what it writes is only ever a text to search for.

use super::admit::Admitted;
use super::call::used;
use super::error::CallError;
use super::settle::{Booking, Call, Estimate, Settlement};
use super::{now, retrieve};
use crate::App;
use crate::published::{Assistant, Pool};
use crate::routing::{Errand, route};
use groundwork_core::call::Operation;
use groundwork_core::followup;
use groundwork_core::prompt::Message;
use groundwork_core::smalltalk::{Smalltalk, smalltalk};
use groundwork_core::standalone::{self, MOST_TOKENS, Standalone};
use groundwork_core::turn::{Answer, Choice, Dialect, Role};
use groundwork_inference::target::{self, Reply};
use groundwork_wire::object::Object;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a question may take to be rewritten, and the part of the time that is left to the call.
const PATIENCE: Duration = Duration::from_secs(5);
const SHARE: u32 = 3;

pub(super) enum Sought {
    Text {
        text: String,
        how: How,
    },
    /// No document is asked about; by the rules it is known what the message is instead.
    Nothing(Option<Smalltalk>),
}

/// How the text that is searched for was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    AsAsked,
    /// With the messages that it goes on from.
    WithHistory,
    /// By a chat model.
    Rewritten,
}

impl How {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::AsAsked => "as_asked",
            Self::WithHistory => "with_history",
            Self::Rewritten => "rewritten",
        }
    }
}

/// Decides by rules; only a question that leans on the conversation is worth a call to a chat model.
pub(super) async fn seek(app: &App, admitted: &Admitted, assistant: &Assistant, (history, question): (&[Message], &str)) -> Sought {
    if let Some(talk) = smalltalk(question) {
        return Sought::Nothing(Some(talk));
    }
    let earlier: Vec<&str> = history.iter().filter(|message| message.role == Role::User).map(|message| message.text.as_str()).collect();
    let text = followup::search_text(&earlier, question);
    if text == question {
        return Sought::Text { text, how: How::AsAsked };
    }
    let rewritten = match &assistant.rewriter {
        Some(pool) => Box::pin(rewrite(app, admitted, pool, (history, question))).await,
        None => None,
    };
    match rewritten {
        Some(Standalone::Question(text)) => Sought::Text { text, how: How::Rewritten },
        Some(Standalone::NoSearch) => Sought::Nothing(None),
        None => Sought::Text { text, how: How::WithHistory },
    }
}

/// Asks a chat model. The call is booked as one of its own, with the id of the call that it is made for as its label. Whatever goes wrong
/// costs its time and nothing else.
async fn rewrite(app: &App, admitted: &Admitted, pool: &Arc<Pool>, (history, question): (&[Message], &str)) -> Option<Standalone> {
    let prompt = standalone::prompt(history, question);
    let body = serde_json::json!({ "messages": retrieve::to_wire(&prompt), "max_completion_tokens": MOST_TOKENS });
    let body = Object::parse(body.to_string()).ok()?;
    let deadline = deadline(admitted.deadline);
    let settlement = Settlement::begin(app, record(app, admitted)?, Some(estimate(pool, prompt)));
    let errand = Errand {
        pool,
        caller: &admitted.principal,
        deadline,
        tokens: if pool.counts_tokens { body.to_bytes().len() as u64 / 4 + MOST_TOKENS as u64 } else { 0 },
        streamed: false,
        everywhere: true,
        affinity: None,
    };
    let routed = route(app, &errand, Some(Booking::of_reply(&settlement)), |deployment, replaceable| {
        let call = target::Call {
            id: format!("chatcmpl-{}-rewrite", admitted.id),
            now: app.inner().clock.now(),
            dialect: Dialect::Chat,
            body: body.clone(),
            model: Some(deployment.model.clone()),
            stream: false,
            replaceable,
            deadline,
            grounding: None,
            headers: Arc::default(),
        };
        let target = deployment.target.clone();
        async move { target.call(call).await }
    });
    match routed.await.map_err(CallError::from) {
        Ok((Reply::Whole { headers, events, .. }, attempt)) => {
            attempt.done(&headers, used(&events));
            settlement.heard(&events);
            settlement.complete();
            let answer: Answer = events.into_iter().collect();
            standalone::read(&answer.choices.first().and_then(Choice::text).unwrap_or_default())
        }
        Ok((Reply::Stream { .. }, _given_up)) => None,
        Err(error) => {
            tracing::warn!(kind = error.kind(), "a question was not rewritten: it is searched with what it goes on from");
            settlement.fail(error.kind(), error.http_status());
            None
        }
    }
}

/// The caller's time is for the answer first.
fn deadline(of_call: Instant) -> Instant {
    let now = now();
    now + PATIENCE.min(of_call.saturating_duration_since(now) / SHARE)
}

fn record(app: &App, admitted: &Admitted) -> Option<Call> {
    Some(Call {
        id: app.make_id("call").ok()?,
        label: Some(admitted.id.to_string()),
        tenant: admitted.tenant.clone(),
        principal: admitted.principal.clone(),
        operation: Operation::Rewrite,
        model: admitted.model.name().clone(),
        streamed: false,
        started: app.inner().clock.now(),
    })
}

fn estimate(pool: &Pool, prompt: [Message; 2]) -> Estimate {
    let bytes = prompt.iter().map(|message| message.text.len()).sum();
    Estimate::of_input(pool, (bytes, Some(MOST_TOKENS as u64)), move |tokenizer| {
        prompt.iter().map(|message| tokenizer.count(&message.text)).sum()
    })
}
