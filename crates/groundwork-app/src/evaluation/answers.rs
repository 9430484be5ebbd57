//! How good the answers of an assistant are: the right document found, the right place cited, the answer contained, declined where it must.

use super::dataset::{self, DatasetError, Place, Question};
use super::halves::{Halves, halves};
use super::score::{self, FIRST};
use super::{ByQuestion, Figures, Progress};
use crate::App;
use crate::ask::{self, Answer};
use crate::pipeline::{Citation, now};
use crate::published::Assistant;
use crate::search::{Look, Mode, look_up};
use groundwork_core::access::Caller;
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_core::measure::mean;
use groundwork_retrieval::search::Surroundings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub struct Answers {
    /// A folder with `questions.jsonl`, or with `queries.jsonl` and `qrels.tsv`.
    pub dataset: PathBuf,
    /// An assistant.
    pub model: String,
}

/// All answerable questions, all unanswerable ones, and each kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswersReport {
    pub model: String,
    pub answerable: Row,
    pub unanswerable: Row,
    pub by_kind: Vec<Row>,
    /// The same with a floor that was fitted to the other half of the questions; where there are answers of quotes to questions of both
    /// kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halves: Option<Halves>,
    /// The answerable questions that missed the document or the place, with what was found instead.
    pub misses: Vec<Miss>,
    /// Questions that have no answer because something failed. They count as missed.
    pub failed: Vec<Failed>,
    #[serde(skip)]
    pub by_question: ByQuestion,
}

/// Shares are of `questions`, from 0 to 1. An answer that declines names no place and contains nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub kind: String,
    pub questions: usize,
    /// An expected document is among the first 3 hits.
    pub document_in_3: f64,
    /// One of the first three citations names the right page, or the right section where there are no pages.
    pub place_in_3: f64,
    /// The same, with the page after the right one counted as right.
    pub place_or_next_in_3: f64,
    pub answer_contained: f64,
    pub token_f1: f64,
    pub declined: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Miss {
    pub id: String,
    pub question: String,
    pub expected: Vec<String>,
    pub hits: Vec<String>,
    pub citations: Vec<String>,
    pub declined: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    pub id: String,
    pub problem: String,
}

#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error("there is no assistant {0:?}; GET /v1/models lists them")]
    UnknownAssistant(String),
}

/// The knowledge base that a data set must be read into for `model` to be asked about it: the first of those that it stands on.
pub fn knowledge_base_of(app: &App, model: &str) -> Result<KnowledgeBaseId, AnswersError> {
    let unknown = || AnswersError::UnknownAssistant(model.to_owned());
    find(app, model)?.knowledge_bases.first().cloned().ok_or_else(unknown)
}

pub(super) fn find(app: &App, model: &str) -> Result<Arc<Assistant>, AnswersError> {
    let published = app.published();
    let assistant = model.parse().ok().and_then(|name| published.assistants.get(&name).cloned());
    assistant.ok_or_else(|| AnswersError::UnknownAssistant(model.to_owned()))
}

pub async fn answers(app: &App, caller: &Caller, run: Answers, progress: &Progress<'_>) -> Result<AnswersReport, AnswersError> {
    let questions = dataset::questions(&run.dataset).await?;
    let assistant = find(app, &run.model)?;
    let (mut graded, mut failed) = (Vec::with_capacity(questions.len()), Vec::new());
    for question in &questions {
        let result = grade(app, caller, &assistant, question).await;
        graded.push(result.unwrap_or_else(|problem| {
            failed.push(Failed { id: question.id.clone(), problem });
            Graded::failed(question)
        }));
        progress(graded.len(), questions.len());
    }
    let rows = |keep: &dyn Fn(&Question) -> bool, kind: &str| row(kind, graded.iter().filter(|graded| keep(graded.question)));
    let mut kinds: BTreeMap<&str, Row> = BTreeMap::new();
    for question in questions.iter().filter(|question| !question.kind.is_empty()) {
        kinds.entry(&question.kind).or_insert_with(|| rows(&|other| other.kind == question.kind, &question.kind));
    }
    let missed = |graded: &&Graded<'_>| graded.question.answerable && !(graded.document && graded.place && !graded.declined);
    Ok(AnswersReport {
        model: run.model,
        answerable: rows(&|question| question.answerable, "answerable"),
        unanswerable: rows(&|question| !question.answerable, "unanswerable"),
        by_kind: kinds.into_values().collect(),
        halves: halves(&graded),
        misses: graded.iter().filter(missed).map(miss).collect(),
        failed,
        by_question: by_question(&graded),
    })
}

/// One question with its answer and what that is worth.
pub(super) struct Graded<'a> {
    pub(super) question: &'a Question,
    hits: Vec<String>,
    citations: Vec<String>,
    pub(super) declined: bool,
    /// How well what was found fits the question, where the answer tells.
    pub(super) fit: Option<f64>,
    /// The answer is quotes, which are the same wherever the floor lies.
    pub(super) quotes: bool,
    document: bool,
    place: bool,
    place_or_next: bool,
    contained: bool,
    token_f1: f64,
}

impl<'a> Graded<'a> {
    fn failed(question: &'a Question) -> Self {
        let (hits, citations) = (Vec::new(), Vec::new());
        let (declined, quotes, document, place, place_or_next, contained) = (false, false, false, false, false, false);
        Self { question, hits, citations, declined, fit: None, quotes, document, place, place_or_next, contained, token_f1: 0.0 }
    }
}

async fn grade<'a>(app: &App, caller: &Caller, assistant: &Assistant, question: &'a Question) -> Result<Graded<'a>, String> {
    let look = Look {
        knowledge_bases: &assistant.knowledge_bases,
        text: &question.text,
        limit: FIRST,
        mode: Mode::Hybrid,
        filter: None,
        rerank: assistant.rerank,
        variety: assistant.variety,
        surroundings: Surroundings::default(),
        deadline: now() + app.inner().limits.call_timeout,
    };
    let found = look_up(app, caller, look).await.map_err(|error| error.to_string())?;
    let hits: Vec<String> = found.hits.into_iter().map(|hit| hit.name).collect();
    let asked = ask::Question { model: assistant.name.to_string(), text: question.text.clone() };
    let Answer { text, citations, quotes, declined, fit, .. } = ask::ask(app, caller, asked).await.map_err(|error| error.to_string())?;
    Ok(Graded {
        document: hits.iter().any(|name| score::is_document(question, name)),
        place: score::is_place_cited(question, &citations, false),
        place_or_next: score::is_place_cited(question, &citations, true),
        contained: score::is_contained(question, &text),
        token_f1: score::token_f1(question, score::marked(&text).unwrap_or(&text)),
        citations: score::first_sources(&citations).into_iter().map(named).collect(),
        quotes: quotes || (declined && fit.is_some()),
        question,
        hits,
        declined,
        fit,
    })
}

/// As in the rows of answerable and unanswerable questions: each question is a row of its own.
fn by_question(graded: &[Graded<'_>]) -> ByQuestion {
    let mut by_question = ByQuestion::new();
    for one in graded {
        let name = if one.question.answerable { "answerable" } else { "unanswerable" };
        for (figure, value) in row("", std::iter::once(one)).figures(name) {
            by_question.entry(figure).or_default().insert(one.question.id.clone(), value);
        }
    }
    by_question
}

pub(super) fn row<'a>(kind: &str, graded: impl Iterator<Item = &'a Graded<'a>>) -> Row {
    row_with(kind, graded.map(|graded| (graded, graded.declined)))
}

/// With it said of each whether it declines.
pub(super) fn row_with<'a>(kind: &str, graded: impl Iterator<Item = (&'a Graded<'a>, bool)>) -> Row {
    let graded: Vec<(&Graded<'_>, bool)> = graded.collect();
    let share = |worth: &dyn Fn(&Graded<'_>) -> f64| {
        mean(&graded.iter().map(|(graded, declined)| if *declined { 0.0 } else { worth(graded) }).collect::<Vec<_>>())
    };
    let is = |yes: bool| f64::from(u8::from(yes));
    Row {
        kind: kind.to_owned(),
        questions: graded.len(),
        document_in_3: mean(&graded.iter().map(|(graded, _)| is(graded.document)).collect::<Vec<_>>()),
        place_in_3: share(&|graded| is(graded.place)),
        place_or_next_in_3: share(&|graded| is(graded.place_or_next)),
        answer_contained: share(&|graded| is(graded.contained)),
        token_f1: share(&|graded| graded.token_f1),
        declined: mean(&graded.iter().map(|(_, declined)| is(*declined)).collect::<Vec<_>>()),
    }
}

impl AnswersReport {
    pub fn figures(&self) -> Figures {
        let rows = [("answerable", &self.answerable), ("unanswerable", &self.unanswerable)].into_iter();
        let kinds = self.by_kind.iter().map(|row| (row.kind.as_str(), row));
        let own = rows.chain(kinds).flat_map(|(name, row)| row.figures(name));
        let halves = self.halves.iter().flat_map(|halves| {
            let answerable = halves.answerable.figures("halves.answerable");
            answerable.into_iter().chain(halves.unanswerable.figures("halves.unanswerable"))
        });
        own.chain(halves).collect()
    }
}

impl Row {
    fn figures(&self, name: &str) -> Vec<(String, f64)> {
        let Self { kind: _, questions: _, document_in_3, place_in_3, place_or_next_in_3, answer_contained, token_f1, declined } = self;
        let figures = [
            ("document_in_3", document_in_3),
            ("place_in_3", place_in_3),
            ("place_or_next_in_3", place_or_next_in_3),
            ("answer_contained", answer_contained),
            ("token_f1", token_f1),
            ("declined", declined),
        ];
        figures.into_iter().map(|(figure, value)| (format!("{name}.{figure}"), *value)).collect()
    }
}

fn miss(graded: &Graded<'_>) -> Miss {
    let Question { id, text, places, .. } = graded.question;
    let expected = |Place { document, page, section }: &Place| place(document, page.map(|page| (page, page)), section.as_deref());
    Miss {
        id: id.clone(),
        question: text.clone(),
        expected: places.iter().map(expected).collect(),
        hits: graded.hits.clone(),
        citations: graded.citations.clone(),
        declined: graded.declined,
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
