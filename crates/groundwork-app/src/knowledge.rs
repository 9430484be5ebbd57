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
use std::sync::Arc;
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

/// The embedding model, opened at its first use. Missing files are looked for again at the next one.
pub(crate) struct EmbeddingModel {
    pub(crate) name: String,
    library: Library,
    embedder: OnceCell<Embedder>,
}

impl EmbeddingModel {
    pub(crate) fn new(embedding: Embedding, library: Library) -> Self {
        match embedding {
            Embedding::Catalogue(name) => Self { name, library, embedder: OnceCell::new() },
            Embedding::Given(embedder) => Self { name: embedder.model.clone(), library, embedder: OnceCell::new_with(Some(embedder)) },
        }
    }

    pub(crate) async fn embedder(&self) -> Result<Embedder, NotReady> {
        self.embedder.get_or_try_init(|| self.open()).await.cloned()
    }

    /// `None` while it is not open; the reason why it cannot be, where there is one.
    pub(crate) fn missing(&self) -> Option<String> {
        if self.embedder.initialized() {
            return None;
        }
        self.library.path(&self.name).err().map(|error| error.to_string())
    }

    async fn open(&self) -> Result<Embedder, NotReady> {
        let folder = self.library.path(&self.name)?;
        let Some(entry) = self.library.entry(&self.name).cloned() else {
            return Err(NotReady::Interrupted);
        };
        let (chunk_tokens, chunk_overlap) = (entry.chunk_tokens, entry.chunk_overlap);
        let open = move || local::Embedder::open(&entry, &folder, local::Options::default());
        let model = tokio::task::spawn_blocking(open).await.map_err(|_cut| NotReady::Interrupted)??;
        Ok(Embedder {
            model: model.model().to_owned(),
            dimensions: model.dimensions(),
            window: model.window(),
            chunk_tokens,
            chunk_overlap,
            tokenizer: model.tokenizer(),
            run: Arc::new(move |purpose, texts| {
                let model = model.clone();
                Box::pin(async move {
                    let (purpose, texts) = match purpose {
                        // A question longer than the model reads is searched by its beginning; the other leg reads all of it.
                        Purpose::Query => {
                            let cut = |text: String| {
                                let start = &text[..text.floor_char_boundary(MAX_QUESTION)];
                                model.cut(local::Purpose::Query, start).0.to_owned()
                            };
                            (local::Purpose::Query, texts.into_iter().map(cut).collect())
                        }
                        Purpose::Passage => (local::Purpose::Passage, texts),
                    };
                    let failed = |error: local::EmbedError| {
                        let (model, reason) = (model.model().to_owned(), error.to_string());
                        match error {
                            local::EmbedError::Busy { .. } => EmbedError::Busy { model, reason },
                            local::EmbedError::TooLong { .. } | local::EmbedError::Load(_) | local::EmbedError::Failed { .. } => {
                                EmbedError::Failed { model, reason }
                            }
                        }
                    };
                    model.embed(purpose, texts).await.map_err(failed)
                })
            }),
        })
    }
}
