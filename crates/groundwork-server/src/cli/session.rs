//! What every command starts from: settings, environment, time and dice; and how an application is opened from them.

use super::Global;
use crate::config::{Config, EmbeddingConfig, Environment, RetrievalConfig, SecretRef, Source, load};
use crate::exit::{Exit, Failure};
use crate::http::Front;
use crate::socket::answers;
use crate::telemetry;
use groundwork_app::declared::{self, ApplyError, Reference};
use groundwork_app::settings::{AppliedFile, Embedding, FirstPass, Judge, Limits, Reranking, Role, Settings};
use groundwork_app::{App, KeysError, OpenError, Secrets};
use groundwork_core::clock::{Clock, Dice};
use groundwork_inference::catalogue::{Engine, Entry};
use groundwork_inference::models::Library;
use groundwork_inference::target;
use groundwork_retrieval::extract::sandbox::SandboxSettings;
use groundwork_store::db::DbError;
use groundwork_store::lock::LockError;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) struct Session {
    pub(super) config: Config,
    pub(super) sources: Vec<Source>,
    pub(super) environment: Environment,
    pub(super) json: bool,
    pub(super) url: Option<url::Url>,
    /// Others get in than this user, so keys count.
    serves: bool,
    clock: Clock,
    dice: Dice,
    /// Writes what the log still holds when the session ends.
    _log: Option<telemetry::Ending>,
}

impl Session {
    pub(super) fn start(global: Global, serves: bool) -> anyhow::Result<Self> {
        let environment = Environment::of_process();
        let loaded = load(global.config.as_deref(), &environment);
        let (mut config, sources) = loaded.map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
        if let Some(folder) = &global.data_dir {
            config.data_dir = std::path::absolute(folder)?;
        }
        let log = telemetry::start(&config.log, !serves)?;
        // Every TLS connection of this process, ours or a library's, uses one provider. A second installation is refused and harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            config,
            sources,
            environment,
            json: global.json,
            url: global.url,
            serves,
            clock: real_clock(),
            dice: real_dice(),
            _log: log,
        })
    }

    /// The key for a server that is named by its address.
    pub(super) fn api_key(&self) -> Option<SecretString> {
        self.environment.get("GROUNDWORK_API_KEY").map(SecretString::from)
    }

    /// Where the floor of this data folder is kept; what is measured in folders of its own goes by it too.
    fn calibration(&self) -> PathBuf {
        self.config.data_dir.join("calibration.json")
    }

    /// The models of this machine.
    pub(super) fn library(&self) -> anyhow::Result<Library> {
        let folder = self.config.models.folder.clone().unwrap_or_else(|| self.config.data_dir.join("models"));
        let library = Library::new(self.config.models.clone(), &folder, self.config.catalogue.clone());
        Ok(library.map_err(|error| Failure::new(Exit::Config, error.to_string()))?)
    }

    /// The reranker of the settings, if the catalogue has it.
    fn reranking(&self) -> anyhow::Result<Option<Reranking>> {
        let RetrievalConfig { reranker, rerank_model, rerank_candidates, rerank_deadline } = &self.config.retrieval;
        let refuse = |reason: String| Failure::new(Exit::Config, format!("retrieval: {reason}"));
        let judge = match (reranker, rerank_model) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(refuse("reranker and rerank_model are both set; leave one out".to_owned()).into()),
            (None, Some(model)) => Judge::Model(model.clone()),
            (Some(name), None) => {
                if !self.library()?.entry(name).is_some_and(|entry| matches!(entry.engine, Engine::CrossEncoder { .. })) {
                    let problem =
                        format!("reranker {name:?} is no cross-encoder of the catalogue; `groundwork models list` names those that rerank");
                    return Err(refuse(problem).into());
                }
                Judge::Catalogue(name.clone())
            }
        };
        if rerank_candidates.get() > MOST_CANDIDATES {
            return Err(refuse(format!("rerank_candidates = {rerank_candidates} is too many; use 1 to {MOST_CANDIDATES}")).into());
        }
        Ok(Some(Reranking { judge, candidates: rerank_candidates.get(), patience: rerank_deadline.duration() }))
    }

    /// The fast model of the settings, if it is an embedding model of the catalogue, and another than the one that it goes before. Only a
    /// server makes first passes: a command ends before it could make the second ones.
    pub(super) fn first_pass(&self) -> anyhow::Result<Option<FirstPass>> {
        let EmbeddingConfig { model, first_pass } = &self.config.embedding;
        let Some(name) = first_pass else { return Ok(None) };
        let refuse = |problem: &str| Failure::new(Exit::Config, format!("embedding: first_pass {name:?} {problem}"));
        if name == model {
            return Err(refuse("is the embedding model itself; name a faster one, or leave it out").into());
        }
        let embeds = |entry: &Entry| matches!(entry.engine, Engine::Static | Engine::Bert { .. });
        if !self.library()?.entry(name).is_some_and(|entry| embeds(&entry)) {
            return Err(refuse("is no embedding model of the catalogue; `groundwork models list` names them").into());
        }
        Ok(Some(FirstPass { model: Embedding::Catalogue(name.clone()), makes: self.serves }))
    }

    pub(super) fn extractor(&self) -> SandboxSettings {
        let extract = &self.config.extract;
        let mut settings = SandboxSettings {
            memory_bytes: extract.memory.bytes(),
            cpu_seconds: extract.cpu.duration().as_secs().max(1),
            wall_time: extract.timeout.duration(),
            children: extract.children.get(),
            ocr: extract.ocr.resolve(&self.environment),
            ..SandboxSettings::default()
        };
        settings.limits.file_bytes = self.config.limits.document.bytes();
        settings
    }

    /// The targets of the settings with their secrets.
    pub(super) fn targets(&self) -> anyhow::Result<Vec<target::Settings>> {
        let library = self.library()?;
        let resolved = self.config.targets.iter().map(|target| target.resolve(&self.environment, &library));
        Ok(resolved.collect::<Result<_, _>>().map_err(|error| Failure::new(Exit::Config, error.to_string()))?)
    }

    /// The applied files as they are now.
    pub(super) fn applied(&self) -> anyhow::Result<Vec<AppliedFile>> {
        let read = |path: &PathBuf| {
            let name = path.display().to_string();
            std::fs::read_to_string(path).map(|text| AppliedFile { name, text }).map_err(|error| {
                let message = format!("{}, which `apply` names, cannot be read: {error}; correct the path or take it out", path.display());
                Failure::new(Exit::Config, message)
            })
        };
        Ok(self.config.apply.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Whether an applied file declares a key, so that everyone needs one.
    pub(super) fn asks_for_keys(&self) -> anyhow::Result<bool> {
        let targets: Vec<String> = self.config.targets.iter().map(|target| target.name().to_owned()).collect();
        let files = declared::check(&self.applied()?, &targets).map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
        Ok(files.iter().any(|file| !file.keys.is_empty()))
    }

    fn secrets(&self) -> Secrets {
        let environment = self.environment.clone();
        Arc::new(move |reference: &Reference| {
            let reference = match reference {
                Reference::Env(name) => SecretRef::Env(name.clone()),
                Reference::File(path) => SecretRef::File(path.clone()),
            };
            reference.resolve(&environment).map_err(|error| error.to_string())
        })
    }

    /// Opens the data folder `folder` with `targets`.
    pub(super) async fn open(&self, folder: &Path, role: Role, targets: Vec<target::Settings>) -> anyhow::Result<App> {
        let limits = &self.config.limits;
        let settings = Settings {
            data_dir: folder.to_owned(),
            role,
            calibration: self.calibration(),
            library: self.library()?,
            embedding: Embedding::Catalogue(self.config.embedding.model.clone()),
            first_pass: self.first_pass()?,
            reranking: self.reranking()?,
            extractor: self.extractor(),
            targets,
            applied: self.applied()?,
            secrets: self.serves.then(|| self.secrets()),
            limits: Limits {
                upload_bytes: limits.document.as_len(),
                file_bytes: limits.file.bytes(),
                upload_in_parts_bytes: limits.upload.bytes(),
                question_bytes: limits.question.as_len(),
                call_timeout: limits.request.duration(),
                search_timeout: limits.search.duration(),
                background_responses: limits.background_responses.get(),
                background_timeout: limits.background.duration(),
                batch_calls: limits.batch_calls.get(),
                jobs: limits.jobs.get(),
                ..Limits::default()
            },
        };
        Ok(App::open(settings, self.clock.clone(), self.dice.clone()).await.map_err(|error| not_opened(&error))?)
    }

    /// Opens the data folder as `open` does, and waits a moment for a process that is about to let go of it: a short command, or a
    /// server that is ending. One that answers at the folder's socket is there to stay.
    pub(super) async fn open_when_free(&self, folder: &Path, role: Role, targets: Vec<target::Settings>) -> anyhow::Result<App> {
        let until = Instant::now() + PATIENCE;
        loop {
            let failed = match self.open(folder, role, targets.clone()).await {
                Ok(app) => return Ok(app),
                Err(failed) => failed,
            };
            let in_use = failed.downcast_ref::<Failure>().is_some_and(|failure| failure.exit == Exit::FolderInUse);
            if !in_use || Instant::now() > until || answers(folder).await {
                return Err(failed);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) fn front(&self, app: &App) -> Front {
        Front::new(app.clone(), self.config.server.clone(), self.config.limits.clone(), self.clock.clone(), self.dice.clone())
    }
}

/// Passages that a reranker reads for one search.
const MOST_CANDIDATES: usize = 200;

/// How long a process that ends may take to let go of the data folder.
const PATIENCE: Duration = Duration::from_secs(3);

fn not_opened(error: &OpenError) -> Failure {
    let exit = match error {
        OpenError::Lock(LockError::Held { .. }) => Exit::FolderInUse,
        OpenError::Lock(LockError::Io { .. })
        | OpenError::DataDir { .. }
        | OpenError::Blobs(_)
        | OpenError::Contents(_)
        | OpenError::Books(_) => Exit::Storage,
        OpenError::Db(
            DbError::NotADatabase { .. } | DbError::Corrupt { .. } | DbError::Newer { .. } | DbError::ChangedMigration { .. },
        ) => Exit::Corrupt,
        OpenError::Db(DbError::ReadOnly { .. } | DbError::Full { .. } | DbError::CannotOpen { .. }) => Exit::Storage,
        OpenError::Target { .. } | OpenError::Apply(ApplyError::Declare(_)) => Exit::Config,
        OpenError::Keys(KeysError::Value { .. } | KeysError::Same { .. }) => Exit::Config,
        OpenError::Keys(KeysError::Installation { .. }) => Exit::Storage,
        OpenError::Db(_) | OpenError::Apply(_) | OpenError::Keys(_) | OpenError::Name(_) => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}

#[expect(clippy::disallowed_methods, reason = "the one place where real time comes from")]
fn real_clock() -> Clock {
    Clock::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

fn real_dice() -> Dice {
    Dice::new(rand::random)
}
