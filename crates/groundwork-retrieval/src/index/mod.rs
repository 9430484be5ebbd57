//! The two derived legs of every knowledge base, and the one snapshot that both see.

use groundwork_core::ids::KnowledgeBaseId;
use groundwork_store::db::Db;
use std::path::PathBuf;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What an index stands on.
#[derive(Debug, Clone)]
pub struct Setup {
    pub db: Db,
    /// For the files of the keyword leg; made if it is not there, and may be deleted at any time the program does not run.
    pub folder: PathBuf,
    /// Loading and writing run as tasks of this tracker and end when `stop` is cancelled.
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

/// All knowledge bases' legs; a cheap clone.
#[derive(Debug, Clone)]
pub struct Index {}

/// How far a leg is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Its files are being read.
    Loading,
    /// Its files were missing, stale or damaged and it is being made again from the database; counted in chunks.
    Rebuilding {
        done: u64,
        of: u64,
    },
    Ready,
    Failed {
        reason: String,
    },
}

/// The legs of one knowledge base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub knowledge_base: KnowledgeBaseId,
    pub keyword: Phase,
    pub vector: Phase,
}

impl Index {
    /// Returns at once; the legs load in the background. Call it inside a tokio runtime, once per folder.
    pub fn open(setup: Setup) -> Self {
        let _ = setup;
        unimplemented!()
    }

    /// Every knowledge base that is known so far, by id. Empty and not `listed` at the very start.
    pub fn status(&self) -> Vec<Status> {
        unimplemented!()
    }

    /// Whether every knowledge base that was there at the start has both legs.
    pub fn is_ready(&self) -> bool {
        unimplemented!()
    }

    /// Waits until the legs of one knowledge base are there, and loads them if nobody did yet.
    pub async fn wait(&self, knowledge_base: &KnowledgeBaseId, deadline: Instant) -> Result<(), LoadError> {
        let _ = (knowledge_base, deadline);
        unimplemented!()
    }
}

/// Why a knowledge base cannot be searched or written now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("there is no knowledge base {0}: create it, or correct the name")]
    Unknown(KnowledgeBaseId),
    #[error("the index of knowledge base {0} is still loading: try again in a few seconds")]
    Loading(KnowledgeBaseId),
    #[error("the index of knowledge base {knowledge_base} could not be loaded ({reason}): correct the cause and restart")]
    Failed { knowledge_base: KnowledgeBaseId, reason: String },
}

/// Why a version could not be made live. It stays invisible, and what was written of it is collected.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("the keyword index could not be written ({0}): free space or make its folder writable")]
    Keyword(String),
    #[error(transparent)]
    Store(#[from] groundwork_store::db::versions::PublishError),
    #[error("the program is stopping: run it again")]
    Stopping,
}
