#![no_main]
//! The reader of files whose name says nothing.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| groundwork_fuzz::parse(bytes, "a"));
