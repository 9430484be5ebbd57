#![no_main]
//! A sheet of an XLSX file.

use groundwork_fuzz::{office, parse, relationships};

const BOOK: &[u8] = b"<workbook xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main' xmlns:r='http://schemas.openxmlformats.org/officeDocument/2006/relationships'><sheets><sheet name='S' sheetId='1' r:id='r1'/></sheets></workbook>";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let book = relationships(&[("worksheet", "worksheets/s.xml")]);
    let parts: &[(&str, &[u8])] = &[("xl/_rels/workbook.xml.rels", book.as_bytes()), ("xl/worksheets/s.xml", bytes)];
    parse(&office("xl/workbook.xml", "spreadsheetml.sheet", BOOK, parts), "a.xlsx");
});
