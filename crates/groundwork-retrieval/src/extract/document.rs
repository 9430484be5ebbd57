//! What a parser makes of a file: blocks in reading order, each with the place it came from. All formats build it through [`Builder`],
//! which alone knows how heading paths and character spans come about.

use groundwork_core::place::Unit;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Pdf,
    Docx,
    Doc,
    Odt,
    Rtf,
    Pptx,
    Ppt,
    Odp,
    Xlsx,
    Xlsb,
    Xls,
    Ods,
    Csv,
    Html,
    Markdown,
    Text,
    Json,
    Xml,
    Ipynb,
    Epub,
    Eml,
    Msg,
    Tiff,
    Png,
    Jpeg,
}

impl Format {
    /// The lower-case name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Doc => "doc",
            Self::Odt => "odt",
            Self::Rtf => "rtf",
            Self::Pptx => "pptx",
            Self::Ppt => "ppt",
            Self::Odp => "odp",
            Self::Xlsx => "xlsx",
            Self::Xlsb => "xlsb",
            Self::Xls => "xls",
            Self::Ods => "ods",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Ipynb => "ipynb",
            Self::Epub => "epub",
            Self::Eml => "eml",
            Self::Msg => "msg",
            Self::Tiff => "tiff",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
        }
    }

    /// The media type of a file of this format.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Doc => "application/msword",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Rtf => "application/rtf",
            Self::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Self::Ppt => "application/vnd.ms-powerpoint",
            Self::Odp => "application/vnd.oasis.opendocument.presentation",
            Self::Xlsb => "application/vnd.ms-excel.sheet.binary.macroenabled.12",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Xls => "application/vnd.ms-excel",
            Self::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Self::Csv => "text/csv",
            Self::Html => "text/html",
            Self::Markdown => "text/markdown",
            Self::Text => "text/plain",
            Self::Json => "application/json",
            Self::Xml => "application/xml",
            Self::Ipynb => "application/x-ipynb+json",
            Self::Epub => "application/epub+zip",
            Self::Eml => "message/rfc822",
            Self::Msg => "application/vnd.ms-outlook",
            Self::Tiff => "image/tiff",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }

    /// What its readers count or name its parts by; a page also where it has no parts.
    pub fn unit(self) -> Unit {
        match self {
            Self::Pptx | Self::Ppt | Self::Odp => Unit::Slide,
            Self::Epub => Unit::Chapter,
            Self::Xlsx | Self::Xlsb | Self::Xls | Self::Ods => Unit::Sheet,
            _ => Unit::Page,
        }
    }
}

/// A file as blocks. [`Document::text`] is the plain text that every character span points into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub format: Format,
    pub title: Option<String>,
    /// Who wrote it, as the file itself says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Number of pages (or slides), where the format has pages.
    pub pages: Option<u32>,
    pub blocks: Vec<Block>,
    /// What a reader of the result should know: glyphs without a Unicode map, an image without text, a part that was skipped.
    pub warnings: Vec<String>,
}

/// What stands between two blocks in [`Document::text`].
const SEPARATOR: &str = "\n\n";

/// More blocks than any file has that people read. The builder takes one more and no further, so that a file of nothing but short lines is
/// refused for their number before they fill the memory.
pub const MOST_BLOCKS: usize = 500_000;

/// A longer heading is a paragraph that somebody formatted as one.
const MOST_HEADING_CHARS: usize = 300;

/// A mark without width that a parser sets where a block's text goes on on the next page. The builder takes it out and keeps its place.
pub(super) const PAGE_END: char = '\u{c}';

impl Document {
    /// The plain text: the blocks' texts, joined by a blank line.
    pub fn text(&self) -> String {
        self.blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join(SEPARATOR)
    }

    /// The text of each page that has any, with the character of the document's text that it begins at; a document without pages is one
    /// page. A block that runs over pages stands on each with its part.
    pub fn page_texts(&self) -> BTreeMap<u32, (usize, String)> {
        let mut pages: BTreeMap<u32, (usize, String)> = BTreeMap::new();
        for block in &self.blocks {
            let mut at = block.span.start;
            for (number, part) in block.parts() {
                let blank = part.chars().take_while(|c| c.is_whitespace()).count();
                let (_, text) = pages.entry(number.unwrap_or(1)).or_insert_with(|| (at + blank, String::new()));
                if !text.is_empty() {
                    text.push_str(SEPARATOR);
                }
                text.push_str(part.trim());
                at += part.chars().count();
            }
        }
        pages
    }
}

impl Block {
    /// The block's text by pages, with the number of each; in one piece where it has none.
    pub fn parts(&self) -> Vec<(Option<u32>, &str)> {
        let mut rest = self.text.as_str();
        let mut taken = 0;
        let mut page = self.pages.map(|(first, _)| first);
        let mut parts = Vec::with_capacity(self.page_breaks.len() + 1);
        for at in &self.page_breaks {
            let end = rest.char_indices().nth(at.saturating_sub(taken)).map_or(rest.len(), |(end, _)| end);
            let (part, after) = rest.split_at(end);
            parts.push((page, part));
            (rest, taken, page) = (after, *at, page.map(|page| page + 1));
        }
        parts.push((page, rest));
        parts
    }
}

/// One paragraph, heading, list item, table or piece of code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    pub kind: Kind,
    /// For a table: its rows, one a line, cells joined by ` | `. Never empty.
    pub text: String,
    /// The headings above this block, outermost first; for a heading, without itself.
    pub heading_path: Vec<String>,
    /// First and last page (or slide), counted from 1, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// Characters of `text` before each page after the first, for a block that runs over pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub page_breaks: Vec<usize>,
    /// The sheet of a workbook that this block stands on. The sheet's name is also a heading above the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Characters (not bytes) of [`Document::text`] that this block covers.
    pub span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind {
    /// `level` from 1.
    Heading {
        level: u8,
    },
    Paragraph,
    /// `depth` from 0.
    ListItem {
        depth: u8,
    },
    Table {
        rows: Vec<Vec<String>>,
        header_rows: usize,
    },
    Code {
        language: Option<String>,
    },
}

/// Builds a [`Document`] block by block in reading order; computes heading paths and spans, and leaves empty blocks out.
#[derive(Debug)]
pub struct Builder {
    document: Document,
    /// Open headings, outermost first, with their levels.
    headings: Vec<(u8, String)>,
    /// Characters of the text so far.
    length: usize,
    pages: Option<(u32, u32)>,
    sheet: Option<String>,
    /// Whether the first heading may become the title.
    headings_are_titles: bool,
}

impl Builder {
    pub fn new(format: Format) -> Self {
        let document = Document { format, title: None, author: None, pages: None, blocks: Vec::new(), warnings: Vec::new() };
        Self { document, headings: Vec::new(), length: 0, pages: None, sheet: None, headings_are_titles: true }
    }

    /// The title of the file's own metadata. Without one the first heading becomes the title.
    pub fn title(&mut self, title: &str) {
        let title = one_line(title);
        if !title.is_empty() {
            self.document.title = Some(title);
        }
    }

    /// Who wrote it, of the file's own metadata.
    pub fn author(&mut self, author: &str) {
        let author = one_line(author);
        if !author.is_empty() {
            self.document.author = Some(author);
        }
    }

    /// Takes the title back that was set so far.
    pub(super) fn take_title(&mut self) -> Option<String> {
        self.document.title.take()
    }

    /// The blocks that follow stand under none of the headings so far: another slide or chapter begins.
    pub fn leave_headings(&mut self) {
        self.headings.clear();
    }

    /// The headings are names of sheets or fields, and none of them is the title of the whole.
    pub(super) fn headings_are_names(&mut self) {
        self.headings_are_titles = false;
    }

    /// How many pages the file has.
    pub fn page_count(&mut self, pages: u32) {
        self.document.pages = Some(pages);
    }

    /// Blocks pushed from here on stand on these pages.
    pub fn at_pages(&mut self, pages: Option<(u32, u32)>) {
        self.pages = pages;
    }

    /// Blocks pushed from here on stand on this sheet.
    pub fn at_sheet(&mut self, sheet: Option<String>) {
        self.sheet = sheet;
    }

    /// Adds a warning once.
    pub fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if !self.document.warnings.contains(&warning) {
            self.document.warnings.push(warning);
        }
    }

    pub(super) fn format(&self) -> Format {
        self.document.format
    }

    pub fn is_empty(&self) -> bool {
        self.document.blocks.is_empty()
    }

    pub fn heading(&mut self, level: u8, text: &str) {
        self.push(Kind::Heading { level: level.max(1) }, text);
    }

    pub fn paragraph(&mut self, text: &str) {
        self.push(Kind::Paragraph, text);
    }

    /// A table from its rows; cells are put on one line, rows without any text are left out.
    pub fn table(&mut self, rows: Vec<Vec<String>>, header_rows: usize) {
        let mut kept = Vec::with_capacity(rows.len());
        let mut headers = 0;
        for (at, row) in rows.into_iter().enumerate() {
            let mut row: Vec<String> = row.iter().map(|cell| one_line(cell)).collect();
            row.truncate(row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
            if !row.is_empty() {
                headers += usize::from(at < header_rows);
                kept.push(row);
            }
        }
        let text = table_text(&kept);
        self.push(Kind::Table { rows: kept, header_rows: headers }, &text);
    }

    /// Adds a block. Text without any visible character is left out. [`PAGE_END`] stands where the text of several pages goes on.
    pub fn push(&mut self, kind: Kind, text: &str) {
        let (text, page_breaks) = self.cleaned(&kind, text);
        // Every block below would carry it along.
        let is_too_long = matches!(kind, Kind::Heading { .. }) && text.chars().nth(MOST_HEADING_CHARS).is_some();
        let kind = if is_too_long { Kind::Paragraph } else { kind };
        if text.is_empty() || self.document.blocks.len() > MOST_BLOCKS {
            return;
        }
        if let Kind::Heading { level } = kind {
            self.headings.retain(|(open, _)| *open < level);
        }
        let start = if self.document.blocks.is_empty() { 0 } else { self.length + SEPARATOR.len() };
        self.length = start + text.chars().count();
        let heading_path = self.headings.iter().map(|(_, heading)| heading.clone()).collect();
        if let Kind::Heading { level } = kind {
            self.headings.push((level, text.clone()));
        }
        let (pages, sheet) = (self.pages, self.sheet.clone());
        self.document.blocks.push(Block { kind, text, heading_path, pages, page_breaks, sheet, span: start..self.length });
    }

    /// A block's text as it is stored, and the characters of it before each further page.
    fn cleaned(&self, kind: &Kind, text: &str) -> (String, Vec<usize>) {
        let clean_part = |text: &str| match kind {
            Kind::Code { .. } => clean(text).trim_end().trim_start_matches('\n').to_owned(),
            Kind::Heading { .. } => one_line(text),
            _ => clean(text).trim().to_owned(),
        };
        let turns = self.pages.map_or(0, |(first, last)| last.saturating_sub(first) as usize);
        if turns == 0 || text.matches(PAGE_END).count() != turns {
            return (clean_part(text), Vec::new());
        }
        let (mut whole, mut breaks) = (String::new(), Vec::with_capacity(turns));
        for (at, part) in text.split(PAGE_END).enumerate() {
            if at > 0 {
                breaks.push(whole.chars().count());
            }
            whole.push_str(&clean_part(part));
            // A space before the seam is the parser's word on how the two parts are joined.
            if part.ends_with(' ') && !whole.is_empty() {
                whole.push(' ');
            }
        }
        whole.truncate(whole.trim_end().len());
        (whole, breaks)
    }

    pub fn finish(mut self) -> Document {
        if self.document.title.is_none() && self.headings_are_titles {
            let first = self.document.blocks.iter().find(|block| matches!(block.kind, Kind::Heading { .. }));
            self.document.title = first.map(|block| block.text.clone());
        }
        self.document
    }
}

/// Whether the first row names the columns, where the file does not say: short words without a digit over every column (the first may be
/// nameless), above at least two rows of which some hold a number or more words than their column's name.
pub fn has_likely_header(rows: &[Vec<String>]) -> bool {
    let Some((first, below)) = rows.split_first() else { return false };
    let is_name = |cell: &String| !cell.trim().is_empty() && cell.chars().count() <= 60 && !cell.contains(|c: char| c.is_ascii_digit());
    let width = below.iter().map(Vec::len).max().unwrap_or(0);
    if below.len() < 2 || width < 2 || first.len() != width || !first.iter().skip(1).all(is_name) {
        return false;
    }
    if first.first().is_some_and(|cell| !cell.trim().is_empty() && !is_name(cell)) {
        return false;
    }
    let words = |cell: &String| cell.split_whitespace().count();
    below
        .iter()
        .any(|row| row.iter().zip(first).any(|(cell, name)| cell.contains(|c: char| c.is_ascii_digit()) || words(cell) > words(name) + 2))
}

/// The text of a table block: rows one a line, cells joined by ` | `.
fn table_text(rows: &[Vec<String>]) -> String {
    rows.iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n")
}

/// Whitespace runs to one space, ends trimmed, then [`clean`].
pub fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text as it is stored: composed characters, line feeds as the only line ends, no soft hyphens, no control characters.
pub fn clean(text: &str) -> Cow<'_, str> {
    let unwanted = |c: char| c == '\u{ad}' || c == '\u{feff}' || (c.is_control() && c != '\n' && c != '\t');
    if !text.contains(unwanted) && is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().nfc().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' => out.push('\n'),
            c if unwanted(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heading_paths_follow_the_levels_and_leave_the_heading_itself_out() {
        let mut builder = Builder::new(Format::Text);
        builder.heading(1, "Leave");
        builder.heading(2, "Parental");
        builder.paragraph("Twelve weeks.");
        builder.heading(2, "Sick");
        builder.paragraph("Call in.");
        builder.heading(1, "Travel");
        let document = builder.finish();
        let paths: Vec<String> = document.blocks.iter().map(|block| block.heading_path.join(">")).collect();
        assert_eq!(paths, ["", "Leave", "Leave>Parental", "Leave", "Leave>Sick", ""]);
        assert_eq!(document.title.as_deref(), Some("Leave"));
    }

    #[test]
    fn a_likely_header_names_every_column_above_rows_that_are_unlike_it() {
        let table = |text: &str| {
            text.lines().map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect::<Vec<Vec<String>>>()
        };
        assert!(has_likely_header(&table("|Food|Calories\nleaves|ash, elm|50\nberries|cranberry|150")));
        assert!(!has_likely_header(&table("north|2 m\nsouth|3 m\nwest|4 m")));
        assert!(!has_likely_header(&table("spade|Ann\nrake|Ben\nhoe|Cleo")));
        assert!(!has_likely_header(&table("bed|size\nnorth|2 m")));
    }

    #[test]
    fn a_block_that_runs_over_pages_stands_on_each_with_its_part() {
        let mut builder = Builder::new(Format::Pdf);
        builder.at_pages(Some((1, 3)));
        builder.paragraph("Größe is mea\u{c}sured in \u{c}metres.");
        builder.at_pages(Some((3, 3)));
        builder.paragraph("The end.");
        let document = builder.finish();
        assert_eq!(document.blocks[0].text, "Größe is measured in metres.");
        assert_eq!(document.blocks[0].page_breaks, [12, 21]);
        let pages: Vec<_> = document.page_texts().into_iter().collect();
        assert_eq!(pages, [(1, (0, "Größe is mea".into())), (2, (12, "sured in".into())), (3, (21, "metres.\n\nThe end.".into()))]);
    }

    #[test]
    fn every_span_points_at_its_block_in_the_text() {
        let mut builder = Builder::new(Format::Text);
        builder.paragraph("  Größe\u{ad}n und e\u{301}  ");
        builder.paragraph(" \n ");
        builder.table(vec![vec!["a".into(), "b\nc".into()], vec![String::new()], vec!["1".into()]], 1);
        let document = builder.finish();
        let text: Vec<char> = document.text().chars().collect();
        for block in &document.blocks {
            assert_eq!(text[block.span.clone()].iter().collect::<String>(), block.text);
        }
        assert_eq!(document.blocks[0].text, "Größen und é");
        assert_eq!(document.blocks[1].text, "a | b c\n1");
    }
}
