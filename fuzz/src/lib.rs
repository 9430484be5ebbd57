//! What the targets of the parsers share: the one entry of all of them, and packages around a part that is fuzzed.

use groundwork_retrieval::extract::{Limits, read};
use std::io::{Cursor, Write};
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::Once;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Reads a file as the confined child does, with limits that a fuzzer can afford. Libraries that read a format may panic: the child ends
/// then, and the file is refused. What our own code says of a file must always hold.
pub fn parse(bytes: &[u8], name: &str) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let abort = take_hook();
        set_hook(Box::new(move |panic| {
            if panic.location().is_some_and(|place| place.file().contains("groundwork") || place.file().starts_with("src/")) {
                abort(panic);
            }
        }));
    });
    let limits = Limits { file_bytes: 1 << 20, text_bytes: 4 << 20, blocks: 20_000, pages: 50, ..Limits::default() };
    if let Ok(Ok(parsed)) = catch_unwind(|| read(bytes, name, &limits)) {
        let length = parsed.document.text().chars().count();
        for block in &parsed.document.blocks {
            assert!(!block.text.is_empty() && block.span.end <= length, "a block lies outside the text");
        }
    }
}

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// Parts that are not compressed, so that a fuzzer sees what it changes.
pub fn package(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in parts {
        let _ = writer.start_file(*name, stored);
        let _ = writer.write_all(content);
    }
    writer.finish().map(Cursor::into_inner).unwrap_or_default()
}

/// An Office file whose main part is `main`, at `path`, of the kind `kind`, with further parts.
pub fn office(path: &str, kind: &str, main: &[u8], further: &[(&str, &[u8])]) -> Vec<u8> {
    let types = format!(
        "<Types xmlns='{PACKAGE}/content-types'><Default Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/><Default Extension='xml' ContentType='application/xml'/><Override PartName='/{path}' ContentType='application/vnd.openxmlformats-officedocument.{kind}.main+xml'/></Types>"
    );
    let root = relationships(&[("officeDocument", path)]);
    let mut parts: Vec<(&str, &[u8])> = vec![("[Content_Types].xml", types.as_bytes()), ("_rels/.rels", root.as_bytes()), (path, main)];
    parts.extend_from_slice(further);
    package(&parts)
}

pub fn relationships(targets: &[(&str, &str)]) -> String {
    let each =
        targets.iter().zip(1..).map(|((kind, target), id)| format!("<Relationship Id='r{id}' Type='{OFFICE}/{kind}' Target='{target}'/>"));
    format!("<Relationships xmlns='{PACKAGE}/relationships'>{}</Relationships>", each.collect::<String>())
}
