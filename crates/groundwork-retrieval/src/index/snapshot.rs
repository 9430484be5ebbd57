//! What a search sees: one set of live slots and both legs as of one moment. A new version of a document becomes visible by one swap.

use super::keyword::View;
use super::shards::Shards;
use groundwork_scan::{Bitmap, Codes};
use groundwork_store::db::chunks::LiveDocument;
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use groundwork_store::db::versions::Flip;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The codes of all slots, shared by all snapshots: a slot's row is written before any snapshot holds the slot, and not again before
/// the last such snapshot is gone.
#[derive(Debug, Clone)]
pub(crate) struct Matrix(Arc<RwLock<Codes>>);

impl Matrix {
    pub(super) fn new(codes: Codes) -> Self {
        Self(Arc::new(RwLock::new(codes)))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Codes> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Codes> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The vector leg: a matrix, and the model that its rows and the questions must come from.
#[derive(Debug, Clone)]
pub(crate) struct Vectors {
    pub(crate) embedding: EmbeddingModel,
    pub(crate) matrix: Matrix,
}

/// One knowledge base at one moment.
pub(crate) struct Snapshot {
    pub(crate) live: Bitmap,
    pub(crate) documents: Shards<Live>,
    /// `None` before the first chunk.
    pub(crate) vectors: Option<Vectors>,
    pub(crate) keyword: View,
    /// Counts the changes of `documents`: equal numbers of one knowledge base mean equal documents.
    pub(crate) content: u64,
}

/// The live version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) generation: u32,
    pub(crate) slots: Vec<Range<u32>>,
}

impl Live {
    pub(crate) fn holds(&self, slot: u32) -> bool {
        self.slots.iter().any(|slots| slots.contains(&slot))
    }
}

impl Snapshot {
    pub(super) fn first(documents: Vec<LiveDocument>, vectors: Option<Vectors>, keyword: View) -> Self {
        let mut live = Bitmap::default();
        let mut by_id = Shards::new();
        for LiveDocument { document, generation, slots } in documents {
            insert_all(&mut live, &slots);
            by_id.insert(document, Live { generation, slots });
        }
        Self { live, documents: by_id, vectors, keyword, content: 0 }
    }

    /// The snapshot after `flips`, with what the legs hold then. A flip without a generation is a deletion.
    pub(super) fn after(&self, flips: &[Flip], vectors: Option<Vectors>, keyword: View) -> Self {
        if flips.is_empty() {
            let (live, documents) = (self.live.clone(), self.documents.clone());
            return Self { live, documents, vectors, keyword, content: self.content };
        }
        let mut live = self.live.clone();
        let mut documents = self.documents.clone();
        for flip in flips {
            for slots in &flip.removed {
                live.remove_range(slots.clone());
            }
            insert_all(&mut live, &flip.added);
            match flip.generation {
                Some(generation) => {
                    documents.insert(flip.document.clone(), Live { generation, slots: flip.added.clone() });
                }
                None => {
                    documents.remove(&flip.document);
                }
            }
        }
        Self { live, documents, vectors, keyword, content: self.content + 1 }
    }
}

fn insert_all(live: &mut Bitmap, slots: &[Range<u32>]) {
    for slots in slots {
        live.insert_range(slots.clone());
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("content", &self.content).field("documents", &self.documents.len()).finish_non_exhaustive()
    }
}
