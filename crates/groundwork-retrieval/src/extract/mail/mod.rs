//! Mails → blocks: who wrote what to whom when, the text once, and the attached files to be read on their own.

mod body;
mod eml;
mod msg;
mod packed_rtf;
mod tnef;

pub(super) use eml::read as read_eml;
pub(super) use msg::read as read_msg;

use super::document::{Builder, Document, Format};
use super::{InnerFile, Limits, Parsed, html, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Numbers of the properties that Outlook's files name and that are read.
mod property {
    pub(super) const SUBJECT: u16 = 0x0037;
    pub(super) const SUBMITTED: u16 = 0x0039;
    pub(super) const DELIVERED: u16 = 0x0E06;
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

/// What both kinds of mail come down to.
struct Mail {
    format: Format,
    subject: String,
    /// `From`, `To` and the like, with their values.
    headers: Vec<(&'static str, String)>,
    /// The same text twice, as a rule: once plain, once as HTML.
    plain: String,
    html: String,
    /// The text of a mail that has neither.
    rich: Option<Document>,
    attachments: Vec<InnerFile>,
}

impl Mail {
    fn into_parsed(self, limits: &Limits, mut builder: Builder) -> Parsed {
        builder.title(&self.subject);
        builder.heading(1, &self.subject);
        let lines: Vec<String> =
            self.headers.iter().filter(|(_, value)| !value.trim().is_empty()).map(|(name, value)| format!("{name}: {value}")).collect();
        builder.paragraph(&lines.join("\n"));
        if let Some(rich) = &self.rich {
            for block in &rich.blocks {
                builder.push(block.kind.clone(), &block.text);
            }
        } else if self.plain_will_do() {
            text::walk(&self.plain, &mut builder);
        } else {
            html::walk_piece(&self.html, limits, &mut builder);
        }
        let names: Vec<&str> = self.attachments.iter().map(|file| file.name.as_str()).collect();
        if !names.is_empty() {
            builder.paragraph(&format!("Attachments: {}", names.join(", ")));
        }
        debug_assert_eq!(self.format, builder.format());
        Parsed { files: self.attachments, ..builder.finish().into() }
    }

    /// The plain text, unless it only says that there is another: then it is far shorter.
    fn plain_will_do(&self) -> bool {
        let visible = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
        let plain = visible(&self.plain);
        self.html.trim().is_empty() || (plain > 0 && (plain >= 200 || visible(&self.html) < plain * 20))
    }
}

/// A file's name without folders, or one made up for it.
fn attachment_name(given: Option<&str>, number: usize, ending: &str) -> String {
    let name = given.unwrap_or("").rsplit(['/', '\\']).next().unwrap_or("").trim();
    if name.is_empty() { format!("attachment-{number}{ending}") } else { name.to_owned() }
}

/// A mail as it would be sent, for one that lies in another file as something else.
fn compose(mail: &Mail) -> Vec<u8> {
    const BOUNDARY: &str = "part-of-a-mail-in-a-mail";
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    for (name, value) in mail.headers.iter().map(|(name, value)| (*name, value)).chain([("Subject", &mail.subject)]) {
        if !value.trim().is_empty() {
            out.push_str(&format!("{name}: {}\r\n", line(value)));
        }
    }
    out.push_str(&format!("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\r\n\r\n"));
    let (kind, body) = match &mail.rich {
        Some(rich) => ("plain", rich.text()),
        None if mail.plain_will_do() => ("plain", mail.plain.clone()),
        None => ("html", mail.html.clone()),
    };
    let mut part = |head: &str, content: &[u8]| {
        out.push_str(&format!("--{BOUNDARY}\r\n{head}\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
        for line in STANDARD.encode(content).as_bytes().chunks(76) {
            out.push_str(&String::from_utf8_lossy(line));
            out.push_str("\r\n");
        }
    };
    part(&format!("Content-Type: text/{kind}; charset=utf-8"), body.as_bytes());
    for file in &mail.attachments {
        let name = STANDARD.encode(&file.name);
        let head = format!("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"=?utf-8?B?{name}?=\"");
        part(&head, &file.content);
    }
    out.push_str(&format!("--{BOUNDARY}--\r\n"));
    out.into_bytes()
}

fn inner_file(name: String, content: &[u8]) -> InnerFile {
    InnerFile { name, content: Bytes::copy_from_slice(content) }
}

#[cfg(test)]
mod tests;
