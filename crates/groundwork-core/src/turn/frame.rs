//! One event of an answer's stream, as it stands on the wire.

use bytes::{BufMut, Bytes, BytesMut};
use groundwork_wire::sse;
use std::borrow::Cow;

/// The data that ends a chat stream.
const DONE: &[u8] = b"[DONE]";

/// A server-sent event: a name, where the dialect has names, and data, which is JSON or `[DONE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub event: Option<Cow<'static, str>>,
    pub data: Bytes,
    /// The frame as the target sent it, while nothing of it was changed.
    raw: Option<Bytes>,
}

impl Frame {
    pub fn new(event: Option<Cow<'static, str>>, data: impl Into<Bytes>) -> Self {
        Self { event, data: data.into(), raw: None }
    }

    /// A frame without a name.
    pub fn data(data: impl Into<Bytes>) -> Self {
        Self::new(None, data)
    }

    pub fn named(event: &'static str, data: impl Into<Bytes>) -> Self {
        Self::new(Some(Cow::Borrowed(event)), data)
    }

    /// The end of a chat stream.
    pub fn done() -> Self {
        Self { event: None, data: Bytes::from_static(DONE), raw: Some(sse::DONE) }
    }

    /// What a target sent; `None` when it says nothing, such as a comment that keeps the connection awake.
    pub fn received(frame: sse::Frame) -> Option<Self> {
        let sse::Frame { raw, event, data, id: _, retry_ms: _ } = frame;
        Some(Self { event: event.map(known), data: data?, raw: Some(raw) })
    }

    /// The same frame with other data.
    #[must_use]
    pub fn with_data(self, data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), raw: None, ..self }
    }

    pub fn is_done(&self) -> bool {
        self.data.trim_ascii() == DONE
    }

    /// The frame on the wire: the target's own bytes where nothing had to be changed.
    pub fn to_bytes(&self) -> Bytes {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        if self.data.contains(&b'\n') || self.data.contains(&b'\r') {
            return sse::encode(self.event.as_deref(), &String::from_utf8_lossy(&self.data));
        }
        let event = self.event.as_deref().unwrap_or_default();
        let mut out = BytesMut::with_capacity(self.data.len() + event.len() + 18);
        if !event.is_empty() {
            out.put_slice(b"event: ");
            out.put_slice(event.as_bytes());
            out.put_u8(b'\n');
        }
        out.put_slice(b"data: ");
        out.put_slice(&self.data);
        out.put_slice(b"\n\n");
        out.freeze()
    }
}

/// The names that come with every frame of a stream need no memory of their own.
fn known(event: String) -> Cow<'static, str> {
    const NAMES: [&str; 4] = ["content_block_delta", "response.output_text.delta", "ping", "message"];
    match NAMES.iter().find(|name| **name == event) {
        Some(name) => Cow::Borrowed(*name),
        None => Cow::Owned(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(bytes: &'static [u8]) -> Option<Frame> {
        let mut decoder = sse::Decoder::new(1 << 10);
        decoder.push(bytes);
        Frame::received(decoder.next().unwrap().unwrap())
    }

    #[test]
    fn an_unchanged_frame_leaves_as_it_came() {
        let odd = b"event:x\r\ndata:{\"a\":\r\ndata: 1}\r\n\r\n";
        let frame = received(odd).unwrap();
        assert_eq!((frame.to_bytes().as_ref(), frame.data.as_ref()), (odd.as_slice(), b"{\"a\":\n1}".as_slice()));
        assert_eq!(frame.with_data("{}").to_bytes(), "event: x\ndata: {}\n\n");
        assert_eq!(received(b": awake\n\n"), None);
    }

    #[test]
    fn our_own_frames_are_those_of_the_codec() {
        for (frame, event, data) in [
            (Frame::named("ping", r#"{"type":"ping"}"#), Some("ping"), r#"{"type":"ping"}"#),
            (Frame::data("a\nb"), None, "a\nb"),
            (Frame::done(), None, "[DONE]"),
        ] {
            assert_eq!(frame.to_bytes(), sse::encode(event, data));
        }
        assert!(Frame::data(" [DONE]").is_done() && !Frame::data("{}").is_done());
    }
}
