//! What answers stand on: documents, their index, and the models that embed and rerank them.

use crate::local_model::{Fault, LocalModel, NotReady};
use crate::reranking::RerankingModel;
use crate::settings::Embedding;
use groundwork_inference::catalogue::Entry;
use groundwork_inference::local::{self, LoadError};
use groundwork_inference::models::Library;
use groundwork_retrieval::embed::{EmbedError, Embedder, Purpose};
use groundwork_retrieval::extract::sandbox::Extractor;
use groundwork_retrieval::index::Index;
use groundwork_retrieval::ingest::{self, Ingester};
use groundwork_store::blobs::Blobs;
use groundwork_store::db::Db;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::OnceCell;

pub(crate) struct Knowledge {
    pub(crate) db: Db,
    pub(crate) blobs: Blobs,
    pub(crate) index: Index,
    pub(crate) extractor: Extractor,
    pub(crate) embedding: EmbeddingModel,
    /// The fast model that new documents are found by first, where one is set.
    pub(crate) first_pass: Option<EmbeddingModel>,
    pub(crate) makes_first_passes: bool,
    /// Where one is set.
    pub(crate) reranking: Option<RerankingModel>,
    /// Documents that are brought in at the same time.
    pub(crate) ingests: usize,
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
                embedder: self.embedding.get().await?,
            };
            Ok(Ingester::new(parts, ingest::Limits { documents: self.ingests, ..ingest::Limits::default() }))
        };
        self.ingester.get_or_try_init(make).await
    }

    /// The fast model, if it can be used; else documents are found once the embedding model has embedded them.
    pub(crate) async fn first_pass(&self) -> Option<Embedder> {
        match &self.first_pass {
            Some(first) => first.get().await.ok(),
            None => None,
        }
    }
}

/// Bytes of a question that are split into tokens; more than any window holds.
const MAX_QUESTION: usize = 16 << 10;

/// The embedding model.
pub(crate) type EmbeddingModel = LocalModel<Embedder>;

impl EmbeddingModel {
    pub(crate) fn new(embedding: Embedding, library: Library) -> Self {
        match embedding {
            Embedding::Catalogue(name) => Self::named(name, library, open),
            Embedding::Given(embedder) => Self::given(embedder.model.clone(), library, embedder, open),
        }
    }

    /// Loads it, so that the first question does not wait for that.
    pub(crate) async fn warm(&self) -> Result<(), String> {
        let embedder = self.get().await.map_err(|error| error.to_string())?;
        (embedder.run)(Purpose::Sentence, vec!["warm".to_owned()]).await.map(|_vector| ()).map_err(|error| error.to_string())
    }
}

fn open(entry: &Entry, folder: &Path, fault: &Fault) -> Result<Embedder, LoadError> {
    let model = local::Embedder::open(entry, folder, local::Options::default())?;
    let (chunk_tokens, chunk_overlap) = (entry.chunk_tokens, entry.chunk_overlap);
    let fault = fault.clone();
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
                fault.learn(&made);
                made.map_err(|error| failed(&model, &error))
            })
        }),
    })
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
