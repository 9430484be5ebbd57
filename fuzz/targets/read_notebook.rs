#![no_main]
//! The reader of IPYNB files.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| groundwork_fuzz::parse(bytes, "a.ipynb"));
