//! A map by document whose copies share what they have in common: a publication must not cost more the more documents there are.

use groundwork_core::ids::DocumentId;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// A copy shares all parts with its origin, and a change copies only the part that it is in.
#[derive(Clone)]
pub(crate) struct Shards<V> {
    parts: Vec<Arc<HashMap<DocumentId, V>>>,
    hasher: RandomState,
}

/// So many that a part of 100,000 documents has a hundred.
pub(super) const PARTS: usize = 1024;

impl<V> Shards<V> {
    pub(super) fn new() -> Self {
        Self { parts: vec![Arc::default(); PARTS], hasher: RandomState::new() }
    }

    /// An empty map in which each document has the part that it has in `other`.
    pub(super) fn beside<W>(other: &Shards<W>) -> Self {
        Self { hasher: other.hasher.clone(), ..Self::new() }
    }

    pub(crate) fn get(&self, document: &DocumentId) -> Option<&V> {
        self.parts[self.place(document)].get(document)
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.is_empty())
    }

    pub(super) fn part(&self, at: usize) -> &HashMap<DocumentId, V> {
        &self.parts[at]
    }

    /// The parts that are not those of `before`, of which this is a later copy, or which is one beside it.
    pub(super) fn changed_since(&self, before: &Self) -> Vec<usize> {
        (0..PARTS).filter(|&at| !self.shares(before, at)).collect()
    }

    /// Whether the part `at` is the same in `other`.
    pub(super) fn shares(&self, other: &Self, at: usize) -> bool {
        Arc::ptr_eq(&self.parts[at], &other.parts[at])
    }

    /// The part that a document is in, if it is there.
    pub(super) fn place(&self, document: &DocumentId) -> usize {
        self.hasher.hash_one(document) as usize % PARTS
    }
}

impl<V: Clone> Shards<V> {
    pub(super) fn insert(&mut self, document: DocumentId, value: V) {
        let at = self.place(&document);
        Arc::make_mut(&mut self.parts[at]).insert(document, value);
    }

    pub(super) fn remove(&mut self, document: &DocumentId) {
        let at = self.place(document);
        if self.parts[at].contains_key(document) {
            Arc::make_mut(&mut self.parts[at]).remove(document);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_one_document_leaves_the_copy_before_it_and_shares_the_rest() {
        let id = |number: usize| -> DocumentId { format!("doc_{number}").parse().unwrap() };
        let mut before = Shards::new();
        (0..5000).for_each(|number| before.insert(id(number), 1));
        let mut after = before.clone();
        after.insert(id(7), 2);
        after.remove(&id(8));
        after.remove(&id(9999));
        assert_eq!((before.len(), after.len()), (5000, 4999));
        assert_eq!((before.get(&id(7)), after.get(&id(7))), (Some(&1), Some(&2)));
        assert_eq!((before.get(&id(8)), after.get(&id(8))), (Some(&1), None));
        let mut changed = vec![after.place(&id(7)), after.place(&id(8))];
        changed.sort_unstable();
        changed.dedup();
        assert_eq!(after.changed_since(&before), changed);
        let beside = Shards::<u32>::beside(&after);
        assert!(beside.is_empty() && beside.place(&id(7)) == after.place(&id(7)));
    }
}
