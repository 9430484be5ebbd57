//! An answer in one piece.

use super::annotate::{Grounds, annotate};
use super::settle::Settlement;
use super::splice;
use crate::App;
use bytes::Bytes;
use groundwork_core::citation::Marks;
use groundwork_wire::chat::Response;

/// Settles the call and gives the body: as it came, or with its citations checked.
pub(super) async fn respond(app: &App, response: Response, grounds: Option<Grounds>, mut settlement: Settlement) -> Bytes {
    if let Some(usage) = &response.usage {
        settlement.used(usage);
    }
    let choice = response.choices.first();
    let content = choice.and_then(|choice| choice.content.clone()).unwrap_or_default();
    settlement.said(&content);
    settlement.finished(choice.and_then(|choice| choice.finish_reason.as_deref()).unwrap_or("unknown"));
    let mut object = response.object;
    if let Some(grounds) = grounds.filter(|_grounds| !content.is_empty()) {
        let mut marks = Marks::new(grounds.sources.len() as u32);
        let mut cleaned = marks.push(&content);
        let (rest, tally) = marks.finish();
        cleaned.text.push_str(&rest.text);
        cleaned.citations.extend(rest.citations);
        let annotated = annotate(app, &grounds, &cleaned.text, &cleaned.citations, tally).await;
        settlement.checked(annotated.counts);
        splice::first_choice(&mut object, |choice| {
            splice::nested(choice, "message", |message| {
                splice::set(message, "content", &cleaned.text);
                splice::set(message, "annotations", &annotated.annotations);
                splice::set(message, "context", &annotated.context);
            });
        });
    }
    settlement.complete().await;
    object.to_bytes()
}
