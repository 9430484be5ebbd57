//! What Outlook packs a mail's rich text and its files in on their way to others (TNEF, `winmail.dat`): attributes one after the other, of the
//! mail and of each file, and among them lists of the properties that an MSG file has as streams.

use super::{Mail, attachment_name, compose, inner_file, packed_rtf, property};
use crate::extract::document::Builder;
use crate::extract::{Limits, rtf, text};
use encoding_rs::UTF_16LE;
use std::collections::HashMap;

const MAGIC: [u8; 4] = 0x223E_9F78_u32.to_le_bytes();

mod attribute {
    pub(super) const SUBJECT: u16 = 0x8004;
    pub(super) const BODY: u16 = 0x800C;
    pub(super) const FILE_DATA: u16 = 0x800F;
    pub(super) const FILE_NAME: u16 = 0x8010;
    /// The first of each file's.
    pub(super) const FILE: u16 = 0x9002;
    pub(super) const PROPERTIES: u16 = 0x9003;
    pub(super) const FILE_PROPERTIES: u16 = 0x9005;
}

/// Mails in mails in one file.
const DEEPEST: u8 = 8;
/// Before a mail that is the property of a file stands what kind of object it is.
const OBJECT_HEAD: usize = 16;

type Properties = HashMap<u16, (u16, Vec<u8>)>;

/// The mail that was packed; `None` for bytes that are something else. What is damaged ends it.
pub(super) fn read(bytes: &[u8], limits: &Limits, builder: &mut Builder) -> Option<Mail> {
    read_at(bytes, limits, builder, 0)
}

fn read_at(bytes: &[u8], limits: &Limits, builder: &mut Builder, depth: u8) -> Option<Mail> {
    let mut rest = bytes.strip_prefix(&MAGIC)?.get(2..)?;
    let mut mail = Mail {
        format: builder.format(),
        subject: String::new(),
        headers: Vec::new(),
        plain: String::new(),
        html: String::new(),
        rich: None,
        attachments: Vec::new(),
    };
    let mut own = Properties::new();
    let mut files: Vec<(Option<String>, Vec<u8>, Properties)> = Vec::new();
    while let Some((number, content, after)) = next_attribute(rest) {
        match (number, files.last_mut()) {
            (attribute::SUBJECT, _) => mail.subject = short_string(content, builder),
            (attribute::BODY, _) => mail.plain = short_string(content, builder),
            (attribute::PROPERTIES, _) => own = properties(content),
            (attribute::FILE, _) => files.push((None, Vec::new(), Properties::new())),
            (attribute::FILE_NAME, Some(file)) => file.0 = Some(short_string(content, builder)),
            (attribute::FILE_DATA, Some(file)) => file.1 = content.to_vec(),
            (attribute::FILE_PROPERTIES, Some(file)) => file.2 = properties(content),
            _ => {}
        }
        rest = after;
    }
    let string = |number, builder: &mut Builder| string_of(&own, number, builder);
    mail.subject = string(property::SUBJECT, builder).unwrap_or(mail.subject);
    mail.plain = string(property::BODY, builder).unwrap_or(mail.plain);
    mail.html = string(property::BODY_HTML, builder).unwrap_or_default();
    if mail.plain.trim().is_empty() && mail.html.trim().is_empty() {
        let packed = own.get(&property::BODY_RTF).map(|(_, bytes)| bytes.as_slice());
        let most = usize::try_from(limits.part_bytes).unwrap_or(usize::MAX);
        mail.rich = packed.and_then(|packed| packed_rtf::unpack(packed, most)).and_then(|bytes| rtf::read(&bytes, limits).ok());
    }
    for ((name, content, own), number) in files.into_iter().zip(1..) {
        let long = string_of(&own, property::ATTACHED_LONG_NAME, builder);
        let object = own.get(&property::ATTACHED_DATA).map(|(_, bytes)| bytes.get(OBJECT_HEAD..).unwrap_or_default());
        let inner = object.filter(|_| depth < DEEPEST).and_then(|object| read_at(object, limits, builder, depth + 1));
        let name = long.or(name);
        match inner {
            Some(inner) => {
                let subject = Some(inner.subject.replace(['/', '\\'], "-")).filter(|subject| !subject.trim().is_empty());
                let name = subject.map(|subject| format!("{subject}.eml"));
                mail.attachments.push(inner_file(attachment_name(name.as_deref(), number, ".eml"), &compose(&inner)));
            }
            None if content.is_empty() => {}
            None => mail.attachments.push(inner_file(attachment_name(name.as_deref(), number, ""), &content)),
        }
    }
    Some(mail)
}

/// An attribute's number and content, and what follows it: a byte for whose it is, the number and its type, the length, the content, a sum.
fn next_attribute(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let [_, a, b, _, _, length @ ..] = bytes.first_chunk::<9>()?;
    let content = bytes.get(9..)?.get(..u32::from_le_bytes(*length) as usize)?;
    let after = bytes.get(9 + content.len()..)?.get(2..)?;
    Some((u16::from_le_bytes([*a, *b]), content, after))
}

/// A list of properties by their number, each with its type; it ends where it is damaged.
fn properties(bytes: &[u8]) -> Properties {
    let mut found = Properties::new();
    let mut reader = Words(bytes);
    for _ in 0..reader.number().unwrap_or(0) {
        let Some(()) = property_into(&mut found, &mut reader) else { break };
    }
    found
}

fn property_into(found: &mut Properties, reader: &mut Words<'_>) -> Option<()> {
    const SEVERAL: u16 = 0x1000;
    let [a, b, c, d] = *reader.take(4)?.first_chunk()?;
    let (kind, number) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    // Names in place of numbers are those of programs.
    if number >= 0x8000 {
        reader.take(16)?;
        match reader.number()? {
            0 => drop(reader.take(4)?),
            _ => drop(reader.counted()?),
        }
    }
    let fixed = match kind & !SEVERAL {
        0x0002 | 0x0003 | 0x0004 | 0x000A | 0x000B => Some(4),
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        0x000D | 0x001E | 0x001F | 0x0102 => None,
        _ => return None,
    };
    let values = if fixed.is_none() || kind & SEVERAL != 0 { reader.number()? } else { 1 };
    for _ in 0..values {
        let value = match fixed {
            Some(bytes) => reader.take(bytes)?,
            None => reader.counted()?,
        };
        found.entry(number).or_insert_with(|| (kind, value.to_vec()));
    }
    Some(())
}

/// Numbers and strings from the front.
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|four| u32::from_le_bytes(*four))
    }

    /// Bytes with their length before them, filled up to words of four.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.number()? as usize;
        let taken = self.take(length)?;
        let filling = (length.next_multiple_of(4) - length).min(self.0.len());
        self.take(filling)?;
        Some(taken)
    }
}

fn string_of(properties: &Properties, number: u16, builder: &mut Builder) -> Option<String> {
    let (kind, bytes) = properties.get(&number)?;
    let text = match kind {
        0x001F => UTF_16LE.decode_without_bom_handling(bytes).0.trim_end_matches('\0').to_owned(),
        0x001E | 0x0102 => short_string(bytes, builder),
        _ => return None,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

/// A string of the machine that wrote it, with a zero at its end.
fn short_string(bytes: &[u8], builder: &mut Builder) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    text::decode(&bytes[..end], None, builder)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::extract::document::Format;

    fn attribute(number: u16, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap();
        [&[1], &number.to_le_bytes()[..], &[0, 0], &length.to_le_bytes(), content, &[0, 0]].concat()
    }

    fn counted(bytes: &[u8]) -> Vec<u8> {
        let mut out = [&u32::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat();
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn property(number: u16, kind: u16, value: &[u8]) -> Vec<u8> {
        [&kind.to_le_bytes()[..], &number.to_le_bytes(), &1_u32.to_le_bytes(), &counted(value)].concat()
    }

    fn listed(properties: &[Vec<u8>]) -> Vec<u8> {
        [&u32::try_from(properties.len()).unwrap().to_le_bytes()[..], &properties.concat()].concat()
    }

    fn packed(attributes: &[Vec<u8>]) -> Vec<u8> {
        [&MAGIC[..], &[7, 0], &attributes.concat()].concat()
    }

    /// A mail with a file and a mail in it.
    pub(in crate::extract::mail) fn winmail() -> Vec<u8> {
        let wide: Vec<u8> = "Plan für Beete.txt\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let named =
            [&0x0003_u16.to_le_bytes()[..], &0x8001_u16.to_le_bytes(), &[9; 16], &1_u32.to_le_bytes(), &counted(b"a\0b\0"), &[5; 4]]
                .concat();
        let inner = packed(&[attribute(attribute::SUBJECT, b"Inner/mail\0"), attribute(attribute::BODY, b"Rake the paths.\0")]);
        let object = [&[8; OBJECT_HEAD][..], &inner].concat();
        packed(&[
            attribute(attribute::PROPERTIES, &listed(&[named, property(property::BODY_HTML, 0x0102, b"<p>Two <b>beds</b>.</p>")])),
            attribute(attribute::FILE, &[0; 14]),
            attribute(attribute::FILE_NAME, b"PLANFR~1.TXT\0"),
            attribute(attribute::FILE_DATA, b"Water the moss."),
            attribute(attribute::FILE_PROPERTIES, &listed(&[property(property::ATTACHED_LONG_NAME, 0x001F, &wide)])),
            attribute(attribute::FILE, &[0; 14]),
            attribute(attribute::FILE_PROPERTIES, &listed(&[property(property::ATTACHED_DATA, 0x000D, &object)])),
        ])
    }

    #[test]
    fn what_is_cut_ends_without_harm() {
        let whole = winmail();
        for length in 0..whole.len() {
            let _ = read(&whole[..length], &Limits::default(), &mut Builder::new(Format::Eml));
        }
        assert!(read(b"PK", &Limits::default(), &mut Builder::new(Format::Eml)).is_none());
    }
}
