//! The text of a part of a mail: its characters, where the part does not say rightly which they are, and its lines made whole again.

use crate::extract::document::Builder;
use crate::extract::{html, text};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, MessagePart, MimeHeaders};
use std::borrow::Cow;

/// The text of a part. The parser knows it by the encoding that the part names; where it names none, or one that the bytes are not of, it is
/// found as for a file. `mail` is what was parsed.
pub(super) fn text_of(part: &MessagePart<'_>, parsed: &str, mail: &[u8], builder: &mut Builder) -> String {
    let kind = part.content_type();
    let attribute = |name: &str| kind.and_then(|kind| kind.attribute(name)).unwrap_or("").trim();
    let named = attribute("charset").to_ascii_lowercase();
    let says_nothing = matches!(named.as_str(), "" | "us-ascii" | "ascii" | "unknown-8bit" | "x-unknown");
    let is_wrong = parsed.contains(char::REPLACEMENT_CHARACTER) || (says_nothing && !parsed.is_ascii());
    let text = match content(part, mail).filter(|_| is_wrong) {
        Some(bytes) => {
            let declared = if part.is_text_html() { html::declared_encoding(&bytes) } else { None };
            Cow::Owned(text::decode(&bytes, declared.as_deref(), builder))
        }
        None => Cow::Borrowed(parsed),
    };
    if attribute("format").eq_ignore_ascii_case("flowed") {
        return unflowed(&text, attribute("delsp").eq_ignore_ascii_case("yes"));
    }
    text.into_owned()
}

/// The bytes of a part as they were before they were packed for their way.
fn content(part: &MessagePart<'_>, mail: &[u8]) -> Option<Vec<u8>> {
    let raw = mail.get(part.offset_body as usize..part.offset_end as usize)?;
    match part.encoding {
        Encoding::None => Some(raw.to_vec()),
        Encoding::QuotedPrintable => quoted_printable_decode(raw),
        Encoding::Base64 => base64_decode(raw),
    }
}

/// A line that ends with a space goes on in the next one, unless that is quoted deeper or less. `drops`: the space was only put there for that.
fn unflowed(text: &str, drops: bool) -> String {
    let depth = |line: &str| line.len() - line.trim_start_matches('>').len();
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let quoted = depth(line);
        let unquoted = &line[quoted..];
        let words = unquoted.strip_prefix(' ').unwrap_or(unquoted);
        if open.take() == Some(quoted) && words != "-- " {
            out.push_str(words);
        } else {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(line);
        }
        if words.ends_with(' ') && words != "-- " {
            open = Some(quoted);
            if drops {
                out.pop();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowing_lines_are_joined_within_their_quotation() {
        let text = "One line \nthat goes on.\n> quoted \n> words\n>> deeper \nmine\n-- \nAnn";
        assert_eq!(unflowed(text, false), "One line that goes on.\n> quoted words\n>> deeper \nmine\n-- \nAnn");
        assert_eq!(unflowed("wrap \nped  \nwords", true), "wrapped words");
    }
}
