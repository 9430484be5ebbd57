//! The way of a call: admit → guard → cached → retrieve → route → call → settle.

mod chat;

pub use chat::{Answer, ChatError, Head, Item, Request, chat};

use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};

/// A place in the sources that the answer names, and whether it supports the sentence that names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// The number in the text: `[1]`.
    pub number: u32,
    pub knowledge_base: KnowledgeBaseId,
    pub document: DocumentId,
    pub version: u32,
    /// The document's file name.
    pub name: String,
    pub title: Option<String>,
    /// First and last page, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// Headings, outermost first.
    pub section: Vec<String>,
    /// Characters of the document's text.
    pub span: (usize, usize),
    pub text: String,
    pub supported: bool,
    /// Characters of the answer that the citation stands for.
    pub answer_span: (usize, usize),
}
