//! Blocks → sections: what stands under one heading, and is never cut together with what stands under another.

use super::Cutter;
use crate::extract::document::{Block, Kind};
use std::ops::Range;

/// Blocks in a row that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// Indexes of the document's blocks.
    pub(super) blocks: Range<usize>,
    /// The headings above the section's text, its own included.
    pub(super) heading_path: Vec<String>,
}

/// The sections in reading order. Headings without a text of their own go with the section that follows.
///
/// Where a place is named by its page, short neighbours are put together until a chunk is full: many headings of a laid-out page make pieces
/// too small to be found. Elsewhere a place is named by its heading, and every section stays alone.
pub(super) fn sections(cutter: &Cutter<'_>) -> Vec<Section> {
    let sections = by_heading(&cutter.document.blocks);
    if cutter.document.pages.is_none() {
        return sections;
    }
    let mut joined: Vec<(Section, usize)> = Vec::with_capacity(sections.len());
    for section in sections {
        let tokens = cutter.document.blocks[section.blocks.clone()].iter().map(|block| cutter.count(&block.text)).sum::<usize>();
        match joined.last_mut() {
            Some((last, sum)) if *sum + tokens <= cutter.settings.body_tokens() => {
                last.blocks.end = section.blocks.end;
                last.heading_path = common(&last.heading_path, &section.heading_path);
                *sum += tokens;
            }
            _ => joined.push((section, tokens)),
        }
    }
    joined.into_iter().map(|(section, _)| section).collect()
}

fn by_heading(blocks: &[Block]) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut start = 0;
    for at in 1..=blocks.len() {
        let begins_here = at == blocks.len() || (is_heading(&blocks[at]) && !is_heading(&blocks[at - 1]));
        if begins_here && start < at {
            sections.push(Section { blocks: start..at, heading_path: path(&blocks[start..at]) });
            start = at;
        }
    }
    sections
}

fn is_heading(block: &Block) -> bool {
    matches!(block.kind, Kind::Heading { .. })
}

/// The path of the section's text; for headings alone, of the last one with itself.
fn path(blocks: &[Block]) -> Vec<String> {
    match blocks.iter().find(|block| !is_heading(block)) {
        Some(block) => block.heading_path.clone(),
        None => blocks.last().map_or_else(Vec::new, |last| last.heading_path.iter().cloned().chain([last.text.clone()]).collect()),
    }
}

fn common(one: &[String], other: &[String]) -> Vec<String> {
    one.iter().zip(other).take_while(|(one, other)| one == other).map(|(one, _)| one.clone()).collect()
}
