//! The application: its parts, opened once, shared by every operation.

use crate::batches::Gate;
use crate::books::{self, Books, BooksError};
use crate::declared::{self, ApplyError};
use crate::files::Shelves;
use crate::floor::Floors;
use crate::jobs;
use crate::keys::{self, Keyring, KeysError, RefusedKey};
use crate::knowledge::{EmbeddingModel, Knowledge};
use crate::metrics::Metrics;
use crate::pipeline::now;
use crate::published::{self, Published};
use crate::repeats::Repeats;
use crate::reranking::RerankingModel;
use crate::responses;
use crate::routing::{self, Switchboard};
use crate::settings::{Limits, Role, Settings};
use groundwork_core::access::Caller;
use groundwork_core::clock::{Clock, Dice, UnixMs};
use groundwork_core::ids::{self, InvalidName, TenantId};
use groundwork_inference::target::{self, Ambient, Target};
use groundwork_retrieval::extract::sandbox::Extractor;
use groundwork_retrieval::index::{self, Index};
use groundwork_store::blobs::{BlobError, Blobs};
use groundwork_store::contents::ContentError;
use groundwork_store::db::{Db, DbError};
use groundwork_store::lock::{FolderLock, LockError};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A handle to everything; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    pub(crate) opened_at: UnixMs,
    pub(crate) role: Role,
    pub(crate) tenant: TenantId,
    keys: Keyring,
    pub(crate) repeats: Repeats,
    pub(crate) limits: Limits,
    pub(crate) db: Db,
    pub(crate) files: Shelves,
    pub(crate) books: Books,
    pub(crate) knowledge: Knowledge,
    pub(crate) floors: Floors,
    pub(crate) metrics: Metrics,
    pub(crate) switchboard: Switchboard,
    pub(crate) jobs: jobs::Board,
    pub(crate) responses: Arc<responses::Board>,
    /// Where the lines of batches wait for a place.
    pub(crate) gate: Gate,
    pub(crate) tasks: TaskTracker,
    /// Places for answers that are heard out although their clients have hung up.
    pub(crate) drains: Arc<Semaphore>,
    /// Places for calls that have ended and whose tokens are to be counted.
    pub(crate) counts: Arc<Semaphore>,
    /// Cancelled when shutdown begins: nothing new is taken.
    pub(crate) stop: CancellationToken,
    /// Cancelled when the grace period is over: what still runs ends with an error.
    pub(crate) cut: CancellationToken,
    published: RwLock<Arc<Published>>,
    /// Places for work that keeps a processor busy.
    processors: Arc<Semaphore>,
    _lock: FolderLock,
}

/// Why the application could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data folder {path} cannot be made ({source}): choose another with GROUNDWORK__DATA_DIR", path = path.display())]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Blobs(#[from] BlobError),
    #[error(transparent)]
    Contents(#[from] ContentError),
    #[error(transparent)]
    Books(#[from] BooksError),
    #[error("target {name}: {source}")]
    Target { name: String, source: target::OpenError },
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl App {
    /// Opens the data folder, applies the declared files, and starts loading the derived indexes and the background jobs.
    /// Must be called inside a tokio runtime. Returns before indexes and models are loaded: `status` says what is missing.
    pub async fn open(settings: Settings, clock: Clock, dice: Dice) -> Result<Self, OpenError> {
        let Settings {
            data_dir,
            role,
            calibration,
            library,
            embedding,
            first_pass,
            reranking,
            extractor,
            targets,
            applied,
            secrets,
            limits,
        } = settings;
        std::fs::create_dir_all(&data_dir).map_err(|source| OpenError::DataDir { path: data_dir.clone(), source })?;
        let lock = match role {
            Role::Owner => FolderLock::exclusive(&data_dir)?,
            Role::Visitor => FolderLock::shared(&data_dir)?,
        };
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let db = Db::open(&data_dir.join("groundwork.db"), clock.clone(), dice.clone()).await?;
        let blobs = Blobs::open(&data_dir.join("originals"))?;
        let files = Shelves::open(&data_dir.join("files"))?;
        let books = Books::open(&db, &data_dir.join("calls"), role).await?;

        let tenant: TenantId = "default".parse()?;
        db.ensure_principal(&tenant, "user:local").await?;
        let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
        let ambient = Ambient::new(clock.clone(), dice.clone(), tasks.clone(), stop.clone());
        let targets = open_targets(&targets, &ambient)?;
        let declared = declared::apply(&db, &tenant, &applied, &names).await?;
        let keys = match &secrets {
            Some(secrets) => keys::apply(&db, (&tenant, &data_dir), &declared, (secrets, &dice)).await?,
            None => Keyring::open()?,
        };
        let switchboard = Switchboard::new(clock.clone(), dice.clone());
        let published = published::load(&db, &tenant, &targets, &switchboard).await?;

        let index = Index::open(index::Setup {
            db: db.clone(),
            blobs: blobs.clone(),
            folder: data_dir.join("index"),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        let reranking = reranking.map(|reranking| RerankingModel::new(reranking, library.clone()));
        let makes_first_passes = first_pass.as_ref().is_some_and(|first_pass| first_pass.makes);
        let first_pass = first_pass.map(|first_pass| EmbeddingModel::new(first_pass.model, library.clone()));
        let embedding = EmbeddingModel::new(embedding, library);
        let extractor = Extractor::new(extractor);
        let knowledge = Knowledge {
            db: db.clone(),
            blobs,
            index,
            extractor,
            embedding,
            first_pass,
            makes_first_passes,
            reranking,
            ingests: limits.jobs,
            ingester: OnceCell::new(),
        };
        let waiting = match role {
            Role::Owner => {
                db.end_leases().await?;
                db.active_jobs(jobs::Ingest::KIND).await?
            }
            Role::Visitor => 0,
        };
        let app = Self(Arc::new(Inner {
            opened_at: clock.now(),
            clock,
            dice,
            role,
            tenant,
            keys,
            repeats: Repeats::default(),
            limits,
            db,
            files,
            books,
            knowledge,
            floors: Floors::new(calibration),
            metrics: Metrics::default(),
            switchboard,
            jobs: jobs::Board::new(waiting),
            responses: Arc::new(responses::Board::new(limits.background_responses)),
            gate: Gate::default(),
            tasks,
            drains: Arc::new(Semaphore::new(DRAINS)),
            counts: Arc::new(Semaphore::new(limits.counts)),
            stop,
            cut: CancellationToken::new(),
            published: RwLock::new(Arc::new(published)),
            processors: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))),
            _lock: lock,
        }));
        app.start().await?;
        Ok(app)
    }

    /// Starts what is done beside the calls.
    async fn start(&self) -> Result<(), OpenError> {
        self.tasks().spawn(books::keep(self.clone()));
        if self.inner().role == Role::Owner {
            responses::recover(&self.inner().db).await?;
            jobs::start(self);
            self.tasks().spawn(jobs::recover(self.clone()));
            self.tasks().spawn(responses::keep(self.clone()));
            self.tasks().spawn(warm(self.clone()));
            self.tasks().spawn(tidy(self.clone()));
        }
        if self.published().pools.values().any(|pool| pool.probe.is_some()) {
            self.tasks().spawn(routing::keep_probing(self.clone()));
        }
        Ok(())
    }

    /// Every number the application counts, in the OpenMetrics text format.
    pub fn metrics_text(&self) -> String {
        self.0.metrics.jobs_waiting.set(self.0.jobs.waiting() as i64);
        self.0.metrics.deployments(&self.0.switchboard);
        self.0.metrics.booked(&self.0.books.stats());
        self.0.metrics.text()
    }

    /// Whether everyone needs a key, because some are declared.
    pub fn asks_for_keys(&self) -> bool {
        !self.0.keys.is_empty()
    }

    /// The caller that comes with `credential`.
    pub fn caller(&self, credential: &[u8]) -> Result<Arc<Caller>, RefusedKey> {
        self.0.keys.find(credential, self.0.clock.now())
    }

    /// What the key `name` stands for now.
    pub(crate) fn caller_with_key(&self, name: &str) -> Result<Arc<Caller>, RefusedKey> {
        self.0.keys.named(name, self.0.clock.now())
    }

    /// Tasks spawned here are awaited by `shutdown`.
    pub fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// Cancelled when `shutdown` begins: long answers and background work should end soon after.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Stops taking work, lets running calls end until `grace` has passed, then cuts them off, and waits until every task has written
    /// what it must. Returns false if something had to be cut off.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.0.stop.cancel();
        self.0.tasks.close();
        let in_time = tokio::time::timeout(grace, self.0.tasks.wait()).await.is_ok();
        if !in_time {
            self.0.cut.cancel();
            if tokio::time::timeout(LAST_WORDS, self.0.tasks.wait()).await.is_err() {
                tracing::error!(tasks = self.0.tasks.len(), "tasks did not end after they were cut off");
            }
        }
        self.0.books.roll().await;
        self.0.db.close().await;
        in_time
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// One state of what is published; a call keeps to the one it began with.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.0.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes an id of `prefix` from the clock and the dice.
    pub(crate) fn make_id<T: TryFrom<String, Error = InvalidName>>(&self, prefix: &str) -> Result<T, InvalidName> {
        ids::make(prefix, self.0.clock.now(), self.0.dice.roll())
    }

    /// Runs what keeps a processor busy (tokenizing, checking) off the executor, as many at once as there are processors.
    pub async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Interrupted> {
        let place = {
            let _waits = self.0.metrics.waits_for_processor();
            self.0.processors.clone().acquire_owned().await.map_err(|_closed| Interrupted)?
        };
        // The place goes with the work, which goes on when the one who asked gives up.
        let work = move || {
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_cut| Interrupted)
    }
}

/// Work was cut short by a shutdown or a fault in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work was cut short")]
pub struct Interrupted;

/// Answers that are heard out at the same time; one more is cancelled.
const DRAINS: usize = 64;
/// How long the embedding model waits for the index, which answers depend on more.
const INDEX_PATIENCE: Duration = Duration::from_secs(60);
/// How long tasks that were cut off may take to write what they must.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often a model that cannot be loaded is tried again: its files may be mended at any time.
const TRY_AGAIN: Duration = Duration::from_secs(15);

/// Loads the models once the index is there, so that the first question does not wait for them.
async fn warm(app: App) {
    let inner = app.inner();
    let Ok(base) = declared::DEFAULT.parse() else { return };
    let load = async {
        // Whether the index came up is told by the status; the model is loaded all the same.
        let _ = inner.knowledge.index.wait(&base, now() + INDEX_PATIENCE).await;
        if let Some(first) = &inner.knowledge.first_pass
            && let Err(reason) = first.warm().await
        {
            tracing::warn!(reason, "there is no model for first passes: documents are found once the embedding model has embedded them");
        }
        let mut told = None;
        while let Err(reason) = inner.knowledge.embedding.warm().await {
            if told.as_ref() != Some(&reason) {
                tracing::warn!(reason, "there is no embedding model yet");
                told = Some(reason);
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        if let Some(reranking) = &inner.knowledge.reranking
            && let Err(error) = reranking.warm(&app).await
        {
            tracing::warn!(%error, "searches cannot be reranked");
        }
    };
    tokio::select! {
        () = load => {}
        () = inner.stop.cancelled() => {}
    }
}

/// Takes away what a process that was killed left of unfinished files.
async fn tidy(app: App) {
    let inner = app.inner();
    tokio::select! {
        () = inner.files.tidy(&inner.db) => {}
        () = inner.stop.cancelled() => {}
    }
}

fn open_targets(settings: &[target::Settings], ambient: &Ambient) -> Result<BTreeMap<String, Target>, OpenError> {
    let extractive = target::Settings::new(declared::EXTRACTIVE, target::Kind::Extractive { marks: None });
    let mut targets = BTreeMap::new();
    for settings in settings.iter().chain([&extractive]) {
        let target = Target::open(settings, ambient).map_err(|source| OpenError::Target { name: settings.name.clone(), source })?;
        targets.insert(settings.name.clone(), target);
    }
    Ok(targets)
}
