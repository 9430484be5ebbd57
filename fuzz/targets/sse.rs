//! However a stream is cut, the same frames come out, and their raw bytes are the stream.
#![no_main]

use groundwork_wire::sse::{Decoder, Frame};
use libfuzzer_sys::fuzz_target;

fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Frame> {
    let (mut decoder, mut frames) = (Decoder::new(1 << 20), Vec::new());
    for piece in pieces {
        decoder.push(piece);
        while let Ok(Some(frame)) = decoder.next() {
            frames.push(frame);
        }
    }
    frames
}

/// What a frame says. Its raw bytes may differ by a line feed: after a CR nobody waits for what comes next.
fn said(frame: &Frame) -> (Option<&str>, Option<&[u8]>, Option<&str>, Option<u64>) {
    (frame.event.as_deref(), frame.data.as_deref(), frame.id.as_deref(), frame.retry_ms)
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, stream)) = input.split_first() else { return };
    let whole = frames(std::iter::once(stream));
    let pieces = frames(stream.chunks(*cut as usize % 16 + 1));
    assert!(pieces.iter().map(said).eq(whole.iter().map(said)));
    for frames in [whole, pieces] {
        let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        assert!(raw.is_empty() || stream.windows(raw.len()).any(|window| window == raw), "the frames are not in the stream");
    }
});
