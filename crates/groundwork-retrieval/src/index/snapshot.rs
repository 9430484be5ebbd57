//! What a search sees: one set of live slots and both legs as of one moment. A new version of a document becomes visible by one swap.

use super::keyword::View;
use super::shards::Shards;
use groundwork_scan::{Bitmap, Codes};
use groundwork_store::db::chunks::LiveDocument;
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use groundwork_store::db::versions::Flip;
use std::borrow::Cow;
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

/// Slots that are found by the vectors of a first pass, as long as those of the knowledge base's own model are not all there.
#[derive(Debug, Clone)]
pub(crate) struct First {
    pub(crate) vectors: Vectors,
    pub(crate) slots: Bitmap,
}

impl First {
    pub(super) fn new(embedding: EmbeddingModel) -> Self {
        let matrix = Matrix::new(Codes::with_capacity(embedding.dimensions as usize, 0));
        Self { vectors: Vectors { embedding, matrix }, slots: Bitmap::default() }
    }
}

/// One knowledge base at one moment.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) live: Bitmap,
    pub(crate) documents: Shards<Live>,
    /// `None` before the first chunk.
    pub(crate) vectors: Option<Vectors>,
    /// One a model, and none of a model that no document is found by; no slot is in two of them.
    pub(crate) firsts: Vec<First>,
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
    pub(super) fn first(documents: Vec<LiveDocument>, (vectors, mut firsts): (Option<Vectors>, Vec<First>), keyword: View) -> Self {
        let mut live = Bitmap::default();
        let mut by_id = Shards::new();
        for LiveDocument { document, generation, slots } in documents {
            insert_all(&mut live, &slots);
            by_id.insert(document, Live { generation, slots });
        }
        firsts.iter_mut().for_each(|first| first.slots.and(&live));
        Self { live, documents: by_id, vectors, firsts, keyword, content: 0 }.with_what_finds()
    }

    /// The snapshot after `flips`, with what the keyword leg holds then. A flip without a generation is a deletion.
    pub(super) fn after(&self, flips: &[Flip], keyword: View) -> Self {
        let mut next = Self { keyword, ..self.clone() };
        if flips.is_empty() {
            return next;
        }
        for flip in flips {
            remove_all(&mut next.live, &flip.removed);
            insert_all(&mut next.live, &flip.added);
            for first in &mut next.firsts {
                remove_all(&mut first.slots, &flip.removed);
                // A slot that was given to another version is found as that is.
                remove_all(&mut first.slots, &flip.added);
                if flip.first_pass.as_ref() == Some(&first.vectors.embedding) {
                    insert_all(&mut first.slots, &flip.added);
                }
            }
            match flip.generation {
                Some(generation) => {
                    next.documents.insert(flip.document.clone(), Live { generation, slots: flip.added.clone() });
                }
                None => {
                    next.documents.remove(&flip.document);
                }
            }
        }
        next.content += 1;
        next.with_what_finds()
    }

    /// The snapshot in which `slots` are found by the vectors of the knowledge base's own model.
    pub(super) fn after_second_pass(&self, slots: &[Range<u32>]) -> Self {
        let mut next = self.clone();
        next.firsts.iter_mut().for_each(|first| remove_all(&mut first.slots, slots));
        next.with_what_finds()
    }

    /// Without the matrices that nothing is found by any more.
    fn with_what_finds(mut self) -> Self {
        self.firsts.retain(|first| first.slots.count() > 0);
        self
    }

    /// Whether some document is found by the vectors of the knowledge base's own model.
    pub(crate) fn has_own(&self) -> bool {
        let mut own = self.live.clone();
        self.firsts.iter().for_each(|first| own.and_not(&first.slots));
        own.count() > 0
    }

    /// What of `rows` is found by the vectors of the knowledge base's own model.
    pub(crate) fn own<'a>(&self, rows: &'a Bitmap) -> Cow<'a, Bitmap> {
        let mut own = Cow::Borrowed(rows);
        self.firsts.iter().for_each(|first| own.to_mut().and_not(&first.slots));
        own
    }
}

fn insert_all(rows: &mut Bitmap, slots: &[Range<u32>]) {
    for slots in slots {
        rows.insert_range(slots.clone());
    }
}

fn remove_all(rows: &mut Bitmap, slots: &[Range<u32>]) {
    for slots in slots {
        rows.remove_range(slots.clone());
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("content", &self.content).field("documents", &self.documents.len()).finish_non_exhaustive()
    }
}
