//! What is wrong with the server and not with a job: the job waits until it is mended, and whoever waits for the job is told.

use groundwork_retrieval::embed::EmbedError;
use groundwork_retrieval::index::PublishError;
use groundwork_retrieval::ingest::IngestError;
use groundwork_store::blobs::BlobError;
use groundwork_store::db::DbError;
use groundwork_store::db::permissions::SetPermissionsError;
use groundwork_store::db::versions::{self, BeginVersionError, WriteError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// With the message that says which.
    DiskFull(String),
    /// Its files are missing or damaged.
    EmbeddingModel(String),
}

impl Trouble {
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::DiskFull(reason) | Self::EmbeddingModel(reason) => reason,
        }
    }

    /// What `error` says about the server, if it is that which is wrong.
    pub(super) fn of(error: &IngestError) -> Option<Self> {
        if let IngestError::Embed(EmbedError::Missing { .. }) = error {
            return Some(Self::EmbeddingModel(error.to_string()));
        }
        disk_is_full(error).then(|| Self::DiskFull(error.to_string()))
    }
}

fn disk_is_full(error: &IngestError) -> bool {
    match error {
        IngestError::Blob(error) => matches!(error, BlobError::Full),
        IngestError::Publish(PublishError::Full(_)) => true,
        IngestError::Begin(BeginVersionError::Db(error))
        | IngestError::Write(WriteError::Db(error))
        | IngestError::Publish(PublishError::Db(error) | PublishError::Store(versions::PublishError::Db(error)))
        | IngestError::Permissions(SetPermissionsError::Db(error))
        | IngestError::Db(error) => matches!(error, DbError::Full { .. }),
        _ => false,
    }
}
