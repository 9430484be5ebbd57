//! The models on this machine: what is there, what is missing, and fetching it.
//!
//! The cache holds one folder per model, `<folder>/<model>/<file>`. A folder of the same shape, filled by hand, serves a machine
//! without a network.

mod cached;
mod error;
mod hub;
mod lock;
mod pull;
mod wheel;

use crate::catalogue::{Engine, Entry, EntryError, builtin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(crate) use cached::read_checked;
pub use error::{Attempt, PullError, VerifyError};

/// Where models are kept and how they are fetched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The cache; by default `models` in the data folder.
    pub folder: Option<PathBuf>,
    /// A folder filled by hand, looked into before anything else: `<air_gapped>/<model>/<file>`.
    pub air_gapped: Option<PathBuf>,
    /// Fetch nothing from the network.
    pub offline: bool,
    /// Base address of the model hub, or of a mirror that answers `/{repository}/resolve/{revision}/{path}`.
    pub hub: String,
    /// Hosts, beside the hub's own, that a download may be redirected to; `*.example.com` means every name below it.
    pub hub_redirects: Vec<String>,
    /// The command that stands for pip.
    pub pip: Vec<String>,
    /// Names of licenses accepted, for models that ask for it.
    pub accepted_licenses: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            folder: None,
            air_gapped: None,
            offline: false,
            hub: "https://huggingface.co".to_owned(),
            hub_redirects: ["*.huggingface.co", "*.hf.co"].map(str::to_owned).to_vec(),
            pip: ["python3", "-m", "pip"].map(str::to_owned).to_vec(),
            accepted_licenses: Vec::new(),
        }
    }
}

/// How much of a model is on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every file is there with the right length. Only `verify` reads the bytes.
    Present,
    Partial,
    Absent,
}

/// One line of `groundwork models list`.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    pub entry: Entry,
    pub state: State,
    pub folder: PathBuf,
}

/// What a pull is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another process or task is fetching the same model; this one waits for it.
    Waiting,
    /// A source is being tried; the text names it.
    Trying(String),
    /// A source did not work; the next one follows.
    Failed(Attempt),
    /// Bytes of one file, of the total where it is known. The file may be an archive that the model is inside of.
    Bytes { file: String, done: u64, total: Option<u64> },
    /// A file is in place, its hash checked.
    Done { file: String },
    /// A file is in place whose hash nobody knew: it is recorded, and every later look must find it again.
    Recorded { file: String },
}

/// Is called from the task that pulls and must not block.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// The models of one machine.
#[derive(Debug, Clone)]
pub struct Library {
    entries: Arc<Vec<Entry>>,
    settings: Settings,
    folder: PathBuf,
}

impl Library {
    /// The built-in models and `more` from the configuration; an entry of the same name replaces the built-in one.
    /// `folder` is the cache used when the settings name none.
    pub fn new(settings: Settings, folder: &Path, more: Vec<Entry>) -> Result<Self, EntryError> {
        more.iter().try_for_each(Entry::check)?;
        let mut entries = more;
        for entry in builtin() {
            if entries.iter().all(|own| own.name != entry.name) {
                entries.push(entry);
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let folder = settings.folder.clone().unwrap_or_else(|| folder.to_owned());
        Ok(Self { entries: Arc::new(entries), settings, folder })
    }

    /// The entry of the catalogue, or one made for a file of the hub that is named in full.
    pub fn entry(&self, name: &str) -> Option<Cow<'_, Entry>> {
        let described = self.entries.iter().find(|entry| entry.name == name).map(Cow::Borrowed);
        described.or_else(|| Entry::named(name).map(Cow::Owned))
    }

    /// Every known model and whether it is here. Looks at lengths only.
    pub fn list(&self) -> Vec<Listed> {
        let listed = |entry: &Entry| {
            let folder = self.folder_of(entry);
            let here = entry.files.iter().filter(|file| cached::check_length(entry, &folder, file).is_ok()).count();
            let state = match here {
                0 => State::Absent,
                all if all == entry.files.len() => State::Present,
                _ => State::Partial,
            };
            Listed { entry: entry.clone(), state, folder }
        };
        self.entries.iter().map(listed).collect()
    }

    /// The folder of a model that is here, whole as far as lengths tell.
    pub fn path(&self, name: &str) -> Result<PathBuf, VerifyError> {
        let entry = self.known(name)?;
        let folder = self.folder_of(&entry);
        entry.files.iter().try_for_each(|file| cached::check_length(&entry, &folder, file))?;
        Ok(folder)
    }

    /// The file of a chat model that is here, and its SHA-256 in hexadecimal.
    pub fn chat_file(&self, name: &str) -> Result<(PathBuf, String), VerifyError> {
        let entry = self.known(name)?;
        let folder = self.path(name)?;
        let missing = || VerifyError::NotAChatModel { name: name.to_owned() };
        let file = entry.files.iter().find(|_| entry.engine == Engine::Gguf).ok_or_else(missing)?;
        let described = cached::described(&folder, file).ok_or_else(missing)?;
        Ok((folder.join(&file.name), described.sha256))
    }

    /// Reads every file of a model and compares its hash.
    pub async fn verify(&self, name: &str) -> Result<PathBuf, VerifyError> {
        let entry = self.known(name)?.into_owned();
        let folder = self.folder_of(&entry);
        let check = move || {
            entry.files.iter().try_for_each(|file| cached::check(&entry, &folder, file))?;
            Ok(folder)
        };
        tokio::task::spawn_blocking(check).await.unwrap_or_else(|stopped| Err(VerifyError::Stopped(stopped.to_string())))
    }

    /// Fetches what is missing or damaged of a model and returns its folder. Concurrent pulls of one model wait for one another.
    /// Dropping the future cancels as the token does.
    pub async fn pull(&self, name: &str, progress: OnProgress, cancel: CancellationToken) -> Result<PathBuf, PullError> {
        let entry = self.known(name)?;
        let license = &entry.license;
        if license.must_accept && !self.settings.accepted_licenses.contains(&license.name) {
            let (license, url) = (license.name.clone(), license.url.clone());
            return Err(PullError::LicenseNotAccepted { name: entry.name.clone(), license, url });
        }
        let folder = self.folder_of(&entry);
        let cancel = cancel.child_token();
        let _stop = cancel.clone().drop_guard();
        pull::Pull { entry: &entry, settings: &self.settings, folder: &folder, progress, cancel }.run().await?;
        Ok(folder)
    }

    fn folder_of(&self, entry: &Entry) -> PathBuf {
        self.folder.join(entry.folder())
    }

    fn known(&self, name: &str) -> Result<Cow<'_, Entry>, error::UnknownModel> {
        self.entry(name).ok_or_else(|| error::UnknownModel {
            name: name.to_owned(),
            known: self.entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

#[cfg(test)]
mod tests;
