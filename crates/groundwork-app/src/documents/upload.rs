//! Takes a file into a knowledge base: stored at once, read and indexed by a job.

use super::{Document, readable};
use crate::App;
use crate::jobs::{Ingest, IngestOutcome, Job, State, Trouble};
use crate::pipeline::{now, principal};
use crate::settings::Role;
use bytes::Bytes;
use groundwork_core::access::{Caller, Permissions};
use groundwork_core::attributes::{self, Attributes, InvalidAttributes};
use groundwork_core::ids::{DocumentId, JobId, KnowledgeBaseId, TenantId};
use groundwork_store::blobs::{BlobError, Sha256};
use groundwork_store::db::DbError;
use groundwork_store::db::jobs::{Enqueued, NewJob};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

pub struct Upload {
    pub knowledge_base: KnowledgeBaseId,
    /// What readers see: the file's name, or its path below the ingested folder, with `/`.
    pub name: String,
    /// Where it came from, unique in its knowledge base: the same source again is a new version. The name, when absent.
    pub source: Option<String>,
    /// Wins over the title that the document has of its own.
    pub title: Option<String>,
    pub bytes: Bytes,
    /// `None` keeps those of the version before, or the default: every principal of the tenant may read.
    pub permissions: Option<Permissions>,
    /// `None` keeps those of the version before.
    pub attributes: Option<Attributes>,
    /// How long to wait for the document to become searchable. After that the answer is `processing`, and the job goes on.
    pub wait: Duration,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Uploaded {
    /// Search shows it.
    Live { change: Change, document: Box<Document> },
    /// The same, but whoever brought it may not read it: under its source stands a document for others.
    Unseen { change: Change, document: DocumentId },
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
    #[error(transparent)]
    Attributes(#[from] InvalidAttributes),
    #[error("the file {name} has {bytes} bytes, more than the {limit} that limits.document allows")]
    TooLarge { name: String, bytes: usize, limit: usize },
    #[error("there is no embedding model: {0}")]
    NoEmbeddingModel(String),
    /// What came in is kept and read once there is space; the same again finds its job.
    #[error("{0}")]
    DiskFull(String),
    #[error("{waiting} documents are waiting to be read; try again in {} seconds", retry_after.as_secs())]
    Busy { waiting: usize, retry_after: Duration },
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the job cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<Trouble> for UploadError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::DiskFull(reason) => Self::DiskFull(reason),
            Trouble::EmbeddingModel(reason) => Self::NoEmbeddingModel(reason),
        }
    }
}

/// Files that may wait to be read.
const MAX_WAITING: usize = 10_000;
/// Bytes of a name or a source.
const MAX_NAME: usize = 1024;
/// A file that cannot be stored or embedded for the moment is tried so often, over about two minutes.
const ATTEMPTS: u32 = 9;

/// The answer is how things stand after `wait`.
pub async fn upload(app: &App, caller: &Caller, upload: Upload) -> Result<Uploaded, UploadError> {
    let until = now() + upload.wait;
    let tenant = admit(app, caller, &upload).await?;
    let job = enqueue(app, (tenant, caller), upload).await?;
    loop {
        // Asked for before looking, so that an end in between is not missed.
        let ended = app.inner().jobs.ended.notified();
        if let Some(uploaded) = outcome(app, caller, &job).await? {
            return Ok(uploaded);
        }
        if let Some(trouble) = app.inner().jobs.trouble(&job) {
            return Err(trouble.into());
        }
        let stopping = app.stopping().cancelled();
        if now() >= until || !wait(ended, stopping, until).await {
            return Ok(Uploaded::Processing { job });
        }
    }
}

/// False when there is nothing more to wait for. Looks again after a second in any case: another process may run the job.
async fn wait(ended: impl Future<Output = ()>, stopping: impl Future<Output = ()>, until: Instant) -> bool {
    let look_again = until.min(now() + Duration::from_secs(1));
    tokio::select! {
        () = ended => true,
        () = tokio::time::sleep_until(look_again.into()) => true,
        () = stopping => false,
    }
}

async fn admit(app: &App, caller: &Caller, upload: &Upload) -> Result<TenantId, UploadError> {
    let inner = app.inner();
    let tenant = caller.tenant.clone().ok_or(UploadError::Forbidden)?;
    if inner.role == Role::Visitor {
        return Err(UploadError::Visitor);
    }
    let name = &upload.name;
    for text in [Some(name), upload.source.as_ref(), upload.title.as_ref()].into_iter().flatten() {
        if let Some(reason) = unusable(text) {
            return Err(UploadError::InvalidName { name: text.chars().take(80).collect(), reason });
        }
    }
    upload.attributes.as_ref().map_or(Ok(()), attributes::check)?;
    let (bytes, limit) = (upload.bytes.len(), inner.limits.upload_bytes);
    if bytes == 0 {
        return Err(UploadError::Empty { name: name.clone() });
    }
    if bytes > limit {
        return Err(UploadError::TooLarge { name: name.clone(), bytes, limit });
    }
    if let Some(reason) = inner.knowledge.embedding.missing() {
        return Err(UploadError::NoEmbeddingModel(reason));
    }
    let waiting = inner.jobs.waiting();
    if waiting >= MAX_WAITING {
        return Err(UploadError::Busy { waiting, retry_after: Duration::from_secs(10) });
    }
    let base = inner.db.knowledge_base(&upload.knowledge_base).await?;
    if base.is_none_or(|base| base.tenant != tenant) {
        return Err(UploadError::UnknownKnowledgeBase(upload.knowledge_base.clone()));
    }
    Ok(tenant)
}

fn unusable(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        Some("it is empty")
    } else if name.len() > MAX_NAME {
        Some("it is longer than 1,024 bytes")
    } else if name.chars().any(char::is_control) {
        Some("it has control characters")
    } else {
        None
    }
}

async fn enqueue(app: &App, (tenant, caller): (TenantId, &Caller), upload: Upload) -> Result<JobId, UploadError> {
    let inner = app.inner();
    let _kept = inner.jobs.originals.read().await;
    let bytes = upload.bytes;
    let sha256 = inner.knowledge.blobs.put(bytes.clone()).await?;
    let source = upload.source.unwrap_or_else(|| upload.name.clone());
    // Versions of one document follow one another.
    let key = Sha256::of(format!("{}/{source}", upload.knowledge_base).as_bytes()).to_string();
    let payload = Ingest {
        knowledge_base: upload.knowledge_base,
        source,
        name: upload.name,
        title: upload.title,
        original: sha256.to_string(),
        permissions: upload.permissions,
        attributes: upload.attributes,
        by: Some(principal(caller)),
    };
    let payload = serde_json::to_value(payload)?;
    let new =
        NewJob { kind: Ingest::KIND.to_owned(), tenant, key: Some(key), payload, run_after: inner.clock.now(), max_attempts: ATTEMPTS };
    // Before the job is there, so that it cannot end before it is counted.
    inner.jobs.expect(sha256, &bytes);
    match inner.db.enqueue(new).await {
        Ok(Enqueued::New(job)) => {
            inner.jobs.work.notify_one();
            Ok(job)
        }
        Ok(Enqueued::Existing(job)) => {
            inner.jobs.release(Some(sha256));
            // What was in its way may be gone.
            inner.jobs.set_trouble(&job, None);
            inner.db.hurry(&job).await?;
            inner.jobs.work.notify_one();
            Ok(job)
        }
        Err(error) => {
            inner.jobs.release(Some(sha256));
            Err(error.into())
        }
    }
}

/// `None` while the job has not ended.
async fn outcome(app: &App, caller: &Caller, id: &JobId) -> Result<Option<Uploaded>, UploadError> {
    let Some(job) = app.inner().db.job(id).await? else { return Ok(None) };
    let ended = job.progress.as_ref().and_then(IngestOutcome::read);
    let knowledge_base = job.payload.get("knowledge_base").and_then(|id| id.as_str()).and_then(|id| id.parse().ok());
    let job = Job::from(job);
    let failed = |kind: &str, reason: Option<String>| {
        let reason = reason.unwrap_or_else(|| "the job ended without a word".to_owned());
        Ok(Some(Uploaded::Failed { job: id.clone(), kind: kind.to_owned(), reason }))
    };
    let made = match (job.state, ended) {
        (State::Queued | State::Running, _) => return Ok(None),
        (State::Done | State::Failed, Some(IngestOutcome::Refused { kind, reason })) => return failed(&kind, Some(reason)),
        (State::Done, Some(IngestOutcome::Unchanged { document })) => (Change::Unchanged, document),
        (State::Done, Some(IngestOutcome::Created { document })) => (Change::Created, document),
        (State::Done, Some(IngestOutcome::Updated { document })) => (Change::Updated, document),
        (State::Done | State::Failed, _) => return failed("ingest", job.error),
    };
    live((app, caller), id, knowledge_base, made).await
}

async fn live(
    (app, caller): (&App, &Caller),
    id: &JobId,
    knowledge_base: Option<KnowledgeBaseId>,
    (change, document): (Change, DocumentId),
) -> Result<Option<Uploaded>, UploadError> {
    let Some(knowledge_base) = knowledge_base else { return Ok(None) };
    // Whoever uploaded it is told how it went, whatever its permissions are; what it has become is for its readers.
    Ok(Some(match readable(app, &knowledge_base, &document, None).await? {
        Some(found) if found.permissions.allow(caller.tenant.as_ref(), caller) => Uploaded::Live { change, document: Box::new(found) },
        Some(_) => Uploaded::Unseen { change, document },
        None => Uploaded::Failed { job: id.clone(), kind: "deleted".to_owned(), reason: "the document was deleted meanwhile".to_owned() },
    }))
}
