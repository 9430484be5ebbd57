//! Search on its own: the passages that an assistant would be given, under the caller's permissions.

use crate::App;
use crate::local_model::NotReady;
use crate::pipeline::now;
use groundwork_core::access::Caller;
use groundwork_core::filter::{Filter, InvalidFilter};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::place::Unit;
use groundwork_core::variety::Variety;
use groundwork_retrieval::embed::EmbedError;
use groundwork_retrieval::rerank::{Outcome as RerankOutcome, RerankError, Reranked};
use groundwork_retrieval::search as retrieval;
use groundwork_retrieval::search::{Reach, SearchError as Failure, Surroundings};
use groundwork_store::db::DbError;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

pub struct Query {
    pub knowledge_base: KnowledgeBaseId,
    pub text: String,
    /// At most 100.
    pub limit: usize,
    pub mode: Mode,
    /// Only documents whose attributes pass it are looked at.
    pub filter: Option<Filter>,
    /// Whether a reranker may order what is found, where one is set.
    pub rerank: bool,
    /// How much the hits shall differ.
    pub variety: Variety,
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
    /// What became of the reranking, where it was wanted and a reranker is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerank: Option<Rerank>,
}

/// What became of the reranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rerank {
    Done,
    /// It did not end in time, so the hits are in the order of the legs.
    Late,
    /// The reranker had too much to do, so the hits are in the order of the legs.
    Busy,
}

impl Rerank {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Late => "late",
            Self::Busy => "busy",
        }
    }
}

impl From<Reranked> for Rerank {
    fn from(reranked: Reranked) -> Self {
        match reranked.outcome {
            RerankOutcome::Done => Self::Done,
            RerankOutcome::Late => Self::Late,
            RerankOutcome::Busy => Self::Busy,
        }
    }
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
    /// There is no document.
    NothingStored,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NothingFound => "nothing_found",
            Self::NothingVisible => "nothing_visible",
            Self::NothingStored => "nothing_stored",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    pub document: DocumentId,
    pub version: u32,
    pub name: String,
    pub title: Option<String>,
    /// First and last page, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// What `pages` counts.
    #[serde(default)]
    pub unit: Unit,
    /// The sheet, of a workbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// ISO 639-3 code of the passage's language, where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    pub heading_path: Vec<String>,
    pub text: String,
    /// What the legs say, from 0 to 1.
    pub score: f64,
    /// What the reranker says, from 0 to 1, which the order goes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerank_score: Option<f32>,
}

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("there is no knowledge base {0}")]
    UnknownKnowledgeBase(KnowledgeBaseId),
    #[error("the query is empty")]
    EmptyQuery,
    #[error("the query has {bytes} bytes, more than the {limit} that limits.question allows")]
    TooLong { bytes: usize, limit: usize },
    #[error("the filter cannot be used: {0}")]
    Filter(#[from] InvalidFilter),
    #[error("the index of knowledge base {knowledge_base} is still loading; try again in {} seconds", retry_after.as_secs())]
    IndexLoading { knowledge_base: KnowledgeBaseId, retry_after: Duration },
    #[error("there is no embedding model: {0}")]
    NotReady(#[from] NotReady),
    #[error("too many questions wait for the embedding model; try again in {} seconds", retry_after.as_secs())]
    EmbeddingBusy { retry_after: Duration },
    #[error("the search did not end in time; try again in {} seconds", retry_after.as_secs())]
    TimedOut { retry_after: Duration },
    /// The index, a leg, the embedding model or the database failed.
    #[error(transparent)]
    Failed(Failure),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl SearchError {
    /// The word for this kind of error in ledger and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownKnowledgeBase(_) => "unknown_knowledge_base",
            Self::EmptyQuery => "empty_query",
            Self::Filter(_) => "invalid_filter",
            Self::TooLong { .. } => "too_large",
            Self::IndexLoading { .. } => "index_loading",
            Self::NotReady(_) => "embedding_model_missing",
            Self::EmbeddingBusy { .. } => "embedding_busy",
            Self::TimedOut { .. } => "search_timed_out",
            Self::Failed(Failure::Embed(EmbedError::Missing { .. })) => "embedding_model_missing",
            Self::Failed(Failure::Rerank(RerankError::Missing { .. })) => "reranker_missing",
            Self::Failed(Failure::Rerank(_)) => "reranking_failed",
            Self::Failed(_) | Self::Db(_) => "search_failed",
        }
    }

    /// The HTTP status that says the same.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::UnknownKnowledgeBase(_) => 404,
            Self::EmptyQuery | Self::Filter(_) => 400,
            Self::TooLong { .. } => 413,
            Self::IndexLoading { .. } | Self::NotReady(_) | Self::EmbeddingBusy { .. } | Self::TimedOut { .. } => 503,
            Self::Failed(Failure::Embed(_) | Failure::Rerank(_)) => 503,
            Self::Failed(_) | Self::Db(_) => 500,
        }
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(2);

pub async fn search(app: &App, caller: &Caller, query: Query) -> Result<Found, SearchError> {
    let base = app.inner().db.knowledge_base(&query.knowledge_base).await?;
    if base.is_none_or(|base| Some(&base.tenant) != caller.tenant.as_ref()) {
        return Err(SearchError::UnknownKnowledgeBase(query.knowledge_base));
    }
    let look = Look {
        knowledge_bases: std::slice::from_ref(&query.knowledge_base),
        text: &query.text,
        limit: query.limit.clamp(1, 100),
        mode: query.mode,
        filter: query.filter.as_ref(),
        rerank: query.rerank,
        variety: query.variety,
        surroundings: Surroundings::default(),
        deadline: now() + app.inner().limits.search_timeout,
    };
    let Looked { hits, outcome, reranked, around: _ } = look_up(app, caller, look).await?;
    Ok(Found { hits: hits.into_iter().map(view).collect(), outcome, rerank: reranked.map(Rerank::from) })
}

fn view(hit: retrieval::Hit) -> Hit {
    Hit {
        document: hit.document,
        version: hit.generation,
        name: hit.name,
        title: hit.title,
        pages: hit.pages,
        unit: hit.place.unit,
        sheet: hit.place.sheet,
        language: hit.place.language,
        heading_path: hit.heading_path,
        text: hit.text,
        score: hit.scores.fused,
        rerank_score: hit.scores.rerank,
    }
}

/// A search as the pipeline makes it.
pub(crate) struct Look<'a> {
    pub(crate) knowledge_bases: &'a [KnowledgeBaseId],
    pub(crate) text: &'a str,
    pub(crate) limit: usize,
    pub(crate) mode: Mode,
    pub(crate) filter: Option<&'a Filter>,
    pub(crate) rerank: bool,
    pub(crate) variety: Variety,
    pub(crate) surroundings: Surroundings,
    /// The search ends here, or after `limits.search_timeout`.
    pub(crate) deadline: Instant,
}

/// What such a search comes to.
pub(crate) struct Looked {
    pub(crate) hits: Vec<retrieval::Hit>,
    pub(crate) outcome: Outcome,
    /// None where no reranker was asked.
    pub(crate) reranked: Option<Reranked>,
    /// What stands around the hits, where that was wanted.
    pub(crate) around: Vec<retrieval::Around>,
}

pub(crate) async fn look_up(app: &App, caller: &Caller, look: Look<'_>) -> Result<Looked, SearchError> {
    let inner = app.inner();
    let (text, limit) = (look.text.trim(), inner.limits.question_bytes);
    if text.is_empty() {
        return Err(SearchError::EmptyQuery);
    }
    if text.len() > limit {
        return Err(SearchError::TooLong { bytes: text.len(), limit });
    }
    look.filter.map_or(Ok(()), Filter::check)?;
    let began = now();
    let deadline = look.deadline.min(began + inner.limits.search_timeout);
    let query = retrieval::Query {
        knowledge_bases: look.knowledge_bases,
        text,
        k: look.limit,
        candidates: CANDIDATES.max(look.limit),
        mode: match look.mode {
            Mode::Hybrid => retrieval::Mode::Hybrid,
            Mode::Vector => retrieval::Mode::Vector,
            Mode::Keyword => retrieval::Mode::Keyword,
        },
        filter: look.filter,
        first_pass: None,
        reranker: None,
        variety: look.variety,
        surroundings: look.surroundings,
        caller,
        deadline,
    };
    let running = async {
        let embedder = inner.knowledge.embedding.get().await?;
        let first_pass = inner.knowledge.first_pass().await;
        let reranker = match inner.knowledge.reranking.as_ref().filter(|_| look.rerank) {
            Some(reranking) => Some(reranking.reranker(app, caller).await.map_err(|error| sort(error.into()))?),
            None => None,
        };
        let query = retrieval::Query { first_pass: first_pass.as_ref(), reranker: reranker.as_ref(), ..query };
        retrieval::search(&inner.knowledge.index, &inner.db, &embedder, query).await.map_err(sort)
    };
    let found = tokio::time::timeout_at(deadline.into(), running).await.unwrap_or(Err(SearchError::TimedOut { retry_after: RETRY_AFTER }));
    inner.metrics.searched(now().duration_since(began), found.as_ref().map_or_else(SearchError::kind, |_found| "ok"));
    let found = found?;
    if let Some(reranked) = found.reranked {
        inner.metrics.reranked(reranked.took, Rerank::from(reranked).as_str());
    }
    let outcome = match found.reach {
        _ if !found.hits.is_empty() => Outcome::Found,
        Reach::Empty => Outcome::NothingStored,
        Reach::Forbidden => Outcome::NothingVisible,
        Reach::Chunks(_) => Outcome::NothingFound,
    };
    Ok(Looked { hits: found.hits, outcome, reranked: found.reranked, around: found.around })
}

/// How many of each leg's best are fused.
const CANDIDATES: usize = 50;

fn sort(failure: Failure) -> SearchError {
    match failure {
        Failure::UnknownKnowledgeBase(id) => SearchError::UnknownKnowledgeBase(id),
        Failure::IndexLoading { knowledge_base, retry_after } => SearchError::IndexLoading { knowledge_base, retry_after },
        Failure::Embed(EmbedError::Busy { .. }) => SearchError::EmbeddingBusy { retry_after: RETRY_AFTER },
        Failure::TimedOut => SearchError::TimedOut { retry_after: RETRY_AFTER },
        failure => SearchError::Failed(failure),
    }
}
