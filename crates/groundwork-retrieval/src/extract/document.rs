//! What a parser makes of a file: blocks in reading order, each with the place it came from.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Pdf,
    Docx,
    Html,
    Markdown,
    Text,
}

/// A file as blocks. `Document::text` is the plain text that every character span points into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub format: Format,
    pub title: Option<String>,
    /// Number of pages, where the format has pages.
    pub pages: Option<u32>,
    pub blocks: Vec<Block>,
    /// What a reader of the result should know: glyphs without a Unicode map, an image without text, a part that was skipped.
    pub warnings: Vec<String>,
}

impl Document {
    /// The plain text: the blocks' texts, joined by a blank line.
    pub fn text(&self) -> String {
        self.blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n\n")
    }
}

/// One paragraph, heading, list item, table or piece of code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    pub kind: Kind,
    /// For a table: its rows, one a line, cells joined by ` | `.
    pub text: String,
    /// The headings above this block, outermost first; for a heading, without itself.
    pub heading_path: Vec<String>,
    /// First and last page, counted from 1, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// Characters (not bytes) of `Document::text` that this block covers.
    pub span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind {
    /// `level` from 1.
    Heading { level: u8 },
    Paragraph,
    /// `depth` from 0.
    ListItem { depth: u8 },
    Table { rows: Vec<Vec<String>>, header_rows: usize },
    Code { language: Option<String> },
}
