//! The job that gives a document the vectors of the embedding model, where it is found by those of a first pass. It is tried for as long as
//! the document waits: nothing else would end that.

use super::Trouble;
use super::runner::Attempt;
use crate::App;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId, TenantId};
use groundwork_retrieval::ingest::IngestError;
use groundwork_store::db::DbError;
use groundwork_store::db::first_pass::WaitingPass;
use groundwork_store::db::jobs::{Enqueued, Job, NewJob};
use serde::{Deserialize, Serialize};

pub(crate) const KIND: &str = "second_pass";

const ATTEMPTS: u32 = u32::MAX;

/// What there is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SecondPass {
    pub(crate) knowledge_base: KnowledgeBaseId,
    pub(crate) document: DocumentId,
    pub(crate) version: u32,
}

impl SecondPass {
    fn key(document: &DocumentId, version: u32) -> String {
        format!("{document}/{version}")
    }

    /// The job for it that has not ended.
    pub(crate) async fn job(app: &App, tenant: &TenantId, document: &DocumentId, version: u32) -> Result<Option<Job>, DbError> {
        app.inner().db.active_job(KIND, tenant, &Self::key(document, version)).await
    }

    /// Makes the job, where there is none.
    pub(super) async fn enqueue(self, app: &App, tenant: &TenantId) -> Result<(), DbError> {
        let inner = app.inner();
        let new = NewJob {
            kind: KIND.to_owned(),
            tenant: tenant.clone(),
            key: Some(Self::key(&self.document, self.version)),
            payload: serde_json::json!(self),
            run_after: inner.clock.now(),
            max_attempts: ATTEMPTS,
        };
        if let Enqueued::New(_) = inner.db.enqueue(new).await? {
            inner.jobs.second_passes.notify_one();
        }
        Ok(())
    }
}

/// Makes the jobs that are missing because the program ended between a first pass and its job.
pub(crate) async fn recover(app: App) {
    let inner = app.inner();
    let all = async {
        for WaitingPass { tenant, knowledge_base, document, generation } in inner.db.waiting_passes().await? {
            SecondPass { knowledge_base, document, version: generation }.enqueue(&app, &tenant).await?;
        }
        Ok::<_, DbError>(())
    };
    tokio::select! {
        made = all => if let Err(error) = made {
            tracing::error!(%error, "second passes that wait could not all be found; the next start does it");
        },
        () = inner.stop.cancelled() => {}
    }
}

pub(super) async fn run(app: &App, job: &Job) -> Attempt {
    let Ok(SecondPass { knowledge_base, document, version }) = serde_json::from_value(job.payload.clone()) else {
        return Attempt::Done(None);
    };
    let ingester = match app.inner().knowledge.ingester().await {
        Ok(ingester) => ingester,
        Err(error) => return Attempt::Held(Trouble::EmbeddingModel(error.to_string())),
    };
    match ingester.second_pass(&knowledge_base, &document, version).await {
        Ok(_) => Attempt::Done(None),
        // Of a model that fails the others would fare no better.
        Err(error @ (IngestError::Embed(_) | IngestError::Vectors { .. } | IngestError::OtherModel { .. })) => {
            Attempt::Held(Trouble::EmbeddingModel(error.to_string()))
        }
        Err(error) => Trouble::of(&error).map_or_else(|| Attempt::Failed(error.to_string()), Attempt::Held),
    }
}
