//! Word and PowerPoint files, new and old, → blocks, through the tree that `office_oxide` makes of them.

mod grids;
mod looks;
mod ruby;

use super::document::{Builder, Document, Format, Kind, has_likely_header, one_line};
use super::numeral::Numeral;
use super::package;
use super::{Limits, ReadError};
use office_oxide::DocumentFormat;
use office_oxide::ir::{DocumentIR, Element, Image, List, ListStyle, Note, Paragraph, Section, Table, TableCell, inline_to_text};
use office_oxide::options::ParseOptions;
use std::io::Cursor;

/// Reads a DOCX file. Its pages exist only where it is laid out, so that it has none here.
pub(super) fn read_docx(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let bytes = ruby::without_pronunciation(bytes, limits)?;
    let (tree, damage) = open(&bytes, DocumentFormat::Docx, limits)?;
    let mut walker = Walker::new(Format::Docx, &tree, damage);
    for section in &tree.sections {
        walker.elements(&section.elements, 0);
    }
    Ok(walker.builder.finish())
}

/// Reads a DOC file, of Word 6 to 2003.
pub(super) fn read_doc(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let (tree, damage) = open(&looks::with_short_pages(bytes)?, DocumentFormat::Doc, limits)?;
    let mut walker = Walker::new(Format::Doc, &tree, damage);
    for section in &tree.sections {
        walker.elements(&section.elements, 0);
    }
    Ok(walker.builder.finish())
}

/// Reads a PPTX file, slide by slide.
pub(super) fn read_pptx(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    package::check(bytes, limits)?;
    read_slides(bytes, DocumentFormat::Pptx, Format::Pptx, limits)
}

/// Reads a PPT file, of PowerPoint 97 to 2003.
pub(super) fn read_ppt(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    read_slides(&grids::with_plain_tables(bytes)?, DocumentFormat::Ppt, Format::Ppt, limits)
}

fn read_slides(bytes: &[u8], kind: DocumentFormat, format: Format, limits: &Limits) -> Result<Document, ReadError> {
    let (tree, damage) = open(bytes, kind, limits)?;
    let mut walker = Walker::new(format, &tree, damage);
    let mut number = 0;
    for slide in &tree.sections {
        number += 1;
        walker.slide(slide, number);
    }
    walker.builder.page_count(number);
    Ok(walker.builder.finish())
}

fn open(bytes: &[u8], format: DocumentFormat, limits: &Limits) -> Result<(DocumentIR, Vec<String>), ReadError> {
    let mut options = ParseOptions::default();
    options.limits.part_bytes = limits.part_bytes;
    options.limits.package_bytes = limits.package_bytes;
    options.limits.inflate_ratio = limits.unpack_ratio;
    options.limits.text_chars = usize::try_from(limits.text_bytes).unwrap_or(usize::MAX);
    options.limits.embedded_depth = 1;
    let document =
        office_oxide::Document::from_reader_with(Cursor::new(bytes.to_vec()), format, &options).map_err(|error| refusal(&error))?;
    let damage: Vec<String> =
        document.damage().iter().filter(|damage| damage.is_loss()).map(|damage| describe(damage.part.as_deref())).collect();
    let mut tree = document.to_ir();
    // The library takes the first heading for the title of a file that has none; the first heading in the order of the text is ours to find.
    let properties = document.as_docx().map(|docx| &docx.core_properties).or_else(|| document.as_pptx().map(|pptx| &pptx.core_properties));
    if let Some(properties) = properties {
        tree.metadata.title = properties.as_ref().and_then(|properties| properties.title.clone());
        tree.metadata.author = properties.as_ref().and_then(|properties| properties.creator.clone());
    }
    Ok((tree, damage))
}

fn describe(part: Option<&str>) -> String {
    format!("a part was left out because it cannot be read: {}", part.unwrap_or("unnamed"))
}

/// The library's messages may quote the file, so that they only tell the kind.
fn refusal(error: &office_oxide::OfficeError) -> ReadError {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if matches!(error, office_oxide::OfficeError::Panic(_)) {
        ReadError::Crashed("in the reader of Office files".to_owned())
    } else if says(&["encrypted", "password"]) {
        ReadError::Encrypted
    } else if says(&["limit exceeded", "decompression limit", "package limit"]) {
        ReadError::TooLarge("a part unpacks to more than is read".to_owned())
    } else if says(&["nested too", "nesting", "too deep"]) {
        ReadError::TooComplex("its elements are nested too deep".to_owned())
    } else {
        ReadError::Damaged("it is not a sound Office file".to_owned())
    }
}

/// Lists, text boxes and cells inside one another are followed to this depth; what lies deeper is flattened into its cell.
const DEEPEST: u8 = 32;

struct Walker {
    builder: Builder,
    /// Whether a paragraph of the style "Title" was met.
    has_title: bool,
    /// Whether it is a file of before 2007.
    is_old: bool,
    /// The numbers of the open list items, outermost first.
    numbers: Vec<String>,
}

impl Walker {
    fn new(format: Format, tree: &DocumentIR, damage: Vec<String>) -> Self {
        let mut builder = Builder::new(format);
        if let Some(title) = tree.metadata.title.as_deref().filter(|title| says_something(title)) {
            builder.title(title);
        }
        builder.author(tree.metadata.author.as_deref().unwrap_or(""));
        for warning in damage {
            builder.warn(warning);
        }
        Self { builder, has_title: false, is_old: matches!(format, Format::Doc | Format::Ppt), numbers: Vec::new() }
    }

    /// A slide under its title, then what the speaker noted.
    fn slide(&mut self, slide: &Section, number: u32) {
        self.builder.at_pages(Some((number, number)));
        self.builder.leave_headings();
        if slide.hidden {
            self.builder.warn(format!("slide {number} is hidden"));
        }
        // The title is the first element as well, as a rule.
        // The library gives a slide of an old file that has no title a name.
        let made_up = format!("Slide {number}");
        let title = slide.title.as_deref().filter(|title| !self.is_old || *title != made_up).unwrap_or("");
        let repeats = |element: &&Element| matches!(element, Element::Heading(heading) if one_line(&inline_to_text(&heading.content)) == one_line(title));
        let repeated = usize::from(slide.elements.first().filter(repeats).is_some());
        self.builder.heading(1, title);
        self.elements(&slide.elements[repeated..], 0);
        let mut notes = String::new();
        flatten(slide.speaker_notes.as_deref().unwrap_or_default(), &mut notes, 0);
        if !notes.trim().is_empty() {
            self.builder.paragraph(&format!("Notes: {}", notes.trim()));
        }
    }

    fn elements(&mut self, elements: &[Element], depth: u8) {
        for element in elements {
            self.element(element, depth);
        }
    }

    fn element(&mut self, element: &Element, depth: u8) {
        match element {
            Element::Heading(heading) => self.builder.heading(heading.clamped_level(), &inline_to_text(&heading.content)),
            Element::Paragraph(paragraph) => self.paragraph(paragraph),
            Element::Table(table) => self.table(table),
            Element::List(list) => self.list(list, depth),
            // Where it has a file's object and not its picture, it says so.
            Element::Image(image) if self.is_old && image.data.is_none() => {}
            Element::Image(image) => self.builder.paragraph(alt_text(image)),
            Element::TextBox(text_box) if depth < DEEPEST => self.elements(&text_box.content, depth + 1),
            Element::Footnote(note) => self.note(note, "Note"),
            Element::Endnote(note) => self.note(note, if note.author.is_some() { "Comment" } else { "Note" }),
            Element::CodeBlock(code) => self.builder.push(Kind::Code { language: code.language.clone() }, &code.content),
            _ => {}
        }
    }

    fn paragraph(&mut self, paragraph: &Paragraph) {
        // The number, date and footer of a slide are not what it says.
        if matches!(paragraph.placeholder_role.as_deref(), Some("sldNum" | "dt" | "ftr" | "hdr")) {
            return;
        }
        let text = inline_to_text(&paragraph.content);
        match (&paragraph.style, paragraph.outline_level) {
            (Some(style), _) if style.eq_ignore_ascii_case("title") => {
                // Nearer to what a reader sees than the file's properties, which are often those of a template.
                if !std::mem::replace(&mut self.has_title, true) {
                    self.builder.title(&text);
                }
                self.builder.heading(1, &text);
            }
            (_, Some(level)) if level < 9 => self.builder.heading(level + 1, &text),
            _ => self.builder.paragraph(&text),
        }
    }

    fn table(&mut self, table: &Table) {
        if let Some(caption) = &table.caption {
            self.builder.paragraph(caption);
        }
        // A table of one cell is a box around text.
        if let [row] = table.rows.as_slice()
            && let [cell] = row.cells.as_slice()
        {
            return self.elements(&cell.content, DEEPEST);
        }
        let header_rows = table.rows.iter().take_while(|row| row.is_header || row.repeat_as_header).count();
        let rows: Vec<Vec<String>> = table.rows.iter().map(|row| row.cells.iter().flat_map(cell_texts).collect()).collect();
        let header_rows = if header_rows == 0 { usize::from(has_likely_header(&rows)) } else { header_rows.min(rows.len() - 1) };
        self.builder.table(rows, header_rows);
    }

    fn list(&mut self, list: &List, depth: u8) {
        let first = list.start_number.unwrap_or(1);
        for (number, item) in (first..).zip(&list.items) {
            self.numbers.push(numeral(list).show(u64::from(number)));
            let mut text = String::new();
            let mut rest = Vec::new();
            for element in &item.content {
                match element {
                    Element::Paragraph(paragraph) if rest.is_empty() => {
                        if !text.is_empty() {
                            text.push('\n');
                        }
                        text.push_str(&inline_to_text(&paragraph.content));
                    }
                    other => rest.push(other),
                }
            }
            if list.ordered && !text.trim().is_empty() {
                text = format!("{} {text}", list_mark(list, &self.numbers));
            }
            self.builder.push(Kind::ListItem { depth }, &text);
            for element in rest {
                self.element(element, depth);
            }
            if let Some(nested) = item.nested.as_ref().filter(|_| depth < DEEPEST) {
                self.list(nested, depth + 1);
            }
            self.numbers.pop();
        }
    }

    /// Notes stand where they are referred to or at the end; the mark tells them from the text.
    fn note(&mut self, note: &Note, noun: &str) {
        let mark = match note.marker.as_deref() {
            Some(marker) if marker.starts_with(noun) => marker.to_owned(),
            Some(marker) => format!("{noun} {marker}"),
            None => format!("{noun} {}", note.id),
        };
        let mut text = String::new();
        flatten(&note.content, &mut text, 0);
        if !text.trim().is_empty() {
            self.builder.paragraph(&format!("{mark}: {}", text.trim()));
        }
    }
}

fn numeral(list: &List) -> Numeral {
    match list.style {
        Some(ListStyle::LowerAlpha) => Numeral::Letter { upper: false },
        Some(ListStyle::UpperAlpha) => Numeral::Letter { upper: true },
        Some(ListStyle::LowerRoman) => Numeral::Roman { upper: false },
        Some(ListStyle::UpperRoman) => Numeral::Roman { upper: true },
        _ => Numeral::Decimal,
    }
}

/// What stands before an item: its number, and those of the items above it where the list's pattern says so, such as `%1.%2.`.
fn list_mark(list: &List, numbers: &[String]) -> String {
    let own = numbers.last().map_or("", String::as_str);
    let Some(pattern) = &list.marker_pattern else { return format!("{own}{}", list.ordered_delimiter()) };
    let mut mark = String::new();
    let mut rest = pattern.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        mark.push_str(before);
        let level = after.chars().next().and_then(|level| level.to_digit(10)).filter(|level| *level > 0);
        match level {
            Some(level) => {
                // A list that begins on a lower level has none above it.
                mark.push_str(numbers.get(level as usize - 1).map_or(own, String::as_str));
                rest = &after[1..];
            }
            None => {
                mark.push('%');
                rest = after;
            }
        }
    }
    mark.push_str(rest);
    mark
}

/// The text of a cell, and an empty one for every further column it spans.
fn cell_texts(cell: &TableCell) -> impl Iterator<Item = String> {
    let mut text = String::new();
    flatten(&cell.content, &mut text, 0);
    let further = usize::try_from(cell.col_span.clamp(1, 1000)).unwrap_or(1) - 1;
    std::iter::once(one_line(&text)).chain(std::iter::repeat_n(String::new(), further))
}

/// The text of elements in a row, separated by spaces.
fn flatten(elements: &[Element], out: &mut String, depth: u8) {
    for element in elements {
        if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
        match element {
            Element::Heading(heading) => out.push_str(&inline_to_text(&heading.content)),
            Element::Paragraph(paragraph) => out.push_str(&inline_to_text(&paragraph.content)),
            Element::CodeBlock(code) => out.push_str(&code.content),
            Element::Image(image) => out.push_str(alt_text(image)),
            Element::Table(table) if depth < DEEPEST => {
                for cell in table.rows.iter().flat_map(|row| &row.cells) {
                    flatten(&cell.content, out, depth + 1);
                    out.push(' ');
                }
            }
            Element::List(list) if depth < DEEPEST => flatten_list(list, out, depth + 1),
            Element::TextBox(text_box) if depth < DEEPEST => flatten(&text_box.content, out, depth + 1),
            Element::Footnote(note) | Element::Endnote(note) if depth < DEEPEST => flatten(&note.content, out, depth + 1),
            _ => {}
        }
    }
}

fn flatten_list(list: &List, out: &mut String, depth: u8) {
    for item in &list.items {
        flatten(&item.content, out, depth);
        if let Some(nested) = item.nested.as_ref().filter(|_| depth < DEEPEST) {
            flatten_list(nested, out, depth + 1);
        }
        out.push(' ');
    }
}

/// What a picture is said to show; nothing for names that programs give.
fn alt_text(image: &Image) -> &str {
    let text = image.alt_text.as_deref().unwrap_or("");
    let is_name = text.split_whitespace().count() < 3 && text.chars().any(|c| c.is_ascii_digit() || c == '.');
    if image.decorative || is_name { "" } else { text }
}

/// Whether a title was meant: programs write their own name, or that of the file, where nobody filled it in.
fn says_something(title: &str) -> bool {
    let title = title.trim().to_lowercase();
    let filler = ["untitled", "document", "word document", "powerpoint presentation", "presentation", "title"];
    !title.is_empty()
        && !title.starts_with("microsoft ")
        && !filler.contains(&title.as_str())
        && !title.ends_with(".docx")
        && !title.ends_with(".doc")
}

#[cfg(test)]
mod tests;
