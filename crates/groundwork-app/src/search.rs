//! Search on its own: the passages that an assistant would be given, under the caller's permissions.

use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub struct Query {
    pub knowledge_base: KnowledgeBaseId,
    pub text: String,
    /// At most 100.
    pub limit: usize,
    pub mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Hybrid,
    Vector,
    Keyword,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub hits: Vec<Hit>,
    pub outcome: Outcome,
}

/// Why there are hits, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Found,
    /// There are documents that the caller may read, and none matches.
    NothingFound,
    /// There is no document that the caller may read.
    NothingVisible,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    pub document: DocumentId,
    pub version: u32,
    pub name: String,
    pub title: Option<String>,
    /// First and last page, where the format has pages.
    pub pages: Option<(u32, u32)>,
    pub heading_path: Vec<String>,
    pub text: String,
    pub score: f32,
}

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("there is no knowledge base {0}")]
    UnknownKnowledgeBase(KnowledgeBaseId),
    #[error("the query is empty")]
    EmptyQuery,
    #[error("the query has {bytes} bytes, more than {limit}")]
    TooLong { bytes: usize, limit: usize },
    #[error("the index is still loading; try again in {retry_after:?}")]
    IndexLoading { retry_after: Duration },
    #[error("too many searches are waiting; try again in {retry_after:?}")]
    Busy { retry_after: Duration },
    #[error("search failed: {0}")]
    Failed(String),
}

pub async fn search(app: &App, caller: &Caller, query: Query) -> Result<Found, SearchError> {
    let _ = (app, caller, query);
    unimplemented!()
}
