//! A request for a response that can be read can be written again and says the same, and goes into the other dialects or is refused by name.
#![no_main]

use groundwork_core::turn::{Dialect, Turn};
use groundwork_wire::object::Object;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(object) = Object::parse(body.to_vec()) else { return };
    let Ok(turn) = Turn::from_responses(&object) else { return };
    if let Ok(written) = turn.to_responses("m", false) {
        let again = Turn::from_responses(&written).expect("what we write we can read");
        let twice = again.to_responses("m", false).expect("and write again");
        assert_eq!(twice.to_bytes(), written.to_bytes());
    }
    for other in [Dialect::Chat, Dialect::Messages] {
        if let Ok(written) = turn.write(other, "m", true) {
            Turn::read(other, &written).expect("what we write we can read");
        }
    }
});
