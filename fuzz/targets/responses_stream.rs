//! Any bytes that call themselves a stream of a response are read and numbered anew, and what was understood can be said in any dialect.
#![no_main]

use groundwork_core::turn::translate::{Reader, Writer};
use groundwork_core::turn::{Dialect, Frame, Heading};
use groundwork_wire::responses::{Echo, Request, Sequence};
use groundwork_wire::sse::Decoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(stream);
    let asked = Request::parse(r#"{"model":"m","input":"q"}"#).expect("a valid request");
    let (echo, mut sequence) = (Echo::new("resp_1", 1, &asked), Sequence::default());
    let mut reader = Reader::new(Dialect::Responses);
    let mut heard = Vec::new();
    while let Ok(Some(frame)) = decoder.next() {
        let Some(frame) = Frame::received(frame) else { continue };
        if let Some(event) = sequence.adopt(&frame.data, &echo, 1) {
            assert_eq!(event.sequence + 1, sequence.next());
        }
        let Ok(events) = reader.read(&frame) else { break };
        heard.extend(events);
    }
    heard.extend(reader.finish());
    for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
        let mut writer = Writer::new(dialect, Heading { id: "x".to_owned(), model: "m".to_owned(), created: 1, include_usage: true });
        let mut said: Vec<Frame> = heard.iter().flat_map(|event| writer.write(event.clone())).collect();
        said.extend(writer.finish());
        let mut again = Reader::new(dialect);
        for frame in said {
            again.read(&frame).expect("what we write we can read");
        }
    }
});
