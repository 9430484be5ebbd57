//! Plain text: bytes → characters (also for every other text-like format), and characters → paragraphs, lists and the plainest headings.

use super::document::{Builder, Document, Format, Kind};
use super::{Limits, ReadError, old_encodings};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

/// Reads a plain text file.
pub(super) fn read(bytes: &[u8], _limits: &Limits) -> Result<Document, ReadError> {
    let mut builder = Builder::new(Format::Text);
    let text = decode(bytes, None, &mut builder);
    walk(&text, &mut builder);
    Ok(builder.finish())
}

/// Adds the blocks of a plain text (a file, or the body of a mail) to `builder`.
pub(super) fn walk(text: &str, builder: &mut Builder) {
    // Pages of a printed text end with a form feed.
    let mut lines: Vec<&str> = Vec::new();
    for line in text.split(['\n', '\u{c}']) {
        if line.trim().is_empty() {
            if !lines.is_empty() {
                paragraph(&lines, builder);
                lines.clear();
            }
        } else {
            lines.push(line);
        }
    }
    paragraph(&lines, builder);
}

/// One run of lines without a blank line between them.
fn paragraph(mut lines: &[&str], builder: &mut Builder) {
    while let [heading, underline, rest @ ..] = lines
        && let Some(level) = underlined(heading, underline)
    {
        builder.heading(level, heading);
        lines = rest;
    }
    if let [line] = lines
        && let Some(level) = numbered_or_capital(line)
    {
        return builder.heading(level, line);
    }
    let starts: Vec<usize> = (0..lines.len()).filter(|at| list_item(lines[*at]).is_some()).collect();
    let Some(first) = starts.first() else { return builder.paragraph(&lines.join("\n")) };
    builder.paragraph(&lines[..*first].join("\n"));
    for (at, start) in starts.iter().enumerate() {
        let end = starts.get(at + 1).copied().unwrap_or(lines.len());
        let (indent, item) = list_item(lines[*start]).unwrap_or((0, lines[*start]));
        let text = std::iter::once(item).chain(lines[start + 1..end].iter().map(|line| line.trim())).collect::<Vec<_>>().join("\n");
        builder.push(Kind::ListItem { depth: u8::try_from(indent / 2).unwrap_or(u8::MAX).min(8) }, &text);
    }
}

/// A line of `===` or `---` under a line of about its own length.
fn underlined(heading: &str, underline: &str) -> Option<u8> {
    let (heading, underline) = (heading.trim(), underline.trim());
    let level = match underline.chars().next()? {
        '=' => 1,
        '-' => 2,
        _ => return None,
    };
    let mark = underline.chars().next()?;
    let long_enough = underline.chars().count() >= 3 && underline.chars().count() * 2 >= heading.chars().count();
    (underline.chars().all(|c| c == mark) && long_enough && heading.chars().any(char::is_alphabetic)).then_some(level)
}

/// A short line of its own that is all capitals (`SICK LEAVE`) or carries a section number (`2.1 Sick leave`).
fn numbered_or_capital(line: &str) -> Option<u8> {
    let line = line.trim();
    let words = line.split_whitespace().count();
    if words == 0 || words > 12 || line.chars().count() > 80 || line.ends_with(['.', ',', ';', ':', '?', '!']) {
        return None;
    }
    let letters = || line.chars().filter(|c| c.is_alphabetic());
    if letters().count() >= 4 && letters().all(char::is_uppercase) {
        return Some(1);
    }
    let (number, title) = line.split_once(char::is_whitespace)?;
    let parts: Vec<&str> = number.trim_end_matches('.').split('.').collect();
    // A number alone may be a date, an address or a count.
    let is_number =
        number.contains('.') && parts.iter().all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    let titled = title.trim_start().chars().next().is_some_and(char::is_uppercase);
    (is_number && titled).then(|| u8::try_from(parts.len()).unwrap_or(6).min(6))
}

/// `- item`, `* item`, `• item` → the indentation and the item's text. Numbers stay: they may be meant.
fn list_item(line: &str) -> Option<(usize, &str)> {
    let trimmed = line.trim_start();
    let mut chars = trimmed.chars();
    let mark = chars.next()?;
    let rest = chars.as_str();
    let is_mark = matches!(mark, '-' | '*' | '+' | '•' | '‣' | '▪' | '–') && rest.starts_with([' ', '\t']);
    is_mark.then(|| (line.len() - trimmed.len(), rest.trim_start()))
}

/// The characters of a text-like file, with a warning for whatever had to be replaced or guessed.
///
/// `declared` is what the file says of itself (`<meta charset>`); it is believed only where UTF-8 is impossible.
pub(super) fn decode(bytes: &[u8], declared: Option<&[u8]>, builder: &mut Builder) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return decode_as(encoding, &bytes[mark..], builder);
    }
    if let Some(encoding) = utf_16_without_mark(bytes) {
        return decode_as(encoding, bytes, builder);
    }
    if bytes.contains(&0x1b)
        && bytes.is_ascii()
        && let Some(text) = iso_2022_jp(bytes)
    {
        return text;
    }
    let invalid = match std::str::from_utf8(bytes) {
        Ok(text) => return text.to_owned(),
        Err(error) => error.valid_up_to(),
    };
    if let Some(encoding) = declared.and_then(Encoding::for_label)
        && encoding != UTF_8
        && !encoding.decode_without_bom_handling(bytes).1
    {
        return decode_as(encoding, bytes, builder);
    }
    // Characters beyond ASCII that are good UTF-8 outweigh a few bytes that are not: a damaged file rather than another encoding.
    if mostly_utf_8(bytes) {
        builder.warn(format!("invalid UTF-8 from byte {invalid} on was replaced"));
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    if let Some((text, name)) = old_encodings::better_than(encoding, bytes) {
        builder.warn(format!("not UTF-8: read as {name}"));
        return text;
    }
    builder.warn(format!("not UTF-8: read as {}", encoding.name()));
    decode_as(encoding, bytes, builder)
}

/// Japanese in seven bits, which escape from ASCII by sequences that are good for nothing else.
fn iso_2022_jp(bytes: &[u8]) -> Option<String> {
    let escapes: [&[u8]; 2] = [b"\x1b$B", b"\x1b$@"];
    if !escapes.iter().any(|escape| bytes.windows(3).any(|three| three == *escape)) {
        return None;
    }
    let (text, replaced) = ISO_2022_JP.decode_without_bom_handling(bytes);
    (!replaced).then(|| text.into_owned())
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8], builder: &mut Builder) -> String {
    let (text, replaced) = encoding.decode_without_bom_handling(bytes);
    if replaced {
        builder.warn(format!("bytes that are not valid {} were replaced", encoding.name()));
    }
    text.into_owned()
}

/// Whether at least as many sequences beyond ASCII are valid as are not, or control characters say that it is no other encoding either.
fn mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut valid, mut invalid) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    valid >= invalid
}

/// UTF-16 that does not say so: nearly all bytes of one parity are the zero half of ASCII or of a line end, and none of the other.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(64 * 1024)];
    let zeros = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let pairs = sample.len() / 2;
    let encoding = match (even, odd) {
        (0, odd) if odd * 20 >= pairs && odd > 0 => UTF_16LE,
        (even, 0) if even * 20 >= pairs && even > 0 => UTF_16BE,
        _ => return None,
    };
    // A sample may end within a character, so that only the rest of it has to be sound.
    let whole = &sample[..sample.len() & !1];
    let (text, replaced) = encoding.decode_without_bom_handling(whole);
    let sound = !replaced || text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count() <= 1;
    let unprintable = text.chars().filter(|c| c.is_control() && !c.is_whitespace()).count();
    (sound && unprintable * 50 <= pairs).then_some(encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(Kind, String)> {
        let document = read(text, &Limits::default()).unwrap();
        document.blocks.into_iter().map(|block| (block.kind, block.text)).collect()
    }

    #[test]
    fn headings_only_where_they_are_plain() {
        let text = b"Leave rules\n===========\n\nSICK LEAVE\n\n2.1 Parental leave\n\n2024 was a good year\n\nThe end.\n";
        let read = lines(text);
        assert_eq!(read[0], (Kind::Heading { level: 1 }, "Leave rules".into()));
        assert_eq!(read[1], (Kind::Heading { level: 1 }, "SICK LEAVE".into()));
        assert_eq!(read[2], (Kind::Heading { level: 2 }, "2.1 Parental leave".into()));
        assert_eq!(read[3].0, Kind::Paragraph);
        assert_eq!(read[4].0, Kind::Paragraph);
    }

    #[test]
    fn any_number_of_underlined_headings_may_follow_one_another() {
        let read = lines("Beds\n====\n".repeat(100_000).as_bytes());
        assert_eq!((read.len(), &read[99_999]), (100_000, &(Kind::Heading { level: 1 }, "Beds".to_owned())));
    }

    #[test]
    fn list_items_keep_their_continuation_lines() {
        let read = lines(b"Bring:\n- a badge\n  with a photo\n  - not older than a year\n");
        let texts: Vec<&str> = read.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["Bring:", "a badge\nwith a photo", "not older than a year"]);
        assert_eq!(read[2].0, Kind::ListItem { depth: 1 });
    }

    #[test]
    fn encodings_are_found_without_being_named() {
        let utf_16: Vec<u8> = "Drei Äpfel\nund Brot".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(lines(&utf_16)[0].1, "Drei Äpfel\nund Brot");
        let utf_16: Vec<u8> = "Drei Äpfel".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(lines(&utf_16)[0].1, "Drei Äpfel");
        assert_eq!(lines(b"Die Gr\xf6\xdfe der Stra\xdfe k\xf6nnen wir sch\xe4tzen.")[0].1, "Die Größe der Straße können wir schätzen.");
    }

    #[test]
    fn japanese_in_seven_bits_is_read() {
        assert_eq!(lines(b"\x1b$B$$$m\x1b(B ABC")[0].1, "\u{3044}\u{308d} ABC");
    }

    #[test]
    fn invalid_bytes_are_replaced_and_reported() {
        let document = read("Größe vorher \u{fffd}".replace('\u{fffd}', "").as_bytes(), &Limits::default()).unwrap();
        assert!(document.warnings.is_empty());
        let document = read(b"before\n\xff\xfe\xc3\x28 \xf0\x28\x8c\x28\nafter", &Limits::default()).unwrap();
        assert!(document.text().starts_with("before") && document.text().ends_with("after"));
        assert!(!document.warnings.is_empty());
    }
}
