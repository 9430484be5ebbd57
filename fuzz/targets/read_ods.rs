#![no_main]
//! The content of an ODS file.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| groundwork_fuzz::parse(
    &groundwork_fuzz::package(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", bytes)]),
    "a.ods"
));
