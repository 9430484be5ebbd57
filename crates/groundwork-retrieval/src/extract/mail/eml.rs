//! Mails as they are sent (EML).

use super::{Mail, attachment_name, body, inner_file, tnef};
use crate::extract::document::{Builder, Format};
use crate::extract::{InnerFile, Limits, Parsed, ReadError, text};
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use std::borrow::Cow;

/// Reads a mail.
pub(in crate::extract) fn read(bytes: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    let depth = most_nested(bytes);
    if depth > limits.depth {
        return Err(ReadError::TooComplex(format!("{depth} parts inside one another")));
    }
    let mut builder = Builder::new(Format::Eml);
    let bytes = &readable(bytes, &mut builder);
    let message = MessageParser::default().parse(&**bytes).ok_or_else(|| ReadError::Damaged("it has no mail headers".to_owned()))?;
    let date = message.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default();
    let plain = bodies(message.text_bodies(), false, bytes, &mut builder);
    let html = bodies(message.html_bodies(), true, bytes, &mut builder);
    let (attached, packed) = attachments(&message, bytes, limits, &mut builder);
    let mut mail = Mail {
        format: Format::Eml,
        subject: message.subject().unwrap_or("").to_owned(),
        headers: vec![("From", people(message.from())), ("To", people(message.to())), ("Cc", people(message.cc())), ("Date", date)],
        plain,
        html,
        rich: None,
        attachments: attached,
    };
    for packed in packed {
        if mail.plain.trim().is_empty() && mail.html.trim().is_empty() && mail.rich.is_none() {
            (mail.plain, mail.html, mail.rich) = (packed.plain, packed.html, packed.rich);
        }
        mail.attachments.extend(packed.attachments);
    }
    Ok(mail.into_parsed(limits, builder))
}

/// The mail with its own headers in UTF-8: some programs write them in the encoding of their machine without a word.
fn readable<'a>(bytes: &'a [u8], builder: &mut Builder) -> Cow<'a, [u8]> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").or_else(|| bytes.windows(2).position(|two| two == b"\n\n"));
    let (headers, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    if std::str::from_utf8(headers).is_ok() {
        return Cow::Borrowed(bytes);
    }
    let headers = text::decode(headers, None, builder);
    Cow::Owned([headers.as_bytes(), body].concat())
}

/// How many multiparts are declared: each boundary can hold one more inside. Counted before anything is parsed.
fn most_nested(bytes: &[u8]) -> usize {
    const DECLARATION: &[u8] = b"content-type: multipart/";
    let begins = |line: &[u8]| line.len() >= DECLARATION.len() && line[..DECLARATION.len()].eq_ignore_ascii_case(DECLARATION);
    bytes.split(|byte| *byte == b'\n').filter(|line| begins(line)).count()
}

fn people(address: Option<&Address<'_>>) -> String {
    let Some(address) = address else { return String::new() };
    let people = address.iter().map(|person| match (person.name(), person.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or("").to_owned(),
    });
    people.collect::<Vec<_>>().join(", ")
}

/// The bodies of one kind; the parser lists a lone body of the other kind here too.
fn bodies<'a>(parts: impl Iterator<Item = &'a MessagePart<'a>>, html: bool, mail: &[u8], builder: &mut Builder) -> String {
    let texts = parts.filter_map(|part| match &part.body {
        PartType::Html(text) if html => Some(body::text_of(part, text, mail, builder)),
        PartType::Text(text) if !html => Some(body::text_of(part, text, mail, builder)),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// The attached files, and the mails that Outlook packed into one.
fn attachments(message: &Message<'_>, mail: &[u8], limits: &Limits, builder: &mut Builder) -> (Vec<InnerFile>, Vec<Mail>) {
    let (mut files, mut packed) = (Vec::new(), Vec::new());
    for (part, number) in message.attachments().zip(1..) {
        let (content, ending) = match &part.body {
            PartType::Message(inner) => (Cow::Borrowed(inner.raw_message()), ".eml"),
            // A picture within the text is no file of its own.
            PartType::InlineBinary(_) if part.content_id().is_some() => continue,
            PartType::Text(text) => (Cow::Owned(body::text_of(part, text, mail, builder).into_bytes()), ".txt"),
            PartType::Html(text) => (Cow::Owned(body::text_of(part, text, mail, builder).into_bytes()), ".html"),
            _ => (Cow::Borrowed(part.contents()), ""),
        };
        if let Some(mail) = tnef::read(&content, limits, builder) {
            packed.push(mail);
        } else if !content.is_empty() {
            files.push(inner_file(attachment_name(part.attachment_name(), number, ending), &content));
        }
    }
    (files, packed)
}
