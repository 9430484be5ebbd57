//! Notebooks (IPYNB): the cells in order, with what the code printed.

use crate::extract::document::{Builder, Document, Format, Kind};
use crate::extract::{Limits, ReadError, html, markdown};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Notebook {
    #[serde(default)]
    cells: Vec<Cell>,
    /// Where notebooks before version 4 have their cells.
    #[serde(default)]
    worksheets: Vec<Worksheet>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Worksheet {
    #[serde(default)]
    cells: Vec<Cell>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    title: Option<String>,
    #[serde(default)]
    language_info: LanguageInfo,
}

#[derive(Default, Deserialize)]
struct LanguageInfo {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    #[serde(default, alias = "input")]
    source: Lines,
    /// Of a heading before version 4.
    level: Option<u8>,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    text: Lines,
    #[serde(default)]
    html: Lines,
    #[serde(default)]
    data: Data,
    /// What stopped the code, and what it said.
    ename: Option<String>,
    evalue: Option<String>,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(rename = "text/markdown", default)]
    markdown: Lines,
    #[serde(rename = "text/plain", default)]
    plain: Lines,
    #[serde(rename = "text/html", default)]
    html: Lines,
}

/// A text, or its lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Whole(String),
    Split(Vec<String>),
    /// Nothing, or what is no text.
    Other(serde::de::IgnoredAny),
}

impl Default for Lines {
    fn default() -> Self {
        Self::Split(Vec::new())
    }
}

impl Lines {
    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Split(lines) => lines.concat(),
            Self::Other(_) => String::new(),
        }
    }
}

/// Reads a notebook.
pub(in crate::extract) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let notebook: Notebook = serde_json::from_slice(bytes)
        .map_err(|error| ReadError::Damaged(format!("its JSON is wrong on line {}, column {}", error.line(), error.column())))?;
    let mut builder = Builder::new(Format::Ipynb);
    builder.title(notebook.metadata.title.as_deref().unwrap_or(""));
    let language = notebook.metadata.language_info.name;
    for cell in notebook.worksheets.iter().flat_map(|sheet| &sheet.cells).chain(&notebook.cells) {
        match cell.cell_type.as_str() {
            "heading" => builder.heading(cell.level.unwrap_or(1), &cell.source.text()),
            "markdown" => markdown::walk(&cell.source.text(), limits, &mut builder),
            "code" => builder.push(Kind::Code { language: language.clone() }, &cell.source.text()),
            _ => builder.paragraph(&cell.source.text()),
        }
        for output in &cell.outputs {
            show(output, limits, &mut builder);
        }
    }
    Ok(builder.finish())
}

/// What a piece of code printed, drew or died of.
fn show(output: &Output, limits: &Limits, builder: &mut Builder) {
    if let Some(name) = &output.ename {
        let message = output.evalue.as_deref().unwrap_or("");
        return builder.push(Kind::Code { language: None }, &format!("{name}: {message}"));
    }
    // What is shown as Markdown or HTML is said again as plain text, as a rule.
    let text = [output.text.text(), output.data.markdown.text(), output.data.plain.text()];
    match text.iter().find(|text| !text.trim().is_empty()) {
        Some(text) => builder.push(Kind::Code { language: None }, &without_colours(text)),
        None => html::walk_piece(&(output.data.html.text() + &output.html.text()), limits, builder),
    }
}

/// Text without the marks that colour it on a terminal: an escape, a bracket, numbers, and a letter.
fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        out.push_str(rest.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest));
    }
    Cow::Owned(out)
}
