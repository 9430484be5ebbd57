//! When an answer's pieces come, and what comes in their place: the target's limits and the script's faults at work.

use super::{Answer, Fault};
use crate::exchange::Limit;
use crate::target::{CallError, Said, Stage, Timeouts};
use groundwork_wire::error::Error;
use std::time::{Duration, Instant};

pub(super) struct Pace {
    pub(super) target: String,
    until: Limit,
    /// Until when the first piece must have come; of an answer in one piece, all of it.
    first: Limit,
    /// Between two pieces; `None` for an answer in one.
    idle: Option<Duration>,
}

impl Pace {
    pub(super) fn new(target: &str, timeouts: &Timeouts, deadline: Instant, streams: bool) -> Self {
        let until = Limit::call(deadline, timeouts.total);
        let (lasts, stage) = if streams { (timeouts.first_token, Stage::FirstToken) } else { (timeouts.first_byte, Stage::FirstByte) };
        let first = until.stage(lasts, stage);
        Self { target: target.to_owned(), until, first, idle: streams.then_some(timeouts.idle) }
    }

    fn limit(&self, played: usize) -> Limit {
        match self.idle {
            Some(idle) if played > 0 => self.until.stage(idle, Stage::NextChunk),
            _ => self.first,
        }
    }

    /// The time before the piece after `played` others.
    pub(super) async fn wait(&self, played: usize, millis: u64) -> Result<(), CallError> {
        if millis == 0 {
            return Ok(());
        }
        self.limit(played).on(&self.target, tokio::time::sleep(Duration::from_millis(millis))).await
    }

    /// What happens in place of the piece after `played` others.
    pub(super) async fn fault(&self, answer: &Answer, played: usize) -> Result<(), CallError> {
        match &answer.fault {
            Some(Fault::Hang { after }) if *after <= played => self.limit(played).on(&self.target, std::future::pending()).await,
            Some(Fault::Break { after }) if *after <= played => Err(self.broken("the connection ended in mid-answer")),
            Some(Fault::Half { after }) if *after <= played => Err(self.broken("the connection ended in the middle of a frame")),
            Some(Fault::Error { after, message }) if *after <= played => {
                let error = Error { message: message.clone(), kind: "server_error".to_owned(), param: None, code: None };
                let said = Box::new(Said { body: Some(error.to_bytes()), ..Said::default() });
                Err(CallError::MidStream { target: self.target.clone(), message: message.clone(), said })
            }
            _ => Ok(()),
        }
    }

    fn broken(&self, message: &str) -> CallError {
        CallError::Broken { target: self.target.clone(), message: message.to_owned() }
    }
}

/// An error that hides in the first frame is one of the call.
pub(super) fn before_the_first_byte(error: CallError) -> CallError {
    match error {
        CallError::MidStream { target, message, said } => CallError::Fault { target, status: 500, retry_after: None, message, said },
        error => error,
    }
}
