//! Mails as Outlook saves them (MSG): properties in the streams of a compound file, named by their number and type.

use super::{Mail, attachment_name, inner_file};
use crate::extract::document::{Builder, Format};
use crate::extract::{InnerFile, Limits, Parsed, ReadError, text};
use encoding_rs::UTF_16LE;
use office_oxide::cfb::CfbReader;
use std::io::Cursor;

type Compound<'a> = CfbReader<Cursor<&'a [u8]>>;

/// Numbers of the properties that are read.
mod property {
    pub(super) const SUBJECT: u16 = 0x0037;
    pub(super) const SENDER_NAME: u16 = 0x0C1A;
    pub(super) const SENDER_ADDRESS: u16 = 0x0C1F;
    pub(super) const SENDER_SMTP_ADDRESS: u16 = 0x5D01;
    pub(super) const TO: u16 = 0x0E04;
    pub(super) const CC: u16 = 0x0E03;
    pub(super) const TRANSPORT_HEADERS: u16 = 0x007D;
    pub(super) const BODY: u16 = 0x1000;
    pub(super) const BODY_HTML: u16 = 0x1013;
    pub(super) const BODY_RTF: u16 = 0x1009;
    pub(super) const ATTACHED_DATA: u16 = 0x3701;
    pub(super) const ATTACHED_NAME: u16 = 0x3704;
    pub(super) const ATTACHED_LONG_NAME: u16 = 0x3707;
}

/// Reads an Outlook mail.
pub(in crate::extract) fn read(bytes: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    let mut file: Compound<'_> =
        CfbReader::new(Cursor::new(bytes)).map_err(|_| ReadError::Damaged("it is not a sound compound file".to_owned()))?;
    let mut builder = Builder::new(Format::Msg);
    let mut get = |number| string(&mut file, "", number, &mut builder);
    let sender = match (get(property::SENDER_NAME), get(property::SENDER_SMTP_ADDRESS).or_else(|| get(property::SENDER_ADDRESS))) {
        (Some(name), Some(address)) if address.contains('@') && name != address => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default(),
    };
    let headers = get(property::TRANSPORT_HEADERS).unwrap_or_default();
    let date = headers.lines().find_map(|line| line.strip_prefix("Date:")).unwrap_or("").trim().to_owned();
    let (subject, to, cc) = (get(property::SUBJECT).unwrap_or_default(), get(property::TO), get(property::CC));
    let (plain, html_text) = (get(property::BODY).unwrap_or_default(), get(property::BODY_HTML));
    let html = match (html_text, binary(&mut file, "", property::BODY_HTML)) {
        (Some(text), _) => text,
        (None, Some(bytes)) => text::decode(&bytes, None, &mut builder),
        (None, None) => String::new(),
    };
    if plain.trim().is_empty() && html.trim().is_empty() && binary(&mut file, "", property::BODY_RTF).is_some() {
        builder.warn("the mail's text is packed rich text only, which is not read");
    }
    let attachments = attachments(&mut file, &mut builder);
    let headers = vec![("From", sender), ("To", to.unwrap_or_default()), ("Cc", cc.unwrap_or_default()), ("Date", date)];
    let mail = Mail { format: Format::Msg, subject, headers, plain, html, attachments };
    Ok(mail.into_parsed(limits, builder))
}

/// The name of a property's stream: its number and its type.
fn stream(folder: &str, number: u16, kind: &str) -> String {
    format!("{folder}__substg1.0_{number:04X}{kind}")
}

/// A text property: UTF-16, or the code page of the machine that wrote it.
fn string(file: &mut Compound<'_>, folder: &str, number: u16, builder: &mut Builder) -> Option<String> {
    let text = match file.open_stream_by_path(&stream(folder, number, "001F")) {
        Ok(bytes) => UTF_16LE.decode_without_bom_handling(&bytes).0.into_owned(),
        Err(_) => text::decode(&file.open_stream_by_path(&stream(folder, number, "001E")).ok()?, None, builder),
    };
    Some(text.trim_end_matches('\0').to_owned()).filter(|text| !text.is_empty())
}

fn binary(file: &mut Compound<'_>, folder: &str, number: u16) -> Option<Vec<u8>> {
    file.open_stream_by_path(&stream(folder, number, "0102")).ok().filter(|bytes| !bytes.is_empty())
}

fn attachments(file: &mut Compound<'_>, builder: &mut Builder) -> Vec<InnerFile> {
    let folders =
        file.entries().iter().filter(|entry| entry.name.starts_with("__attach_version1.0_")).map(|entry| format!("{}/", entry.name));
    let mut folders: Vec<String> = folders.collect();
    folders.sort();
    folders.dedup();
    let mut files = Vec::new();
    for (folder, number) in folders.iter().zip(1..) {
        let name =
            string(file, folder, property::ATTACHED_LONG_NAME, builder).or_else(|| string(file, folder, property::ATTACHED_NAME, builder));
        match binary(file, folder, property::ATTACHED_DATA) {
            Some(content) => files.push(inner_file(attachment_name(name.as_deref(), number, ""), &content)),
            // A mail in a mail is a folder of its own and not bytes.
            None => builder.warn(format!("attachment {number} is no file and was left out")),
        }
    }
    files
}
