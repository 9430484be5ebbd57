//! The job that makes an uploaded file searchable.

use super::collect::collect_later;
use super::runner::Attempt;
use super::{SecondPass, Trouble};
use crate::App;
use crate::local_model::NotReady;
use bytes::Bytes;
use groundwork_core::access::Permissions;
use groundwork_core::attributes::Attributes;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_retrieval::ingest::{Change, IngestError, Upload};
use groundwork_store::blobs::{BlobError, Sha256};
use groundwork_store::db::jobs::Job;
use groundwork_store::db::versions::BeginVersionError;
use serde::{Deserialize, Serialize};

pub(super) const KIND: &str = "ingest";

/// What there is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ingest {
    pub(crate) knowledge_base: KnowledgeBaseId,
    pub(crate) source: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// SHA-256 of the original, which the blob store keeps as long as a job names it here.
    pub(crate) original: String,
    pub(crate) permissions: Option<Permissions>,
    #[serde(default)]
    pub(crate) attributes: Option<Attributes>,
    /// The principal that brought it, who is told how it went.
    #[serde(default)]
    pub(crate) by: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Unchanged {
        document: DocumentId,
    },
    Created {
        document: DocumentId,
    },
    Updated {
        document: DocumentId,
    },
    /// The file cannot be read, now or later.
    Refused {
        kind: String,
        reason: String,
    },
}

impl Outcome {
    pub(crate) fn read(progress: &serde_json::Value) -> Option<Self> {
        serde_json::from_value(progress.clone()).ok()
    }
}

impl Ingest {
    pub(crate) const KIND: &'static str = KIND;
}

pub(super) async fn run(app: &App, job: &Job) -> Attempt {
    let payload: Ingest = match serde_json::from_value(job.payload.clone()) {
        Ok(payload) => payload,
        Err(error) => return refuse("payload", format!("the job cannot be read: {error}")),
    };
    let _alone = app.inner().jobs.alone(&format!("{}/{}", payload.knowledge_base, payload.source)).await;
    match ingest(app, job, &payload).await {
        Ok(outcome) => {
            app.inner().metrics.ingested(match &outcome {
                Outcome::Unchanged { .. } => "unchanged",
                Outcome::Created { .. } => "created",
                Outcome::Updated { .. } => "updated",
                Outcome::Refused { .. } => "refused",
            });
            Attempt::Done(serde_json::to_value(outcome).ok())
        }
        Err(attempt) => attempt,
    }
}

/// The original that the job reads.
pub(super) fn original_of(job: &Job) -> Option<Sha256> {
    Sha256::from_hex(job.payload.get("original")?.as_str()?)
}

fn refuse(kind: &str, reason: String) -> Attempt {
    Attempt::Done(serde_json::to_value(Outcome::Refused { kind: kind.to_owned(), reason }).ok())
}

/// An error is an attempt that came to nothing.
async fn ingest(app: &App, job: &Job, payload: &Ingest) -> Result<Outcome, Attempt> {
    let inner = app.inner();
    let refused = |kind: &str, reason: String| Ok(Outcome::Refused { kind: kind.to_owned(), reason });
    let Some(sha256) = Sha256::from_hex(&payload.original) else {
        return refused("payload", "the job names no original".to_owned());
    };
    let bytes = match original(app, sha256).await {
        Ok(bytes) => bytes,
        Err(error @ (BlobError::Missing(_) | BlobError::Damaged(_))) => return refused("original", error.to_string()),
        Err(error) => return Err(Attempt::Failed(error.to_string())),
    };
    let upload = Upload {
        knowledge_base: payload.knowledge_base.clone(),
        source: payload.source.clone(),
        name: payload.name.clone(),
        title: payload.title.clone(),
        bytes,
        permissions: payload.permissions.clone(),
        attributes: payload.attributes.clone(),
    };
    let ingester = inner.knowledge.ingester().await.map_err(|error| match error {
        NotReady::Files(_) | NotReady::Load(_) => Attempt::Held(Trouble::EmbeddingModel(error.to_string())),
        NotReady::Interrupted => Attempt::Failed(error.to_string()),
    })?;
    let first = if inner.knowledge.makes_first_passes { inner.knowledge.first_pass().await } else { None };
    let ingested = match first {
        Some(first) => ingester.first_pass(upload, &first).await,
        None => ingester.file(upload).await,
    };
    match ingested {
        Ok(ingested) => {
            // Without these jobs the attempt has not come to its end: the next one finds the document unchanged, and makes them.
            for (document, version) in ingested.waiting {
                let second = SecondPass { knowledge_base: payload.knowledge_base.clone(), document, version };
                second.enqueue(app, &job.tenant).await.map_err(|error| Attempt::Failed(error.to_string()))?;
            }
            let document = ingested.document;
            Ok(match ingested.change {
                Change::Unchanged => Outcome::Unchanged { document },
                Change::Created => Outcome::Created { document },
                Change::Updated => Outcome::Updated { document },
            })
        }
        Err(IngestError::Begin(error @ BeginVersionError::OtherParent(_))) => {
            collect_later(app, sha256).await;
            refused("source", error.to_string())
        }
        Err(IngestError::Read(error)) => {
            collect_later(app, sha256).await;
            refused(error.kind(), error.to_string())
        }
        Err(error) => Err(Trouble::of(&error).map_or_else(|| Attempt::Failed(error.to_string()), Attempt::Held)),
    }
}

/// From the memory of the upload where it is still there: the last version that had the same original may have gone, and the stored copy
/// with it, at the very moment of the upload.
async fn original(app: &App, sha256: Sha256) -> Result<Bytes, BlobError> {
    match app.inner().jobs.original(sha256) {
        Some(bytes) => Ok(bytes),
        None => app.inner().knowledge.blobs.get(sha256).await,
    }
}
