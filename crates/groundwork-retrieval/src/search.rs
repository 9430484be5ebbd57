//! A question → the chunks that answer it and that the caller may read, from both legs at once.

mod around;
mod legs;
mod rerank;
mod run;
mod vary;

pub use around::Surroundings;
pub use run::search;

use crate::embed::{EmbedError, Embedder};
use crate::index::{LoadError, RightsError};
use crate::rerank::{RerankError, Reranked, Reranker};
use groundwork_core::access::Caller;
use groundwork_core::filter::Filter;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::place::Place;
use groundwork_core::variety::Variety;
use groundwork_store::db::DbError;
use std::ops::Range;
use std::time::{Duration, Instant};

/// When a client should ask again while an index loads.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Which legs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    Keyword,
    Vector,
    #[default]
    Hybrid,
}

/// What is asked, and on whose behalf.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    pub knowledge_bases: &'a [KnowledgeBaseId],
    pub text: &'a str,
    /// How many hits to return.
    pub k: usize,
    /// How many of each leg's best go into the fusion; at least `k`.
    pub candidates: usize,
    pub mode: Mode,
    /// Only documents that pass it are looked at.
    pub filter: Option<&'a Filter>,
    /// The fast model of first passes: it embeds the question, too, as long as something is found by its vectors only. Without it that is
    /// found by words.
    pub first_pass: Option<&'a Embedder>,
    /// Puts the best hits of the legs in another order.
    pub reranker: Option<&'a Reranker>,
    /// How much the hits shall differ.
    pub variety: Variety,
    /// What around the hits comes with them.
    pub surroundings: Surroundings,
    pub caller: &'a Caller,
    /// Waiting for an index that is still loading ends here.
    pub deadline: Instant,
}

impl<'a> Query<'a> {
    /// A hybrid search for the 10 best, waiting for a loading index up to 5 seconds.
    pub fn new(knowledge_bases: &'a [KnowledgeBaseId], text: &'a str, caller: &'a Caller) -> Self {
        Self {
            knowledge_bases,
            text,
            k: 10,
            candidates: 50,
            mode: Mode::default(),
            filter: None,
            first_pass: None,
            reranker: None,
            variety: Variety::default(),
            surroundings: Surroundings::default(),
            caller,
            deadline: Instant::now() + Duration::from_secs(5),
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub hits: Vec<Hit>,
    pub reach: Reach,
    /// None where no reranker was asked.
    pub reranked: Option<Reranked>,
    /// Where it was wanted, in the order of the hits that it stands around.
    pub around: Vec<Around>,
}

/// What stands around one hit and is neither a hit itself nor around a better one.
#[derive(Debug, Clone, PartialEq)]
pub struct Around {
    /// The nearest first; each may come alone.
    pub neighbors: Vec<Hit>,
    /// What the hit's section has beside the hit and its neighbors, to come whole or not at all.
    pub rest: Vec<Hit>,
}

/// How much of the knowledge bases the search could look at: tells "nothing found" from "nothing you may see".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The knowledge bases hold no document.
    Empty,
    /// They hold documents, and the caller may read none of them.
    Forbidden,
    /// So many chunks were searched.
    Chunks(u64),
}

/// One chunk that was found, checked against the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub slot: u32,
    pub knowledge_base: KnowledgeBaseId,
    pub document: DocumentId,
    /// Where the document came from.
    pub source: String,
    /// The document's file name, and its title where it has one.
    pub name: String,
    pub title: Option<String>,
    /// The version of the document that the chunk belongs to.
    pub generation: u32,
    /// Position in the document, from 0.
    pub ordinal: u32,
    /// First and last page, counted from 1, where the format has pages.
    pub pages: Option<(u32, u32)>,
    pub place: Place,
    pub heading_path: Vec<String>,
    /// Characters of the document's text.
    pub span: Range<u32>,
    pub text: String,
    pub scores: Scores,
}

/// Where a hit stood in each leg.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    /// BM25; `None` when no word of the question is in the chunk, or the keyword leg did not look.
    pub keyword: Option<f32>,
    /// Cosine; `None` when the vector leg did not look.
    pub vector: Option<f32>,
    /// The same by the vectors of a first pass, of what has no others: it compares with nothing but its like.
    pub first: Option<f32>,
    /// What the order of the hits goes by, from 0 to 1: each leg's score against its best, weighed.
    pub fused: f64,
    /// What the order goes by where a reranker has judged, from 0 to 1.
    pub rerank: Option<f32>,
}

/// Why a search gave no result at all. An empty result is not an error.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("there is no knowledge base {0}: create it, or correct the name")]
    UnknownKnowledgeBase(KnowledgeBaseId),
    #[error("the index of knowledge base {knowledge_base} is still loading: try again in {} seconds", retry_after.as_secs())]
    IndexLoading { knowledge_base: KnowledgeBaseId, retry_after: Duration },
    #[error("the index of knowledge base {knowledge_base} could not be loaded ({reason}): correct the cause and restart")]
    IndexFailed { knowledge_base: KnowledgeBaseId, reason: String },
    #[error("the question could not be embedded: {0}")]
    Embed(#[from] EmbedError),
    #[error("the passages could not be judged: {0}")]
    Rerank(#[from] RerankError),
    #[error(
        "knowledge base {knowledge_base} was embedded with {has} and the question with {asked}: search with the model it was made with"
    )]
    OtherModel { knowledge_base: KnowledgeBaseId, has: String, asked: String },
    #[error("the search did not end within its deadline: try again, or allow more time")]
    TimedOut,
    #[error("the {leg} leg of the search failed: {reason}")]
    Leg { leg: &'static str, reason: String },
    #[error("the search could not read the database: {0}")]
    Store(#[from] DbError),
}

impl From<RightsError> for SearchError {
    fn from(error: RightsError) -> Self {
        match error {
            RightsError::Db(error) => Self::Store(error),
            RightsError::Stopped(error) => Self::Leg { leg: "permission", reason: error.to_string() },
        }
    }
}

impl From<LoadError> for SearchError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Unknown(knowledge_base) => Self::UnknownKnowledgeBase(knowledge_base),
            LoadError::Loading(knowledge_base) => Self::IndexLoading { knowledge_base, retry_after: RETRY_AFTER },
            LoadError::Failed { knowledge_base, reason } => Self::IndexFailed { knowledge_base, reason },
        }
    }
}

#[cfg(test)]
mod tests;
