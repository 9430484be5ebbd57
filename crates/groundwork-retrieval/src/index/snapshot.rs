//! What a search sees: one set of live slots and both legs as of one moment. A new version of a document becomes visible by one swap.

use super::keyword::View;
use groundwork_core::ids::DocumentId;
use groundwork_scan::{Bitmap, Codes};
use groundwork_store::db::chunks::LiveDocument;
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use groundwork_store::db::versions::Flip;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
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
    pub(crate) documents: Documents,
    /// `None` before the first chunk.
    pub(crate) vectors: Option<Vectors>,
    pub(crate) keyword: View,
    /// Counts the changes of `documents`: equal numbers of one knowledge base mean equal documents.
    pub(crate) content: u64,
}

/// The live documents. A copy shares all parts with its origin, and a change copies only the part that it is in: a publication must not
/// cost more the more documents there are.
#[derive(Clone)]
pub(crate) struct Documents {
    parts: Vec<Arc<HashMap<DocumentId, Live>>>,
    hasher: RandomState,
}

/// So many that a part of 100,000 documents has a hundred.
const PARTS: usize = 1024;

impl Documents {
    fn new() -> Self {
        Self { parts: vec![Arc::default(); PARTS], hasher: RandomState::new() }
    }

    pub(crate) fn get(&self, document: &DocumentId) -> Option<&Live> {
        self.parts[self.part(document)].get(document)
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.is_empty())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&DocumentId, &Live)> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    fn insert(&mut self, document: DocumentId, live: Live) {
        let part = self.part(&document);
        Arc::make_mut(&mut self.parts[part]).insert(document, live);
    }

    fn remove(&mut self, document: &DocumentId) {
        let part = self.part(document);
        Arc::make_mut(&mut self.parts[part]).remove(document);
    }

    fn part(&self, document: &DocumentId) -> usize {
        self.hasher.hash_one(document) as usize % PARTS
    }
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
        let mut by_id = Documents::new();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_one_document_leaves_the_copy_before_it_and_shares_the_rest() {
        let id = |number: usize| -> DocumentId { format!("doc_{number}").parse().unwrap() };
        let live = |generation: u32| Live { generation, slots: std::iter::once(generation..generation + 1).collect() };
        let mut before = Documents::new();
        (0..5000).for_each(|number| before.insert(id(number), live(1)));
        let mut after = before.clone();
        after.insert(id(7), live(2));
        after.remove(&id(8));
        assert_eq!((before.len(), after.len(), after.iter().count()), (5000, 4999, 4999));
        assert_eq!((before.get(&id(7)), after.get(&id(7))), (Some(&live(1)), Some(&live(2))));
        assert_eq!((before.get(&id(8)), after.get(&id(8))), (Some(&live(1)), None));
        let copied = before.parts.iter().zip(&after.parts).filter(|(one, other)| !Arc::ptr_eq(one, other)).count();
        assert!(copied <= 2 && !after.is_empty());
    }
}
