//! Mails → blocks: who wrote what to whom when, the text once, and the attached files to be read on their own.

mod eml;
mod msg;

pub(super) use eml::read as read_eml;
pub(super) use msg::read as read_msg;

use super::document::{Builder, Format};
use super::{InnerFile, Limits, Parsed, html, text};
use bytes::Bytes;

/// What both kinds of mail come down to.
struct Mail {
    format: Format,
    subject: String,
    /// `From`, `To` and the like, with their values.
    headers: Vec<(&'static str, String)>,
    /// The same text twice, as a rule: once plain, once as HTML.
    plain: String,
    html: String,
    attachments: Vec<InnerFile>,
}

impl Mail {
    fn into_parsed(self, limits: &Limits, mut builder: Builder) -> Parsed {
        builder.title(&self.subject);
        builder.heading(1, &self.subject);
        let lines: Vec<String> =
            self.headers.iter().filter(|(_, value)| !value.trim().is_empty()).map(|(name, value)| format!("{name}: {value}")).collect();
        builder.paragraph(&lines.join("\n"));
        if self.plain_will_do() {
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

fn inner_file(name: String, content: &[u8]) -> InnerFile {
    InnerFile { name, content: Bytes::copy_from_slice(content) }
}

#[cfg(test)]
mod tests;
