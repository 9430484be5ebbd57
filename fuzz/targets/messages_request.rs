//! A messages request that can be read can be written again and says the same, and goes into the other dialects or is refused by name.
#![no_main]

use groundwork_core::turn::Turn;
use groundwork_wire::object::Object;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(object) = Object::parse(body.to_vec()) else { return };
    let Ok(turn) = Turn::from_messages(&object) else { return };
    if let Ok(written) = turn.to_messages("m", false) {
        let again = Turn::from_messages(&written).expect("what we write we can read");
        let twice = again.to_messages("m", false).expect("and write again");
        assert_eq!(twice.to_bytes(), written.to_bytes());
    }
    if let Ok(written) = turn.to_chat("m", true) {
        Turn::from_chat(&written).expect("what we write we can read");
    }
});
