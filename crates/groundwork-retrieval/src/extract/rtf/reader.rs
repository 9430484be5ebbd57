//! Tokens of an RTF file → blocks.

use super::token::Token;
use crate::extract::document::{Builder, Document, Kind, has_likely_header};
use crate::extract::old_encodings::Characters;
use crate::extract::{Limits, ReadError};
use encoding_rs::{
    BIG5, EUC_KR, GBK, MACINTOSH, SHIFT_JIS, UTF_8, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254,
    WINDOWS_1255, WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};
use std::collections::HashMap;

/// Where the text of a group goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Body,
    Skipped,
    Fonts,
    Styles,
    Title,
    Author,
    Note,
    /// The number or bullet of a list item, as the program that wrote the file shows it.
    Mark,
}

/// What a group inherits and gives back at its end.
#[derive(Debug, Clone, Copy)]
struct Group {
    destination: Destination,
    encoding: Characters,
    /// Bytes that stand for a character written as `\u`, for readers that do not know it.
    fallback: usize,
    hidden: bool,
    deleted: bool,
    font: i32,
}

/// What holds for a paragraph until `\pard`.
#[derive(Debug, Clone, Copy, Default)]
struct Paragraph {
    style: i32,
    outline: Option<u8>,
    in_table: bool,
    is_list_item: bool,
    depth: u8,
}

pub(super) struct Reader {
    builder: Builder,
    groups: Vec<Group>,
    most_groups: usize,
    /// The encodings of the fonts, and the names of the styles.
    fonts: HashMap<i32, Characters>,
    styles: HashMap<i32, String>,
    default_encoding: Characters,
    /// Bytes not yet decoded: a character may take two of them.
    pending: Vec<u8>,
    high_surrogate: Option<u16>,
    to_skip: usize,
    ignorable: bool,
    text: String,
    /// The text of a font, a style, the title or a note while its group is open.
    aside: String,
    notes: Vec<String>,
    mark: String,
    paragraph: Paragraph,
    cells: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Reader {
    pub(super) fn new(builder: Builder, limits: &Limits) -> Self {
        Self {
            builder,
            groups: vec![Group {
                destination: Destination::Body,
                encoding: Characters::Web(WINDOWS_1252),
                fallback: 1,
                hidden: false,
                deleted: false,
                font: 0,
            }],
            most_groups: limits.depth,
            fonts: HashMap::new(),
            styles: HashMap::new(),
            default_encoding: Characters::Web(WINDOWS_1252),
            pending: Vec::new(),
            high_surrogate: None,
            to_skip: 0,
            ignorable: false,
            text: String::new(),
            aside: String::new(),
            notes: Vec::new(),
            mark: String::new(),
            paragraph: Paragraph::default(),
            cells: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub(super) fn token(&mut self, token: Token<'_>) -> Result<(), ReadError> {
        match token {
            Token::Byte(_) if self.to_skip > 0 => self.to_skip -= 1,
            Token::Byte(byte) => self.pending.push(byte),
            Token::Ignorable => self.ignorable = true,
            Token::Open => {
                self.decode();
                self.to_skip = 0;
                if self.groups.len() > self.most_groups {
                    return Err(ReadError::TooComplex(format!("groups deeper than {}", self.most_groups)));
                }
                self.groups.push(self.group());
            }
            Token::Close => {
                self.decode();
                self.to_skip = 0;
                self.close();
            }
            Token::Word(word, number) => {
                let ignorable = std::mem::take(&mut self.ignorable);
                self.word(word, number, ignorable);
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Document {
        self.decode();
        self.end_paragraph();
        self.end_table();
        self.builder.finish()
    }

    fn group(&self) -> Group {
        self.groups[self.groups.len() - 1]
    }

    fn group_mut(&mut self) -> &mut Group {
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    fn close(&mut self) {
        // The outermost group stays: some files close it too early and go on.
        if self.groups.len() == 1 {
            return;
        }
        let closed = self.groups.pop().map_or(Destination::Body, |group| group.destination);
        if closed == self.group().destination {
            return;
        }
        let aside = std::mem::take(&mut self.aside);
        match closed {
            Destination::Title => self.builder.title(&aside),
            Destination::Author => self.builder.author(&aside),
            Destination::Note if !aside.trim().is_empty() => self.notes.push(aside),
            Destination::Mark if self.paragraph.in_table => self.text.push_str(&numbered(&aside)),
            Destination::Mark => self.mark = aside,
            _ => {}
        }
    }

    fn word(&mut self, word: &str, number: Option<i32>, ignorable: bool) {
        if word == "u" {
            self.unicode(number.unwrap_or(0));
            return;
        }
        self.decode();
        if let Some(destination) = destination(word, self.group().destination) {
            self.group_mut().destination = destination;
            self.aside.clear();
        } else if ignorable {
            // Unknown, and said to be skippable. Shapes are known: their text lies inside.
            if !matches!(word, "shpinst" | "ud" | "nesttableprops") {
                self.group_mut().destination = Destination::Skipped;
            }
        } else if !self.character(word) && !self.format(word, number) {
            self.structure(word, number);
        }
    }

    /// Words that stand for a character.
    fn character(&mut self, word: &str) -> bool {
        let character = match word {
            "tab" | "emspace" | "enspace" | "qmspace" => " ",
            "nbsp" => "\u{a0}",
            "line" | "softline" => "\n",
            "emdash" => "—",
            "endash" => "–",
            "lquote" => "‘",
            "rquote" => "’",
            "ldblquote" => "“",
            "rdblquote" => "”",
            "bullet" => "•",
            _ => return false,
        };
        self.write(character);
        true
    }

    /// Words about how text is written.
    fn format(&mut self, word: &str, number: Option<i32>) -> bool {
        let value = number.unwrap_or(0);
        match word {
            "ansicpg" => {
                self.default_encoding = code_page(value);
                self.group_mut().encoding = self.default_encoding;
            }
            "f" => {
                let encoding = self.fonts.get(&value).copied().unwrap_or(self.default_encoding);
                let group = self.group_mut();
                group.font = value;
                if group.destination != Destination::Fonts {
                    group.encoding = encoding;
                }
            }
            "fcharset" if self.group().destination == Destination::Fonts => {
                if let Some(encoding) = charset(value) {
                    self.fonts.insert(self.group().font, encoding);
                }
            }
            "mac" | "pc" | "pca" => {
                self.default_encoding = match word {
                    "mac" => Characters::Web(MACINTOSH),
                    "pc" => Characters::CP437,
                    _ => Characters::CP850,
                };
                self.group_mut().encoding = self.default_encoding;
            }
            "deleted" => self.group_mut().deleted = number != Some(0),
            "plain" => {
                self.group_mut().hidden = false;
                self.group_mut().deleted = false;
                self.group_mut().encoding = self.default_encoding;
            }
            "v" => self.group_mut().hidden = number != Some(0),
            "uc" => self.group_mut().fallback = usize::try_from(value).unwrap_or(1).min(16),
            _ => return false,
        }
        true
    }

    /// Words about paragraphs, tables and lists.
    fn structure(&mut self, word: &str, number: Option<i32>) {
        let value = number.unwrap_or(0);
        match word {
            "s" if self.group().destination == Destination::Styles => {
                self.aside.clear();
                self.paragraph.style = value;
            }
            "par" | "sect" | "page" | "column" if self.group().destination == Destination::Note => self.write(" "),
            // What a mark's own group says of its paragraph is not said of the item.
            _ if self.group().destination == Destination::Mark => {}
            "par" | "sect" if self.paragraph.in_table => self.write(" "),
            "par" | "sect" | "page" | "column" => self.end_paragraph(),
            "pard" => self.paragraph = Paragraph::default(),
            "s" => self.paragraph.style = value,
            "outlinelevel" => self.paragraph.outline = u8::try_from(value).ok().filter(|level| *level < 9),
            "ls" | "pnlvlblt" | "pnlvlbody" => self.paragraph.is_list_item = true,
            "ilvl" => self.paragraph.depth = u8::try_from(value).unwrap_or(0),
            "intbl" => self.paragraph.in_table = true,
            "trowd" if !self.paragraph.in_table => self.end_paragraph(),
            "cell" => {
                let cell = std::mem::take(&mut self.text);
                self.cells.push(cell);
            }
            // A table within a cell is words of that cell.
            "nestcell" | "nestrow" => self.write(" "),
            "row" => {
                let row = std::mem::take(&mut self.cells);
                self.rows.push(row);
            }
            _ => {}
        }
    }

    fn unicode(&mut self, number: i32) {
        self.decode();
        self.to_skip = self.group().fallback;
        // Numbers above 32767 are written as negative ones.
        let Ok(unit) = u16::try_from(if number < 0 { number + 65_536 } else { number }) else { return };
        match (self.high_surrogate.take(), unit) {
            (_, 0xD800..=0xDBFF) => self.high_surrogate = Some(unit),
            (Some(high), low) => self.write(&String::from_utf16_lossy(&[high, low])),
            // Symbol fonts put their signs into the private area; as letters they say nothing.
            (None, 0xF000..=0xF0FF) => self.write("•"),
            (None, unit) => self.write(&String::from_utf16_lossy(&[unit])),
        }
    }

    fn decode(&mut self) {
        if !self.pending.is_empty() {
            let bytes = std::mem::take(&mut self.pending);
            let text = self.group().encoding.decode(&bytes);
            self.write(&text);
        }
    }

    fn write(&mut self, text: &str) {
        let group = self.group();
        match group.destination {
            Destination::Body | Destination::Note if group.hidden || group.deleted => {}
            Destination::Body => {
                if !self.rows.is_empty() && self.cells.is_empty() && !self.paragraph.in_table && !text.trim().is_empty() {
                    self.end_table();
                }
                self.text.push_str(text);
            }
            Destination::Title | Destination::Author | Destination::Note | Destination::Mark => self.aside.push_str(text),
            Destination::Styles => {
                self.aside.push_str(text);
                if let Some(name) = self.aside.strip_suffix(';') {
                    self.styles.insert(self.paragraph.style, name.trim().to_lowercase());
                    self.aside.clear();
                    self.paragraph = Paragraph::default();
                }
            }
            Destination::Fonts | Destination::Skipped => {}
        }
    }

    fn end_paragraph(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        let mark = std::mem::take(&mut self.mark);
        if !text.trim().is_empty() {
            self.end_table();
            text.insert_str(0, &numbered(&mark));
            match self.heading_level() {
                Some(level) => self.builder.heading(level, &text),
                None if self.paragraph.is_list_item || !mark.is_empty() => {
                    self.builder.push(Kind::ListItem { depth: self.paragraph.depth.min(8) }, &text);
                }
                None => self.builder.paragraph(&text),
            }
        }
        if self.rows.is_empty() {
            self.add_notes();
        }
    }

    fn end_table(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        if !self.cells.is_empty() {
            rows.push(std::mem::take(&mut self.cells));
        }
        if !rows.is_empty() {
            let header_rows = usize::from(has_likely_header(&rows));
            self.builder.table(rows, header_rows);
            self.add_notes();
        }
    }

    fn add_notes(&mut self) {
        for note in std::mem::take(&mut self.notes) {
            self.builder.paragraph(&format!("Note: {}", note.trim()));
        }
    }

    fn heading_level(&self) -> Option<u8> {
        let style = self.styles.get(&self.paragraph.style).map_or("", String::as_str);
        if style == "title" {
            return Some(1);
        }
        let named = style.strip_prefix("heading ").and_then(|level| level.split([' ', ',']).next()?.parse::<u8>().ok());
        named.or(self.paragraph.outline.map(|level| level + 1)).filter(|level| (1..=9).contains(level))
    }
}

/// A list item's mark before its text: numbers say something, bullets do not, whatever letters of a font of signs they are.
fn numbered(mark: &str) -> String {
    let mark = mark.trim();
    let is_number = mark.chars().any(|c| c.is_ascii_digit()) || (mark.ends_with(['.', ')']) && mark.chars().any(char::is_alphanumeric));
    if is_number { format!("{mark} ") } else { String::new() }
}

/// The destination that a word opens, if it is one that is known.
fn destination(word: &str, current: Destination) -> Option<Destination> {
    Some(match word {
        _ if current == Destination::Skipped => Destination::Skipped,
        "fonttbl" => Destination::Fonts,
        "stylesheet" => Destination::Styles,
        "title" => Destination::Title,
        "author" => Destination::Author,
        "footnote" | "annotation" => Destination::Note,
        "listtext" | "pntext" => Destination::Mark,
        // Text boxes, and the shown result of fields and objects, are text of the body.
        "shptxt" if current != Destination::Note => Destination::Body,
        "operator" | "subject" | "keywords" | "doccomm" | "company" | "category" | "manager" | "comment" | "colortbl" | "header"
        | "headerl" | "headerr" | "headerf" | "footer" | "footerl" | "footerr" | "footerf" | "pict" | "nonshppict" | "objdata"
        | "fldinst" | "sp" | "filetbl" | "revtbl" | "rsidtbl" | "xe" | "tc" | "txe" | "rxe" | "nonesttables" | "themedata"
        | "colorschememapping" | "datastore" | "latentstyles" | "shprslt" | "ftnsep" | "ftnsepc" | "aftnsep" | "aftnsepc" | "bkmkstart"
        | "bkmkend" | "atnid" | "atnauthor" | "atrfstart" | "atrfend" | "listtable" | "listoverridetable" | "generator" | "xmlnstbl"
        | "mmathPr" | "userprops" | "docvar" => Destination::Skipped,
        _ => return None,
    })
}

fn code_page(number: i32) -> Characters {
    let encoding = match number {
        437 => return Characters::CP437,
        850 => return Characters::CP850,
        932 => SHIFT_JIS,
        936 => GBK,
        949 => EUC_KR,
        950 => BIG5,
        874 => WINDOWS_874,
        1250 => WINDOWS_1250,
        1251 => WINDOWS_1251,
        1253 => WINDOWS_1253,
        1254 => WINDOWS_1254,
        1255 => WINDOWS_1255,
        1256 => WINDOWS_1256,
        1257 => WINDOWS_1257,
        1258 => WINDOWS_1258,
        10000 => MACINTOSH,
        65001 => UTF_8,
        _ => WINDOWS_1252,
    };
    Characters::Web(encoding)
}

/// The encoding of a font's character set; the default set says nothing.
fn charset(number: i32) -> Option<Characters> {
    Some(code_page(match number {
        0 => 1252,
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    }))
}
