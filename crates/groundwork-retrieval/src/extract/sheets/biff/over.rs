//! What lies over the cells of an old sheet: text boxes, comments, and the titles of charts and their rows.

use super::characters;
use crate::extract::little_endian::u16_at;

mod record {
    pub(super) const CONTINUED: u16 = 0x003C;
    pub(super) const OBJECT: u16 = 0x005D;
    pub(super) const TEXT: u16 = 0x01B6;
    pub(super) const CHART_TEXT: u16 = 0x100D;
}

/// The kind of object that a comment is.
const COMMENT: u16 = 0x19;

/// The texts met so far.
#[derive(Default)]
pub(super) struct Over {
    texts: Vec<String>,
    is_comment: bool,
    /// How many characters of the last text are still to come.
    missing: usize,
}

impl Over {
    pub(super) fn take(&mut self, kind: u16, content: &[u8]) {
        match kind {
            record::OBJECT => self.is_comment = u16_at(content, 4) == Some(COMMENT),
            record::TEXT => {
                self.missing = u16_at(content, 10).map_or(0, usize::from);
                self.texts.push(if self.is_comment { "Comment: ".to_owned() } else { String::new() });
            }
            record::CONTINUED if self.missing > 0 => {
                if let (Some(more), Some(text)) = (characters(content, self.missing), self.texts.last_mut()) {
                    self.missing -= more.encode_utf16().count().min(self.missing);
                    text.push_str(&more);
                }
            }
            // The same form, but with one byte for the length.
            record::CHART_TEXT => {
                let text = content.get(2).and_then(|length| characters(content.get(3..)?, usize::from(*length)));
                self.texts.extend(text);
            }
            // The formats of a text follow it in the same way.
            _ => self.missing = 0,
        }
    }

    /// The texts, each once: a chart names what it shows in several places.
    pub(super) fn texts(mut self) -> Vec<String> {
        let mut known = std::collections::HashSet::new();
        self.texts.retain(|text| !matches!(text.trim(), "" | "Comment:") && known.insert(text.clone()));
        self.texts
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{book, bytes};
    use crate::extract::Limits;
    use crate::extract::sheets::read_xls;

    #[test]
    fn boxes_comments_and_titles_of_charts_follow_the_cells() {
        let text = |length: u8| bytes(0x01B6, &[[0; 10].as_slice(), &[length, 0], &[0; 6]].concat());
        let object = |kind: u8| bytes(0x005D, &[0x15, 0, 0x12, 0, kind, 0]);
        let more = |content: &[u8]| bytes(0x003C, content);
        let sheet = [
            object(6),
            text(6),
            more(b"\0Mind "),
            more(b"\x01\xFC\0"),
            more(b"\0formats"),
            object(0x19),
            text(4),
            more(b"\0moss"),
            bytes(0x0809, &[0, 6, 0x20, 0]),
            bytes(0x100D, b"\0\0\x05\0Yield"),
            bytes(0x100D, b"\0\0\x05\0Yield"),
            bytes(0x000A, &[]),
        ];
        let document = read_xls(&book(&[], &sheet), &Limits::default()).unwrap();
        assert_eq!(document.text(), "Beds\n\nMind \u{fc}\n\nComment: moss\n\nYield");
    }
}
