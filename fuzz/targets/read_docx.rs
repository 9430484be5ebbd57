#![no_main]
//! The main part of a DOCX file.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| groundwork_fuzz::parse(
    &groundwork_fuzz::office("word/document.xml", "wordprocessingml.document", bytes, &[]),
    "a.docx"
));
