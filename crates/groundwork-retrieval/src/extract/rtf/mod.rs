//! RTF → blocks: paragraphs, headings by their style or outline level, tables by their cell and row marks, notes after the paragraph that
//! refers to them. Headers, footers, pictures and everything that a reader of RTF may skip are skipped.

mod reader;
mod token;

use super::document::{Builder, Document, Format};
use super::{Limits, ReadError};

/// Reads an RTF file.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let mut reader = reader::Reader::new(Builder::new(Format::Rtf), limits);
    let mut tokens = token::Tokens::new(bytes);
    while let Some(token) = tokens.following() {
        if let token::Token::Word("bin", Some(bytes)) = token {
            tokens.skip(usize::try_from(bytes).unwrap_or(0));
        } else {
            reader.token(token)?;
        }
    }
    Ok(reader.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::document::Kind;

    fn blocks(text: &[u8]) -> Vec<(Kind, String)> {
        read(text, &Limits::default()).unwrap().blocks.into_iter().map(|block| (block.kind, block.text)).collect()
    }

    #[test]
    fn text_in_every_way_of_writing_it_comes_through() {
        let rtf = b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}{\\f1\\fcharset128 Mincho;}}{\\*\\generator X;}\\f0 caf\\'e9 \\u9786?\\uc2\\u-10179\\'3f\\'3f\\u-8704\\'3f\\'3f {\\f1 \\'8d\\'b2\\'93\\'a1}\\~x\\par two\\line lines\\par{\\header no}{\\pict 00ff}}";
        let expected = [(Kind::Paragraph, "café ☺😀 佐藤\u{a0}x".to_owned()), (Kind::Paragraph, "two\nlines".to_owned())];
        assert_eq!(blocks(rtf), expected);
    }

    #[test]
    fn files_of_dos_say_so_by_one_word() {
        assert_eq!(blocks(b"{\\rtf1\\pc Stra\\'e1e \\'81ber\\par}")[0].1, "Straße über");
        assert_eq!(blocks(b"{\\rtf1\\ansi\\ansicpg850 \\'9dre\\par}")[0].1, "Øre");
    }

    #[test]
    fn styles_make_headings_and_the_title_is_taken() {
        let rtf =
            b"{\\rtf1{\\info{\\title Beds}}{\\stylesheet{\\s0 Normal;}{\\s1\\b heading 2;}}\\pard\\s1 North\\par\\pard\\s0 Text.\\par}";
        assert_eq!(blocks(rtf)[0], (Kind::Heading { level: 2 }, "North".into()));
        assert_eq!(read(rtf, &Limits::default()).unwrap().title.as_deref(), Some("Beds"));
    }

    #[test]
    fn rows_make_one_table_and_lists_lose_their_bullets() {
        let rtf = b"{\\rtf1 Before\\par\\trowd\\cellx1\\cellx2\\intbl bed\\cell size\\cell\\row\\trowd\\intbl north\\cell 2 m\\par long\\cell\\row\\pard{\\listtext\\bullet\\tab}\\ls1 dig\\par after\\par}";
        let read = blocks(rtf);
        assert_eq!(read[1].1, "bed | size\nnorth | 2 m long");
        assert_eq!(read[2], (Kind::ListItem { depth: 0 }, "dig".into()));
    }

    #[test]
    fn notes_follow_their_paragraph_and_hidden_text_is_left_out() {
        let read = blocks(b"{\\rtf1 See{\\super\\chftn{\\footnote {\\chftn} Raised.}} here.{\\v secret}\\par}");
        assert_eq!(read[0].1, "See here.");
        assert_eq!(read[1].1, "Note: Raised.");
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn numbers_of_list_items_are_kept_and_deleted_text_is_not() {
        let rtf = b"{\\rtf1{\\fonttbl{\\f1\\fcharset2 Wingdings;}}\\pard{\\listtext\\pard\\plain a)\\tab}\\ls1 dig\\par{\\pntext 2.\\tab}rake\\par{\\listtext\\f1 \\'d8\\tab}\\ls2 sow\\par
            \\trowd\\intbl{\\listtext 1.\\tab}bed\\cell size\\cell\\row\\pard Keep {\\deleted old }\\deleted gone \\deleted0 new{\\footnote {\\deleted no}Note.}\\par}";
        let read = blocks(rtf);
        let texts: Vec<&str> = read.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["a) dig", "2. rake", "sow", "1. bed | size", "Keep new", "Note: Note."]);
        assert!(read[..3].iter().all(|(kind, _)| *kind == Kind::ListItem { depth: 0 }));
    }

    #[test]
    fn files_of_a_macintosh_are_read_in_its_code_page() {
        assert_eq!(blocks(b"{\\rtf1\\mac Caf\\'8e\\par}")[0].1, "Caf\u{e9}");
    }

    #[test]
    fn groups_without_end_are_refused() {
        assert_eq!(read("{\\rtf1".repeat(100_000).as_bytes(), &Limits::default()).unwrap_err().detail(), "too_complex");
    }
}
