//! A whole chat answer that can be read can be said again, and as a message, and then means the same.
#![no_main]

use groundwork_core::turn::{Dialect, Heading, translate};
use groundwork_wire::object::Object;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(object) = Object::parse(body.to_vec()) else { return };
    let heading = Heading { id: "x".to_owned(), model: "m".to_owned(), created: 1, include_usage: true };
    let Ok(events) = translate::read(Dialect::Chat, &object) else { return };
    let again = translate::write(Dialect::Chat, events.clone(), &heading);
    let heard = translate::read(Dialect::Chat, &again).expect("what we write we can read");
    let twice = translate::write(Dialect::Chat, heard, &heading);
    assert_eq!(twice.to_bytes(), again.to_bytes());
    let message = translate::write(Dialect::Messages, events, &heading);
    translate::read(Dialect::Messages, &message).expect("what we write we can read");
});
