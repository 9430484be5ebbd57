//! Mails as Outlook saves them (MSG): properties in the streams of a compound file, named by their number and type. A mail in a mail is a
//! folder of the same make, and is handed on as a mail of the other kind.

use super::{Mail, attachment_name, compose, inner_file, packed_rtf, property};
use crate::extract::document::{Builder, Document, Format};
use crate::extract::{InnerFile, Limits, Parsed, ReadError, rtf, text};
use encoding_rs::UTF_16LE;
use mail_parser::DateTime;
use office_oxide::cfb::CfbReader;
use std::io::Cursor;

type Compound<'a> = CfbReader<Cursor<&'a [u8]>>;

/// The type of a point in time.
const TIME: u16 = 0x0040;
/// Bytes before the properties of a mail, and of a mail in a mail.
const HEAD: usize = 32;
const INNER_HEAD: usize = 24;
/// Mails in mails in one file.
const DEEPEST: usize = 8;

/// Reads an Outlook mail.
pub(in crate::extract) fn read(bytes: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    let file: Compound<'_> =
        CfbReader::new(Cursor::new(bytes)).map_err(|_| ReadError::Damaged("it is not a sound compound file".to_owned()))?;
    let mut reader = Reader { file, builder: Builder::new(Format::Msg), limits };
    let mail = reader.mail("", 0);
    Ok(mail.into_parsed(limits, reader.builder))
}

struct Reader<'a, 'l> {
    file: Compound<'a>,
    builder: Builder,
    limits: &'l Limits,
}

impl Reader<'_, '_> {
    /// The mail of a folder; the outermost is that of the empty one.
    fn mail(&mut self, folder: &str, depth: usize) -> Mail {
        let sender = match (
            self.string(folder, property::SENDER_NAME),
            self.string(folder, property::SENDER_SMTP_ADDRESS).or_else(|| self.string(folder, property::SENDER_ADDRESS)),
        ) {
            (Some(name), Some(address)) if address.contains('@') && name != address => format!("{name} <{address}>"),
            (name, address) => name.or(address).unwrap_or_default(),
        };
        let mut get = |number| self.string(folder, number).unwrap_or_default();
        let (subject, to, cc, plain) = (get(property::SUBJECT), get(property::TO), get(property::CC), get(property::BODY));
        let html = match (self.string(folder, property::BODY_HTML), self.binary(folder, property::BODY_HTML)) {
            (Some(text), _) => text,
            (None, Some(bytes)) => text::decode(&bytes, None, &mut self.builder),
            (None, None) => String::new(),
        };
        let rich = if plain.trim().is_empty() && html.trim().is_empty() { self.rich(folder) } else { None };
        let date = self.date(folder);
        let attachments = self.attachments(folder, depth);
        let headers = vec![("From", sender), ("To", to), ("Cc", cc), ("Date", date)];
        Mail { format: Format::Msg, subject, headers, plain, html, rich, attachments }
    }

    /// The text of a mail that has nothing but packed rich text.
    fn rich(&mut self, folder: &str) -> Option<Document> {
        let most = usize::try_from(self.limits.part_bytes).unwrap_or(usize::MAX);
        let unpacked = packed_rtf::unpack(&self.binary(folder, property::BODY_RTF)?, most);
        let read = unpacked.and_then(|bytes| rtf::read(&bytes, self.limits).ok());
        if read.is_none() {
            self.builder.warn("the mail's text is rich text that cannot be read");
        }
        read
    }

    /// When it was sent, or came: as the mail's own headers say it, or as Outlook noted it.
    fn date(&mut self, folder: &str) -> String {
        let headers = self.string(folder, property::TRANSPORT_HEADERS).unwrap_or_default();
        let named = headers.lines().find_map(|line| line.strip_prefix("Date:")).unwrap_or("").trim().to_owned();
        if !named.is_empty() {
            return named;
        }
        let properties = self.file.open_stream_by_path(&format!("{folder}__properties_version1.0")).unwrap_or_default();
        let head = if folder.is_empty() { HEAD } else { INNER_HEAD };
        let noted = |number| time_of(properties.get(head..)?, number);
        noted(property::SUBMITTED)
            .or_else(|| noted(property::DELIVERED))
            .map(|at| DateTime::from_timestamp(at).to_rfc3339())
            .unwrap_or_default()
    }

    /// A text property: UTF-16, or the code page of the machine that wrote it.
    fn string(&mut self, folder: &str, number: u16) -> Option<String> {
        let text = match self.file.open_stream_by_path(&stream(folder, number, "001F")) {
            Ok(bytes) => UTF_16LE.decode_without_bom_handling(&bytes).0.into_owned(),
            Err(_) => text::decode(&self.file.open_stream_by_path(&stream(folder, number, "001E")).ok()?, None, &mut self.builder),
        };
        Some(text.trim_end_matches('\0').to_owned()).filter(|text| !text.is_empty())
    }

    fn binary(&mut self, folder: &str, number: u16) -> Option<Vec<u8>> {
        self.file.open_stream_by_path(&stream(folder, number, "0102")).ok().filter(|bytes| !bytes.is_empty())
    }

    fn attachments(&mut self, folder: &str, depth: usize) -> Vec<InnerFile> {
        let mut files = Vec::new();
        let has = |file: &Compound<'_>, path: &str| file.find_entry_by_path(path).is_some();
        // They are numbered in hexadecimal digits, without gaps but where one was removed.
        let mut missing = 0;
        for number in 0_usize.. {
            let place = format!("{folder}__attach_version1.0_#{number:08X}/");
            if !has(&self.file, place.trim_end_matches('/')) {
                missing += 1;
                if missing > 64 {
                    break;
                }
                continue;
            }
            missing = 0;
            let name = self.string(&place, property::ATTACHED_LONG_NAME).or_else(|| self.string(&place, property::ATTACHED_NAME));
            let inner = format!("{}/", stream(&place, property::ATTACHED_DATA, "000D"));
            if let Some(content) = self.binary(&place, property::ATTACHED_DATA) {
                files.push(inner_file(attachment_name(name.as_deref(), number + 1, ""), &content));
            } else if depth < DEEPEST && has(&self.file, &format!("{inner}__properties_version1.0")) {
                let mail = self.mail(&inner, depth + 1);
                let subject = Some(mail.subject.replace(['/', '\\'], "-")).filter(|subject| !subject.trim().is_empty());
                let name = subject.map(|subject| format!("{subject}.eml"));
                files.push(inner_file(attachment_name(name.as_deref(), number + 1, ".eml"), &compose(&mail)));
            } else {
                self.builder.warn(format!("attachment {} is no file and was left out", number + 1));
            }
        }
        files
    }
}

/// The name of a property's stream: its number and its type.
fn stream(folder: &str, number: u16, kind: &str) -> String {
    format!("{folder}__substg1.0_{number:04X}{kind}")
}

/// Seconds since 1970 of a point in time among properties of 16 bytes each: type, number, flags, and 100 nanoseconds since 1601.
fn time_of(properties: &[u8], number: u16) -> Option<i64> {
    const FROM_1601: i64 = 11_644_473_600;
    let entry = properties.as_chunks::<16>().0.iter().find(|entry| {
        let word = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
        (word(0), word(2)) == (TIME, number)
    })?;
    let ticks = i64::try_from(u64::from_le_bytes(*entry[8..].first_chunk()?)).ok()?;
    (ticks > 0).then(|| ticks / 10_000_000 - FROM_1601)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_among_the_properties() {
        let mut properties = vec![0_u8; 16];
        properties.extend([0x40, 0, 0x39, 0, 6, 0, 0, 0]);
        properties.extend(((1_772_438_400_i64 + 11_644_473_600) * 10_000_000).to_le_bytes());
        assert_eq!(time_of(&properties, property::SUBMITTED), Some(1_772_438_400));
        assert_eq!(time_of(&properties, property::DELIVERED), None);
    }
}
