//! Below which fit an assistant declines: what it was declared with, else what `groundwork eval calibrate` has found out, else what is
//! known of the embedding model.

use crate::App;
use crate::app::Interrupted;
use crate::published::Assistant;
use groundwork_core::abstention::{Evidence, Fitted, fit as fit_of};
use groundwork_core::clock::UnixMs;
use groundwork_retrieval::search::Hit;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// A floor, and what it was fitted to. It holds for the embedding model that it was found with: similarities of another one differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    #[serde(flatten)]
    pub fitted: Fitted,
    /// The share of answerable questions that it was allowed to decline.
    pub most_declined: f64,
    pub answerable: usize,
    pub unanswerable: usize,
    pub calibrated_at: UnixMs,
    /// The same, as `2026-11-29`.
    pub date: String,
    pub embedding_model: String,
    pub dataset: String,
    /// Of all files of the data set with their names.
    pub dataset_sha256: String,
    /// The program that measured.
    pub version: String,
}

/// Floors that come with the program, by embedding model: calibrated on `examples/` with `--most-declined 0.05` on 29 November 2026.
const BUILT_IN: [(&str, f64); 1] = [("all-MiniLM-L6-v2", 0.372)];

/// Where the calibration is kept; it is read again when it has changed.
pub(crate) struct Floors {
    path: PathBuf,
    known: Mutex<Option<(SystemTime, Option<Calibration>)>>,
}

impl Floors {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::default() }
    }

    /// What is stored now; a file that cannot be read is told once and counts as none.
    async fn calibration(&self) -> Option<Calibration> {
        let changed = tokio::fs::metadata(&self.path).await.and_then(|file| file.modified()).ok()?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, calibration)) = known.filter(|(at, _)| *at == changed) {
            return calibration;
        }
        let read = tokio::fs::read(&self.path).await.map_err(|error| error.to_string());
        let read = read.and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
        let calibration =
            read.inspect_err(|reason| tracing::error!(path = %self.path.display(), reason, "the calibration is left out")).ok();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((changed, calibration.clone()));
        calibration
    }

    /// Replaces what is stored, durably or not at all.
    pub(crate) async fn store(&self, calibration: &Calibration) -> std::io::Result<()> {
        let (path, text) = (self.path.clone(), serde_json::to_vec_pretty(calibration)?);
        tokio::task::spawn_blocking(move || replace(&path, &text)).await?
    }
}

fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let beside = path.with_added_extension("new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

/// The fit below which `assistant` declines; 0 when nothing is known of its embedding model.
pub(crate) async fn floor(app: &App, assistant: &Assistant) -> f64 {
    if let Some(floor) = assistant.floor {
        return floor;
    }
    let model = app.inner().knowledge.embedding.name.as_str();
    let calibrated = app.inner().floors.calibration().await.filter(|calibration| calibration.embedding_model == model);
    let built_in = || BUILT_IN.iter().find(|(name, _)| *name == model).map(|(_, floor)| *floor);
    calibrated.map(|calibration| calibration.fitted.floor).or_else(built_in).unwrap_or_default()
}

/// How well `hits` fit `question`. The hits come back: the work is done elsewhere.
pub(crate) async fn fit(app: &App, question: &str, hits: Vec<Hit>) -> Result<(f64, Vec<Hit>), Interrupted> {
    let question = question.to_owned();
    app.compute(move || {
        let texts: Vec<Vec<String>> = hits.iter().map(texts).collect();
        let evidence = hits.iter().zip(&texts).map(|(hit, texts)| Evidence { similarity: hit.scores.vector, texts });
        (fit_of(&question, &evidence.collect::<Vec<_>>()), hits)
    })
    .await
}

fn texts(hit: &Hit) -> Vec<String> {
    let name = hit.title.clone().or_else(|| groundwork_retrieval::title_of(&hit.name));
    name.into_iter().chain(hit.heading_path.iter().cloned()).chain([hit.text.clone()]).collect()
}
