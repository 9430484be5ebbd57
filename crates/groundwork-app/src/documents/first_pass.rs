//! How far a document is that is found by the vectors of a first pass.

use crate::App;
use crate::jobs::SecondPass;
use groundwork_store::db::DbError;
use groundwork_store::db::documents as store;
use serde::{Deserialize, Serialize};

/// The document can be searched, and its vectors are those of a fast model until the embedding model has made its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstPass {
    /// The fast model.
    pub model: String,
    pub second_pass: SecondPassState,
    /// Why the last attempt at the second pass failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondPassState {
    /// It waits for its turn, or is being made.
    Pending,
    /// The last attempt failed; it is tried again by itself.
    Failed,
}

/// None where the document has the vectors of the embedding model.
pub(super) async fn of(app: &App, document: &store::Document) -> Result<Option<FirstPass>, DbError> {
    let Some(model) = document.version.first_pass.clone() else { return Ok(None) };
    let job = SecondPass::job(app, &document.tenant, &document.id, document.version.generation).await?;
    let error = job.and_then(|job| job.error);
    let second_pass = if error.is_some() { SecondPassState::Failed } else { SecondPassState::Pending };
    Ok(Some(FirstPass { model, second_pass, error }))
}
