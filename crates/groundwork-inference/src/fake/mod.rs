//! The scripted target: answers, delays and faults as its script says. For tests, demos and load, and documented as a target.

mod embed;
mod forward;
mod pace;
mod play;
mod script;

pub use script::{Answer, Fault, Script, Tokens, ToolCall};

use crate::exchange::{Refusal, refusal};
use crate::target::{Call, CallError, EmbedCall, Embedded, Forward, Forwarded, Reply, Served, Timeouts};
use groundwork_wire::error::{Error, Invalid};
use http::{HeaderMap, HeaderName, HeaderValue};
use pace::Pace;
use play::Play;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct Fake {
    name: String,
    script: Script,
    timeouts: Timeouts,
    calls: AtomicU64,
}

impl Fake {
    pub(crate) fn new(name: &str, script: Script, timeouts: Timeouts) -> Self {
        Self { name: name.to_owned(), script, timeouts, calls: AtomicU64::new(0) }
    }

    pub(crate) async fn call(&self, model: &str, call: Call) -> Result<Reply, CallError> {
        if call.body.raw("n").is_some_and(|n| !matches!(n.as_ref(), b"1" | b"null")) {
            let invalid = Invalid::Value { param: "n".to_owned(), reason: "a script gives one answer".to_owned() };
            return Err(CallError::Invalid { target: self.name.clone(), invalid });
        }
        let pace = Pace::new(&self.name, &self.timeouts, call.deadline, call.stream);
        let answer = self.answer();
        self.begin(model, &answer, &pace).await?;
        let heading = call.heading(answer.model.as_deref().unwrap_or(model));
        let play = Play::new(pace, call.dialect, heading, &call.body, answer);
        if call.stream { play.stream().await } else { play.whole().await }
    }

    pub(crate) async fn embed(&self, model: &str, call: EmbedCall) -> Result<Embedded, CallError> {
        let pace = Pace::new(&self.name, &self.timeouts, call.deadline, false);
        let answer = self.answer();
        self.begin(model, &answer, &pace).await?;
        // It comes in one piece: wherever it is to fail, it does so before.
        pace.fault(&answer, usize::MAX).await.map_err(pace::before_the_first_byte)?;
        let body =
            embed::answer(model, &call.body, &answer).map_err(|invalid| CallError::Invalid { target: self.name.clone(), invalid })?;
        Ok(Embedded { headers: headers(&answer), served: served(&answer), body })
    }

    pub(crate) async fn forward(&self, model: &str, forward: Forward) -> Result<Forwarded, CallError> {
        let asked = forward::Asked::of(&self.name, &forward)?;
        let pace = Pace::new(&self.name, &self.timeouts, forward.deadline, asked.streams());
        let answer = self.answer();
        self.begin(model, &answer, &pace).await?;
        forward::answer(pace, asked, answer.model.clone().unwrap_or_else(|| model.to_owned()), answer).await
    }

    fn answer(&self) -> Answer {
        self.script.answer(self.calls.fetch_add(1, Ordering::Relaxed)).cloned().unwrap_or_default()
    }

    /// The time before the first byte, and what there may be in its place.
    async fn begin(&self, model: &str, answer: &Answer, pace: &Pace) -> Result<(), CallError> {
        pace.wait(0, answer.first_token_ms).await?;
        match answer.fault.as_ref().and_then(|fault| self.refuse(model, answer, fault)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The error of a fault that comes before anything is answered.
    fn refuse(&self, model: &str, answer: &Answer, fault: &Fault) -> Option<CallError> {
        match fault {
            Fault::Refuse { status, code, message, retry_after_ms } => {
                let code = (!code.is_empty()).then(|| code.clone());
                let error = Error { message: message.clone(), kind: "scripted_error".to_owned(), param: None, code };
                let wait = retry_after_ms.map(|millis| (HeaderName::from_static("retry-after-ms"), HeaderValue::from(millis)));
                let headers: HeaderMap = headers(answer).into_iter().filter_map(|(name, value)| Some((name?, value))).chain(wait).collect();
                Some(refusal(Refusal { target: &self.name, model, status: *status, headers: &headers, body: error.to_bytes() }))
            }
            Fault::Unreachable => {
                Some(CallError::Unreachable { target: self.name.clone(), message: "Connection refused, says its script".to_owned() })
            }
            Fault::Hang { .. } | Fault::Break { .. } | Fault::Half { .. } | Fault::Error { .. } => None,
        }
    }
}

fn headers(answer: &Answer) -> HeaderMap {
    answer.headers.iter().filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?))).collect()
}

fn served(answer: &Answer) -> Served {
    Served { model: answer.model.clone(), ..crate::service::served(&headers(answer)) }
}
