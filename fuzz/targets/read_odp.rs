#![no_main]
//! The content of an ODP file.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| groundwork_fuzz::parse(
    &groundwork_fuzz::package(&[("mimetype", b"application/vnd.oasis.opendocument.presentation"), ("content.xml", bytes)]),
    "a.odp"
));
