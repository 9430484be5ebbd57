//! How well the checker of citations tells what a source supports from what it does not, by answers whose sentences are judged.

use super::dataset::{DatasetError, read_lines};
use super::{ByQuestion, Figures, Progress};
use crate::App;
use crate::pipeline::{Stated, check};
use groundwork_core::citation::{Marks, Report, Support};
use groundwork_core::measure::mean;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CitationsReport {
    /// The share of judged citations that were judged alike: supported, or anything else.
    pub accuracy: f64,
    /// Of those that the checker calls supported, and of those that are.
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Accuracy for each kind.
    pub by_kind: BTreeMap<String, f64>,
    pub answers: usize,
    pub citations: usize,
    pub citations_by_kind: BTreeMap<String, usize>,
    pub misses: Vec<CitationMiss>,
    #[serde(skip)]
    pub by_question: ByQuestion,
}

/// A citation that was judged otherwise than it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CitationMiss {
    pub id: String,
    pub sentence: String,
    pub cite: Option<u32>,
    pub kind: String,
    pub expected: String,
    /// The checker's reasons, one a claim of the sentence that cites the source; none when it saw no such citation.
    pub reasons: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum CitationsError {
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error("the check of the answer {0} was cut short")]
    CutShort(String),
}

/// One line of the file of cases.
#[derive(Deserialize)]
struct Case {
    id: String,
    passages: Vec<Passage>,
    answer: String,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
struct Passage {
    n: u32,
    text: String,
}

/// What is right about one sentence and one of its marks; about the sentence without a mark where `cite` is null.
#[derive(Deserialize)]
struct Expected {
    sentence: String,
    cite: Option<u32>,
    verdict: String,
    #[serde(default)]
    kind: String,
}

const SUPPORTED: &str = "supported";

pub async fn citations(app: &App, cases: &Path, progress: &Progress<'_>) -> Result<CitationsReport, CitationsError> {
    let cases: Vec<(usize, Case)> = read_lines(cases).await?;
    let mut judged = Vec::new();
    for (done, (_, case)) in cases.iter().enumerate() {
        let (cleaned, _) = Marks::whole(&case.answer, case.passages.iter().map(|passage| passage.n).max().unwrap_or_default());
        let stated = case.passages.iter().map(|passage| Stated { id: passage.n, text: passage.text.clone(), context: String::new() });
        let report = check(app, stated.collect(), &cleaned.text, &cleaned.citations).await;
        let report = report.ok_or_else(|| CitationsError::CutShort(case.id.clone()))?;
        judged.extend(case.expected.iter().map(|expected| judge(case, expected, &report)));
        progress(done + 1, cases.len());
    }
    Ok(report(cases.len(), &judged))
}

/// One judged citation beside what the checker says.
struct Judged<'a> {
    case: &'a Case,
    expected: &'a Expected,
    supported: bool,
    reasons: Vec<String>,
}

/// A sentence is supported when every claim that it falls into and that has the mark is. A mark that names no source is dropped before
/// anyone sees it, and a sentence without a mark has nothing that supports it.
fn judge<'a>(case: &'a Case, expected: &'a Expected, report: &Report) -> Judged<'a> {
    let sentence = squeeze(&expected.sentence);
    let is_part = |claim: &str| !claim.is_empty() && (sentence.contains(claim) || claim.contains(&sentence));
    let verdicts = report.claims.iter().filter(|(claim, _)| is_part(&squeeze(&claim.text))).flat_map(|(_, verdicts)| verdicts);
    let cited: Vec<_> = verdicts.filter(|verdict| expected.cite.is_none_or(|cite| cite == verdict.source)).collect();
    let supported = !cited.is_empty() && cited.iter().all(|verdict| verdict.support == Support::Supported);
    Judged { case, expected, supported, reasons: cited.iter().map(|verdict| verdict.reason.as_str().to_owned()).collect() }
}

/// Letters and digits alone: marks, spaces and punctuation may stand otherwise in a claim than in the sentence it is of.
fn squeeze(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Judged<'_> {
    fn is_supported(&self) -> bool {
        self.expected.verdict == SUPPORTED
    }

    /// Tells it from all others of its file.
    fn name(&self) -> String {
        let Expected { sentence, cite, .. } = self.expected;
        format!("{} {} {sentence}", self.case.id, cite.map_or("-".to_owned(), |cite| cite.to_string()))
    }

    fn is_right(&self) -> bool {
        self.supported == self.is_supported()
    }
}

fn report(answers: usize, judged: &[Judged<'_>]) -> CitationsReport {
    let right = |one: &Judged<'_>| f64::from(u8::from(one.is_right()));
    let share = |of: &mut dyn Iterator<Item = &Judged<'_>>| mean(&of.map(right).collect::<Vec<_>>());
    let precision = share(&mut judged.iter().filter(|one| one.supported));
    let recall = share(&mut judged.iter().filter(|one| one.is_supported()));
    let mut by_kind: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for one in judged {
        by_kind.entry(one.expected.kind.clone()).or_default().push(right(one));
    }
    let miss = |one: &Judged<'_>| CitationMiss {
        id: one.case.id.clone(),
        sentence: one.expected.sentence.clone(),
        cite: one.expected.cite,
        kind: one.expected.kind.clone(),
        expected: one.expected.verdict.clone(),
        reasons: one.reasons.clone(),
    };
    CitationsReport {
        accuracy: share(&mut judged.iter()),
        precision,
        recall,
        f1: if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) },
        by_kind: by_kind.iter().map(|(kind, right)| (kind.clone(), mean(right))).collect(),
        answers,
        citations: judged.len(),
        citations_by_kind: by_kind.into_iter().map(|(kind, right)| (kind, right.len())).collect(),
        misses: judged.iter().filter(|one| !one.is_right()).map(miss).collect(),
        by_question: [("accuracy".to_owned(), judged.iter().map(|one| (one.name(), right(one))).collect())].into(),
    }
}

impl CitationsReport {
    pub fn figures(&self) -> Figures {
        let whole = [("accuracy", self.accuracy), ("precision", self.precision), ("recall", self.recall), ("f1", self.f1)];
        let whole = whole.into_iter().map(|(figure, value)| (figure.to_owned(), value));
        whole.chain(self.by_kind.iter().map(|(kind, accuracy)| (format!("by_kind.{kind}"), *accuracy))).collect()
    }
}
