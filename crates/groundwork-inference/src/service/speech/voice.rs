//! What the service says, heard and said again: as it came to a client of the same dialect, translated to another.

use crate::target::Call;
use bytes::Bytes;
use groundwork_core::turn::recast;
use groundwork_core::turn::translate::{self, Reader, Translated, Translator};
use groundwork_core::turn::{Dialect, Event, Frame, Passed, ReadError, Usage};
use groundwork_wire::object::Object;
use groundwork_wire::sse::Decoder;

/// One stream's.
pub(super) enum Voice {
    Passes { reader: Reader, include_usage: bool },
    Translates(Box<Translator>),
}

impl Voice {
    pub(super) fn new(service: Dialect, call: &Call, model: &str) -> Self {
        if service == call.dialect {
            return Self::Passes { reader: Reader::new(service), include_usage: call.includes_usage() };
        }
        Self::Translates(Box::new(Translator::new(service, call.dialect, call.heading(model))))
    }

    pub(super) fn hear(&mut self, frame: Frame) -> Result<Translated, ReadError> {
        match self {
            Self::Passes { reader, include_usage } => {
                let Passed { frame, events } = reader.pass(frame, *include_usage)?;
                Ok(Translated { frames: frame.into_iter().collect(), events })
            }
            Self::Translates(translator) => translator.push(&frame),
        }
    }

    /// The connection has ended: what is left to say.
    pub(super) fn finish(&mut self) -> Translated {
        match self {
            Self::Passes { reader, .. } => Translated { frames: reader.left_out(), events: reader.finish() },
            Self::Translates(translator) => translator.finish(),
        }
    }

    /// Whether the answer has come to its end, so that an end of the connection is no accident.
    pub(super) fn is_finished(&self) -> bool {
        match self {
            Self::Passes { reader, .. } => reader.is_finished(),
            Self::Translates(translator) => translator.is_finished(),
        }
    }

    /// Whether its last event has come.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Passes { reader, .. } => reader.has_ended(),
            Self::Translates(translator) => translator.has_ended(),
        }
    }

    /// What an answer that failed says it used all the same.
    pub(super) fn used(&self) -> Option<Usage> {
        match self {
            Self::Passes { reader, .. } => reader.used(),
            Self::Translates(translator) => translator.used(),
        }
    }

    /// Whether what comes goes on as it is.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Passes { .. })
    }
}

/// A whole answer in the client's dialect, and what it says.
pub(super) fn whole(service: Dialect, call: &Call, model: &str, body: &Bytes) -> Result<(Bytes, Vec<Event>), ReadError> {
    // A chunk and a whole answer are read alike, and one reading is enough for what passes.
    if service == Dialect::Chat && call.dialect == Dialect::Chat {
        let mut reader = Reader::new(service);
        let mut events = reader.read(&Frame::data(body.clone()))?;
        if events.is_empty() {
            return Err(ReadError::Malformed("it has no 'choices'".to_owned()));
        }
        events.extend(reader.finish());
        return Ok((body.clone(), events));
    }
    let object = parse(body)?;
    if service == call.dialect {
        return Ok((body.clone(), translate::read(service, &object)?));
    }
    let (object, events) = translate::whole(service, call.dialect, &object, &call.heading(model))?;
    Ok((object.to_bytes(), events))
}

/// A stream of what came in one piece.
pub(super) fn streamed(service: Dialect, call: &Call, model: &str, body: &Bytes) -> Result<Translated, ReadError> {
    recast::stream_of(service, call.dialect, &parse(body)?, &call.heading(model))
}

/// What came as a stream in one piece.
pub(super) fn gathered(service: Dialect, call: &Call, model: &str, body: &Bytes) -> Result<(Bytes, Vec<Event>), ReadError> {
    recast::whole_of(service, call.dialect, &frames(body)?, &call.heading(model))
}

/// The last that a stream in one piece says, which is why it failed if it did.
pub(super) fn last(body: &Bytes) -> Option<Bytes> {
    frames(body).ok()?.into_iter().rfind(|frame| !frame.is_done()).map(|frame| frame.data)
}

fn frames(body: &Bytes) -> Result<Vec<Frame>, ReadError> {
    let mut decoder = Decoder::new(body.len());
    decoder.push(body);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next().map_err(|long| ReadError::Malformed(long.to_string()))? {
        frames.extend(Frame::received(frame));
    }
    frames.extend(decoder.finish().and_then(Frame::received));
    Ok(frames)
}

fn parse(body: &Bytes) -> Result<Object, ReadError> {
    Object::parse(body.clone()).map_err(|invalid| ReadError::Malformed(invalid.to_string()))
}

/// What stands behind a deployment or a router, as the answer says.
pub(super) fn model<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<String> {
    events.into_iter().find_map(|event| match event {
        Event::Start { model, .. } => model.clone(),
        _ => None,
    })
}
