//! How good the answers of an assistant are: the right document found, the right place cited, the answer contained, declined where it must.

use super::dataset::{self, Question};
use super::score::{self, FIRST};
use crate::App;
use crate::ask::{self, Answer};
use crate::pipeline::{Citation, now};
use crate::published::Assistant;
use crate::search::{Look, Mode, look_up};
use groundwork_core::access::Caller;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub struct Answers {
    /// A folder with `questions.jsonl`.
    pub dataset: PathBuf,
    /// An assistant.
    pub model: String,
}

/// All answerable questions, all unanswerable ones, and each kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub model: String,
    pub answerable: Row,
    pub unanswerable: Row,
    pub by_kind: Vec<Row>,
    /// The answerable questions that missed the document or the place, with what was found instead.
    pub misses: Vec<Miss>,
}

/// Shares are of `questions`, from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    #[error("there is no assistant {0:?}; GET /v1/models lists them")]
    UnknownAssistant(String),
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
    let questions = dataset::read(&run.dataset).await?;
    let published = app.published();
    let assistant = run.model.parse().ok().and_then(|name| published.assistants.get(&name));
    let assistant = assistant.ok_or_else(|| AnswersError::UnknownAssistant(run.model.clone()))?;
    let mut graded = Vec::new();
    for question in &questions {
        graded.push(grade(app, caller, assistant, question).await?);
        progress(graded.len(), questions.len());
    }
    let rows =
        |keep: &dyn Fn(&Question) -> bool, kind: &str| row(kind, &graded.iter().filter(|graded| keep(graded.question)).collect::<Vec<_>>());
    let mut kinds: BTreeMap<&str, Row> = BTreeMap::new();
    for question in &questions {
        kinds.entry(&question.kind).or_insert_with(|| rows(&|other| other.kind == question.kind, &question.kind));
    }
    Ok(Report {
        model: run.model,
        answerable: rows(&|question| question.answerable, "answerable"),
        unanswerable: rows(&|question| !question.answerable, "unanswerable"),
        by_kind: kinds.into_values().collect(),
        misses: graded.iter().filter(|graded| graded.question.answerable && !(graded.document && graded.place)).map(miss).collect(),
    })
}

/// One question with its answer and what that is worth.
struct Graded<'a> {
    question: &'a Question,
    hits: Vec<String>,
    answer: Answer,
    document: bool,
    place: bool,
}

async fn grade<'a>(app: &App, caller: &Caller, assistant: &Assistant, question: &'a Question) -> Result<Graded<'a>, AnswersError> {
    let refuse = |problem: String| AnswersError::Question { id: question.id.clone(), problem };
    let look = Look {
        knowledge_bases: &assistant.knowledge_bases,
        text: &question.question,
        limit: FIRST,
        mode: Mode::Hybrid,
        deadline: now() + app.inner().limits.call_timeout,
    };
    let (hits, _) = look_up(app, caller, look).await.map_err(|error| refuse(error.to_string()))?;
    let hits: Vec<String> = hits.into_iter().map(|hit| hit.name).collect();
    let asked = ask::Question { model: assistant.name.to_string(), text: question.question.clone() };
    let answer = ask::ask(app, caller, asked).await.map_err(|error| refuse(error.to_string()))?;
    Ok(Graded {
        document: hits.iter().any(|name| score::is_document(question, name)),
        place: score::is_place_cited(question, &answer.citations),
        question,
        hits,
        answer,
    })
}

fn row(kind: &str, graded: &[&Graded<'_>]) -> Row {
    let questions = graded.len();
    let share = |worth: &dyn Fn(&Graded<'_>) -> f64| match questions {
        0 => 0.0,
        count => graded.iter().map(|graded| worth(graded)).sum::<f64>() / count as f64,
    };
    let is = |yes: bool| f64::from(u8::from(yes));
    Row {
        kind: kind.to_owned(),
        questions,
        document_in_3: share(&|graded| is(graded.document)),
        place_in_3: share(&|graded| is(graded.place)),
        answer_contained: share(&|graded| is(score::is_contained(graded.question, &graded.answer.text))),
        token_f1: share(&|graded| score::token_f1(graded.question, &graded.answer.text)),
        declined: share(&|graded| is(graded.answer.declined)),
    }
}

fn miss(graded: &Graded<'_>) -> Miss {
    let Question { id, question, document, page, section, .. } = graded.question;
    Miss {
        id: id.clone(),
        question: question.clone(),
        expected: place(document.as_deref().unwrap_or_default(), page.map(|page| (page, page)), section.as_deref()),
        hits: graded.hits.clone(),
        citations: score::first_sources(&graded.answer.citations).into_iter().map(named).collect(),
    }
}

fn named(citation: &Citation) -> String {
    place(&citation.name, citation.pages, citation.section.last().map(String::as_str))
}

fn place(name: &str, pages: Option<(u32, u32)>, section: Option<&str>) -> String {
    match (pages, section) {
        (Some((first, last)), _) if first == last => format!("{name}, page {first}"),
        (Some((first, last)), _) => format!("{name}, pages {first} to {last}"),
        (None, Some(section)) => format!("{name}, section {section}"),
        (None, None) => name.to_owned(),
    }
}
