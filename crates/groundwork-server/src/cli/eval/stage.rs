//! Where a data set is measured: a data folder of its own, and what of the set is read into it.

use super::super::backend::Backend;
use super::super::ingest::{self, Work};
use super::super::session::Session;
use super::super::{output, progress};
use super::compare::keep;
use super::floor::{Floor, judge};
use crate::exit::{Exit, Failure};
use groundwork_app::evaluation::{Figures, Progress, Report, Run};
use groundwork_app::settings::Role;
use groundwork_app::{App, declared, evaluation};
use groundwork_core::attributes::Attributes;
use groundwork_core::ids::KnowledgeBaseId;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The knowledge base of the assistant that a fresh folder has.
pub(in super::super) const KNOWLEDGE_BASE: &str = declared::DEFAULT;

/// What is read of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The files of its folder of documents.
    Files,
    /// The texts of `docs.jsonl`.
    Texts,
}

/// A data set with the folder that it is measured in.
pub(super) struct Stage<'s> {
    session: &'s Session,
    pub(super) dataset: PathBuf,
    what: What,
    pub(super) app: App,
    backend: Backend<'s>,
}

impl<'s> Stage<'s> {
    pub(super) async fn open(session: &'s Session, dataset: &Path, what: What) -> anyhow::Result<Self> {
        let dataset = found(dataset)?;
        let folder = folder_of(session, &dataset, what);
        let app = session.open_when_free(&folder, Role::Owner, session.targets()?).await?;
        let backend = Backend::owner(session, app.clone(), &folder, None)?;
        Ok(Self { session, dataset, what, app, backend })
    }

    /// Reads the documents into `knowledge_base`. Those that cannot be read are told, and count as not found.
    pub(super) async fn read(&self, knowledge_base: KnowledgeBaseId) -> anyhow::Result<()> {
        let summary = match self.what {
            What::Files => {
                let work =
                    Work { knowledge_base, paths: vec![documents_of(&self.dataset)], keep_vanished: false, attributes: Attributes::new() };
                ingest::ingest(self.session, &self.backend, work, |_| Ok(())).await?
            }
            What::Texts => {
                let texts = evaluation::texts(&self.dataset).await?;
                ingest::ingest_texts(self.session, &self.backend, &knowledge_base, texts).await?
            }
        };
        if summary.unread() > 0 {
            output::note(&format!("groundwork: {} documents of the data set could not be read ({summary})", summary.unread()));
        }
        Ok(())
    }

    /// Measures, and records what it stood on.
    pub(super) async fn report<R: Report>(
        self,
        work: impl AsyncFnOnce(&Self, &Progress<'_>) -> anyhow::Result<R>,
    ) -> anyhow::Result<(R, Run)> {
        let recorded = self.measure(async |stage, progress| {
            let report = work(stage, progress).await?;
            let run = evaluation::record(&stage.app, &stage.dataset, &report).await?;
            Ok((report, run))
        });
        recorded.await
    }

    /// Runs `work` with a bar over its questions, and lets go of the folder.
    pub(super) async fn measure<T>(self, work: impl AsyncFnOnce(&Self, &Progress<'_>) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let bar = progress::steps(0, self.session.json);
        let moved = bar.clone();
        let on_progress = move |done: usize, of: usize| {
            moved.set_length(of as u64);
            moved.set_position(done as u64);
        };
        let measured = work(&self, &on_progress).await;
        bar.finish_and_clear();
        self.backend.close().await;
        measured
    }
}

/// A report and the id that its run is kept by.
#[derive(Serialize)]
struct Kept<'a, R> {
    #[serde(flatten)]
    report: &'a R,
    run: &'a str,
}

/// Keeps a run, shows its report, and says how the command ends.
pub(super) fn finish<R: Report>(
    session: &Session,
    (report, run): &(R, Run),
    show: impl FnOnce(&R) -> std::io::Result<()>,
    floors: (&[Floor], &str),
) -> anyhow::Result<Exit> {
    keep(session, run)?;
    let show = |kept: &Kept<'_, R>| {
        show(kept.report)?;
        output::line(&format!("kept as {}", kept.run))
    };
    conclude(session, &Kept { report, run: &run.id }, show, floors, &run.figures)
}

/// Shows a report, as JSON or by `show`, and says how the command ends: `floors` are the least that its figures may be, a bare one is
/// for the figure `main`.
pub(super) fn conclude<R: Serialize>(
    session: &Session,
    report: &R,
    show: impl FnOnce(&R) -> std::io::Result<()>,
    (floors, main): (&[Floor], &str),
    figures: &Figures,
) -> anyhow::Result<Exit> {
    if session.json {
        output::json(report)?;
    } else {
        show(report)?;
    }
    Ok(judge(floors, main, figures)?)
}

/// The file or folder, as one path that names it.
pub(super) fn found(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize().map_err(|error| Failure::new(Exit::Storage, format!("{}: {error}", path.display())))
}

/// A folder of its own for each data set, and for each way of reading it.
fn folder_of(session: &Session, dataset: &Path, what: What) -> PathBuf {
    let digest = hex::encode(Sha256::digest(dataset.as_os_str().as_encoded_bytes()));
    let name = dataset.file_name().unwrap_or_default().to_string_lossy();
    let kind = if what == What::Texts { "texts-" } else { "" };
    session.config.data_dir.join("evaluation").join(format!("{name}-{kind}{}", &digest[..8]))
}

/// Where the documents of a data set lie.
pub(in super::super) fn documents_of(dataset: &Path) -> PathBuf {
    ["corpus", "files", "documents"]
        .iter()
        .map(|name| dataset.join(name))
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| dataset.to_owned())
}
