//! Answers that are made here and not by a server.

use super::{Reply, Served, Spoken};
use futures::StreamExt;
use futures::stream;
use groundwork_core::turn::{Dialect, Event, FinishReason, Frame, Heading, Usage, translate};
use http::HeaderMap;

/// A text in the pieces in which it is streamed, and how it is to be sent.
pub struct Composed<'a> {
    pub dialect: Dialect,
    pub heading: Heading,
    pub pieces: &'a [String],
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub finish: FinishReason,
    pub stream: bool,
    pub headers: HeaderMap,
}

impl Composed<'_> {
    /// The answer, as if a server had sent it, usage included.
    pub fn reply(self) -> Reply {
        let usage = Usage { input_tokens: self.input_tokens, output_tokens: self.output_tokens, ..Usage::default() };
        let start = Event::Start { id: None, model: None, created: None };
        let texts = self.pieces.iter().map(|piece| Event::Text { choice: 0, text: piece.clone() });
        let end = [Event::Finish { choice: 0, reason: self.finish }, Event::Usage(usage)];
        let events = std::iter::once(start).chain(texts).chain(end).collect();
        reply(Manner { dialect: self.dialect, heading: self.heading, stream: self.stream, headers: self.headers }, events)
    }
}

/// How an answer is sent.
pub(crate) struct Manner {
    pub dialect: Dialect,
    pub heading: Heading,
    pub stream: bool,
    pub headers: HeaderMap,
}

/// An answer that is known as a whole.
pub(crate) fn reply(manner: Manner, events: Vec<Event>) -> Reply {
    let Manner { dialect, heading, stream, headers } = manner;
    if stream {
        let mut pen = Pen::new(dialect, heading);
        let mut spoken: Vec<Spoken> = events.into_iter().flat_map(|event| pen.write(event)).collect();
        spoken.extend(pen.finish());
        return Reply::Stream { headers, served: Served::default(), frames: stream::iter(spoken.into_iter().map(Ok)).boxed() };
    }
    let body = translate::write(dialect, events.iter().cloned(), &heading).to_bytes();
    Reply::Whole { headers, served: Served::default(), body, events }
}

/// Writes a stream in a dialect, each frame with what it says.
pub(crate) struct Pen {
    writer: translate::Writer,
    unsaid: Vec<Event>,
}

impl Pen {
    pub(crate) fn new(dialect: Dialect, heading: Heading) -> Self {
        Self { writer: translate::Writer::new(dialect, heading), unsaid: Vec::new() }
    }

    pub(crate) fn write(&mut self, event: Event) -> Vec<Spoken> {
        self.unsaid.push(event.clone());
        let frames = self.writer.write(event);
        self.spoken(frames)
    }

    pub(crate) fn finish(&mut self) -> Vec<Spoken> {
        let frames = self.writer.finish();
        self.spoken(frames)
    }

    fn spoken(&mut self, frames: Vec<Frame>) -> Vec<Spoken> {
        frames.into_iter().map(|frame| Spoken { frame, events: std::mem::take(&mut self.unsaid), unfiltered: false }).collect()
    }
}
