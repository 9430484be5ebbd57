//! `groundwork extract`: what is read from files, without keeping anything. Needs neither a server nor a data folder.

use super::session::Session;
use super::{output, progress};
use crate::exit::Exit;
use futures::StreamExt;
use groundwork_retrieval::extract::boxes::{PageWords, Word};
use groundwork_retrieval::extract::document::{Block, Document, Format, Kind};
use groundwork_retrieval::extract::sandbox::Extractor;
use groundwork_retrieval::extract::{Attachment, Extraction, ReadError};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// With --json, the boxes of all words as well
    #[arg(long)]
    words: bool,
}

/// Why a file gave nothing.
enum NotRead {
    Parser(ReadError),
    Disk(std::io::Error),
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let settings = session.extractor();
    let limit = settings.limits.file_bytes;
    let at_once = settings.children;
    let extractor = Extractor::new(settings);
    let files = args.files.len();
    let mut outcomes = futures::stream::iter(args.files)
        .map(|path| {
            let extractor = &extractor;
            async move {
                let outcome = extract(extractor, &path, limit).await;
                (path, outcome)
            }
        })
        .buffered(at_once);
    let bar = progress::steps(files, session.json);
    let mut exit = Exit::Done;
    while let Some((path, outcome)) = outcomes.next().await {
        if outcome.is_err() {
            exit = Exit::PartlyDone;
        }
        let path = path.display().to_string();
        bar.inc(1);
        bar.set_message(path.clone());
        bar.suspend(|| match session.json {
            true => output::json(&outcome_json(&path, outcome.as_ref().map_err(NotRead::described), args.words)),
            false => show(&path, &outcome),
        })?;
    }
    bar.finish_and_clear();
    Ok(exit)
}

async fn extract(extractor: &Extractor, path: &Path, limit: u64) -> Result<Extraction, NotRead> {
    let length = tokio::fs::metadata(path).await.map_err(NotRead::Disk)?.len();
    if length > limit {
        return Err(NotRead::Parser(ReadError::TooLarge(format!("{length} bytes, more than the {limit} of limits.document"))));
    }
    let bytes = tokio::fs::read(path).await.map_err(NotRead::Disk)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    extractor.extract(bytes.into(), &name).await.map_err(NotRead::Parser)
}

impl NotRead {
    fn described(&self) -> Described {
        match self {
            Self::Parser(error) => Described::of(error),
            Self::Disk(error) => {
                Described { kind: "unreadable", detail: "unreadable", message: format!("the file cannot be read from disk: {error}") }
            }
        }
    }
}

/// An error in the words of the output.
struct Described {
    kind: &'static str,
    detail: &'static str,
    message: String,
}

impl Described {
    fn of(error: &ReadError) -> Self {
        Self { kind: error.kind(), detail: error.detail(), message: error.to_string() }
    }
}

fn outcome_json(file: &str, outcome: Result<&Extraction, Described>, words: bool) -> Value {
    match outcome {
        Ok(extraction) => {
            let document = &extraction.document;
            let blocks: Vec<Value> = document.blocks.iter().map(|block| block_json(document, block)).collect();
            let attachments: Vec<Value> = extraction.attachments.iter().map(|attachment| attachment_json(attachment, words)).collect();
            let mut read = json!({
                "file": file, "outcome": "ok", "format": document.format, "title": document.title, "pages": document.pages,
                "author": document.author, "warnings": document.warnings, "blocks": blocks, "attachments": attachments,
            });
            if words {
                read["words"] = extraction.words.iter().map(page_json).collect();
            }
            read
        }
        Err(Described { kind, detail, message }) => {
            json!({ "file": file, "outcome": "error", "kind": kind, "detail": detail, "message": message, "warnings": [] })
        }
    }
}

fn page_json(page: &PageWords) -> Value {
    let word = |word: &Word| json!({ "text": word.text, "box": [word.x0, word.y0, word.x1, word.y1] });
    json!({ "page": page.page, "width": page.width, "height": page.height, "words": page.words.iter().map(word).collect::<Vec<_>>() })
}

fn attachment_json(attachment: &Attachment, words: bool) -> Value {
    let outcome = attachment.outcome.as_ref().map_err(Described::of);
    outcome_json(&attachment.name, outcome, words)
}

fn block_json(document: &Document, block: &Block) -> Value {
    let mut fields = Map::new();
    match &block.kind {
        Kind::Heading { level } => fields.extend([("type".to_owned(), json!("heading")), ("level".to_owned(), json!(level))]),
        Kind::Paragraph => fields.extend([("type".to_owned(), json!("paragraph"))]),
        Kind::ListItem { depth } => fields.extend([("type".to_owned(), json!("list_item")), ("depth".to_owned(), json!(depth))]),
        Kind::Table { rows, header_rows } => {
            fields.extend([
                ("type".to_owned(), json!("table")),
                ("rows".to_owned(), json!(rows)),
                ("header_rows".to_owned(), json!(header_rows)),
            ]);
        }
        Kind::Code { language } => fields.extend([("type".to_owned(), json!("code")), ("language".to_owned(), json!(language))]),
    }
    if let Some((first, last)) = block.pages {
        fields.insert(document.format.unit().name().to_owned(), json!(first));
        if last != first {
            fields.insert(format!("last_{}", document.format.unit().name()), json!(last));
            fields.insert("page_breaks".to_owned(), json!(block.page_breaks));
        }
    }
    if let Some(sheet) = &block.sheet {
        fields.insert("sheet".to_owned(), json!(sheet));
    }
    fields.insert("heading_path".to_owned(), json!(block.heading_path));
    fields.insert("span".to_owned(), json!([block.span.start, block.span.end]));
    fields.insert("text".to_owned(), json!(block.text));
    Value::Object(fields)
}

fn show(file: &str, outcome: &Result<Extraction, NotRead>) -> std::io::Result<()> {
    let document = match outcome {
        Ok(extraction) => &extraction.document,
        Err(error) => return output::line(&format!("{file}: {}", error.described().message)),
    };
    let pages = document.pages.map(|pages| format!(", {pages} {}s", document.format.unit().name())).unwrap_or_default();
    output::line(&format!("{file}: {}{pages}, {} blocks", document.format.name(), document.blocks.len()))?;
    for warning in &document.warnings {
        output::line(&format!("  warning: {warning}"))?;
    }
    for block in &document.blocks {
        output::line(&format!("{}{}", margin(document.format, block), block.text.replace('\n', "\n          ")))?;
    }
    Ok(())
}

/// The page, and what kind of block it is, in ten columns.
fn margin(format: Format, block: &Block) -> String {
    let page = block.pages.map(|(first, _)| format!("{} {first}", &format.unit().name()[..1])).unwrap_or_default();
    let kind = match block.kind {
        Kind::Heading { .. } => "#",
        Kind::Paragraph => "",
        Kind::ListItem { .. } => "-",
        Kind::Table { .. } => "|",
        Kind::Code { .. } => ">",
    };
    format!("{page:>6} {kind:<2} ")
}
