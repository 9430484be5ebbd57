//! What answers stand on: documents, their index, and the model that embeds them.

use crate::settings::Embedding;
use groundwork_inference::local::{self, LoadError};
use groundwork_inference::models::{Library, VerifyError};
use groundwork_retrieval::embed::{EmbedError, Embedder, Purpose};
use groundwork_retrieval::extract::sandbox::Extractor;
use groundwork_retrieval::index::Index;
use groundwork_retrieval::ingest::{self, Ingester};
use groundwork_store::blobs::Blobs;
use groundwork_store::db::Db;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

pub(crate) struct Knowledge {
    pub(crate) db: Db,
    pub(crate) blobs: Blobs,
    pub(crate) index: Index,
    pub(crate) extractor: Extractor,
    pub(crate) embedding: EmbeddingModel,
    pub(crate) ingester: OnceCell<Ingester>,
}

impl Knowledge {
    /// The one ingester, made when the embedding model is there.
    pub(crate) async fn ingester(&self) -> Result<&Ingester, NotReady> {
        let make = async || {
            let parts = ingest::Parts {
                db: self.db.clone(),
                blobs: self.blobs.clone(),
                index: self.index.clone(),
                extractor: self.extractor.clone(),
                embedder: self.embedding.embedder().await?,
            };
            Ok(Ingester::new(parts, ingest::Limits::default()))
        };
        self.ingester.get_or_try_init(make).await
    }
}

/// Why there is no embedding model.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    #[error(transparent)]
    Files(#[from] VerifyError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("loading the embedding model was cut short: try again")]
    Interrupted,
}

/// Bytes of a question that are split into tokens; more than any window holds.
const MAX_QUESTION: usize = 16 << 10;

/// The embedding model, opened at its first use. Missing or damaged files are looked for again at the next one.
pub(crate) struct EmbeddingModel {
    pub(crate) name: String,
    library: Library,
    embedder: OnceCell<Embedder>,
    fault: Fault,
}

/// Why the model could not be loaded when it was last tried.
type Fault = Arc<Mutex<Option<String>>>;

impl EmbeddingModel {
    pub(crate) fn new(embedding: Embedding, library: Library) -> Self {
        match embedding {
            Embedding::Catalogue(name) => Self { name, library, embedder: OnceCell::new(), fault: Fault::default() },
            Embedding::Given(embedder) => {
                let name = embedder.model.clone();
                Self { name, library, embedder: OnceCell::new_with(Some(embedder)), fault: Fault::default() }
            }
        }
    }

    pub(crate) async fn embedder(&self) -> Result<Embedder, NotReady> {
        let embedder = self.embedder.get_or_try_init(|| self.open()).await.cloned();
        if let Err(error @ NotReady::Load(_)) = &embedder {
            set(&self.fault, Some(error.to_string()));
        }
        embedder
    }

    /// Loads it, so that the first question does not wait for that.
    pub(crate) async fn warm(&self) -> Result<(), String> {
        let embedder = self.embedder().await.map_err(|error| error.to_string())?;
        (embedder.run)(Purpose::Sentence, vec!["warm".to_owned()]).await.map(|_vector| ()).map_err(|error| error.to_string())
    }

    /// Why it cannot be used: its files are not all there, or could not be loaded when that was last tried.
    pub(crate) fn missing(&self) -> Option<String> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.embedder.initialized() {
            return fault;
        }
        self.library.path(&self.name).err().map(|error| error.to_string()).or(fault)
    }

    async fn open(&self) -> Result<Embedder, NotReady> {
        let folder = self.library.path(&self.name)?;
        let Some(entry) = self.library.entry(&self.name).map(Cow::into_owned) else {
            return Err(NotReady::Interrupted);
        };
        let (chunk_tokens, chunk_overlap) = (entry.chunk_tokens, entry.chunk_overlap);
        let open = move || local::Embedder::open(&entry, &folder, local::Options::default());
        let model = tokio::task::spawn_blocking(open).await.map_err(|_cut| NotReady::Interrupted)??;
        let fault = self.fault.clone();
        Ok(Embedder {
            model: model.model().to_owned(),
            dimensions: model.dimensions(),
            window: model.window(),
            chunk_tokens,
            chunk_overlap,
            tokenizer: model.tokenizer(),
            run: Arc::new(move |purpose, texts| {
                let (model, fault) = (model.clone(), fault.clone());
                Box::pin(async move {
                    let made = embed(&model, purpose, texts).await;
                    match &made {
                        Ok(_) => set(&fault, None),
                        Err(local::EmbedError::Load(error)) => set(&fault, Some(error.to_string())),
                        Err(_) => {}
                    }
                    made.map_err(|error| failed(&model, &error))
                })
            }),
        })
    }
}

fn set(fault: &Fault, reason: Option<String>) {
    *fault.lock().unwrap_or_else(PoisonError::into_inner) = reason;
}

/// A question longer than the model reads is searched by its beginning, the other leg reads all of it; a sentence is compared by its own.
async fn embed(model: &local::Embedder, purpose: Purpose, texts: Vec<String>) -> Result<Vec<Vec<f32>>, local::EmbedError> {
    let purpose = match purpose {
        Purpose::Passage => return model.embed(local::Purpose::Passage, texts).await,
        Purpose::Query => local::Purpose::Query,
        Purpose::Sentence => local::Purpose::Sentence,
    };
    let cut = |text: String| {
        let start = &text[..text.floor_char_boundary(MAX_QUESTION)];
        model.cut(purpose, start).0.to_owned()
    };
    model.embed(purpose, texts.into_iter().map(cut).collect()).await
}

fn failed(model: &local::Embedder, error: &local::EmbedError) -> EmbedError {
    let (model, reason) = (model.model().to_owned(), error.to_string());
    match error {
        local::EmbedError::Busy { .. } => EmbedError::Busy { model, reason },
        local::EmbedError::Load(_) => EmbedError::Missing { model, reason },
        local::EmbedError::TooLong { .. } | local::EmbedError::Failed { .. } => EmbedError::Failed { model, reason },
    }
}
