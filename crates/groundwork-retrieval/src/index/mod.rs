//! The two derived legs of every knowledge base, and the one snapshot that both see.
//!
//! The database is the truth. The vector leg is the matrix of its codes, held in memory; the keyword leg is a folder of its own that is
//! compared with the truth when it is opened, and made again where it differs. One writer task a knowledge base takes the versions that
//! are ready, commits them to the keyword leg together, makes them live in the database one by one, and swaps the snapshot.

mod attributes;
mod collection;
mod columns;
mod keyword;
mod language;
mod load;
mod matches;
mod permitted;
mod places;
mod question;
mod shards;
mod snapshot;
mod words;
mod writer;

pub(crate) use collection::Collection;
pub use keyword::title_of;
pub(crate) use keyword::{Entry, stamp};
pub(crate) use matches::{Weighed, weigh};
pub(crate) use permitted::{Permitted, RightsError};
pub(crate) use question::By;
pub(crate) use snapshot::{First, Snapshot};
pub(crate) use writer::{Family, Row, SecondPass, Version};

use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_store::blobs::Blobs;
use groundwork_store::db::versions::Draft;
use groundwork_store::db::{Db, DbError};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{RwLock, Semaphore, watch};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What an index stands on.
#[derive(Debug, Clone)]
pub struct Setup {
    pub db: Db,
    /// Originals that no version refers to any more are removed from here.
    pub blobs: Blobs,
    /// For the files of the keyword leg; made if it is not there, and may be deleted at any time the program does not run.
    pub folder: PathBuf,
    /// Loading and writing run as tasks of this tracker and end when `stop` is cancelled.
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

/// All knowledge bases' legs; a cheap clone.
#[derive(Debug, Clone)]
pub struct Index(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    setup: Setup,
    collections: Mutex<BTreeMap<KnowledgeBaseId, Arc<Collection>>>,
    start: watch::Sender<Start>,
    /// Searches that compute at once; the rest wait their turn.
    processors: Arc<Semaphore>,
    /// Held shared while a version's original is being stored, alone while one is being removed.
    originals: RwLock<()>,
}

/// How far the work is that comes before any knowledge base.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Start {
    Pending,
    Done,
    Failed(String),
}

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

/// Why a version could not be made live, or a document deleted. A version stays invisible, and what was written of it is collected.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("the vectors do not fit those of the knowledge base ({0}): embed with the model it was made with")]
    Vector(String),
    #[error("the keyword index could not be written ({0}): make its folder writable, or restart if it is")]
    Keyword(String),
    #[error("the keyword index could not be written: the disk is full ({0}); free space there")]
    Full(String),
    #[error(transparent)]
    Store(#[from] groundwork_store::db::versions::PublishError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the program is stopping: run it again")]
    Stopping,
}

impl Index {
    /// Returns at once; the legs load in the background. Call it inside a tokio runtime, once per folder and before any ingest:
    /// what an earlier run left half written is given up here.
    pub fn open(setup: Setup) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let index = Self(Arc::new(Inner {
            setup,
            collections: Mutex::default(),
            start: watch::Sender::new(Start::Pending),
            processors: Arc::new(Semaphore::new(processors)),
            originals: RwLock::new(()),
        }));
        let begun = index.clone();
        let stop = index.0.setup.stop.clone();
        index.0.setup.tasks.spawn(async move {
            stop.run_until_cancelled(begun.begin()).await;
        });
        index
    }

    /// Every knowledge base that is known so far, by id.
    pub fn status(&self) -> Vec<Status> {
        self.known().values().map(|collection| collection.status()).collect()
    }

    /// How far the work is that comes before the legs of any knowledge base; until it is `Ready`, not all of them are known.
    pub fn beginning(&self) -> Phase {
        match &*self.0.start.borrow() {
            Start::Pending => Phase::Loading,
            Start::Done => Phase::Ready,
            Start::Failed(reason) => Phase::Failed { reason: reason.clone() },
        }
    }

    /// Whether every knowledge base that was there at the start, and every one since, has both legs.
    pub fn is_ready(&self) -> bool {
        *self.0.start.borrow() == Start::Done
            && self.status().iter().all(|status| status.keyword == Phase::Ready && status.vector == Phase::Ready)
    }

    /// Waits until the legs of one knowledge base are there, and loads them if nobody did yet.
    pub async fn wait(&self, knowledge_base: &KnowledgeBaseId, deadline: Instant) -> Result<(), LoadError> {
        self.snapshot(knowledge_base, deadline).await.map(drop)
    }

    /// Takes a document out of sight, at once for every later search; false when there is no such document.
    pub async fn delete(&self, knowledge_base: &KnowledgeBaseId, document: &DocumentId) -> Result<bool, PublishError> {
        let collection = self.collection(knowledge_base);
        collection.delete(document.clone()).await
    }

    pub(crate) async fn publish(&self, family: Family) -> Result<(), PublishError> {
        let collection = self.collection(family.knowledge_base());
        collection.publish(family).await
    }

    /// Has a version found by the vectors that were written for it meanwhile, at once for every later search; false when it waits for none
    /// any more.
    pub(crate) async fn end_first_pass(&self, knowledge_base: &KnowledgeBaseId, of: SecondPass) -> Result<bool, PublishError> {
        self.collection(knowledge_base).end_first_pass(of).await
    }

    /// Says that a draft will not be published, so that it is removed soon.
    pub(crate) fn give_up(&self, draft: Draft) {
        let collection = self.known().get(&draft.knowledge_base).cloned();
        if let Some(collection) = collection {
            collection.give_up(draft);
        }
    }

    pub(crate) async fn snapshot(
        &self,
        knowledge_base: &KnowledgeBaseId,
        deadline: Instant,
    ) -> Result<(Arc<Collection>, Arc<Snapshot>), LoadError> {
        let collection = self.collection(knowledge_base);
        let loaded = tokio::time::timeout_at(deadline.into(), collection.loaded()).await;
        let snapshot = loaded.unwrap_or_else(|_| Err(LoadError::Loading(knowledge_base.clone())))?;
        Ok((collection, snapshot))
    }

    /// Runs what keeps a processor busy, as much at once as there are processors. The place goes with the work, which goes on when the
    /// one who asked gives up.
    pub(crate) async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        let place = self.0.processors.clone().acquire_owned().await;
        let work = move || {
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await
    }

    /// Keeps originals from being removed while it is held.
    pub(crate) async fn keep_originals(&self) -> tokio::sync::RwLockReadGuard<'_, ()> {
        self.0.originals.read().await
    }

    /// The legs of a knowledge base; begins to load them when nobody did yet.
    fn collection(&self, knowledge_base: &KnowledgeBaseId) -> Arc<Collection> {
        let mut known = self.known();
        if let Some(collection) = known.get(knowledge_base) {
            return collection.clone();
        }
        let (collection, requests) = Collection::new(knowledge_base.clone());
        let collection = Arc::new(collection);
        known.insert(knowledge_base.clone(), collection.clone());
        self.0.setup.tasks.spawn(writer::run(self.clone(), collection.clone(), requests));
        collection
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<KnowledgeBaseId, Arc<Collection>>> {
        self.0.collections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up what a crash left, then loads every knowledge base.
    async fn begin(&self) {
        let folder = self.0.setup.folder.clone();
        let removed = tokio::task::spawn_blocking(move || keyword::Keyword::remove_other_layouts(&folder)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(%error, "an index of an earlier layout could not be removed");
        }
        let begun = async {
            for draft in self.db().orphans().await? {
                // Nobody sees a draft: on a full disk what is live can be searched all the same.
                if let Err(error) = self.db().discard(&draft).await {
                    tracing::warn!(document = %draft.document, %error, "what a crash left could not be given up; the next start does it");
                }
            }
            self.db().knowledge_bases(None).await
        };
        match begun.await {
            Ok(knowledge_bases) => {
                for knowledge_base in &knowledge_bases {
                    self.collection(&knowledge_base.id);
                }
                self.0.start.send_replace(Start::Done);
            }
            Err(error) => {
                tracing::error!(%error, "the indexes cannot be loaded");
                self.0.start.send_replace(Start::Failed(error.to_string()));
            }
        }
    }

    /// Waits for the work that comes before any knowledge base.
    async fn begun(&self) -> Result<(), String> {
        let mut start = self.0.start.subscribe();
        match start.wait_for(|start| *start != Start::Pending).await.as_deref() {
            Ok(Start::Failed(reason)) => Err(reason.clone()),
            Ok(_) => Ok(()),
            Err(_) => Err("the program is stopping".to_owned()),
        }
    }

    fn db(&self) -> &Db {
        &self.0.setup.db
    }
}
