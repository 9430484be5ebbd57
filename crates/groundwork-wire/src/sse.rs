//! Server-sent events: frames split in bytes before any decoding, as the WHATWG standard has them.

use bytes::Bytes;

/// The end of an OpenAI stream, as a frame.
pub const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// One frame: everything up to and including a blank line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The bytes as they came.
    pub raw: Bytes,
    pub event: Option<String>,
    /// The `data` lines joined by LF; `None` for a frame without any, such as a comment that keeps the connection awake.
    pub data: Option<String>,
    pub id: Option<String>,
    pub retry_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a frame of the event stream passes {limit} bytes")]
pub struct FrameTooLong {
    pub limit: usize,
}

/// Splits a byte stream, cut anywhere, into frames.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
}

impl Decoder {
    /// A decoder that refuses frames of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit }
    }

    /// Takes the next bytes. Call `next` until it gives `None` afterwards.
    pub fn push(&mut self, bytes: &[u8]) {
        unimplemented!("{} {}", self.limit, bytes.len())
    }

    /// The next whole frame.
    pub fn next(&mut self) -> Result<Option<Frame>, FrameTooLong> {
        unimplemented!()
    }

    /// What is left at the end of the stream: a frame that its sender did not close with a blank line.
    pub fn finish(self) -> Option<Frame> {
        unimplemented!()
    }
}

/// A frame with `data`, and with an event name where the dialect has one.
pub fn encode(event: Option<&str>, data: &str) -> Bytes {
    unimplemented!("{event:?} {data}")
}

/// A comment, which clients ignore: a heartbeat.
pub fn comment(text: &str) -> Bytes {
    unimplemented!("{text}")
}
