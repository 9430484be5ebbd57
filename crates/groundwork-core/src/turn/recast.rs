//! Answers in the form that was not asked for, which some servers give all the same: in one piece where a stream was asked for, and as a
//! stream where it was not.

use super::translate::{Reader, Translated, Writer, read, write};
use super::{Dialect, Event, Frame, Heading, ReadError, chat};
use bytes::Bytes;
use groundwork_wire::chat::Gathered;
use groundwork_wire::object::Object;
use groundwork_wire::responses::replay;

/// The stream that says what a whole answer says.
pub fn stream_of(from: Dialect, to: Dialect, body: &Object, heading: &Heading) -> Result<Translated, ReadError> {
    let events = read(from, body)?;
    if !events.iter().any(says) {
        return Err(ReadError::Malformed("it says nothing".to_owned()));
    }
    let frames = match (from, to) {
        (Dialect::Chat, Dialect::Chat) => chat::chunks(body, heading.include_usage),
        (Dialect::Responses, Dialect::Responses) => {
            replay(body).into_iter().map(|event| Frame::new(Some(event.kind), event.data)).collect()
        }
        (_, to) => {
            let mut writer = Writer::new(to, heading.clone());
            let mut frames: Vec<Frame> = events.iter().flat_map(|event| writer.write(event.clone())).collect();
            frames.extend(writer.finish());
            frames
        }
    };
    Ok(Translated { frames, events })
}

/// The whole answer that says what a stream says, and that.
pub fn whole_of(from: Dialect, to: Dialect, frames: &[Frame], heading: &Heading) -> Result<(Bytes, Vec<Event>), ReadError> {
    let mut reader = Reader::new(from);
    let mut events = Vec::new();
    for frame in frames {
        events.extend(reader.read(frame)?);
    }
    if !reader.is_finished() {
        return Err(ReadError::Malformed("it broke off".to_owned()));
    }
    events.extend(reader.finish());
    let kept = match (from, to) {
        (Dialect::Chat, Dialect::Chat) => gathered(frames),
        (Dialect::Responses, Dialect::Responses) => frames.iter().rev().find_map(whole_response),
        _ => None,
    };
    Ok((kept.unwrap_or_else(|| write(to, events.iter().cloned(), heading).to_bytes()), events))
}

/// Whether it is of the answer, and not only about it.
fn says(event: &Event) -> bool {
    !matches!(event, Event::Start { .. } | Event::Prompted(_) | Event::Usage(_) | Event::Tier(_))
}

fn gathered(frames: &[Frame]) -> Option<Bytes> {
    let mut gathered = Gathered::default();
    frames.iter().for_each(|frame| gathered.hear(&frame.data));
    gathered.whole()
}

/// The response in the last event; `None` when it leaves out what was said.
fn whole_response(frame: &Frame) -> Option<Bytes> {
    let response: Object = Object::parse(frame.data.clone()).ok()?.get("response", "an object").ok()??;
    let output: Vec<Object> = response.get("output", "an array of items").ok()??;
    (!output.is_empty()).then(|| response.to_bytes())
}
