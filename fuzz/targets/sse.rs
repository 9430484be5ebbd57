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

fuzz_target!(|input: &[u8]| {
    let Some((cut, stream)) = input.split_first() else { return };
    let whole = frames(std::iter::once(stream));
    assert_eq!(frames(stream.chunks(*cut as usize % 16 + 1)), whole);
    let raw: Vec<u8> = whole.iter().flat_map(|frame| frame.raw.to_vec()).collect();
    assert!(stream.windows(raw.len().max(1)).any(|window| window == raw) || raw.is_empty(), "the frames are not in the stream");
});
