//! Documents that are nearly the same as one, among those that the caller may read.

use super::{FindError, find, readable};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::near::ALIKE;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearDuplicate {
    pub document: DocumentId,
    pub name: String,
    /// About the share of their runs of words that both have, from 0.8 to 1.
    pub similarity: f32,
}

/// The most alike first, at most `MOST` of them.
pub async fn near_duplicates(
    app: &App,
    caller: &Caller,
    knowledge_base: &KnowledgeBaseId,
    document: &DocumentId,
) -> Result<Vec<NearDuplicate>, FindError> {
    const MOST: usize = 20;
    let found = find(app, caller, knowledge_base, document).await?;
    let db = &app.inner().db;
    let Some(stored) = db.document(knowledge_base, &found.id).await? else { return Ok(Vec::new()) };
    let mut near = Vec::new();
    for (id, similarity) in db.near(&stored).await?.into_iter().filter(|(_, similarity)| *similarity >= ALIKE) {
        if let Some(other) = readable(app, knowledge_base, &id, Some(caller)).await? {
            near.push(NearDuplicate { document: other.id, name: other.name, similarity });
        }
        if near.len() == MOST {
            break;
        }
    }
    Ok(near)
}
