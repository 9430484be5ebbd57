//! What is passed through to a scripted target: completions, moderations, rerankings, images and sound, enough of each to be told apart.

use super::pace::Pace;
use super::play::Play;
use super::{Answer, headers, served};
use crate::target::{CallError, Forward, Forwarded, Passing};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use groundwork_core::turn::{Dialect, Event, Frame, Heading, Usage};
use groundwork_wire::object::Object;
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};

/// A picture of one point.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub(super) struct Asked {
    kind: Kind,
    /// Empty when what came is no JSON.
    body: Object,
}

#[derive(Clone, Copy)]
enum Kind {
    Completion,
    Moderation,
    Reranking,
    Picture,
    Speech,
    Transcript,
}

impl Asked {
    pub(super) fn of(target: &str, forward: &Forward) -> Result<Self, CallError> {
        let kind = match forward.path.as_str() {
            "/completions" => Kind::Completion,
            "/moderations" => Kind::Moderation,
            "/rerank" => Kind::Reranking,
            "/audio/speech" => Kind::Speech,
            "/audio/transcriptions" | "/audio/translations" => Kind::Transcript,
            path if path.starts_with("/images/") => Kind::Picture,
            path => {
                return Err(CallError::Unsupported { target: target.to_owned(), message: format!("its script has nothing for {path}") });
            }
        };
        Ok(Self { kind, body: Object::parse(forward.body.clone()).unwrap_or_default() })
    }

    pub(super) fn streams(&self) -> bool {
        matches!(self.kind, Kind::Completion) && self.body.raw("stream").is_some_and(|raw| raw.as_ref() == b"true")
            || matches!(self.kind, Kind::Speech)
    }

    fn shows_usage(&self) -> bool {
        let options = self.body.raw("stream_options").and_then(|raw| Object::parse(raw.clone()).ok());
        options.is_some_and(|options| options.raw("include_usage").is_some_and(|raw| raw.as_ref() == b"true"))
    }
}

pub(super) async fn answer(pace: Pace, asked: Asked, model: String, answer: Answer) -> Result<Forwarded, CallError> {
    let (headers, served) = (headers(&answer), served(&answer));
    let heading = Heading { id: "cmpl-fake".to_owned(), model: model.clone(), created: 0, include_usage: false };
    let mut play = Play::new(pace, Dialect::Chat, heading, &asked.body, answer);
    let forwarded =
        |content_type: &str, body| Forwarded { status: 200, content_type: Some(content_type.to_owned()), headers, served, body };
    if asked.streams() {
        // What fails before the first piece is an error of the call.
        let first = play.piece().await.map_err(super::pace::before_the_first_byte)?.unwrap_or_default();
        return Ok(match asked.kind {
            Kind::Speech => forwarded("audio/mpeg", sound(play, &first)),
            _ => forwarded("text/event-stream", chunks(play, first, model, asked.shows_usage())),
        });
    }
    let events = play.all().await?;
    let (text, usage) = (text(&events), events.iter().find_map(used).unwrap_or_default());
    let body = match asked.kind {
        Kind::Completion | Kind::Speech => {
            let choice = json!({ "text": text, "index": 0, "logprobs": null, "finish_reason": "stop" });
            json!({ "id": "cmpl-fake", "object": "text_completion", "created": 0, "model": model, "choices": [choice], "usage": counted(usage) })
        }
        Kind::Moderation => {
            let result = json!({ "flagged": false, "categories": {}, "category_scores": {}, "category_applied_input_types": {} });
            json!({ "id": "modr-fake", "model": model, "results": [result] })
        }
        Kind::Reranking => json!({ "id": "rerank-fake", "model": model, "results": judged(&asked.body) }),
        Kind::Picture => {
            let (input, output) = (usage.input_tokens, usage.output_tokens);
            let usage = json!({ "input_tokens": input, "output_tokens": output, "total_tokens": input + output });
            json!({ "created": 0, "data": [{ "b64_json": PICTURE }], "usage": usage })
        }
        Kind::Transcript => json!({ "text": text }),
    };
    let body: Bytes = body.to_string().into();
    Ok(forwarded("application/json", Passing::Bytes(stream::iter([Ok(body)]).boxed())))
}

/// Documents by the share of the question's words that they have, the best first.
fn judged(body: &Object) -> Vec<Value> {
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let query = words(&body.get::<String>("query", "a string").ok().flatten().unwrap_or_default());
    let documents = body.get::<Vec<String>>("documents", "a list of strings").ok().flatten().unwrap_or_default();
    let score = |text: &String| words(text).intersection(&query).count() as f64 / query.len().max(1) as f64;
    let mut judged: Vec<(usize, f64)> = documents.iter().map(score).enumerate().collect();
    judged.sort_by(|a, b| b.1.total_cmp(&a.1));
    judged.into_iter().map(|(index, score)| json!({ "index": index, "relevance_score": score })).collect()
}

/// A completion, chunk by chunk.
fn chunks(play: Play, first: Vec<Event>, model: String, shows_usage: bool) -> Passing {
    let told = move |events: Vec<Event>| {
        let chunk = |choices: Value, usage: Option<Usage>| {
            let mut chunk = json!({ "id": "cmpl-fake", "object": "text_completion", "created": 0, "model": model, "choices": choices });
            if shows_usage {
                chunk["usage"] = usage.map_or(Value::Null, counted);
            }
            Frame::data(chunk.to_string())
        };
        let choice = |text: &str, finish: Option<&str>| json!([{ "text": text, "index": 0, "logprobs": null, "finish_reason": finish }]);
        let one = |event: Event| match event {
            Event::Text { text, .. } => Some(chunk(choice(&text, None), None)),
            Event::Finish { reason, .. } => Some(chunk(choice("", Some(reason.as_str())), None)),
            Event::Usage(usage) if shows_usage => Some(chunk(json!([]), Some(usage))),
            _ => None,
        };
        events.into_iter().filter_map(one).collect::<VecDeque<_>>()
    };
    let ready = told(first);
    let frames = stream::try_unfold((Some(play), ready), move |(mut play, mut ready)| {
        let told = told.clone();
        async move {
            loop {
                if let Some(frame) = ready.pop_front() {
                    return Ok(Some((frame, (play, ready))));
                }
                let Some(playing) = &mut play else { return Ok(None) };
                match playing.piece().await? {
                    Some(events) => ready.extend(told(events)),
                    None => {
                        play = None;
                        ready.push_back(Frame::done());
                    }
                }
            }
        }
    });
    Passing::Events(frames.boxed())
}

/// Sound that is its text.
fn sound(play: Play, first: &[Event]) -> Passing {
    let begin: Bytes = text(first).into();
    let rest = stream::try_unfold(play, |mut play| async move {
        let piece = play.piece().await?;
        Ok(piece.map(|events| (Bytes::from(text(&events)), play)))
    });
    Passing::Bytes(stream::iter([Ok(begin)]).chain(rest).boxed())
}

fn text(events: &[Event]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        Event::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn used(event: &Event) -> Option<Usage> {
    match event {
        Event::Usage(usage) => Some(*usage),
        _ => None,
    }
}

fn counted(usage: Usage) -> Value {
    let (input, output) = (usage.input_tokens, usage.output_tokens);
    json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
        "prompt_tokens_details": { "cached_tokens": usage.cached_tokens },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
    })
}
