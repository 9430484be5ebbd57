#![no_main]
//! A chapter of an EPUB file.

use groundwork_fuzz::{package, parse};

const CONTAINER: &[u8] = b"<container><rootfiles><rootfile full-path='b.opf'/></rootfiles></container>";
const BOOK: &[u8] = b"<package><metadata/><manifest><item id='c' href='c.xhtml' media-type='application/xhtml+xml'/></manifest><spine><itemref idref='c'/></spine></package>";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let parts: &[(&str, &[u8])] =
        &[("mimetype", b"application/epub+zip"), ("META-INF/container.xml", CONTAINER), ("b.opf", BOOK), ("c.xhtml", bytes)];
    parse(&package(parts), "a.epub");
});
