//! A question and its whole answer: the pipeline for those who want neither streams nor JSON.

use crate::App;
use crate::pipeline::{self, CallError, Citation, Request};
use groundwork_core::access::Caller;
use groundwork_core::ids::CallId;
use groundwork_inference::target::{self, ANSWER_HEADER, FIT_HEADER};
use groundwork_wire::chat::Response;
use http::HeaderName;
use serde::{Deserialize, Serialize};

pub struct Question {
    /// An assistant or a model.
    pub model: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub call: CallId,
    pub text: String,
    /// In the order of the text.
    pub citations: Vec<Citation>,
    /// True when the text is quotes and no model wrote it.
    pub quotes: bool,
    /// True when there was nothing to answer from, and the text says so.
    pub declined: bool,
    /// How well what was found fits the question, from 0 to 1, where that was looked at.
    pub fit: Option<f64>,
    pub input_tokens: u64,
    pub output_tokens: u64,
}

pub async fn ask(app: &App, caller: &Caller, question: Question) -> Result<Answer, CallError> {
    let body = serde_json::json!({ "model": question.model, "messages": [{ "role": "user", "content": question.text }] });
    let request = Request { body: body.to_string().into(), ..Request::default() };
    let (head, body) = match pipeline::run(app, caller, request).await? {
        pipeline::Answer::Whole(head, body) => (head, body),
        pipeline::Answer::Stream(..) => return Err(unreadable("a stream came where none was asked for")),
    };
    let response = Response::parse(body).map_err(|error| unreadable(&error.to_string()))?;
    let header = |wanted: HeaderName| head.headers.get(wanted).and_then(|value| value.to_str().ok());
    let (kind, fit) = (header(ANSWER_HEADER), header(FIT_HEADER).and_then(|fit| fit.parse().ok()));
    let usage = response.usage.unwrap_or_default();
    let choice = response.choices.into_iter().next();
    let (text, annotations) = choice.map(|choice| (choice.content.unwrap_or_default(), choice.annotations)).unwrap_or_default();
    Ok(Answer {
        call: head.call.clone(),
        text,
        citations: annotations.into_iter().filter_map(|annotation| annotation.citation).collect(),
        quotes: kind == Some("quotes"),
        declined: kind == Some("declined"),
        fit,
        input_tokens: usage.prompt_tokens,
        output_tokens: usage.completion_tokens,
    })
}

fn unreadable(message: &str) -> CallError {
    target::CallError::Broken { target: "the answer".to_owned(), message: message.to_owned() }.into()
}
