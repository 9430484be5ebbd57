//! The attributes of a knowledge base's documents as filters look at them: read once, and after that what has changed of them.

use super::Index;
use super::permitted::Permitted;
use super::snapshot::Snapshot;
use groundwork_core::attributes::Attributes;
use groundwork_core::filter::Filter;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_scan::Bitmap;
use groundwork_store::db::DbError;
use std::collections::HashMap;
use std::sync::Arc;

type Known = Arc<HashMap<DocumentId, Attributes>>;

/// Those at one content epoch.
#[derive(Default)]
pub(crate) struct Kept(tokio::sync::Mutex<Option<(u64, Known)>>);

impl Kept {
    /// As the database has them at this moment: to be asked for after the snapshot was taken, so that none of its documents is missing.
    pub(crate) async fn now(&self, index: &Index, id: &KnowledgeBaseId) -> Result<Known, DbError> {
        let mut kept = self.0.lock().await;
        let content = index.db().epochs(id).await?.map_or(0, |epochs| epochs.content);
        if let Some((_, known)) = kept.as_ref().filter(|(at, _)| *at == content) {
            return Ok(known.clone());
        }
        // Documents that are gone stay until the next start: no snapshot names them.
        let known: Known = match kept.take() {
            Some((since, mut known)) => {
                let changed = index.db().attributes_since(id, since).await?;
                Arc::make_mut(&mut known).extend(changed);
                known
            }
            None => Arc::new(index.db().attributes(id).await?.into_iter().collect()),
        };
        *kept = Some((content, known.clone()));
        Ok(known)
    }
}

impl Permitted {
    /// What of it passes `filter`, in the snapshot that it is of.
    pub(crate) fn narrowed(&self, snapshot: &Snapshot, known: &Known, filter: &Filter) -> Self {
        let none = Attributes::new();
        let mut rows = Bitmap::empty(self.rows.len());
        for (document, live) in snapshot.documents.iter() {
            if filter.passes(known.get(document).unwrap_or(&none)) {
                live.slots.iter().for_each(|slots| rows.insert_range(slots.clone()));
            }
        }
        self.within(rows)
    }
}
