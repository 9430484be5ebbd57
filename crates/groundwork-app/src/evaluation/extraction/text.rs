//! What is compared: the text of a file, whole and by its places, after the same cleaning as the expectations.

use groundwork_core::place::Unit;
use groundwork_retrieval::extract::Extraction;
use groundwork_retrieval::extract::document::{Document, Kind, clean};
use std::collections::{BTreeMap, BTreeSet};

/// Composed characters, no soft hyphens, every run of whitespace one space.
pub(super) fn squeezed(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The texts of one file.
pub(super) struct Texts {
    pub(super) whole: String,
    /// By place, such as `page 2` and `sheet Prices`.
    places: BTreeMap<String, String>,
    /// The cells of tables and the lines of everything.
    rows: Vec<Row>,
    /// Everything else that a reader is shown: the title, warnings, what is attached.
    pub(super) beside: String,
    /// How many pages, slides, chapters or sheets there are.
    pub(super) count: u32,
}

enum Row {
    Cells(Vec<String>),
    Line(String),
}

impl Texts {
    pub(super) fn of(extraction: &Extraction) -> Self {
        let document = &extraction.document;
        let unit = document.format.unit().name();
        let mut places: BTreeMap<String, String> = BTreeMap::new();
        if document.format.unit() != Unit::Sheet {
            places.extend(document.page_texts().into_iter().map(|(page, (_, text))| (format!("{unit} {page}"), squeezed(&text))));
        }
        for block in &document.blocks {
            if let Some(sheet) = &block.sheet {
                let text = places.entry(format!("sheet {sheet}")).or_default();
                text.push(' ');
                text.push_str(&squeezed(&block.text));
            }
        }
        let whole = squeezed(&document.text());
        Self { whole, places, rows: rows(document), beside: beside(extraction), count: count(document) }
    }

    pub(super) fn at(&self, place: &str) -> &str {
        self.places.get(place).map_or("", String::as_str)
    }

    /// The places whose text holds `text`.
    pub(super) fn places_of(&self, text: &str) -> Vec<&str> {
        self.places.iter().filter(|(_, there)| there.contains(text)).map(|(place, _)| place.as_str()).collect()
    }

    /// Whether one row or line has these cells in this order.
    pub(super) fn has_row(&self, cells: &[String]) -> bool {
        self.rows.iter().any(|row| match row {
            Row::Cells(row) => {
                let mut rest = row.iter();
                cells.iter().all(|cell| rest.any(|there| there == cell))
            }
            Row::Line(line) => in_order(line, cells, true),
        })
    }
}

/// Whether the texts stand one after the other.
pub(super) fn in_order(text: &str, parts: &[String], whole_words: bool) -> bool {
    let mut from = 0;
    parts.iter().all(|part| {
        let found = text[from..].match_indices(part.as_str()).map(|(at, _)| from + at);
        let at = found.into_iter().find(|at| !whole_words || stands_alone(text, *at, part.len()));
        at.inspect(|at| from = at + part.len()).is_some()
    })
}

fn stands_alone(text: &str, at: usize, length: usize) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !is_letter(text[..at].chars().next_back()) && !is_letter(text[at + length..].chars().next())
}

fn rows(document: &Document) -> Vec<Row> {
    let mut all = Vec::new();
    for block in &document.blocks {
        if let Kind::Table { rows, .. } = &block.kind {
            all.extend(rows.iter().map(|row| Row::Cells(row.iter().map(|cell| squeezed(cell)).collect())));
        }
        all.extend(block.text.lines().map(|line| Row::Line(squeezed(line))));
    }
    all
}

fn beside(extraction: &Extraction) -> String {
    let document = &extraction.document;
    let mut text: Vec<String> = document.title.iter().chain(&document.warnings).map(|text| squeezed(text)).collect();
    for attachment in &extraction.attachments {
        text.push(squeezed(&attachment.name));
        if let Ok(inner) = &attachment.outcome {
            text.extend([squeezed(&inner.document.text()), beside(inner)]);
        }
    }
    text.join("\n")
}

fn count(document: &Document) -> u32 {
    let sheets = || document.blocks.iter().filter_map(|block| block.sheet.as_deref()).collect::<BTreeSet<_>>().len();
    match document.format.unit() {
        Unit::Sheet => u32::try_from(sheets()).unwrap_or(u32::MAX),
        Unit::Page | Unit::Slide | Unit::Chapter => document.pages.unwrap_or(0),
    }
}
