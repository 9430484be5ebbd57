//! An answer in one piece.

use super::annotate::{Grounds, annotate};
use super::error::CallError;
use super::settle::Settlement;
use super::splice;
use crate::App;
use bytes::Bytes;
use groundwork_core::citation::Marks;
use groundwork_core::turn::{Answer, Choice, Event};
use groundwork_inference::target;
use groundwork_wire::object::Object;
use std::time::Instant;

/// The body: as it came, or with its citations checked as far as there is time. What cannot be checked is no answer.
pub(super) async fn respond(
    app: &App,
    (mut body, events): (Bytes, Vec<Event>),
    grounds: Option<Grounds>,
    deadline: Instant,
    settlement: &Settlement,
) -> Result<Bytes, CallError> {
    settlement.heard(&events);
    let Some(grounds) = grounds else { return Ok(body) };
    let answer: Answer = events.into_iter().collect();
    let content = answer.choices.first().and_then(Choice::text).unwrap_or_default();
    if !content.is_empty() {
        let broken = |message| CallError::Call(target::CallError::Broken { target: "the model".to_owned(), message });
        let mut object = Object::parse(body).map_err(|error| broken(error.to_string()))?;
        let (cleaned, tally) = Marks::whole(&content, grounds.sources.len() as u32);
        let annotated = annotate(app, &grounds, (&cleaned.text, &cleaned.citations, tally), deadline).await;
        settlement.checked(annotated.counts);
        splice::first_choice(&mut object, |choice| {
            splice::nested(choice, "message", |message| {
                splice::set(message, "content", &cleaned.text);
                splice::set(message, "annotations", &annotated.annotations);
                splice::set(message, "context", &annotated.context);
            });
        });
        body = object.to_bytes();
    }
    Ok(body)
}
