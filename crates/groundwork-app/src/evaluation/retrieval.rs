//! How well documents, or their pages, are found: each way of searching against judgements of which units answer a question.

use super::dataset::{self, DatasetError, Question};
use super::{ByQuestion, Figures, Progress};
use crate::App;
use crate::pipeline::now;
use crate::search::{Look, Mode, Rerank, SearchError, look_up};
use groundwork_core::access::Caller;
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_core::measure::{Judged, mean, ndcg, percentile, recall, reciprocal_rank};
use groundwork_core::variety::Variety;
use groundwork_retrieval::search::{Hit, Surroundings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

pub struct Retrieval {
    /// A folder with `queries.jsonl` (or `questions.jsonl`) and `qrels.tsv`; its documents have been read.
    pub dataset: PathBuf,
    /// Where they have been read into.
    pub knowledge_base: KnowledgeBaseId,
    pub unit: Unit,
    /// How much the hits of one more row shall differ.
    pub variety: Variety,
}

/// What is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A document, by its source.
    Document,
    /// A page, as `FILE#page=N`; a document without pages, as `FILE`.
    Page,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalReport {
    pub rows: Vec<ModeRow>,
    pub unit: Unit,
    /// Those that are judged; the others are not asked.
    pub questions: usize,
    #[serde(skip)]
    pub by_question: ByQuestion,
}

/// One way of searching, over all questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModeRow {
    pub mode: String,
    #[serde(rename = "ndcg@10")]
    pub ndcg_at_10: f64,
    #[serde(rename = "recall@5")]
    pub recall_at_5: f64,
    #[serde(rename = "recall@10")]
    pub recall_at_10: f64,
    #[serde(rename = "recall@50")]
    pub recall_at_50: f64,
    /// Of the first 10.
    pub mrr: f64,
    /// Milliseconds from the question to its hits, the embedding of the question included: what half and 95 % of the questions need at most.
    pub p50_ms: f64,
    pub p95_ms: f64,
}

#[derive(Debug, thiserror::Error)]
pub enum RetrievalError {
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error("no question of {0} has a judgement in qrels.tsv")]
    NothingJudged(String),
    #[error("question {id}: {source}")]
    Search { id: String, source: SearchError },
    #[error("question {id}: the reranker did not judge in time; raise retrieval.rerank_deadline or lower retrieval.rerank_candidates")]
    Unranked { id: String },
}

/// Hits that are asked for: several may lie on one page, and 50 pages are looked at.
const DEEP: usize = 200;

/// A way of searching that is measured.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    mode: Mode,
    rerank: bool,
    variety: Variety,
}

/// The legs, both of them, and what is set or asked for on top.
fn ways(reranks: bool, variety: Variety) -> Vec<Way> {
    let plain = |name, mode| Way { name, mode, rerank: false, variety: Variety::default() };
    let mut ways = vec![plain("keyword", Mode::Keyword), plain("vector", Mode::Vector), plain("hybrid", Mode::Hybrid)];
    if reranks {
        ways.push(Way { rerank: true, ..plain("hybrid+rerank", Mode::Hybrid) });
    }
    if variety.is_wanted() {
        ways.push(Way { variety, ..plain("hybrid+variety", Mode::Hybrid) });
    }
    ways
}

pub async fn retrieval(app: &App, caller: &Caller, run: Retrieval, progress: &Progress<'_>) -> Result<RetrievalReport, RetrievalError> {
    let judgements = dataset::judgements(&run.dataset).await?;
    let questions = dataset::questions(&run.dataset).await?;
    let asked: Vec<(&Question, &Judged)> =
        questions.iter().filter_map(|question| Some((question, judgements.get(&question.id)?))).collect();
    if asked.is_empty() {
        return Err(RetrievalError::NothingJudged(run.dataset.display().to_string()));
    }
    let (mut rows, mut by_question) = (Vec::new(), ByQuestion::new());
    let ways = ways(app.inner().knowledge.reranking.is_some(), run.variety);
    for (at, way) in ways.iter().enumerate() {
        let name = way.name;
        let mut measured = Vec::with_capacity(asked.len());
        for (question, judged) in &asked {
            measured.push(measure(app, caller, &run, (question, judged), *way).await?);
            progress(at * asked.len() + measured.len(), ways.len() * asked.len());
        }
        rows.push(row(name, &measured));
        for ((question, _), measured) in asked.iter().zip(&measured) {
            for (figure, value) in measured.figures() {
                by_question.entry(format!("{name}.{figure}")).or_default().insert(question.id.clone(), value);
            }
        }
    }
    Ok(RetrievalReport { rows, unit: run.unit, questions: asked.len(), by_question })
}

/// One question, searched one way.
struct Measured {
    ndcg_at_10: f64,
    recalls: [f64; 3],
    reciprocal_rank: f64,
    millis: f64,
}

impl Measured {
    fn figures(&self) -> [(&'static str, f64); 5] {
        let Self { ndcg_at_10, recalls: [at_5, at_10, at_50], reciprocal_rank, millis: _ } = *self;
        [("ndcg@10", ndcg_at_10), ("recall@5", at_5), ("recall@10", at_10), ("recall@50", at_50), ("mrr", reciprocal_rank)]
    }
}

async fn measure(
    app: &App,
    caller: &Caller,
    run: &Retrieval,
    (question, judged): (&Question, &Judged),
    way: Way,
) -> Result<Measured, RetrievalError> {
    let began = now();
    let look = Look {
        knowledge_bases: std::slice::from_ref(&run.knowledge_base),
        text: &question.text,
        limit: DEEP,
        mode: way.mode,
        filter: None,
        rerank: way.rerank,
        variety: way.variety,
        surroundings: Surroundings::default(),
        deadline: began + app.inner().limits.call_timeout,
    };
    let found = look_up(app, caller, look).await;
    let found = found.map_err(|source| RetrievalError::Search { id: question.id.clone(), source })?;
    let millis = now().duration_since(began).as_secs_f64() * 1e3;
    // A figure of a reranker that was not heard would be one of something else.
    if found.reranked.is_some_and(|reranked| Rerank::from(reranked) != Rerank::Done) {
        return Err(RetrievalError::Unranked { id: question.id.clone() });
    }
    let ranked = units(&found.hits, run.unit);
    Ok(Measured {
        ndcg_at_10: ndcg(&ranked, judged, 10),
        recalls: [5, 10, 50].map(|at| recall(&ranked, judged, at)),
        reciprocal_rank: reciprocal_rank(&ranked, judged, 10),
        millis,
    })
}

/// The units of the hits in the order in which they first appear.
fn units(hits: &[Hit], unit: Unit) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut ranked = Vec::new();
    for hit in hits {
        let named = match (unit, hit.pages) {
            (Unit::Document, _) => vec![hit.source.clone()],
            (Unit::Page, None) => vec![file(&hit.name).to_owned()],
            (Unit::Page, Some((first, last))) => (first..=last).map(|page| format!("{}#page={page}", file(&hit.name))).collect(),
        };
        ranked.extend(named.into_iter().filter(|unit| seen.insert(unit.clone())));
    }
    ranked
}

fn file(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn row(mode: &str, measured: &[Measured]) -> ModeRow {
    let of = |figure: &dyn Fn(&Measured) -> f64| measured.iter().map(figure).collect::<Vec<_>>();
    let millis = of(&|one| one.millis);
    ModeRow {
        mode: mode.to_owned(),
        ndcg_at_10: mean(&of(&|one| one.ndcg_at_10)),
        recall_at_5: mean(&of(&|one| one.recalls[0])),
        recall_at_10: mean(&of(&|one| one.recalls[1])),
        recall_at_50: mean(&of(&|one| one.recalls[2])),
        mrr: mean(&of(&|one| one.reciprocal_rank)),
        p50_ms: percentile(&millis, 0.5),
        p95_ms: percentile(&millis, 0.95),
    }
}

impl RetrievalReport {
    pub fn figures(&self) -> Figures {
        let of = |row: &ModeRow| {
            let ModeRow { mode, ndcg_at_10, recall_at_5, recall_at_10, recall_at_50, mrr, p50_ms: _, p95_ms: _ } = row;
            let figures = [
                ("ndcg@10", *ndcg_at_10),
                ("recall@5", *recall_at_5),
                ("recall@10", *recall_at_10),
                ("recall@50", *recall_at_50),
                ("mrr", *mrr),
            ];
            figures.map(|(figure, value)| (format!("{mode}.{figure}"), value))
        };
        self.rows.iter().flat_map(of).collect()
    }
}
