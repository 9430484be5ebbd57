//! What the service says, heard and said again: as it came to a client of the same dialect, translated to another.

use groundwork_core::turn::{Event, Frame, Heading, ReadError, chat};

/// One stream's.
pub(super) enum Voice {
    Chat { reader: chat::Reader, include_usage: bool },
}

/// What becomes of a frame.
pub(super) struct Heard {
    /// For the client; none when it need not see what was said.
    pub frames: Vec<Frame>,
    pub events: Vec<Event>,
}

impl Voice {
    pub(super) fn new(heading: &Heading) -> Self {
        Self::Chat { reader: chat::Reader::new(), include_usage: heading.include_usage }
    }

    pub(super) fn hear(&mut self, frame: Frame) -> Result<Heard, ReadError> {
        match self {
            Self::Chat { reader, include_usage } => {
                let chat::Passed { frame, events } = reader.pass(frame, *include_usage)?;
                Ok(Heard { frames: frame.into_iter().collect(), events })
            }
        }
    }

    /// The connection has ended: what is left to say.
    pub(super) fn finish(&mut self) -> Heard {
        match self {
            Self::Chat { reader, .. } => Heard { frames: Vec::new(), events: reader.finish() },
        }
    }

    /// Whether the answer has come to its end, so that an end of the connection is no accident.
    pub(super) fn is_finished(&self) -> bool {
        match self {
            Self::Chat { reader, .. } => reader.is_finished(),
        }
    }
}

/// What a whole answer says.
pub(super) fn whole(body: &bytes::Bytes) -> Result<Vec<Event>, ReadError> {
    let mut reader = chat::Reader::new();
    let mut events = reader.read(&Frame::data(body.clone()))?;
    if events.is_empty() {
        return Err(ReadError::Malformed("it has no 'choices'".to_owned()));
    }
    events.extend(reader.finish());
    Ok(events)
}

/// What stands behind a deployment or a router, as the answer says.
pub(super) fn model<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<String> {
    events.into_iter().find_map(|event| match event {
        Event::Start { model, .. } => model.clone(),
        _ => None,
    })
}
