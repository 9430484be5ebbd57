//! Bytes of a file → one block tree with provenance. Every parser runs in a confined child process (`sandbox`).

pub mod boxes;
mod compound;
mod csv;
pub mod document;
mod epub;
mod html;
mod image;
mod little_endian;
mod mail;
mod markdown;
mod numeral;
pub mod ocr;
mod odt;
mod office;
mod old_encodings;
mod package;
pub mod pdf;
mod rtf;
pub mod sandbox;
mod sheets;
mod sniff;
mod structured;
mod text;
mod xml;

use boxes::PageWords;
use bytes::Bytes;
use document::{Document, Format, MOST_BLOCKS};
use serde::{Deserialize, Serialize};

/// What was read from one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Extraction {
    pub document: Document,
    /// Where the words stand on their pages, for highlighting; empty for formats without pages of their own.
    pub words: Vec<PageWords>,
    /// Files inside the file (of a mail), each read on its own.
    pub attachments: Vec<Attachment>,
}

/// A file inside a file, and what became of reading it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attachment {
    pub name: String,
    /// The file's bytes.
    #[serde(skip)]
    pub content: Bytes,
    pub outcome: Result<Extraction, ReadError>,
}

/// What a parser makes of one file: the document, and the files inside it, not yet read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parsed {
    pub document: Document,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<PageWords>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<InnerFile>,
    /// Pages whose text, if any, is in pixels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scanned: Vec<u32>,
}

/// The pictures of a page, gray: a byte a pixel, row by row from the top left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bitmap {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dots_per_inch: u32,
    #[serde(with = "as_base64")]
    pub(crate) gray: Bytes,
}

/// A file inside a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InnerFile {
    pub name: String,
    #[serde(with = "as_base64")]
    pub content: Bytes,
}

/// Bytes in JSON.
mod as_base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        STANDARD_NO_PAD.encode(bytes).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD_NO_PAD.decode(text.as_bytes()).map(Bytes::from).map_err(serde::de::Error::custom)
    }
}

impl From<Document> for Parsed {
    fn from(document: Document) -> Self {
        Self { document, words: Vec::new(), files: Vec::new(), scanned: Vec::new() }
    }
}

/// Reads a file of any known type. Runs in the confined child: nothing here may be called on a file that nobody vouches for.
pub fn read(bytes: &[u8], name: &str, limits: &Limits) -> Result<Parsed, ReadError> {
    let sniffed = sniff::sniff(bytes, name)?;
    let mut parsed: Parsed = match sniffed.format {
        Format::Pdf => pdf::read_all(bytes, limits)?,
        Format::Docx => office::read_docx(bytes, limits)?.into(),
        Format::Doc => office::read_doc(bytes, limits)?.into(),
        Format::Odt => odt::read(bytes, limits)?.into(),
        Format::Rtf => rtf::read(bytes, limits)?.into(),
        Format::Pptx => office::read_pptx(bytes, limits)?.into(),
        Format::Ppt => office::read_ppt(bytes, limits)?.into(),
        Format::Odp => odt::read_slides(bytes, limits)?.into(),
        Format::Xlsx => sheets::read_xlsx(bytes, limits)?.into(),
        Format::Xlsb => sheets::read_xlsb(bytes, limits)?.into(),
        Format::Xls => sheets::read_xls(bytes, limits)?.into(),
        Format::Ods => sheets::read_ods(bytes, limits)?.into(),
        Format::Csv => csv::read(bytes, limits)?.into(),
        Format::Html => html::read(bytes, limits)?.into(),
        Format::Markdown => markdown::read(bytes, limits)?.into(),
        Format::Text => text::read(bytes, limits)?.into(),
        Format::Json => structured::read_json(bytes, limits)?.into(),
        Format::Xml => structured::read_xml(bytes, limits)?.into(),
        Format::Ipynb => structured::read_notebook(bytes, limits)?.into(),
        Format::Tiff | Format::Png | Format::Jpeg => image::read(bytes, sniffed.format, limits)?,
        Format::Epub => epub::read(bytes, limits)?.into(),
        Format::Eml => mail::read_eml(bytes, limits)?,
        Format::Msg => mail::read_msg(bytes, limits)?,
    };
    parsed.document.warnings.extend(sniffed.warning);
    limits.check(&parsed.document)?;
    Ok(parsed)
}

/// How much one file may cost. What goes beyond ends that file with a [`ReadError`] and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the file itself.
    pub file_bytes: u64,
    /// Bytes of one part of a packed format after unpacking, and of all of them together.
    pub part_bytes: u64,
    pub package_bytes: u64,
    /// The highest ratio of unpacked to packed bytes of one part.
    pub unpack_ratio: u64,
    /// Bytes of text that may come out.
    pub text_bytes: u64,
    pub blocks: usize,
    pub pages: u32,
    /// Elements, arrays or parts inside one another.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            file_bytes: 128 * MIB,
            part_bytes: 32 * MIB,
            package_bytes: 128 * MIB,
            unpack_ratio: 200,
            text_bytes: 32 * MIB,
            blocks: MOST_BLOCKS,
            pages: 20_000,
            depth: 256,
        }
    }
}

impl Limits {
    /// Whether what came out is within the limits; parsers that could make more than that check on their way.
    fn check(&self, document: &Document) -> Result<(), ReadError> {
        let text: usize = document.blocks.iter().map(|block| block.text.len()).sum();
        if text as u64 > self.text_bytes {
            return Err(ReadError::TooLarge(format!("{text} bytes of text, {} are kept", self.text_bytes)));
        }
        let most = self.blocks.min(MOST_BLOCKS);
        if document.blocks.len() > most {
            return Err(ReadError::TooLarge(format!("more than {most} paragraphs, headings and tables")));
        }
        match document.pages {
            Some(pages) if pages > self.pages => Err(ReadError::TooLarge(format!("{pages} pages, {} are read", self.pages))),
            _ => Ok(()),
        }
    }
}

/// Why a file could not be read. Messages say what to do and never repeat the file's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "snake_case")]
pub enum ReadError {
    #[error("the file is empty: upload it again")]
    Empty,
    #[error("the file is encrypted: save it without a password and upload it again")]
    Encrypted,
    #[error("the file is damaged ({0}): open and save it again in the program that made it")]
    Damaged(String),
    #[error("the file's type is not read ({0}): convert it to PDF, an Office format, HTML, Markdown or text")]
    Unsupported(String),
    #[error("the file is too large ({0}): split it")]
    TooLarge(String),
    #[error("the file is built too deep ({0}): export it again from the program that made it")]
    TooComplex(String),
    #[error("reading the file took longer than {seconds} seconds: split or simplify it")]
    TimedOut { seconds: u64 },
    #[error("the parser stopped on this file ({0}): save it in another format and report the file")]
    Crashed(String),
    #[error("reading the file needs more than {mebibytes} MiB of memory: split or simplify it")]
    OutOfMemory { mebibytes: u64 },
}

impl ReadError {
    /// The word for this kind of error in JSON, lists and metrics: what whoever sent the file can do about it depends on it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Encrypted => "encrypted",
            Self::Damaged(_) => "malformed",
            Self::Unsupported(_) => "unsupported",
            Self::TooLarge(_) | Self::TooComplex(_) | Self::TimedOut { .. } | Self::OutOfMemory { .. } => "limit",
            Self::Crashed(_) => "crashed",
        }
    }

    /// The same more closely: which limit it was.
    pub fn detail(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Encrypted => "encrypted",
            Self::Damaged(_) => "damaged",
            Self::Unsupported(_) => "unsupported",
            Self::TooLarge(_) => "too_large",
            Self::TooComplex(_) => "too_complex",
            Self::TimedOut { .. } => "timed_out",
            Self::Crashed(_) => "crashed",
            Self::OutOfMemory { .. } => "out_of_memory",
        }
    }
}
