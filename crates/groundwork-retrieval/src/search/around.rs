//! What stands around a hit: its neighbors, and the rest of its section.

use super::{Around, Hit};
use groundwork_store::db::chunks::Stretch;
use std::collections::HashSet;

/// Chunks of a section on each side of a hit that are looked at; a longer section is not taken whole.
const FARTHEST: u32 = 16;

/// How much around hits is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// Chunks of the same section on each side.
    pub neighbors: u32,
    /// The whole section, where it is no longer than a few chunks.
    pub section: bool,
}

impl Surroundings {
    pub fn are_wanted(self) -> bool {
        self.neighbors > 0 || self.section
    }

    /// Where in its document the surroundings of a hit lie, with one chunk more to see where the section ends.
    pub(super) fn stretch(self, hit: &Hit) -> Stretch {
        let reach = 1 + if self.section { FARTHEST } else { self.neighbors };
        let ordinals = hit.ordinal.saturating_sub(reach)..hit.ordinal.saturating_add(reach + 1);
        Stretch { document: hit.document.clone(), generation: hit.generation, ordinals }
    }

    /// What is to be added to `hits` of the chunks `found` around them, by hit, the best first. Nothing comes twice, and nothing that is a
    /// hit itself.
    pub(super) fn of(self, hits: &[Hit], found: &[Hit]) -> Vec<Around> {
        let mut there: HashSet<_> = hits.iter().map(key).collect();
        let mut all = Vec::with_capacity(hits.len());
        for hit in hits {
            let mut neighbors = neighbors(hit, found, self.neighbors);
            let mut rest = if self.section { whole_section(hit, found) } else { Vec::new() };
            neighbors.retain(|other| there.insert(key(other)));
            rest.retain(|other| there.insert(key(other)));
            if !neighbors.is_empty() || !rest.is_empty() {
                let owned = |hits: Vec<&Hit>| hits.into_iter().cloned().collect();
                all.push(Around { neighbors: owned(neighbors), rest: owned(rest) });
            }
        }
        all
    }
}

/// The nearest first.
fn neighbors<'a>(hit: &Hit, found: &'a [Hit], reach: u32) -> Vec<&'a Hit> {
    let mut near: Vec<&Hit> = found.iter().filter(|other| other.ordinal.abs_diff(hit.ordinal) <= reach && in_section(hit, other)).collect();
    near.sort_by_key(|other| other.ordinal.abs_diff(hit.ordinal));
    near
}

fn key(hit: &Hit) -> (&str, &str, u32, u32) {
    (hit.knowledge_base.as_str(), hit.document.as_str(), hit.generation, hit.ordinal)
}

fn of_version(hit: &Hit, other: &Hit) -> bool {
    (&hit.knowledge_base, &hit.document, hit.generation) == (&other.knowledge_base, &other.document, other.generation)
}

fn in_section(hit: &Hit, other: &Hit) -> bool {
    of_version(hit, other) && hit.heading_path == other.heading_path
}

/// All chunks of the section without a gap, in reading order; none when it reaches farther than was looked.
fn whole_section<'a>(hit: &Hit, found: &'a [Hit]) -> Vec<&'a Hit> {
    let at = |ordinal: u32| found.iter().find(|other| of_version(hit, other) && other.ordinal == ordinal);
    let side = |step: fn(u32) -> Option<u32>| {
        let mut run = Vec::new();
        let mut ordinal = step(hit.ordinal);
        while let Some(next) = ordinal.and_then(at).filter(|next| in_section(hit, next)) {
            run.push(next);
            ordinal = step(next.ordinal);
        }
        run
    };
    let (before, after) = (side(|ordinal| ordinal.checked_sub(1)), side(|ordinal| ordinal.checked_add(1)));
    if before.len().max(after.len()) > FARTHEST as usize {
        return Vec::new();
    }
    before.into_iter().rev().chain(after).collect()
}

#[cfg(test)]
mod tests;
