//! Any bytes that call themselves a chat stream are read, and what was understood can be said as a messages stream.
#![no_main]

use groundwork_core::turn::{Frame, Heading, chat, messages};
use groundwork_wire::sse::Decoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(stream);
    let (mut reader, mut writer) = (
        chat::Reader::new(),
        messages::Writer::new(Heading { id: "x".to_owned(), model: "m".to_owned(), created: 1, include_usage: true }),
    );
    let mut said = Vec::new();
    while let Ok(Some(frame)) = decoder.next() {
        let Some(frame) = Frame::received(frame) else { continue };
        let Ok(events) = reader.read(&frame) else { break };
        said.extend(events.into_iter().flat_map(|event| writer.write(event)));
    }
    said.extend(reader.finish().into_iter().flat_map(|event| writer.write(event)));
    said.extend(writer.finish());
    let mut again = messages::Reader::new();
    for frame in said {
        again.read(&frame).expect("what we write we can read");
    }
});
