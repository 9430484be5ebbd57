//! Server-sent events: frames split in bytes before any decoding, as the WHATWG standard has them.

use bytes::{Bytes, BytesMut};
use memchr::{memchr2, memchr2_iter};

/// The end of an OpenAI stream, as a frame.
pub const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// One frame: everything up to and including a blank line. The raw bytes of all frames, in order, are the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The bytes as they came.
    pub raw: Bytes,
    pub event: Option<String>,
    /// The `data` lines joined by LF, as UTF-8; `None` for a frame without any, such as a comment that keeps the connection awake.
    pub data: Option<Bytes>,
    pub id: Option<String>,
    pub retry_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a frame of the event stream passes {limit} bytes")]
pub struct FrameTooLong {
    pub limit: usize,
}

/// Splits a byte stream, cut anywhere, into frames. Lines end with LF, CRLF or CR, in any mixture.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    buffer: BytesMut,
    /// How much of the buffer has been searched for a blank line.
    searched: usize,
    /// Where in the buffer the line begins that `searched` stands in.
    line_start: usize,
    /// Nothing has been taken out yet, so a byte order mark may still stand at the front.
    at_start: bool,
    /// The last frame ended with a CR: a LF at the front of the buffer still belongs to that line end.
    after_cr: bool,
}

impl Decoder {
    /// A decoder that refuses frames of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: BytesMut::new(), searched: 0, line_start: 0, at_start: true, after_cr: false }
    }

    /// Takes the next bytes. Call `next` until it gives `None` afterwards.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` until more bytes have come.
    #[expect(clippy::should_implement_trait, reason = "it is a Result of an Option, and None is not the end")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameTooLong> {
        if self.searched == 0 && !self.skip_leading() {
            return Ok(None);
        }
        while let Some(at) = memchr2(b'\n', b'\r', &self.buffer[self.searched..]) {
            let line_end = self.searched + at;
            let byte = self.buffer[line_end];
            self.searched = line_end + 1;
            let follows_cr = byte == b'\n' && line_end > 0 && self.buffer[line_end - 1] == b'\r' && line_end == self.line_start;
            if !follows_cr && line_end == self.line_start {
                return self.cut(byte == b'\r').map(Some);
            }
            self.line_start = self.searched;
        }
        self.searched = self.buffer.len();
        if self.buffer.len() > self.limit { Err(FrameTooLong { limit: self.limit }) } else { Ok(None) }
    }

    /// What is left at the end of the stream: a frame that its sender did not close with a blank line.
    pub fn finish(mut self) -> Option<Frame> {
        (!self.buffer.is_empty()).then(|| {
            let raw = self.buffer.split().freeze();
            self.read(&raw)
        })
    }

    /// Steps over what stands before the first line of a frame: the byte order mark of the stream, the LF of a CRLF that was cut.
    /// False while that cannot be told.
    fn skip_leading(&mut self) -> bool {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if self.at_start && self.buffer.len() < MARK.len() && MARK.starts_with(&self.buffer) {
            return false;
        }
        let leading = match self.buffer.first() {
            Some(b'\n') if self.after_cr => 1,
            _ if self.at_start && self.buffer.starts_with(MARK) => MARK.len(),
            _ => 0,
        };
        self.searched = leading;
        self.line_start = leading;
        true
    }

    fn cut(&mut self, after_cr: bool) -> Result<Frame, FrameTooLong> {
        if self.searched > self.limit {
            return Err(FrameTooLong { limit: self.limit });
        }
        let mut end = self.searched;
        let mut after_cr = after_cr;
        if after_cr && self.buffer.get(end) == Some(&b'\n') {
            end += 1;
            after_cr = false;
        }
        let raw = self.buffer.split_to(end).freeze();
        let frame = self.read(&raw);
        (self.searched, self.line_start, self.at_start, self.after_cr) = (0, 0, false, after_cr);
        Ok(frame)
    }

    fn read(&self, raw: &Bytes) -> Frame {
        // Nearly every frame is one line of data.
        if let Some(data) = raw.strip_prefix(b"data: ").and_then(|rest| rest.strip_suffix(b"\n\n"))
            && memchr2(b'\n', b'\r', data).is_none()
            && std::str::from_utf8(data).is_ok()
        {
            return Frame { raw: raw.clone(), event: None, data: Some(raw.slice_ref(data)), id: None, retry_ms: None };
        }
        // What is no text becomes text; what is, which is nearly always so, is not copied.
        let mended: Bytes;
        let (text, whole) = match std::str::from_utf8(raw) {
            Ok(text) => (text, raw),
            Err(_) => {
                mended = String::from_utf8_lossy(raw).into_owned().into();
                (std::str::from_utf8(&mended).unwrap_or_default(), &mended)
            }
        };
        let text = if self.at_start { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        let mut frame = Frame { raw: raw.clone(), event: None, data: None, id: None, retry_ms: None };
        let mut joined: Option<Vec<u8>> = None;
        for line in split(text) {
            // The empty lines that CRLF leaves between its halves say nothing either.
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "data" => match &mut frame.data {
                    Some(first) => {
                        let joined = joined.get_or_insert_with(|| first.to_vec());
                        joined.push(b'\n');
                        joined.extend_from_slice(value.as_bytes());
                    }
                    data @ None => *data = Some(whole.slice_ref(value.as_bytes())),
                },
                "event" => frame.event = Some(value.to_owned()),
                "id" if !value.contains('\0') => frame.id = Some(value.to_owned()),
                "retry" if value.bytes().all(|b| b.is_ascii_digit()) => frame.retry_ms = value.parse().ok(),
                _ => {}
            }
        }
        if let Some(joined) = joined {
            frame.data = Some(joined.into());
        }
        frame
    }
}

/// What stands between line ends. A frame is split for every piece of every answer, and byte by byte that takes its time.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr2_iter(b'\n', b'\r', text.as_bytes()).chain([text.len()]);
    ends.scan(0, |from, end| Some(&text[std::mem::replace(from, end + 1)..end]))
}

/// A frame with `data`, and with an event name where the dialect has one.
pub fn encode(event: Option<&str>, data: &str) -> Bytes {
    let mut out = String::with_capacity(data.len() + 32);
    if let Some(event) = event {
        line(&mut out, "event: ", &event.replace(['\n', '\r'], " "));
    }
    for part in lines(data) {
        line(&mut out, "data: ", part);
    }
    out.push('\n');
    out.into()
}

/// A comment, which clients ignore: a heartbeat.
pub fn comment(text: &str) -> Bytes {
    let mut out = String::with_capacity(text.len() + 4);
    for part in lines(text) {
        line(&mut out, ": ", part);
    }
    out.push('\n');
    out.into()
}

fn line(out: &mut String, field: &str, value: &str) {
    out.push_str(field);
    out.push_str(value);
    out.push('\n');
}

/// The lines of a text, whatever ends them; at least one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(pieces: &[&[u8]]) -> Vec<Frame> {
        let mut decoder = Decoder::new(1 << 20);
        let mut frames = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Some(frame) = decoder.next().unwrap() {
                frames.push(frame);
            }
        }
        frames.extend(decoder.finish());
        frames
    }

    fn text(data: &Bytes) -> String {
        String::from_utf8(data.to_vec()).unwrap()
    }

    fn data(bytes: &[u8]) -> Vec<Option<String>> {
        decode(&[bytes]).into_iter().map(|frame| frame.data.as_ref().map(text)).collect()
    }

    #[test]
    fn frames_end_at_a_blank_line_of_any_kind() {
        for stream in [
            "data: a\n\ndata: b\n\n",
            "data: a\r\n\r\ndata: b\r\n\r\n",
            "data: a\r\rdata: b\r\r",
            "data:a\r\n\ndata: b\n\r\n",
            "data: a\n\rdata: b\r\n\r",
        ] {
            let seen: Vec<_> = data(stream.as_bytes()).into_iter().flatten().collect();
            assert_eq!(seen, ["a", "b"], "{stream:?}");
        }
    }

    #[test]
    fn the_lines_of_one_frame_join_and_other_fields_are_read() {
        let frames = decode(&["\u{feff}: hi\n\nevent: x\nid: 7\nretry: 250\ndata: a\ndata:\ndata:  b\nunknown: c\n\n".as_bytes()]);
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].data, None);
        let Frame { event, data, id, retry_ms, .. } = &frames[1];
        assert_eq!(
            (event.as_deref(), data.as_deref(), id.as_deref(), *retry_ms),
            (Some("x"), Some(b"a\n\n b".as_slice()), Some("7"), Some(250))
        );
    }

    #[test]
    fn only_the_first_byte_order_mark_is_one() {
        assert_eq!(data("\u{feff}data: a\n\n\u{feff}data: b\n\n".as_bytes()), [Some("a".to_owned()), None]);
    }

    #[test]
    fn a_frame_that_nobody_closed_comes_out_at_the_end() {
        assert_eq!(data(b"data: a\n\ndata: b"), [Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(data(b""), []);
    }

    #[test]
    fn a_frame_without_end_is_refused_at_the_limit() {
        let mut decoder = Decoder::new(16);
        decoder.push(b"data: 0123456789\n\n");
        assert_eq!(decoder.next(), Err(FrameTooLong { limit: 16 }));
        let mut decoder = Decoder::new(16);
        decoder.push(b"data: 0123456789x");
        assert_eq!(decoder.next(), Err(FrameTooLong { limit: 16 }));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        assert_eq!(encode(None, "[DONE]"), DONE);
        assert_eq!(encode(Some("a\nb"), "1\r\n2\r3"), "event: a b\ndata: 1\ndata: 2\ndata: 3\n\n");
        assert_eq!(comment("keep-alive"), ": keep-alive\n\n");
    }

    /// Text that is rich in what the decoder looks for.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec!["\n", "\r", "\r\n", "data: ", "é", "\u{feff}", "event:", ":", "x", "\0"]), 0..40)
            .prop_map(|parts| parts.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_stream_is_cut(bytes in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for to in at.into_iter().chain([bytes.len()]) {
                pieces.push(&bytes[from..to]);
                from = to;
            }
            let (cut, whole) = (decode(&pieces), decode(&[&bytes]));
            let fields = |frames: &[Frame]| frames.iter().filter(|f| f.data.is_some()).map(|f| (f.event.clone(), f.data.clone())).collect::<Vec<_>>();
            prop_assert_eq!(fields(&cut), fields(&whole));
            prop_assert_eq!(cut.iter().flat_map(|f| f.raw.to_vec()).collect::<Vec<_>>(), bytes);
        }

        #[test]
        fn data_survives_a_round_trip(text in "\\PC{0,40}(\n\\PC{0,40}){0,3}") {
            prop_assert_eq!(data(&encode(Some("e"), &text)), [Some(text)]);
        }
    }
}
