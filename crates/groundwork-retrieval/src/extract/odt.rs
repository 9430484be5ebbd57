//! OpenDocument texts (ODT) and slides (ODP) → blocks.

pub(super) mod chart;
mod styles;

use super::document::{Builder, Document, Format, Kind, has_likely_header};
use super::package::Package;
use super::xml::{self, Element, Node};
use super::{Limits, ReadError};
use std::cmp::Ordering;
use std::collections::HashMap;
use styles::{Counters, Styles};

/// Reads an ODT file.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let (mut walker, root) = open(bytes, Format::Odt, limits)?;
    // Styles of dates and numbers have an element of this name, too.
    let Some(text) = root.child("body").and_then(|body| body.child("text")) else {
        return Err(ReadError::Damaged("it has no text".to_owned()));
    };
    walker.children(text, 0);
    walker.add_notes();
    Ok(walker.builder.finish())
}

/// Reads an ODP file, slide by slide.
pub(super) fn read_slides(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let (mut walker, root) = open(bytes, Format::Odp, limits)?;
    let Some(show) = root.child("body").and_then(|body| body.child("presentation")) else {
        return Err(ReadError::Damaged("it has no slides".to_owned()));
    };
    let mut number = 0;
    for slide in show.elements().filter(|element| element.name == "page") {
        number += 1;
        walker.slide(slide, number);
    }
    walker.builder.page_count(number);
    Ok(walker.builder.finish())
}

fn open(bytes: &[u8], format: Format, limits: &Limits) -> Result<(Walker, Element), ReadError> {
    let mut package = Package::open(bytes, limits)?;
    if package.part("META-INF/manifest.xml")?.is_some_and(|manifest| contains(&manifest, b"encryption-data")) {
        return Err(ReadError::Encrypted);
    }
    let content = package.part("content.xml")?.ok_or_else(|| ReadError::Damaged("it has no content.xml".to_owned()))?;
    let mut builder = Builder::new(format);
    if let Some(meta) = package.part("meta.xml")?
        && let Ok((meta, _)) = xml::parse(&String::from_utf8_lossy(&meta), limits)
    {
        xml::describe(&meta, &mut builder);
    }
    let (root, _) = xml::parse(&String::from_utf8_lossy(&content), limits)?;
    let mut styles = Styles::default();
    if let Some(part) = package.part("styles.xml")?
        && let Ok((named, _)) = xml::parse(&String::from_utf8_lossy(&part), limits)
    {
        styles.add(&named);
    }
    styles.add(&root);
    let mut charts = HashMap::new();
    find_charts(&root, &mut package, limits, &mut charts)?;
    Ok((Walker { builder, styles, counters: Counters::default(), notes: Vec::new(), charts }, root))
}

/// The charts below an element, by the part of the file that their objects refer to.
fn find_charts(
    element: &Element,
    package: &mut Package<'_>,
    limits: &Limits,
    charts: &mut HashMap<String, Element>,
) -> Result<(), ReadError> {
    for child in element.elements() {
        if child.name == "object"
            && let Some(place) = chart::place(child).filter(|place| !charts.contains_key(place))
        {
            let chart = chart::read(package, &place, limits)?.unwrap_or_default();
            charts.insert(place, chart);
        }
        find_charts(child, package, limits, charts)?;
    }
    Ok(())
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

struct Walker {
    builder: Builder,
    styles: Styles,
    counters: Counters,
    /// Notes and comments met in the paragraph under way; they follow it.
    notes: Vec<String>,
    charts: HashMap<String, Element>,
}

impl Walker {
    /// A slide under its title, then what the speaker noted.
    fn slide(&mut self, slide: &Element, number: u32) {
        self.builder.at_pages(Some((number, number)));
        self.builder.leave_headings();
        let class = |frame: &Element| frame.attribute("class").unwrap_or("").to_owned();
        let shapes = || slide.elements().filter(|shape| shape.name != "notes");
        for title in shapes().filter(|shape| class(shape) == "title") {
            let text = self.flat(title);
            self.builder.heading(1, &text);
        }
        // From top to bottom: the file has them in the order in which one covers the other.
        let mut others: Vec<&Element> = shapes()
            .filter(|shape| !matches!(class(shape).as_str(), "title" | "page-number" | "date-time" | "footer" | "header"))
            .collect();
        others.sort_by(|a, b| top_left(a).partial_cmp(&top_left(b)).unwrap_or(Ordering::Equal));
        for shape in others {
            self.shape(shape);
        }
        let notes = slide.child("notes").map(|notes| {
            let said = notes.elements().filter(|frame| matches!(class(frame).as_str(), "notes" | "") && frame.name == "frame");
            said.map(|frame| self.flat(frame)).collect::<Vec<_>>().join(" ")
        });
        if let Some(notes) = notes.filter(|notes| !notes.trim().is_empty()) {
            self.builder.paragraph(&format!("Notes: {}", notes.trim()));
        }
        self.add_notes();
    }

    /// What stands in a shape of a slide, or in the shapes of a group.
    fn shape(&mut self, shape: &Element) {
        self.builder.paragraph(&picture_text(shape));
        for child in shape.elements() {
            match child.name.as_str() {
                "p" | "h" | "list" | "table" => self.element(child, 0),
                "object" => self.chart(child),
                _ => self.shape(child),
            }
        }
    }

    fn children(&mut self, element: &Element, depth: u8) {
        for child in element.elements() {
            self.element(child, depth);
        }
    }

    fn element(&mut self, element: &Element, depth: u8) {
        match element.name.as_str() {
            "h" => {
                let level = element.attribute("outline-level").and_then(|level| level.parse().ok()).unwrap_or(1);
                let text = self.inline(element);
                self.heading(level, &text);
            }
            "p" => {
                let text = self.inline(element);
                if self.styles.is_title(element) {
                    self.builder.heading(1, &text);
                } else {
                    self.builder.paragraph(&text);
                }
                self.add_notes();
                self.boxes(element, depth);
            }
            "list" => self.list(element, depth, ""),
            "table" => self.table(element),
            // Deleted text, indexes made from headings, form controls.
            "tracked-changes" | "table-of-content" | "forms" | "sequence-decls" => {}
            _ => self.children(element, depth),
        }
    }

    /// A heading with its number, and the notes to it.
    fn heading(&mut self, level: u8, text: &str) {
        if !text.trim().is_empty() {
            let number = self.counters.heading(&self.styles, level.saturating_sub(1));
            self.builder.heading(level, &format!("{number}{text}"));
        }
        self.add_notes();
    }

    /// `style` is that of the list around it, which holds where a list names none.
    fn list(&mut self, list: &Element, depth: u8, style: &str) {
        let own = list.attribute("style-name").unwrap_or(style);
        let goes_on = list.attribute("continue-numbering") == Some("true") || list.attribute("continue-list").is_some();
        if depth == 0 && !goes_on {
            self.counters.restart(own);
        }
        for item in list.elements() {
            let given = item.attribute("start-value").and_then(|value| value.parse().ok());
            let mut first = item.name == "list-item";
            for child in item.elements() {
                match child.name.as_str() {
                    "p" if first => {
                        first = false;
                        let text = self.inline(child);
                        if !text.trim().is_empty() {
                            let number = self.counters.item(&self.styles, own, depth, given);
                            self.builder.push(Kind::ListItem { depth }, &format!("{number}{text}"));
                        }
                        self.add_notes();
                        self.boxes(child, depth);
                    }
                    "h" => {
                        first = false;
                        self.element(child, depth);
                    }
                    "list" => self.list(child, depth.saturating_add(1), own),
                    _ => self.element(child, depth),
                }
            }
        }
    }

    fn table(&mut self, table: &Element) {
        let mut rows = Vec::new();
        let mut header_rows = 0;
        self.rows(table, false, &mut rows, &mut header_rows);
        let header_rows = if header_rows == 0 { usize::from(has_likely_header(&rows)) } else { header_rows };
        self.builder.table(rows, header_rows);
        self.add_notes();
    }

    fn rows(&mut self, element: &Element, in_header: bool, rows: &mut Vec<Vec<String>>, header_rows: &mut usize) {
        for child in element.elements() {
            match child.name.as_str() {
                "table-row" => {
                    *header_rows += usize::from(in_header);
                    rows.push(child.elements().flat_map(|cell| self.cell(cell)).collect());
                }
                "table-header-rows" => self.rows(child, true, rows, header_rows),
                "table-rows" | "table-row-group" => self.rows(child, in_header, rows, header_rows),
                _ => {}
            }
        }
    }

    /// The text of a cell, as often as it is repeated; a covered cell is empty.
    fn cell(&mut self, cell: &Element) -> Vec<String> {
        const MOST_REPEATED: usize = 256;
        let repeated = cell.attribute("number-columns-repeated").and_then(|count| count.parse().ok()).unwrap_or(1_usize).min(MOST_REPEATED);
        let text = if cell.name == "covered-table-cell" { String::new() } else { self.flat(cell) };
        vec![text; repeated]
    }

    fn flat(&mut self, element: &Element) -> String {
        let mut parts = Vec::new();
        for child in element.elements() {
            parts.push(if matches!(child.name.as_str(), "p" | "h") { self.inline(child) } else { self.flat(child) });
        }
        parts.join(" ")
    }

    /// The text of a paragraph; white space is collapsed by the format's own rule, `s`, `tab` and `line-break` stand for what is not.
    fn inline(&mut self, element: &Element) -> String {
        let mut out = String::new();
        self.collect(element, &mut out);
        out
    }

    fn collect(&mut self, element: &Element, out: &mut String) {
        for child in &element.children {
            match child {
                Node::Text(text) => {
                    for c in text.chars() {
                        if !c.is_ascii_whitespace() {
                            out.push(c);
                        } else if !out.ends_with([' ', '\n']) {
                            out.push(' ');
                        }
                    }
                }
                Node::Element(inner) => match inner.name.as_str() {
                    "s" | "tab" => out.push(' '),
                    "line-break" => out.push('\n'),
                    "note" => self.note(inner, "Note"),
                    "annotation" => self.note(inner, "Comment"),
                    // Text boxes follow the paragraph that they are tied to.
                    "frame" | "custom-shape" | "text-box" | "annotation-end" => {}
                    "span" if self.styles.is_hidden(inner) => {}
                    // Text that is shown only under a condition.
                    "hidden-text" | "hidden-paragraph" => {}
                    "ruby" => inner.child("ruby-base").into_iter().for_each(|base| self.collect(base, out)),
                    _ => self.collect(inner, out),
                },
            }
        }
    }

    /// A chart's titles, and what it shows as a table. It is read once, however often it stands there.
    fn chart(&mut self, object: &Element) {
        let Some(chart) = chart::place(object).and_then(|place| self.charts.remove(&place)) else { return };
        for title in chart::titles(&chart) {
            self.builder.paragraph(&title);
        }
        if let Some(table) = chart.child("table") {
            self.table(table);
        }
    }

    fn note(&mut self, note: &Element, noun: &str) {
        let body = note.child("note-body").unwrap_or(note);
        let paragraphs: Vec<String> =
            body.elements().filter(|child| matches!(child.name.as_str(), "p" | "h" | "list")).map(Element::text).collect();
        let mark =
            note.child("note-citation").map(Element::text).or_else(|| note.child("creator").map(|name| format!("({})", name.text())));
        let mark = mark.map_or(String::new(), |mark| format!(" {mark}"));
        self.notes.push(format!("{noun}{mark}: {}", paragraphs.join(" ")));
    }

    fn add_notes(&mut self) {
        for note in std::mem::take(&mut self.notes) {
            self.builder.paragraph(&note);
        }
    }

    /// What stands in the frames and shapes of a paragraph.
    fn boxes(&mut self, element: &Element, depth: u8) {
        for child in element.elements() {
            match child.name.as_str() {
                "text-box" | "custom-shape" => self.children(child, depth),
                "object" => self.chart(child),
                _ => {
                    self.builder.paragraph(&picture_text(child));
                    self.boxes(child, depth);
                }
            }
        }
    }
}

/// Where a shape begins: its height on the slide, then its place on that line, in centimetres. Shapes without a place come first.
fn top_left(shape: &Element) -> (f64, f64) {
    let place = |name: &str| {
        let value = shape.attribute(name).unwrap_or("");
        let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
        let in_centimetres = match unit {
            "in" => 2.54,
            "mm" => 0.1,
            "pt" => 2.54 / 72.0,
            _ => 1.0,
        };
        value[..value.len() - unit.len()].parse::<f64>().map_or(0.0, |number| number * in_centimetres)
    };
    (place("y"), place("x"))
}

/// What a picture is said to show.
fn picture_text(frame: &Element) -> String {
    let is_picture = frame.name == "frame" && frame.child("image").is_some();
    let said = if is_picture { frame.child("desc").or_else(|| frame.child("title")) } else { None };
    said.map(Element::text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::document::Kind;
    use crate::extract::package::tests::zipped;

    fn odt(body: &str) -> Document {
        let content = format!(
            "<o:document-content xmlns:o='o' xmlns:t='t' xmlns:b='b'><o:body><o:text>{body}</o:text></o:body></o:document-content>"
        );
        let meta = "<o:document-meta xmlns:o='o' xmlns:dc='dc'><o:meta><dc:title>Beds</dc:title></o:meta></o:document-meta>";
        read(&zipped(&[("content.xml", &content), ("meta.xml", meta)]), &Limits::default()).unwrap()
    }

    #[test]
    fn structure_comes_through() {
        let document = odt(
            "<t:h t:outline-level='2'>North</t:h><t:p>Two<t:s/>beds<t:note><t:note-citation>1</t:note-citation><t:note-body><t:p>Raised.</t:p></t:note-body></t:note>.</t:p>
             <t:list><t:list-item><t:p>dig</t:p><t:list><t:list-item><t:p>deep</t:p></t:list-item></t:list></t:list-item></t:list>
             <b:table><b:table-header-rows><b:table-row><b:table-cell><t:p>bed</t:p></b:table-cell><b:table-cell><t:p>size</t:p></b:table-cell></b:table-row></b:table-header-rows>
             <b:table-row><b:table-cell><t:p>north</t:p></b:table-cell><b:table-cell><t:p>2 m</t:p></b:table-cell></b:table-row></b:table>",
        );
        assert_eq!(document.title.as_deref(), Some("Beds"));
        assert_eq!(document.text(), "North\n\nTwo beds.\n\nNote 1: Raised.\n\ndig\n\ndeep\n\nbed | size\nnorth | 2 m");
        assert_eq!(document.blocks[4].kind, Kind::ListItem { depth: 1 });
    }

    #[test]
    fn slides_keep_their_titles_tables_and_notes() {
        let content = "<o:document-content xmlns:o='o' xmlns:t='t' xmlns:d='d' xmlns:p='p' xmlns:b='b'><o:body><o:presentation>
            <d:page><d:frame p:class='outline'><d:text-box><t:list><t:list-item><t:p>dig</t:p></t:list-item></t:list></d:text-box></d:frame>
            <d:frame p:class='title'><d:text-box><t:p>Beds</t:p></d:text-box></d:frame><d:frame p:class='footer'><d:text-box><t:p>Imprint</t:p></d:text-box></d:frame>
            <p:notes><d:frame p:class='notes'><d:text-box><t:p>Say it slowly.</t:p></d:text-box></d:frame></p:notes></d:page>
            <d:page><d:g><d:custom-shape><t:p>North</t:p></d:custom-shape></d:g></d:page></o:presentation></o:body></o:document-content>";
        let document = read_slides(&zipped(&[("content.xml", content)]), &Limits::default()).unwrap();
        assert_eq!(document.text(), "Beds\n\ndig\n\nNotes: Say it slowly.\n\nNorth");
        assert_eq!((document.pages, document.blocks[3].pages, document.blocks[1].heading_path.len()), (Some(2), Some((2, 2)), 1));
    }

    #[test]
    fn the_text_is_found_behind_styles_that_have_texts_of_their_own() {
        let content = "<o:document-content xmlns:o='o' xmlns:n='n' xmlns:t='t' xmlns:d='d'><o:automatic-styles><n:date-style><n:month/><n:text>/</n:text></n:date-style></o:automatic-styles>
            <o:body><o:text><t:p>Two beds.<d:frame><d:image/><d:desc>A bed of moss</d:desc></d:frame></t:p></o:text></o:body></o:document-content>";
        assert_eq!(read(&zipped(&[("content.xml", content)]), &Limits::default()).unwrap().text(), "Two beds.\n\nA bed of moss");
    }

    #[test]
    fn shapes_of_a_slide_are_read_from_top_to_bottom() {
        let frame =
            |y: &str, x: &str, text: &str| format!("<d:frame s:y='{y}' s:x='{x}'><d:text-box><t:p>{text}</t:p></d:text-box></d:frame>");
        let shapes =
            [frame("9cm", "1cm", "below"), frame("5cm", "8cm", "right"), frame("50mm", "1cm", "left"), frame("1in", "9cm", "above")];
        let content = format!(
            "<o:document-content xmlns:o='o' xmlns:t='t' xmlns:d='d' xmlns:s='s'><o:body><o:presentation><d:page>{}</d:page></o:presentation></o:body></o:document-content>",
            shapes.concat()
        );
        let document = read_slides(&zipped(&[("content.xml", &content)]), &Limits::default()).unwrap();
        assert_eq!(document.text(), "above\n\nleft\n\nright\n\nbelow");
    }

    #[test]
    fn lists_and_headings_are_numbered_as_their_styles_say_and_hidden_runs_are_left_out() {
        let number =
            |level: u8, rest: &str| format!("<t:list-level-style-number t:level='{level}' s:num-format='1' s:num-suffix='.' {rest}/>");
        let content = format!(
            "<o:document-content xmlns:o='o' xmlns:t='t' xmlns:s='s'><o:automatic-styles><s:style s:name='T1'><s:text-properties t:display='none'/></s:style>
             <t:list-style s:name='L1'>{}{}</t:list-style></o:automatic-styles><o:body><o:text><t:h t:outline-level='1'>Beds</t:h><t:h t:outline-level='2'>North</t:h>
             <t:list t:style-name='L1'><t:list-item><t:p>dig</t:p><t:list><t:list-item><t:p>deep</t:p></t:list-item></t:list></t:list-item></t:list><t:p>Rest<t:span t:style-name='T1'> in secret</t:span>.</t:p>
             <t:list t:style-name='L1' t:continue-numbering='true'><t:list-item><t:p>rake</t:p></t:list-item></t:list>
             <t:list t:style-name='L1'><t:list-item t:start-value='7'><t:p>sow</t:p></t:list-item><t:list-header><t:p>and wait</t:p></t:list-header></t:list></o:text></o:body></o:document-content>",
            number(1, ""),
            number(2, "t:display-levels='2'"),
        );
        let styles = "<o:document-styles xmlns:o='o' xmlns:t='t' xmlns:s='s'><o:styles><t:outline-style><t:outline-level-style t:level='1' s:num-format='I'/><t:outline-level-style t:level='2' s:num-format='a' s:num-suffix=')'/></t:outline-style></o:styles></o:document-styles>";
        let document = read(&zipped(&[("content.xml", &content), ("styles.xml", styles)]), &Limits::default()).unwrap();
        assert_eq!(document.text(), "I Beds\n\na) North\n\n1. dig\n\n1.1. deep\n\nRest.\n\n2. rake\n\n7. sow\n\nand wait");
    }

    #[test]
    fn charts_are_read_with_their_titles_and_what_they_show() {
        let content = "<o:document-content xmlns:o='o' xmlns:t='t' xmlns:d='d'><o:body><o:text><t:p>See:<d:frame><d:object l:href='./Object 1'/><d:image/></d:frame></t:p></o:text></o:body></o:document-content>";
        let row = |a: &str, b: &str| {
            format!("<b:table-row><b:table-cell><t:p>{a}</t:p></b:table-cell><b:table-cell><t:p>{b}</t:p></b:table-cell></b:table-row>")
        };
        let chart = format!(
            "<o:document-content><o:body><o:chart><c:chart><c:title><t:p>Harvest</t:p></c:title><c:plot-area><c:axis><c:title><t:p>Kilos</t:p></c:title></c:axis></c:plot-area><b:table>{}{}</b:table></c:chart></o:chart></o:body></o:document-content>",
            row("", "Beans"),
            row("2025", "12")
        );
        let document = read(&zipped(&[("content.xml", content), ("Object 1/content.xml", &chart)]), &Limits::default()).unwrap();
        assert_eq!(document.text(), "See:\n\nHarvest\n\nKilos\n\n| Beans\n2025 | 12");
    }

    #[test]
    fn deleted_text_is_left_out() {
        let document = odt("<t:tracked-changes><t:p>gone</t:p></t:tracked-changes><t:p>here</t:p>");
        assert_eq!(document.text(), "here");
    }
}
