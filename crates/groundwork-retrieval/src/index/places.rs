//! Where the slots of a segment are: the keyword engine numbers its documents itself, and anew with every merge.

use super::keyword::SLOT;
use tantivy::{DocId, SegmentReader};

/// Both ways between the documents of one segment and slots. Deleted documents have no slot.
#[derive(Debug)]
pub(crate) struct Places {
    slots: Vec<u32>,
    by_slot: Vec<(u32, DocId)>,
}

const NONE: u32 = u32::MAX;

impl Places {
    pub(super) fn read(segment: &SegmentReader) -> tantivy::Result<Self> {
        let column = segment.fast_fields().column_first_or_default::<u64>(SLOT)?;
        let mut slots = vec![NONE; segment.max_doc() as usize];
        let mut by_slot = Vec::with_capacity(segment.num_docs() as usize);
        for doc in segment.doc_ids_alive() {
            let slot = u32::try_from(column.get_val(doc)).unwrap_or(NONE);
            slots[doc as usize] = slot;
            by_slot.push((slot, doc));
        }
        by_slot.sort_unstable();
        Ok(Self { slots, by_slot })
    }

    /// The slot of a document; one that no bitmap holds, if it is deleted.
    pub(super) fn slot(&self, doc: DocId) -> u32 {
        self.slots.get(doc as usize).copied().unwrap_or(NONE)
    }

    pub(super) fn by_slot(&self) -> &[(u32, DocId)] {
        &self.by_slot
    }

    /// The document of a slot, where it is in this segment.
    pub(super) fn doc(&self, slot: u32) -> Option<DocId> {
        self.by_slot.binary_search_by_key(&slot, |(slot, _)| *slot).ok().map(|at| self.by_slot[at].1)
    }

    /// The documents of those `slots` (ascending) that are in this segment, ascending, each with its slot.
    pub(super) fn find(&self, slots: &[u32]) -> Vec<(DocId, u32)> {
        let mut rest = self.by_slot.as_slice();
        let mut found = Vec::with_capacity(slots.len().min(rest.len()));
        for &slot in slots {
            rest = &rest[rest.partition_point(|&(at, _)| at < slot)..];
            match rest.first() {
                Some(&(at, doc)) if at == slot => found.push((doc, slot)),
                Some(_) => {}
                None => break,
            }
        }
        found.sort_unstable();
        found
    }
}
