//! The files inside an uploaded file, each to become a document of its own: where it came from and what it is called tell the way to it.

use super::Upload;
use crate::extract::boxes::PageWords;
use crate::extract::document::Document;
use crate::extract::{Attachment, ReadError};
use bytes::Bytes;
use groundwork_store::db::documents::VersionFacts;
use serde::Serialize;

/// A file inside the upload, or inside a file inside it.
pub(super) struct Inner {
    pub(super) source: String,
    pub(super) name: String,
    pub(super) bytes: Bytes,
    pub(super) document: Document,
    pub(super) words: Vec<PageWords>,
}

/// One that could not be read; the rest of the upload goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Unread {
    pub(super) name: String,
    kind: &'static str,
    message: String,
}

impl Unread {
    pub(super) fn warning(&self) -> String {
        format!("the attachment {} was left out: {}", self.name, self.message)
    }
}

#[derive(Default)]
pub(super) struct Files {
    pub(super) read: Vec<Inner>,
    pub(super) unread: Vec<Unread>,
}

/// Every file inside the upload, outer ones first.
pub(super) fn files(upload: &Upload, attachments: &[Attachment]) -> Files {
    let mut files = Files::default();
    collect(&upload.source, &upload.name, attachments, &mut files);
    files
}

fn collect(source: &str, name: &str, attachments: &[Attachment], files: &mut Files) {
    for (attachment, number) in attachments.iter().zip(1..) {
        let source = format!("{source}#attachment/{number}/{}", attachment.name);
        let name = format!("{name}/{}", attachment.name);
        match &attachment.outcome {
            Ok(extraction) => {
                files.read.push(Inner {
                    source: source.clone(),
                    name: name.clone(),
                    bytes: attachment.content.clone(),
                    document: extraction.document.clone(),
                    words: extraction.words.clone(),
                });
                collect(&source, &name, &extraction.attachments, files);
            }
            Err(error) => files.unread.push(unread(name, error)),
        }
    }
}

fn unread(name: String, error: &ReadError) -> Unread {
    Unread { name, kind: error.kind(), message: error.to_string() }
}

/// Keeps in a version's facts what was left out of it.
pub(super) fn note(facts: &mut VersionFacts, warnings: &[String], unread: &[Unread]) {
    if let Some(metadata) = facts.metadata.as_object_mut().filter(|_| !unread.is_empty()) {
        metadata.insert("warnings".to_owned(), serde_json::json!(warnings));
        metadata.insert("unread_attachments".to_owned(), serde_json::json!(unread));
    }
}
