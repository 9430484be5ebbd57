//! Takes a file into a knowledge base: stored at once, read and indexed by a job.

use super::Document;
use crate::App;
use bytes::Bytes;
use groundwork_core::access::{Caller, Permissions};
use groundwork_core::ids::{JobId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub struct Upload {
    pub knowledge_base: KnowledgeBaseId,
    /// What readers see: the file's name, or its path below the ingested folder, with `/`.
    pub name: String,
    /// Where it came from, unique in its knowledge base: the same source again is a new version. The name, when absent.
    pub source: Option<String>,
    pub bytes: Bytes,
    /// `None` keeps those of the version before, or the default: every principal of the tenant may read.
    pub permissions: Option<Permissions>,
    /// How long to wait for the document to become searchable. After that the answer is `processing`, and the job goes on.
    pub wait: Duration,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Uploaded {
    /// Search shows it.
    Live { change: Change, document: Document },
    /// It is stored and will be read; the job tells how it goes.
    Processing { job: JobId },
    /// It cannot be read. The version before it, if there is one, stays live.
    Failed { job: JobId, kind: String, reason: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The same bytes under the same source, read and embedded the same way: nothing was done.
    Unchanged,
    Created,
    Updated,
}

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("an unknown principal may not upload documents")]
    Forbidden,
    #[error("this process only visits the data folder; upload through the running server")]
    Visitor,
    #[error("there is no knowledge base {0}; create it first, or use `default`")]
    UnknownKnowledgeBase(KnowledgeBaseId),
    #[error("the file {name} is empty")]
    Empty { name: String },
    #[error("the file name {name:?} is not usable: {reason}")]
    InvalidName { name: String, reason: &'static str },
    #[error("the file {name} has {bytes} bytes, more than the {limit} that limits.upload_bytes allows")]
    TooLarge { name: String, bytes: usize, limit: usize },
    #[error("{waiting} documents are waiting to be read; try again in {retry_after:?}")]
    Busy { waiting: u64, retry_after: Duration },
    #[error("the file could not be stored: {0}")]
    Store(String),
}

/// The answer is how things stand after `wait`.
pub async fn upload(app: &App, caller: &Caller, upload: Upload) -> Result<Uploaded, UploadError> {
    let _ = (app, caller, upload);
    unimplemented!()
}
