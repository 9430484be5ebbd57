#![no_main]
//! A slide of a PPTX file.

use groundwork_fuzz::{office, parse, relationships};

const SHOW: &[u8] = b"<p:presentation xmlns:p='http://schemas.openxmlformats.org/presentationml/2006/main' xmlns:r='http://schemas.openxmlformats.org/officeDocument/2006/relationships'><p:sldIdLst><p:sldId id='256' r:id='r1'/></p:sldIdLst></p:presentation>";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let show = relationships(&[("slide", "slides/slide1.xml")]);
    let parts: &[(&str, &[u8])] = &[("ppt/_rels/presentation.xml.rels", show.as_bytes()), ("ppt/slides/slide1.xml", bytes)];
    parse(&office("ppt/presentation.xml", "presentationml.presentation", SHOW, parts), "a.pptx");
});
