//! Where a chunk stands: its pages to the character, its sheet, its language.

use crate::extract::document::{Block, Document};
use groundwork_core::place::{Place, Turn};
use std::ops::Range;

/// First and last page of the characters `span` of the document's text, which lie in `blocks`, and what else is known of their place.
pub(super) fn of(document: &Document, blocks: &[Block], span: &Range<usize>) -> (Option<(u32, u32)>, Place) {
    let touched: Vec<&Block> = blocks.iter().filter(|block| block.span.start < span.end && span.start < block.span.end).collect();
    let mut pages: Option<(u32, u32)> = None;
    let mut turns = Vec::new();
    let mut last = None;
    for (page, at) in touched.iter().flat_map(|block| starts(block)).filter(|(_, at)| at.start < span.end && span.start < at.end) {
        pages = Some(pages.map_or((page, page), |(first, most)| (first.min(page), most.max(page))));
        if last.is_some_and(|last| last != page) {
            turns.push(Turn { at: at.start, page });
        }
        last = Some(page);
    }
    let sheet = touched.first().and_then(|block| block.sheet.clone());
    (pages, Place { unit: document.format.unit(), sheet, turns, language: None })
}

/// The pages of a block, each with the characters of the document's text that stand on it.
fn starts(block: &Block) -> Vec<(u32, Range<usize>)> {
    let Some((first, _)) = block.pages else { return Vec::new() };
    let breaks = block.page_breaks.iter().map(|at| (block.span.start + at).min(block.span.end));
    let starts: Vec<usize> = std::iter::once(block.span.start).chain(breaks).collect();
    let ends = starts.iter().skip(1).copied().chain([block.span.end]);
    (first..).zip(starts.iter().copied().zip(ends).map(|(start, end)| start..end)).collect()
}
