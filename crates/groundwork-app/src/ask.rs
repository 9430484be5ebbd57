//! A question and its whole answer: the pipeline for those who want neither streams nor JSON.

use crate::App;
use crate::pipeline::{ChatError, Citation};
use groundwork_core::access::Caller;
use groundwork_core::ids::CallId;
use groundwork_core::turn::Usage;
use serde::Serialize;

pub struct Question {
    /// An assistant or a model.
    pub model: String,
    pub text: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    pub call: CallId,
    pub text: String,
    pub citations: Vec<Citation>,
    /// True when the text is quotes and no model wrote it.
    pub quotes: bool,
    /// True when the assistant said that it does not know, or that there is nothing to answer from.
    pub declined: bool,
    pub usage: Usage,
}

pub async fn ask(app: &App, caller: &Caller, question: Question) -> Result<Answer, ChatError> {
    let _ = (app, caller, question);
    unimplemented!()
}
