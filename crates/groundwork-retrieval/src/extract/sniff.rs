//! What a file is, by its content. The name decides only among types that look alike: text, Markdown and the like.

mod nameless;

use super::ReadError;
use super::document::Format;
use office_oxide::cfb::CfbReader;
use std::io::{Cursor, Read};

/// What a file is, and a warning when its name says otherwise.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sniffed {
    pub(super) format: Format,
    pub(super) warning: Option<String>,
}

pub(super) fn sniff(bytes: &[u8], name: &str) -> Result<Sniffed, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    let extension = extension(name);
    let format = match by_signature(bytes)? {
        Some(format) => format,
        None => by_text(bytes, &extension)?,
    };
    let named = by_extension(&extension);
    let warning = named
        .filter(|named| *named != format && !(alike(*named) && format == Format::Text))
        .map(|_| format!("the name ends in .{extension}, but the file is {}", format.name().to_uppercase()));
    Ok(Sniffed { format, warning })
}

/// The lower-case ending of a file's name without the dot; empty when it has none.
fn extension(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    name.rsplit_once('.').map_or(String::new(), |(_, extension)| extension.to_ascii_lowercase())
}

fn by_extension(extension: &str) -> Option<Format> {
    Some(match extension {
        "pdf" => Format::Pdf,
        "docx" | "docm" | "dotx" | "dotm" => Format::Docx,
        "doc" | "dot" => Format::Doc,
        "odt" | "ott" => Format::Odt,
        "rtf" => Format::Rtf,
        "pptx" | "pptm" | "ppsx" | "potx" => Format::Pptx,
        "ppt" | "pps" => Format::Ppt,
        "odp" | "otp" => Format::Odp,
        "xlsb" => Format::Xlsb,
        "xlsx" | "xlsm" | "xltx" => Format::Xlsx,
        "xls" | "xlt" => Format::Xls,
        "ods" | "ots" => Format::Ods,
        "csv" | "tsv" | "tab" => Format::Csv,
        "html" | "htm" | "xhtml" => Format::Html,
        "md" | "markdown" | "mdx" => Format::Markdown,
        "txt" | "text" | "log" => Format::Text,
        "json" | "jsonl" | "ndjson" | "geojson" => Format::Json,
        "xml" => Format::Xml,
        "ipynb" => Format::Ipynb,
        "epub" => Format::Epub,
        "eml" => Format::Eml,
        "msg" => Format::Msg,
        "tif" | "tiff" => Format::Tiff,
        "png" => Format::Png,
        "jpg" | "jpeg" => Format::Jpeg,
        _ => return None,
    })
}

/// Types that are plain characters, so that only the name tells one from the other.
fn alike(format: Format) -> bool {
    matches!(
        format,
        Format::Markdown | Format::Text | Format::Html | Format::Csv | Format::Json | Format::Xml | Format::Ipynb | Format::Eml
    )
}

/// Types that announce themselves in their first bytes.
fn by_signature(bytes: &[u8]) -> Result<Option<Format>, ReadError> {
    if is_pdf(bytes) {
        return Ok(Some(Format::Pdf));
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return by_package(bytes).map(Some);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return by_compound_file(bytes).map(Some);
    }
    let images: &[(&[u8], Format)] =
        &[(b"\x89PNG\r\n", Format::Png), (b"\xff\xd8\xff", Format::Jpeg), (b"II*\0", Format::Tiff), (b"MM\0*", Format::Tiff)];
    if let Some((_, format)) = images.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return Ok(Some(*format));
    }
    let foreign: &[(&[u8], &str)] = &[
        (b"\x7fELF", "a program"),
        (b"MZ", "a program"),
        (b"GIF8", "a GIF image"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"7z\xbc\xaf", "a 7z archive"),
        (b"Rar!", "a RAR archive"),
        (b"SQLite format 3\0", "a database"),
    ];
    // `MZ` alone could begin a text; programs are not texts.
    match foreign.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        Some((_, what)) if looks_binary(bytes) => Err(unsupported(what)),
        _ => Ok(None),
    }
}

/// `%PDF-` at the start, or within the first kilobyte of a file that also has a PDF's objects.
fn is_pdf(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(1024)];
    match find(head, b"%PDF-") {
        Some(0) => true,
        Some(at) => {
            let begins_line = at == 0 || matches!(head[at - 1], b'\n' | b'\r');
            let has_end = || [&b"endobj"[..], b"startxref"].iter().all(|word| find(bytes, word).is_some());
            head[..at].iter().all(u8::is_ascii_whitespace)
                || (looks_binary(bytes) && find(bytes, b" obj").is_some())
                || (begins_line && has_end())
        }
        None => false,
    }
}

/// Office files are ZIP packages; what they hold tells them apart.
fn by_package(bytes: &[u8]) -> Result<Format, ReadError> {
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| ReadError::Damaged("its ZIP directory cannot be read".to_owned()))?;
    if let Ok(part) = archive.by_name("mimetype") {
        let mut kind = String::new();
        let _ = part.take(200).read_to_string(&mut kind);
        match kind.trim() {
            "application/epub+zip" => return Ok(Format::Epub),
            kind if kind.starts_with("application/vnd.oasis.opendocument.text") => return Ok(Format::Odt),
            kind if kind.starts_with("application/vnd.oasis.opendocument.spreadsheet") => return Ok(Format::Ods),
            kind if kind.starts_with("application/vnd.oasis.opendocument.presentation") => return Ok(Format::Odp),
            _ => {}
        }
    }
    let has = |prefix: &str| archive.file_names().filter_map(Result::ok).any(|name| name.trim_start_matches('/').starts_with(prefix));
    let known = [
        ("word/", Format::Docx),
        ("xl/workbook.xml", Format::Xlsx),
        ("xl/workbook.bin", Format::Xlsb),
        ("ppt/", Format::Pptx),
        ("META-INF/container.xml", Format::Epub),
    ];
    known.iter().find(|(prefix, _)| has(prefix)).map(|(_, format)| *format).ok_or_else(|| unsupported("a ZIP archive"))
}

/// OLE compound files: old Office formats, mails of Outlook, and new Office files under a password.
fn by_compound_file(bytes: &[u8]) -> Result<Format, ReadError> {
    let file = CfbReader::new(Cursor::new(bytes)).map_err(|_| ReadError::Damaged("it is not a sound compound file".to_owned()))?;
    // Below its root lie files that were put into it.
    let has = |stream: &str| file.find_entry_by_path(stream).is_some();
    if has("EncryptedPackage") || has("EncryptionInfo") {
        return Err(ReadError::Encrypted);
    }
    let known = [
        ("WordDocument", Format::Doc),
        ("Workbook", Format::Xls),
        ("Book", Format::Xls),
        ("PowerPoint Document", Format::Ppt),
        ("__properties_version1.0", Format::Msg),
    ];
    known.iter().find(|(stream, _)| has(stream)).map(|(_, format)| *format).ok_or_else(|| unsupported("a compound file of another program"))
}

/// Types without a signature.
fn by_text(bytes: &[u8], extension: &str) -> Result<Format, ReadError> {
    if looks_binary(bytes) {
        return Err(unsupported("binary data"));
    }
    let start = text_start(bytes);
    if start.starts_with("{\\rtf") {
        return Ok(Format::Rtf);
    }
    if is_html(&start) {
        return Ok(Format::Html);
    }
    if start.starts_with("<?xml") {
        return Ok(Format::Xml);
    }
    if start.starts_with('{') && find(bytes, b"\"nbformat\"").is_some() && find(bytes, b"\"cells\"").is_some() {
        return Ok(Format::Ipynb);
    }
    match by_extension(extension).filter(|named| alike(*named)) {
        // A notebook without cells is not one, nor is a mail without headers.
        Some(Format::Ipynb) => Ok(Format::Json),
        Some(Format::Eml) if !is_mail(&start) => Ok(Format::Text),
        Some(named) => Ok(named),
        None if is_mail(&start) => Ok(Format::Eml),
        // The name says nothing.
        None => Ok(nameless::guess(bytes)),
    }
}

fn is_html(start: &str) -> bool {
    let mut rest = start;
    // Comments and an XML declaration may come first.
    while let Some(after) = rest
        .strip_prefix("<!--")
        .and_then(|rest| rest.split_once("-->"))
        .or_else(|| rest.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")))
    {
        rest = after.1.trim_start();
    }
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| rest.starts_with(tag))
}

/// Header lines, and among them one that only a mail has.
fn is_mail(start: &str) -> bool {
    let header = |line: &str| {
        line.split_once(':')
            .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
    };
    let lines: Vec<&str> = start.lines().take_while(|line| !line.trim().is_empty()).collect();
    let is_continued = |line: &str| line.starts_with([' ', '\t']);
    let names = [
        "from:",
        "subject:",
        "received:",
        "message-id:",
        "mime-version:",
        "return-path:",
        "delivered-to:",
        "date:",
        "content-type: multipart/",
    ];
    let telling = lines.iter().filter(|line| names.iter().any(|name| line.starts_with(name))).count();
    let whole = &lines[..lines.len().min(20)];
    telling >= 2
        && whole
            .iter()
            .enumerate()
            .all(|(at, line)| header(line) || (at > 0 && is_continued(line)) || (at == 0 && line.starts_with("from ")))
}

/// The first characters in lower case, whatever their encoding: zero bytes (of UTF-16) and marks left out.
fn text_start(bytes: &[u8]) -> String {
    let head: Vec<u8> = bytes.iter().take(4096).copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    text.trim_start_matches(['\u{feff}', '\u{fffd}']).trim_start().to_owned()
}

/// Whether the first bytes cannot be text in any encoding: many control characters, or zeros that are not the halves of UTF-16.
pub(super) fn looks_binary(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(64 * 1024)];
    if sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") {
        return false;
    }
    let zeros_of = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros_of(0), zeros_of(1));
    if even > 0 && odd > 0 {
        return true;
    }
    let control = sample.iter().filter(|byte| matches!(byte, 1..=8 | 0xb | 0xe..=0x1a | 0x1c..=0x1f | 0x7f)).count();
    control * 20 > sample.len()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn unsupported(what: &str) -> ReadError {
    ReadError::Unsupported(format!("it is {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(bytes: &[u8], name: &str) -> Result<Format, &'static str> {
        sniff(bytes, name).map(|sniffed| sniffed.format).map_err(|error| error.detail())
    }

    #[test]
    fn content_decides_and_the_name_only_among_texts() {
        assert_eq!(format(b"%PDF-1.7\n...", "notes.txt"), Ok(Format::Pdf));
        assert_eq!(format(b"<!DOCTYPE html><p>a", "page.md"), Ok(Format::Html));
        assert_eq!(format(b"# Title\n", "page.md"), Ok(Format::Markdown));
        assert_eq!(format(b"# Title\n", "page.txt"), Ok(Format::Text));
        assert_eq!(format(b"<p>a fragment", "page.html"), Ok(Format::Html));
        assert_eq!(format(b"sent by a server\n%PDF-1.7\n1 0 obj\nendobj\nstartxref\n9", "a.pdf"), Ok(Format::Pdf));
        assert_eq!(format(b"<table><tr><td>1", "export.xls"), Ok(Format::Html));
        assert_eq!(format(b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\n", "saved.doc"), Ok(Format::Eml));
        assert_eq!(format(b"The header is %PDF-1.7 in most files.", "a.txt"), Ok(Format::Text));
        assert_eq!(format(b"", "a.txt"), Err("empty"));
        assert_eq!(format(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0", "a.docx"), Err("unsupported"));
        assert_eq!(format(b"PK\x03\x04 cut", "a.docx"), Err("damaged"));
    }

    #[test]
    fn a_misleading_name_is_reported() {
        assert!(sniff(b"%PDF-1.7", "notes.txt").unwrap().warning.unwrap().contains(".txt"));
        assert_eq!(sniff(b"%PDF-1.7", "notes.pdf").unwrap().warning, None);
        assert_eq!(sniff(b"plain", "README").unwrap().warning, None);
    }
}
