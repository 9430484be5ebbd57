//! Citations on the wire: OpenAI's annotations and Azure's `context.citations`.

use serde::{Deserialize, Serialize};

/// One entry of `message.annotations`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// `url_citation`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_citation: Option<UrlCitation>,
    /// Ours: where in which document, and whether the source supports the sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlCitation {
    /// Characters of the message's content that the mark covers.
    pub start_index: u32,
    pub end_index: u32,
    pub title: String,
    pub url: String,
}

/// Groundwork's own part of an annotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// The `n` of the mark `[n]`.
    pub id: u32,
    pub document: String,
    pub name: String,
    pub version: u32,
    /// First and last page, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// What `pages` counts: `page`, `slide` or `chapter`; `sheet` where a sheet has a name instead.
    #[serde(default = "page")]
    pub unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The headings above, outermost first.
    pub section: Vec<String>,
    /// First character and the one past the last, in the document version's text.
    pub span: (u64, u64),
    /// The words of the source that stand behind the sentence.
    pub text: String,
    /// `None` until the check after the stream.
    pub supported: Option<bool>,
    pub reason: Option<String>,
    pub confidence: Option<f32>,
}

fn page() -> String {
    "page".to_owned()
}

/// Azure's `message.context`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Context {
    #[serde(default)]
    pub citations: Vec<ContextCitation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
}

/// One of Azure's citations: the n-th is the source of the mark `[n]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ContextCitation {
    pub content: String,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub filepath: Option<String>,
    #[serde(default)]
    pub chunk_id: Option<String>,
}
