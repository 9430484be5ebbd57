//! Answers that are made here and not by a server.

use super::{CallError, Headers, Reply, Served, Spoken};
use futures::StreamExt;
use futures::stream;
use groundwork_core::turn::{Dialect, Event, FinishReason, Frame, Heading, Usage, chat};

/// A text in the pieces in which it is streamed, and how it is to be sent.
pub struct Composed<'a> {
    pub dialect: Dialect,
    pub heading: Heading,
    pub pieces: &'a [String],
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub stream: bool,
    pub headers: Headers,
}

impl Composed<'_> {
    /// The answer of `target`, as if a server had sent it, usage included.
    pub fn reply(self, target: &str) -> Result<Reply, CallError> {
        let usage = Usage { input_tokens: self.input_tokens, output_tokens: self.output_tokens, ..Usage::default() };
        let start = Event::Start { id: None, model: None, created: None };
        let texts = self.pieces.iter().map(|piece| Event::Text { choice: 0, text: piece.clone() });
        let end = [Event::Finish { choice: 0, reason: FinishReason::Stop }, Event::Usage(usage)];
        let events = std::iter::once(start).chain(texts).chain(end).collect();
        reply(target, Manner { dialect: self.dialect, heading: self.heading, stream: self.stream, headers: self.headers }, events)
    }
}

/// How an answer is sent.
pub(crate) struct Manner {
    pub dialect: Dialect,
    pub heading: Heading,
    pub stream: bool,
    pub headers: Headers,
}

/// An answer that is known as a whole.
pub(crate) fn reply(target: &str, manner: Manner, events: Vec<Event>) -> Result<Reply, CallError> {
    let Manner { dialect, heading, stream, headers } = manner;
    let mut pen = Pen::new(target, dialect, heading.clone())?;
    if stream {
        let mut spoken: Vec<Spoken> = events.into_iter().flat_map(|event| pen.write(event)).collect();
        spoken.extend(pen.finish());
        return Ok(Reply::Stream { headers, served: Served::default(), frames: stream::iter(spoken.into_iter().map(Ok)).boxed() });
    }
    Ok(Reply::Whole { headers, served: Served::default(), body: chat::write(events.clone(), &heading).to_bytes(), events })
}

/// Writes a stream in a dialect, each frame with what it says.
pub(crate) struct Pen {
    writer: chat::Writer,
    unsaid: Vec<Event>,
}

impl Pen {
    pub(crate) fn new(target: &str, dialect: Dialect, heading: Heading) -> Result<Self, CallError> {
        if dialect != Dialect::Chat {
            return Err(CallError::Unsupported { target: target.to_owned(), message: format!("it does not speak {}", dialect.as_str()) });
        }
        Ok(Self { writer: chat::Writer::new(heading), unsaid: Vec::new() })
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
