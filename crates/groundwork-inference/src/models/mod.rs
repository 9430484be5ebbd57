//! The models on this machine: what is there, what is missing, and fetching it.
//!
//! The cache holds one folder per model, `<folder>/<model>/<file>`. A folder of the same shape, filled by hand, serves a machine
//! without a network.

use crate::catalogue::Entry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

mod error;

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
    /// Another process is fetching the same model.
    Waiting,
    /// A source is being tried; the text names it.
    Trying(String),
    /// A source did not work; the next one follows.
    Failed(Attempt),
    /// Bytes of one file, of the total where it is known. The file may be an archive that the model is inside of.
    Bytes {
        file: String,
        done: u64,
        total: Option<u64>,
    },
    /// A file is in place, its hash checked.
    Done { file: String },
}

/// Called from the task that pulls; must not block.
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
    pub fn new(
        _settings: Settings,
        _folder: &Path,
        _more: Vec<Entry>,
    ) -> Result<Self, crate::catalogue::EntryError> {
        unimplemented!()
    }

    pub fn entry(&self, _name: &str) -> Option<&Entry> {
        unimplemented!()
    }

    /// Every known model and whether it is here. Looks at lengths only.
    pub fn list(&self) -> Vec<Listed> {
        unimplemented!()
    }

    /// The folder of a model that is here, whole as far as lengths tell.
    pub fn path(&self, _name: &str) -> Result<PathBuf, VerifyError> {
        unimplemented!()
    }

    /// Reads every file of a model and compares its hash.
    pub async fn verify(&self, _name: &str) -> Result<PathBuf, VerifyError> {
        unimplemented!()
    }

    /// Fetches what is missing or wrong of a model and returns its folder. Returns at once when nothing is.
    pub async fn pull(
        &self,
        _name: &str,
        _progress: OnProgress,
        _cancel: CancellationToken,
    ) -> Result<PathBuf, PullError> {
        unimplemented!()
    }
}
