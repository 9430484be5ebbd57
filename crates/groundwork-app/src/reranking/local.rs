//! A cross-encoder on this machine.

use crate::local_model::Fault;
use groundwork_inference::catalogue::Entry;
use groundwork_inference::local::{self, LoadError};
use groundwork_retrieval::rerank::{RerankError, Reranker};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Until a search says otherwise.
const ANY: (usize, Duration) = (0, Duration::ZERO);

pub(super) fn open(entry: &Entry, folder: &Path, fault: &Fault) -> Result<Reranker, LoadError> {
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
