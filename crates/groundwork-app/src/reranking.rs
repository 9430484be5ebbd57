//! The model that puts what the search found into another order, where one is set: on this machine, or behind a declared model.

mod local;
mod pooled;

use crate::App;
use crate::local_model::LocalModel;
use crate::pipeline::principal;
use crate::published::Pool;
use crate::settings::{Judge, Reranking};
use groundwork_core::access::Caller;
use groundwork_inference::models::Library;
use groundwork_retrieval::rerank::{RerankError, Reranker};
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct RerankingModel {
    who: Who,
    candidates: usize,
    patience: Duration,
}

enum Who {
    Local(Box<LocalModel<Reranker>>),
    /// The name of a declared model.
    Pool(String),
}

impl RerankingModel {
    pub(crate) fn new(reranking: Reranking, library: Library) -> Self {
        let Reranking { judge, candidates, patience } = reranking;
        let who = match judge {
            Judge::Catalogue(name) => Who::Local(Box::new(LocalModel::named(name, library, local::open))),
            Judge::Given(reranker) => Who::Local(Box::new(LocalModel::given(reranker.model.clone(), library, reranker, local::open))),
            Judge::Model(name) => Who::Pool(name),
        };
        Self { who, candidates, patience }
    }

    /// The model with what is set of its use, for a search of `caller`. One that is not ready is told as one that cannot work.
    pub(crate) async fn reranker(&self, app: &App, caller: &Caller) -> Result<Reranker, RerankError> {
        let (candidates, patience) = (self.candidates, self.patience);
        let missing = |reason: String| RerankError::Missing { model: self.name().to_owned(), reason };
        match &self.who {
            Who::Local(model) => {
                let reranker = model.get().await.map_err(|error| missing(error.to_string()))?;
                Ok(Reranker { candidates, patience, ..reranker })
            }
            Who::Pool(name) => {
                let pool = pool(app, name).ok_or_else(|| missing(undeclared(name)))?;
                let (app, asker) = (app.clone(), principal(caller));
                let run = move |question: String, passages: Vec<String>| {
                    let (app, pool, asker) = (app.clone(), pool.clone(), asker.clone());
                    let judged = async move { pooled::judge(&app, (pool, asker), (&question, &passages), patience).await };
                    Box::pin(judged) as futures::future::BoxFuture<'static, _>
                };
                Ok(Reranker { model: name.clone(), candidates, patience, run: Arc::new(run) })
            }
        }
    }

    /// Loads it, so that the first question does not wait for that.
    pub(crate) async fn warm(&self, app: &App) -> Result<(), RerankError> {
        if let Who::Pool(_) = self.who {
            return Ok(());
        }
        let reranker = self.reranker(app, &Caller::local()).await?;
        (reranker.run)("warm".to_owned(), vec!["warm".to_owned()]).await.map(|_score| ())
    }

    pub(crate) fn name(&self) -> &str {
        match &self.who {
            Who::Local(model) => &model.name,
            Who::Pool(name) => name,
        }
    }

    /// Why it cannot be used.
    pub(crate) fn missing(&self, app: &App) -> Option<String> {
        match &self.who {
            Who::Local(model) => model.missing(),
            Who::Pool(name) => pool(app, name).is_none().then(|| undeclared(name)),
        }
    }
}

fn pool(app: &App, name: &str) -> Option<Arc<Pool>> {
    app.published().pools.get(&name.parse().ok()?).cloned()
}

fn undeclared(name: &str) -> String {
    format!("no file that `apply` names declares the model {name}; declare it, or correct retrieval.rerank_model")
}
