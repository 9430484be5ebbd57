//! Notebooks (IPYNB): the cells in order, with what the code printed.

use crate::extract::document::{Builder, Document, Format, Kind};
use crate::extract::{Limits, ReadError, markdown};
use serde::Deserialize;

#[derive(Deserialize)]
struct Notebook {
    cells: Vec<Cell>,
    #[serde(default)]
    metadata: Metadata,
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
    #[serde(default)]
    source: Lines,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    text: Lines,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(rename = "text/markdown", default)]
    markdown: Lines,
    #[serde(rename = "text/plain", default)]
    plain: Lines,
}

/// A text, or its lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Whole(String),
    Split(Vec<String>),
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
    for cell in &notebook.cells {
        match cell.cell_type.as_str() {
            "markdown" => markdown::walk(&cell.source.text(), limits, &mut builder),
            "code" => builder.push(Kind::Code { language: language.clone() }, &cell.source.text()),
            _ => builder.paragraph(&cell.source.text()),
        }
        for output in &cell.outputs {
            // What is shown as Markdown is said again as plain text.
            let text = [output.text.text(), output.data.markdown.text(), output.data.plain.text()];
            builder.push(Kind::Code { language: None }, text.iter().find(|text| !text.trim().is_empty()).map_or("", String::as_str));
        }
    }
    Ok(builder.finish())
}
