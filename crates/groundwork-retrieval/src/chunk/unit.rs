//! Blocks → units: the pieces of text that are better not cut. A unit never has more tokens than a body may have.

use super::Cutter;
use crate::extract::document::{Block, Kind};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Text that stays in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Bytes of the document's text, without whitespace at the ends.
    pub(super) span: Range<usize>,
    pub(super) tokens: usize,
    pub(super) kind: UnitKind,
    /// Whether a block begins here.
    pub(super) begins_block: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UnitKind {
    Heading,
    /// A sentence or a part of one: the only kind that the next chunk may repeat.
    Sentence,
    /// A whole table or whole code.
    Whole,
    /// Rows of a table that is too large, or lines of code that is: a chunk of its own, after the table's header.
    Part {
        header: Option<String>,
    },
}

/// More bytes than this are never handed to the tokenizer at once.
const MOST_BYTES: usize = 4096;

/// The units of a block whose text begins at byte `start` of the document's text.
pub(super) fn units(cutter: &Cutter<'_>, block: &Block, start: usize) -> Vec<Unit> {
    let most = cutter.settings.body_tokens();
    let mut units = match &block.kind {
        Kind::Heading { .. } => plain(cutter, &block.text, &UnitKind::Heading),
        Kind::Paragraph | Kind::ListItem { .. } => sentences(cutter, &block.text),
        Kind::Table { header_rows, .. } => whole(cutter, &block.text).unwrap_or_else(|| {
            let header_bytes = block.text.split_inclusive('\n').take(*header_rows).map(str::len).sum::<usize>();
            let header = block.text[..header_bytes].trim_end();
            let repeats = !header.is_empty() && cutter.count(header) * 2 <= most;
            lines(cutter, &block.text, repeats.then_some(header))
        }),
        Kind::Code { .. } => whole(cutter, &block.text).unwrap_or_else(|| lines(cutter, &block.text, None)),
    };
    for (at, unit) in units.iter_mut().enumerate() {
        unit.begins_block = at == 0;
        unit.span = unit.span.start + start..unit.span.end + start;
    }
    units
}

/// All of a text, when it fits.
fn whole(cutter: &Cutter<'_>, text: &str) -> Option<Vec<Unit>> {
    let tokens = (text.len() <= MOST_BYTES).then(|| cutter.count(text)).filter(|tokens| *tokens <= cutter.settings.body_tokens())?;
    Some(vec![unit(0..text.len(), tokens, UnitKind::Whole)])
}

fn sentences(cutter: &Cutter<'_>, text: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    for (at, sentence) in text.split_sentence_bound_indices() {
        for mut unit in plain(cutter, sentence, &UnitKind::Sentence) {
            unit.span = unit.span.start + at..unit.span.end + at;
            units.push(unit);
        }
    }
    units
}

/// A text as one unit, or as many as its tokens need.
fn plain(cutter: &Cutter<'_>, text: &str, kind: &UnitKind) -> Vec<Unit> {
    let fragments = fragments(cutter, text, cutter.settings.body_tokens());
    fragments.into_iter().map(|(span, tokens)| unit(span, tokens, kind.clone())).collect()
}

/// Lines grouped so that each group fits, after a header that goes before all but the first.
fn lines(cutter: &Cutter<'_>, text: &str, header: Option<&str>) -> Vec<Unit> {
    let header_tokens = header.map_or(0, |header| cutter.count(header));
    let most = cutter.settings.body_tokens().saturating_sub(header_tokens).max(1);
    let mut groups: Vec<(Range<usize>, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        for (span, tokens) in fragments(cutter, line, most) {
            let (span, tokens) = (span.start + at..span.end + at, tokens + 1);
            match groups.last_mut() {
                // The header itself is in the first group, and counted there as its own lines.
                Some((group, sum)) if *sum + tokens <= most + if group.start == 0 { header_tokens } else { 0 } => {
                    group.end = span.end;
                    *sum += tokens;
                }
                _ => groups.push((span, tokens)),
            }
        }
        at += line.len();
    }
    let header_end = header.map_or(0, str::len);
    let part = |(span, tokens): (Range<usize>, usize)| {
        let header = header.filter(|_| span.start >= header_end && span.start > 0).map(str::to_owned);
        unit(span, tokens, UnitKind::Part { header })
    };
    groups.into_iter().map(part).collect()
}

/// Cuts a text so that no part has more than `most` tokens: between words where it can, between tokens where it must. Each with its tokens.
pub(super) fn fragments(cutter: &Cutter<'_>, text: &str, most: usize) -> Vec<(Range<usize>, usize)> {
    let mut out = Vec::new();
    let mut open = vec![trimmed(text, 0..text.len())];
    while let Some(span) = open.pop() {
        if span.is_empty() {
            continue;
        }
        let part = &text[span.clone()];
        let tokens = (part.len() <= MOST_BYTES).then(|| cutter.count(part));
        let cut = match tokens {
            None => Some(cut_near(part, MOST_BYTES)),
            Some(tokens) if tokens > most => {
                // `count` may exceed the number of spans (an upper bound): the cut then moves forward in proportion.
                let spans = cutter.tokenizer.spans(part);
                let keep = (spans.len() * most / tokens).clamp(1, most);
                let at = spans.get(keep).map_or(part.len() / 2, |token| token.start);
                Some(cut_near(part, at))
            }
            Some(_) => None,
        };
        match cut.filter(|cut| *cut > 0 && *cut < part.len()) {
            Some(cut) => {
                open.push(trimmed(text, span.start + cut..span.end));
                open.push(trimmed(text, span.start..span.start + cut));
            }
            None => {
                let tokens = tokens.unwrap_or_else(|| cutter.count(part));
                out.push((span, tokens));
            }
        }
    }
    out
}

/// The last gap between words in the second half before `at`, or `at` itself (moved to a character boundary, never to the start).
pub(super) fn cut_near(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at);
    let gap = text[..at].rfind(char::is_whitespace).filter(|gap| *gap * 2 >= at);
    match gap.or((at > 0).then_some(at)) {
        Some(cut) => cut,
        None => text.chars().next().map_or(0, char::len_utf8),
    }
}

/// The range without the whitespace at its ends.
pub(super) fn trimmed(text: &str, span: Range<usize>) -> Range<usize> {
    let part = &text[span.clone()];
    let start = span.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

fn unit(span: Range<usize>, tokens: usize, kind: UnitKind) -> Unit {
    Unit { span, tokens, kind, begins_block: false }
}
