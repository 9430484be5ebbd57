//! From one dialect into another: requests, whole answers and streams.
//!
//! Only where two dialects differ. Where they are the same the bytes pass, which keeps what no model of ours has a name for.

use super::{Dialect, Event, Frame, Heading, Passed, ReadError, Turn, Usage, chat, messages, responses};
use groundwork_wire::error::{Error, Invalid};
use groundwork_wire::object::Object;

/// Listens to a stream in any dialect.
#[derive(Debug)]
pub enum Reader {
    Chat(chat::Reader),
    Responses(responses::Reader),
    Messages(messages::Reader),
}

/// Writes a stream in any dialect.
#[derive(Debug)]
pub enum Writer {
    Chat(chat::Writer),
    Responses(responses::Writer),
    Messages(messages::Writer),
}

/// Takes the stream of a target in one dialect and gives it in another.
#[derive(Debug)]
pub struct Translator {
    reader: Reader,
    writer: Writer,
}

/// What became of one frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Translated {
    pub frames: Vec<Frame>,
    pub events: Vec<Event>,
}

/// A request of `from` as one of `to`, for the target's own `model`.
pub fn request(from: Dialect, to: Dialect, body: &Object, model: &str, stream: bool) -> Result<Object, Invalid> {
    Turn::read(from, body)?.write(to, model, stream)
}

/// A whole answer of `from` as one of `to`, and what it says.
pub fn whole(from: Dialect, to: Dialect, body: &Object, heading: &Heading) -> Result<(Object, Vec<Event>), ReadError> {
    let events = read(from, body)?;
    Ok((write(to, events.iter().cloned(), heading), events))
}

/// What a whole answer says.
pub fn read(dialect: Dialect, body: &Object) -> Result<Vec<Event>, ReadError> {
    match dialect {
        Dialect::Chat => chat::read(body),
        Dialect::Responses => responses::read(body),
        Dialect::Messages => messages::read(body),
    }
}

/// A whole answer of these events.
pub fn write(dialect: Dialect, events: impl IntoIterator<Item = Event>, heading: &Heading) -> Object {
    match dialect {
        Dialect::Chat => chat::write(events, heading),
        Dialect::Responses => responses::write(events, heading),
        Dialect::Messages => messages::write(events, heading),
    }
}

/// The frames that end a stream which fails after it began, in the words of its dialect.
pub fn failure(dialect: Dialect, error: &Error, status: u16) -> Frame {
    match dialect {
        Dialect::Chat => Frame::data(error.to_bytes()),
        Dialect::Responses => {
            let body = serde_json::json!({ "type": "error", "code": error.code, "message": error.message, "param": error.param });
            Frame::named("error", body.to_string())
        }
        Dialect::Messages => Frame::named("error", groundwork_wire::messages::Error::of(error, status).to_bytes()),
    }
}

impl Turn {
    /// What a request of any dialect asks.
    pub fn read(dialect: Dialect, body: &Object) -> Result<Self, Invalid> {
        match dialect {
            Dialect::Chat => Self::from_chat(body),
            Dialect::Responses => Self::from_responses(body),
            Dialect::Messages => Self::from_messages(body),
        }
    }

    /// The request in any dialect.
    pub fn write(&self, dialect: Dialect, model: &str, stream: bool) -> Result<Object, Invalid> {
        match dialect {
            Dialect::Chat => self.to_chat(model, stream),
            Dialect::Responses => self.to_responses(model, stream),
            Dialect::Messages => self.to_messages(model, stream),
        }
    }
}

impl Translator {
    pub fn new(from: Dialect, to: Dialect, heading: Heading) -> Self {
        Self { reader: Reader::new(from), writer: Writer::new(to, heading) }
    }

    /// The frames that say what `frame` says; there may be none.
    pub fn push(&mut self, frame: &Frame) -> Result<Translated, ReadError> {
        let events = self.reader.read(frame)?;
        let frames = events.iter().flat_map(|event| self.writer.write(event.clone())).collect();
        Ok(Translated { frames, events })
    }

    /// The end of the target's stream. Nothing is to be pushed afterwards.
    pub fn finish(&mut self) -> Translated {
        let events = self.reader.finish();
        let mut frames: Vec<Frame> = events.iter().flat_map(|event| self.writer.write(event.clone())).collect();
        frames.extend(self.writer.finish());
        Translated { frames, events }
    }

    /// Whether the target's answer has come to its end. A stream that ends before was cut.
    pub fn is_finished(&self) -> bool {
        self.reader.is_finished()
    }

    /// Whether its last event has come.
    pub fn has_ended(&self) -> bool {
        self.reader.has_ended()
    }

    /// What an answer that failed says it used all the same.
    pub fn used(&self) -> Option<Usage> {
        self.reader.used()
    }
}

impl Reader {
    pub fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Chat => Self::Chat(chat::Reader::new()),
            Dialect::Responses => Self::Responses(responses::Reader::new()),
            Dialect::Messages => Self::Messages(messages::Reader::new()),
        }
    }

    /// What one frame says.
    pub fn read(&mut self, frame: &Frame) -> Result<Vec<Event>, ReadError> {
        match self {
            Self::Chat(reader) => reader.read(frame),
            Self::Responses(reader) => reader.read(frame),
            Self::Messages(reader) => reader.read(frame),
        }
    }

    /// What one frame says, and the frame as a client of the same dialect is to see it.
    pub fn pass(&mut self, frame: Frame, include_usage: bool) -> Result<Passed, ReadError> {
        match self {
            Self::Chat(reader) => reader.pass(frame, include_usage),
            Self::Responses(reader) => Ok(Passed { events: reader.read(&frame)?, frame: Some(frame) }),
            Self::Messages(reader) => Ok(Passed { events: reader.read(&frame)?, frame: Some(messages::named(frame)) }),
        }
    }

    /// The frames that the service left out at the end of a stream that passes.
    pub fn left_out(&self) -> Vec<Frame> {
        match self {
            Self::Messages(reader) if !reader.has_ended() => vec![messages::last_frame()],
            Self::Chat(_) | Self::Responses(_) | Self::Messages(_) => Vec::new(),
        }
    }

    /// What is left to say at the end of the stream.
    pub fn finish(&mut self) -> Vec<Event> {
        match self {
            Self::Chat(reader) => reader.finish(),
            Self::Responses(reader) => reader.finish(),
            Self::Messages(reader) => reader.finish(),
        }
    }

    /// Whether the answer has come to its end. A stream that ends before was cut.
    pub fn is_finished(&self) -> bool {
        match self {
            Self::Chat(reader) => reader.is_finished(),
            Self::Responses(reader) => reader.is_finished(),
            Self::Messages(reader) => reader.is_finished(),
        }
    }

    /// Whether its last event has come. A chat stream has a mark for that.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Chat(_) => false,
            Self::Responses(reader) => reader.is_finished(),
            Self::Messages(reader) => reader.has_ended(),
        }
    }

    /// What an answer that failed says it used all the same.
    pub fn used(&self) -> Option<Usage> {
        match self {
            Self::Responses(reader) => reader.used(),
            Self::Chat(_) | Self::Messages(_) => None,
        }
    }
}

impl Writer {
    pub fn new(dialect: Dialect, heading: Heading) -> Self {
        match dialect {
            Dialect::Chat => Self::Chat(chat::Writer::new(heading)),
            Dialect::Responses => Self::Responses(responses::Writer::new(heading)),
            Dialect::Messages => Self::Messages(messages::Writer::new(heading)),
        }
    }

    /// The frames that say an event.
    pub fn write(&mut self, event: Event) -> Vec<Frame> {
        match self {
            Self::Chat(writer) => writer.write(event),
            Self::Responses(writer) => writer.write(event),
            Self::Messages(writer) => writer.write(event),
        }
    }

    /// The frames of the end.
    pub fn finish(&mut self) -> Vec<Frame> {
        match self {
            Self::Chat(writer) => writer.finish(),
            Self::Responses(writer) => writer.finish(),
            Self::Messages(writer) => writer.finish(),
        }
    }
}
