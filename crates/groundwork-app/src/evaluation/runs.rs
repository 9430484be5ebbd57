//! Measurements that are kept, with the versions of everything that they stood on and what each question was worth, so that two of them
//! can be compared.

use super::dataset::{DatasetError, digest};
use super::{AnswersReport, CitationsReport, Figures, RetrievalReport};
use crate::App;
use crate::floor;
use groundwork_core::clock::{self, UnixMs};
use groundwork_core::ids::{self, InvalidName};
use groundwork_core::measure::{bootstrap, mean};
use groundwork_core::mix::{STEP, mix};
use groundwork_retrieval::ingest::fingerprint;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// For each figure that is a mean over questions, what each question adds to it.
pub type ByQuestion = BTreeMap<String, BTreeMap<String, f64>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    pub measured: Measured,
    pub at: UnixMs,
    /// The same, as `2026-11-29`.
    pub date: String,
    pub dataset: String,
    pub dataset_sha256: String,
    pub versions: Versions,
    pub figures: Figures,
    pub questions: ByQuestion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    Retrieval,
    Answers,
    Citations,
}

/// What a measurement stood on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    pub program: String,
    /// How documents were read and cut, and what embedded them.
    pub reader: Option<String>,
    /// The model that reranked, where one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reranker: Option<String>,
    /// Where an assistant answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assistant: Option<AssistantVersion>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssistantVersion {
    pub name: String,
    /// The template with its version.
    pub template: String,
    /// Target and model of each deployment that may have answered.
    pub deployments: Vec<String>,
    pub passages: usize,
    pub floor: f64,
}

/// A report that is worth keeping.
pub trait Report: Serialize {
    fn measured(&self) -> Measured;
    fn figures(&self) -> Figures;
    fn questions(&self) -> ByQuestion;
    /// Who answered, where someone did.
    fn assistant(&self) -> Option<&str> {
        None
    }
}

impl Report for RetrievalReport {
    fn measured(&self) -> Measured {
        Measured::Retrieval
    }
    fn figures(&self) -> Figures {
        self.figures()
    }
    fn questions(&self) -> ByQuestion {
        self.by_question.clone()
    }
}

impl Report for AnswersReport {
    fn measured(&self) -> Measured {
        Measured::Answers
    }
    fn figures(&self) -> Figures {
        self.figures()
    }
    fn questions(&self) -> ByQuestion {
        self.by_question.clone()
    }
    fn assistant(&self) -> Option<&str> {
        Some(&self.model)
    }
}

impl Report for CitationsReport {
    fn measured(&self) -> Measured {
        Measured::Citations
    }
    fn figures(&self) -> Figures {
        self.figures()
    }
    fn questions(&self) -> ByQuestion {
        self.by_question.clone()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error(transparent)]
    Name(#[from] InvalidName),
}

/// What is to be kept of a report on the data set at `dataset`.
pub async fn record(app: &App, dataset: &Path, report: &impl Report) -> Result<Run, RunError> {
    let inner = app.inner();
    let at = inner.clock.now();
    let assistant = report.assistant().and_then(|name| app.published().assistants.get(&name.parse().ok()?).cloned());
    let assistant = match assistant {
        Some(assistant) => Some(AssistantVersion {
            name: assistant.name.to_string(),
            template: assistant.cache_key.clone(),
            deployments: assistant.pool.deployments.iter().map(|deployment| deployment.label().to_owned()).collect(),
            passages: assistant.passages,
            floor: floor::floor(app, &assistant).await,
        }),
        None => None,
    };
    let reader = inner.knowledge.embedding.get().await.ok().map(|embedder| fingerprint(&embedder));
    let reranker = inner.knowledge.reranking.as_ref().map(|reranking| reranking.name().to_owned());
    Ok(Run {
        id: ids::make::<RunId>("run", at, inner.dice.roll())?.0,
        measured: report.measured(),
        at,
        date: clock::date(at),
        dataset: dataset.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        dataset_sha256: digest(dataset).await?,
        versions: Versions { program: env!("CARGO_PKG_VERSION").to_owned(), reader, reranker, assistant },
        figures: report.figures(),
        questions: report.questions(),
    })
}

struct RunId(String);

impl TryFrom<String> for RunId {
    type Error = InvalidName;

    fn try_from(id: String) -> Result<Self, InvalidName> {
        Ok(Self(id))
    }
}

/// How two runs differ in one figure, over the questions that both have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub figure: String,
    pub questions: usize,
    pub a: f64,
    pub b: f64,
    /// Of b to a.
    pub difference: f64,
    /// With the questions drawn anew again and again, 95 % of the differences lie from here to there.
    pub low: f64,
    pub high: f64,
    /// Zero is not among them.
    pub sure: bool,
}

/// Draws of all questions. The dice are the same every time, so that the same two runs are told apart alike.
const DRAWS: usize = 4000;
const LEVEL: f64 = 0.95;

/// Every figure that is a mean over questions and that both runs have.
pub fn compare(a: &Run, b: &Run) -> Vec<Difference> {
    let both = a.questions.iter().filter_map(|(figure, of_a)| Some((figure, of_a, b.questions.get(figure)?)));
    both.filter_map(|(figure, of_a, of_b)| difference(figure, of_a, of_b)).collect()
}

fn difference(figure: &str, a: &BTreeMap<String, f64>, b: &BTreeMap<String, f64>) -> Option<Difference> {
    let pairs: Vec<(f64, f64)> = a.iter().filter_map(|(id, a)| Some((*a, *b.get(id)?))).collect();
    if pairs.is_empty() {
        return None;
    }
    let (of_a, of_b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    let mut state = 0u64;
    let mut roll = || {
        let rolled = mix(state);
        state = state.wrapping_add(STEP);
        rolled
    };
    let (low, high) = bootstrap(&differences, DRAWS, LEVEL, &mut roll);
    Some(Difference {
        figure: figure.to_owned(),
        questions: pairs.len(),
        a: mean(&of_a),
        b: mean(&of_b),
        difference: mean(&differences),
        low,
        high,
        sure: low > 0.0 || high < 0.0,
    })
}
