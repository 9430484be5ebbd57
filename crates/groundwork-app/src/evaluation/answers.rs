//! How good the answers of an assistant are: the right document found, the right place cited, the answer contained, declined where it must.

use crate::App;
use groundwork_core::access::Caller;
use serde::Serialize;
use std::path::PathBuf;

pub struct Answers {
    /// A folder with `questions.jsonl`.
    pub dataset: PathBuf,
    pub model: String,
}

/// All answerable questions, all unanswerable ones, and each kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub model: String,
    pub answerable: Row,
    pub unanswerable: Row,
    pub by_kind: Vec<Row>,
    /// The questions that missed the document or the place, with what was found instead.
    pub misses: Vec<Miss>,
}

/// Shares are of `questions`, from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Row {
    pub kind: String,
    pub questions: usize,
    /// The expected document is among the first 3 hits.
    pub document_in_3: f64,
    /// One of the first three citations names the right page, or the right section where there are no pages.
    pub place_in_3: f64,
    pub answer_contained: f64,
    pub token_f1: f64,
    pub declined: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Miss {
    pub id: String,
    pub question: String,
    pub expected: String,
    pub hits: Vec<String>,
    pub citations: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    #[error("{path}: {problem}")]
    Dataset { path: String, problem: String },
    #[error("the question {id} could not be answered: {problem}")]
    Question { id: String, problem: String },
}

/// `progress` is called after each question with how many are done, of how many.
pub async fn answers(
    app: &App,
    caller: &Caller,
    run: Answers,
    progress: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Report, AnswersError> {
    let _ = (app, caller, run, progress);
    unimplemented!()
}
