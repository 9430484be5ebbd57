//! Takes a file into a knowledge base: stored at once, read and indexed by a job.

use super::Document;
use crate::App;
use bytes::Bytes;
use groundwork_core::access::{Caller, Permissions};
use groundwork_core::ids::KnowledgeBaseId;
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
    /// How long to wait for the document to become searchable. After that the answer has status `processing`, and the job goes on.
    pub wait: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
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

/// The answer is the document as it is after `wait`. The same bytes under the same name again change nothing.
pub async fn upload(app: &App, caller: &Caller, upload: Upload) -> Result<Document, UploadError> {
    let _ = (app, caller, upload);
    unimplemented!()
}
