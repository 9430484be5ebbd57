#![no_main]
//! The content of an ODT file.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| groundwork_fuzz::parse(
    &groundwork_fuzz::package(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", bytes)]),
    "a.odt"
));
