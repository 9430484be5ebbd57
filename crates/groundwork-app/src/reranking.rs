//! The model that puts what the search found into another order, where one is set.

use crate::local_model::{Fault, LocalModel};
use crate::settings::{Judge, Reranking};
use groundwork_inference::catalogue::Entry;
use groundwork_inference::local::{self, LoadError};
use groundwork_inference::models::Library;
use groundwork_retrieval::rerank::{RerankError, Reranker};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct RerankingModel {
    model: LocalModel<Reranker>,
    candidates: usize,
    patience: Duration,
}

/// Until a search says otherwise.
const ANY: (usize, Duration) = (0, Duration::ZERO);

impl RerankingModel {
    pub(crate) fn new(reranking: Reranking, library: Library) -> Self {
        let Reranking { judge, candidates, patience } = reranking;
        let model = match judge {
            Judge::Catalogue(name) => LocalModel::named(name, library, open),
            Judge::Given(reranker) => LocalModel::given(reranker.model.clone(), library, reranker, open),
        };
        Self { model, candidates, patience }
    }

    /// The model with what is set of its use. One that is not ready is told as one that cannot work.
    pub(crate) async fn reranker(&self) -> Result<Reranker, RerankError> {
        let name = || self.model.name.clone();
        let reranker = self.model.get().await.map_err(|error| RerankError::Missing { model: name(), reason: error.to_string() })?;
        Ok(Reranker { candidates: self.candidates, patience: self.patience, ..reranker })
    }

    /// Loads it, so that the first question does not wait for that.
    pub(crate) async fn warm(&self) -> Result<(), RerankError> {
        let reranker = self.reranker().await?;
        (reranker.run)("warm".to_owned(), vec!["warm".to_owned()]).await.map(|_score| ())
    }

    pub(crate) fn name(&self) -> &str {
        &self.model.name
    }

    /// Why it cannot be used.
    pub(crate) fn missing(&self) -> Option<String> {
        self.model.missing()
    }
}

fn open(entry: &Entry, folder: &Path, fault: &Fault) -> Result<Reranker, LoadError> {
    let model = local::Reranker::open(entry, folder, local::Options::default())?;
    let ((candidates, patience), fault) = (ANY, fault.clone());
    Ok(Reranker {
        model: model.model().to_owned(),
        candidates,
        patience,
        run: Arc::new(move |question, passages| {
            let (model, fault) = (model.clone(), fault.clone());
            Box::pin(async move {
                let judged = model.judge(&question, passages).await;
                fault.learn(&judged);
                judged.map_err(|error| failed(&model, &error))
            })
        }),
    })
}

fn failed(model: &local::Reranker, error: &local::EmbedError) -> RerankError {
    let (model, reason) = (model.model().to_owned(), error.to_string());
    match error {
        local::EmbedError::Busy { .. } => RerankError::Busy { model, reason },
        local::EmbedError::Load(_) => RerankError::Missing { model, reason },
        local::EmbedError::TooLong { .. } | local::EmbedError::Failed { .. } => RerankError::Failed { model, reason },
    }
}
