//! The floor below which assistants decline, fitted to questions of which it is known whether the documents answer them. No model is asked.

use super::answers::{AnswersError, find};
use super::dataset::{self, DatasetError, Question};
use super::{Figures, Progress};
use crate::App;
use crate::app::Interrupted;
use crate::floor::{self, Calibration};
use crate::pipeline::now;
use crate::published::Assistant;
use crate::search::{Look, Mode, SearchError, look_up};
use groundwork_core::abstention::{Known, fit_floor};
use groundwork_core::access::Caller;
use groundwork_core::clock;
use groundwork_retrieval::search::Surroundings;
use std::path::PathBuf;

pub struct Calibrate {
    /// As for answers; with questions of both kinds.
    pub dataset: PathBuf,
    /// An assistant: it says how many passages are looked at.
    pub model: String,
    /// The share of answerable questions that may be declined, from 0 to 1.
    pub most_declined: f64,
}

#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    #[error(transparent)]
    Answers(#[from] AnswersError),
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error("question {id}: {source}")]
    Search { id: String, source: SearchError },
    #[error("{0} has questions of one kind only: a floor needs some that the documents answer and some that they do not (`answerable`)")]
    OneKind(String),
    #[error("the calibration could not be kept: {0}")]
    Store(#[from] std::io::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Fits the floor and keeps it: assistants go by it from their next question on.
pub async fn calibrate(app: &App, caller: &Caller, run: Calibrate, progress: &Progress<'_>) -> Result<Calibration, CalibrateError> {
    let questions = dataset::questions(&run.dataset).await?;
    let assistant = find(app, &run.model)?;
    let mut known = Vec::with_capacity(questions.len());
    for question in &questions {
        known.push(Known { fit: fit(app, caller, &assistant, question).await?, answerable: question.answerable });
        progress(known.len(), questions.len());
    }
    let dataset = run.dataset.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let fitted = fit_floor(&known, run.most_declined).ok_or_else(|| CalibrateError::OneKind(dataset.clone()))?;
    let calibrated_at = app.inner().clock.now();
    let answerable = known.iter().filter(|one| one.answerable).count();
    let calibration = Calibration {
        fitted,
        most_declined: run.most_declined,
        answerable,
        unanswerable: known.len() - answerable,
        calibrated_at,
        date: clock::date(calibrated_at),
        embedding_model: app.inner().knowledge.embedding.name.clone(),
        dataset,
        dataset_sha256: dataset::digest(&run.dataset).await?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    app.inner().floors.store(&calibration).await?;
    Ok(calibration)
}

async fn fit(app: &App, caller: &Caller, assistant: &Assistant, question: &Question) -> Result<f64, CalibrateError> {
    let look = Look {
        knowledge_bases: &assistant.knowledge_bases,
        text: &question.text,
        limit: assistant.passages,
        mode: Mode::Hybrid,
        filter: None,
        rerank: assistant.rerank,
        variety: assistant.variety,
        surroundings: Surroundings::default(),
        deadline: now() + app.inner().limits.call_timeout,
    };
    let found = look_up(app, caller, look).await;
    let found = found.map_err(|source| CalibrateError::Search { id: question.id.clone(), source })?;
    Ok(floor::fit(app, &question.text, found.hits).await?.0)
}

impl Calibration {
    /// What `--fail-under` may be set for.
    pub fn figures(&self) -> Figures {
        let figures = [
            ("floor", self.fitted.floor),
            ("answerable.declined", self.fitted.declined_answerable),
            ("unanswerable.declined", self.fitted.declined_unanswerable),
        ];
        figures.map(|(name, value)| (name.to_owned(), value)).into()
    }
}
