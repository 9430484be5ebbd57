//! The scripted target: answers, delays and faults as its script says. For tests, demos and load, and documented as a target.

mod embed;
mod play;
mod script;

pub use script::{Answer, Fault, Script, Tokens, ToolCall};

use crate::exchange::{Refusal, refusal};
use crate::target::{Call, CallError, EmbedCall, Embedded, Headers, Reply, Served};
use groundwork_wire::error::Error;
use http::{HeaderMap, HeaderName, HeaderValue};
use play::Play;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug)]
pub(crate) struct Fake {
    name: String,
    script: Script,
    calls: AtomicUsize,
}

impl Fake {
    pub(crate) fn new(name: &str, script: Script) -> Self {
        Self { name: name.to_owned(), script, calls: AtomicUsize::new(0) }
    }

    pub(crate) async fn call(&self, model: &str, call: Call) -> Result<Reply, CallError> {
        let play = Play::new(&self.name, model, &call, self.answer());
        if let Some(fault) = &play.answer.fault
            && let Some(error) = self.refuse(model, fault)
        {
            play.wait(play.answer.first_token_ms).await?;
            return Err(error);
        }
        if call.stream { play.stream().await } else { play.whole().await }
    }

    pub(crate) fn embed(&self, model: &str, call: EmbedCall) -> Result<Embedded, CallError> {
        let EmbedCall { body, .. } = call;
        let answer = self.answer();
        if let Some(error) = answer.fault.as_ref().and_then(|fault| self.refuse(model, fault)) {
            return Err(error);
        }
        let made =
            embed::answer(model, &body, answer.dimensions).map_err(|invalid| CallError::Invalid { target: self.name.clone(), invalid })?;
        Ok(Embedded { headers: headers(&answer), served: served(&answer), body: made })
    }

    fn answer(&self) -> Answer {
        let turn = self.calls.fetch_add(1, Ordering::Relaxed);
        match self.script.answers.len() {
            0 => Answer::default(),
            length => self.script.answers[turn % length].clone(),
        }
    }

    /// The error of a fault that comes before anything is answered.
    fn refuse(&self, model: &str, fault: &Fault) -> Option<CallError> {
        match fault {
            Fault::Refuse { status, code, message, retry_after_ms } => {
                let code = (!code.is_empty()).then(|| code.clone());
                let error = Error { message: message.clone(), kind: "scripted_error".to_owned(), param: None, code };
                let wait = retry_after_ms.map(|millis| (HeaderName::from_static("retry-after-ms"), HeaderValue::from(millis)));
                let headers: HeaderMap = wait.into_iter().collect();
                Some(refusal(Refusal { target: &self.name, model, status: *status, headers: &headers, body: error.to_bytes() }))
            }
            Fault::Unreachable => {
                Some(CallError::Unreachable { target: self.name.clone(), message: "Connection refused, says its script".to_owned() })
            }
            Fault::Hang { .. } | Fault::Break { .. } | Fault::Half { .. } | Fault::Error { .. } => None,
        }
    }
}

fn headers(answer: &Answer) -> Headers {
    answer.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn served(answer: &Answer) -> Served {
    let map: HeaderMap =
        answer.headers.iter().filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?))).collect();
    Served { model: answer.model.clone(), ..crate::service::served(&map) }
}
