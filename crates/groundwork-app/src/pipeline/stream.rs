//! An answer chunk by chunk. Without documents behind it, each chunk goes on as it came; with them, its marks are cleaned on the way
//! and the checked citations come before the finish.

use super::admit::Admitted;
use super::annotate::{Grounds, annotate};
use super::error::CallError;
use super::run::{Item, shutting_down};
use super::settle::{Heard, Settlement};
use super::splice;
use crate::App;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use groundwork_core::citation::{Cleaned, Located, Marks};
use groundwork_core::turn::{Event, Frame};
use groundwork_inference::target::{self, Frames, Spoken};
use groundwork_wire::chat::{self, Chunk};
use groundwork_wire::object::Object;
use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;

/// The stream that the client reads. It ends by itself and settles the call; dropped before, it cancels the call and settles it too.
pub(super) fn respond(
    app: &App,
    frames: Frames,
    grounds: Option<Grounds>,
    admitted: &Admitted,
    settlement: Settlement,
) -> BoxStream<'static, Item> {
    let grounded = grounds.map(|grounds| Grounded {
        marks: Marks::new(grounds.sources.len() as u32),
        grounds,
        text: String::new(),
        citations: Vec::new(),
        like: None,
    });
    let answer = Running {
        cut: Box::pin(app.inner().cut.clone().cancelled_owned()),
        app: app.clone(),
        frames,
        grounded,
        include_usage: admitted.asked.include_usage,
        deadline: admitted.deadline,
        settlement: Some(settlement),
        ready: VecDeque::new(),
    };
    // Boxed, so that it is not moved with every item.
    stream::unfold(Box::new(answer), |mut answer| async move { answer.next().await.map(|item| (item, answer)) }).boxed()
}

struct Running {
    app: App,
    /// Over when the server stops waiting for its answers. Listened for once a stream and not once a frame.
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    frames: Frames,
    grounded: Option<Grounded>,
    /// The client asked for the usage chunk.
    include_usage: bool,
    deadline: Instant,
    /// `None` at the end.
    settlement: Option<Settlement>,
    ready: VecDeque<Item>,
}

/// The citations of an answer in the making.
struct Grounded {
    grounds: Grounds,
    marks: Marks,
    text: String,
    citations: Vec<Located>,
    /// Id, time and model of the answer's chunks, for those that we add.
    like: Option<chat::Stream>,
}

impl Running {
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            let settlement = self.settlement.as_ref()?;
            let spoken = tokio::select! {
                spoken = self.frames.next() => spoken,
                () = &mut self.cut => return self.fail(shutting_down()),
            };
            match spoken {
                Some(Ok(Spoken { frame, events, .. })) => {
                    settlement.heard(&events);
                    if events.iter().any(|event| matches!(event, Event::Retracted { .. })) {
                        // No sources are named for words that are taken back.
                        self.grounded = None;
                        self.ready.push_back(Item::Frame(frame));
                        return Some(Item::Retracted);
                    }
                    // Nothing has to be changed in what no documents stand behind.
                    if self.grounded.is_none() {
                        return Some(Item::Frame(frame));
                    }
                    if frame.is_done() {
                        self.conclude(None).await;
                        self.ready.push_back(Item::Frame(frame));
                        continue;
                    }
                    match Chunk::parse(frame.data) {
                        Ok(chunk) => self.take(chunk).await,
                        Err(error) => {
                            let (target, message) = ("groundwork".to_owned(), error.to_string());
                            return self.fail(target::CallError::Broken { target, message }.into());
                        }
                    }
                }
                Some(Err(error)) => {
                    error.used().inspect(|used| settlement.used(*used));
                    return self.fail(error.into());
                }
                None => self.end().await,
            }
        }
    }

    fn fail(&mut self, error: CallError) -> Option<Item> {
        self.settlement.take()?.fail(error.kind(), error.http_status());
        Some(Item::Error(error))
    }

    async fn end(&mut self) {
        self.conclude(None).await;
        if let Some(settlement) = self.settlement.take() {
            settlement.complete();
        }
    }

    async fn take(&mut self, chunk: Chunk) {
        let mut object = chunk.object.clone();
        if !self.include_usage && object.raw("usage").is_some() {
            if chunk.choices.is_empty() && chunk.usage.is_some() {
                return;
            }
            object.remove("usage");
        }
        let first = chunk.choices.iter().find(|choice| choice.index == 0);
        let finishes = first.is_some_and(|choice| choice.finish_reason.is_some());
        let Some(grounded) = &mut self.grounded else { return self.send(&object) };
        // Azure's chunks about its filter call themselves nothing.
        if grounded.like.as_ref().is_none_or(|like| like.id.is_empty()) {
            grounded.like = Some(like(&object, self.include_usage));
        }
        let content = first.and_then(|choice| choice.delta.as_ref()?.content.as_deref()).unwrap_or_default();
        let cleaned = if content.is_empty() { String::new() } else { grounded.push(content) };
        if finishes {
            if !cleaned.is_empty() {
                self.say(&cleaned);
            }
            return self.conclude(Some(object)).await;
        }
        if content == cleaned {
            return self.send(&object);
        }
        splice::first_choice(&mut object, |choice| splice::nested(choice, "delta", |delta| splice::set(delta, "content", &cleaned)));
        self.send(&object);
    }

    /// The answer's text is whole: what was held back of it, its citations, then the chunk with the finish reason.
    async fn conclude(&mut self, finish: Option<Object>) {
        if let Some(grounded) = self.grounded.take() {
            let Grounded { grounds, marks, mut text, mut citations, like } = grounded;
            let (rest, tally) = marks.finish();
            text.push_str(&rest.text);
            citations.extend(rest.citations);
            if let Some(like) = &like {
                if !rest.text.is_empty() {
                    self.ready.push_back(Item::Frame(Frame::data(like.text(&rest.text))));
                }
                let annotated = annotate(&self.app, &grounds, (&text, &citations, tally), self.deadline).await;
                if let Some(settlement) = &self.settlement {
                    settlement.checked(annotated.counts);
                }
                self.ready.push_back(Item::Frame(Frame::data(like.citations(&annotated.annotations, Some(&annotated.context)))));
            }
        }
        if let Some(mut finish) = finish {
            // Its text, if it had any, has been sent.
            splice::first_choice(&mut finish, |choice| {
                splice::nested(choice, "delta", |delta| {
                    delta.remove("content");
                });
            });
            self.send(&finish);
        }
    }

    fn say(&mut self, text: &str) {
        if let Some(like) = self.grounded.as_ref().and_then(|grounded| grounded.like.as_ref()) {
            self.ready.push_back(Item::Frame(Frame::data(like.text(text))));
        }
    }

    fn send(&mut self, object: &Object) {
        self.ready.push_back(Item::Frame(Frame::data(object.to_bytes())));
    }
}

impl Drop for Running {
    /// The client has hung up, unless the call was settled.
    fn drop(&mut self) {
        if let Some(settlement) = self.settlement.take() {
            let frames = std::mem::replace(&mut self.frames, stream::empty().boxed());
            settlement.hang_up(frames.map(Heard::spoken).boxed());
        }
    }
}

impl Grounded {
    fn push(&mut self, content: &str) -> String {
        let Cleaned { text, citations } = self.marks.push(content);
        self.text.push_str(&text);
        self.citations.extend(citations);
        text
    }
}

/// Chunks of ours that look like the upstream's.
fn like(object: &Object, include_usage: bool) -> chat::Stream {
    let text = |key| object.get::<String>(key, "a string").ok().flatten().unwrap_or_default();
    chat::Stream {
        id: text("id"),
        created: object.get("created", "a number").ok().flatten().unwrap_or_default(),
        model: text("model"),
        include_usage,
    }
}
