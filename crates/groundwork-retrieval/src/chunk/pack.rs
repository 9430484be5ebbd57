//! Units → pieces: as many units in a row as a body may have tokens, cut between blocks where that costs little, with the tail of one piece
//! repeated at the head of the next.

use super::unit::{Unit, UnitKind, trimmed, units};
use super::{Cutter, Section};
use std::ops::Range;

/// The text of one chunk: bytes of the document's text, after a table's header where it is a later part of that table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) span: Range<usize>,
    pub(super) header: Option<String>,
}

/// The pieces of a section, in reading order.
pub(super) fn pack(cutter: &Cutter<'_>, section: &Section) -> Vec<Piece> {
    let most = cutter.settings.body_tokens();
    let mut packing = Packing { cutter, most, open: Vec::new(), repeated: 0, pieces: Vec::new() };
    let mut start = byte_start(cutter, section);
    for block in &cutter.document.blocks[section.blocks.clone()] {
        for unit in units(cutter, block, start) {
            packing.push(unit);
        }
        start += block.text.len() + "\n\n".len();
    }
    packing.close(packing.open.len());
    packing.pieces
}

/// Bytes of the document's text before a section.
fn byte_start(cutter: &Cutter<'_>, section: &Section) -> usize {
    let before = &cutter.document.blocks[..section.blocks.start];
    before.iter().map(|block| block.text.len() + "\n\n".len()).sum()
}

struct Packing<'a> {
    cutter: &'a Cutter<'a>,
    most: usize,
    /// The units of the piece being filled.
    open: Vec<Unit>,
    /// How many of them repeat the end of the piece before.
    repeated: usize,
    pieces: Vec<Piece>,
}

impl Packing<'_> {
    fn push(&mut self, unit: Unit) {
        if let UnitKind::Part { header } = &unit.kind {
            return self.push_part(unit.span.clone(), unit.tokens, header.clone());
        }
        if tokens(&self.open) + unit.tokens > self.most && !self.open.is_empty() {
            let cut = self.cut(&unit);
            self.close(cut);
            // What was moved over and what is repeated make room for the unit: the repeated goes first.
            while self.repeated > 0 && tokens(&self.open) + unit.tokens > self.most {
                self.open.remove(0);
                self.repeated -= 1;
            }
            if tokens(&self.open) + unit.tokens > self.most {
                self.close(self.open.len());
                self.open.clear();
                self.repeated = 0;
            }
        }
        self.open.push(unit);
    }

    /// A part of a split table or code is a piece of its own; a short introduction goes with the first part.
    fn push_part(&mut self, span: Range<usize>, part_tokens: usize, header: Option<String>) {
        let introduction = tokens(&self.open);
        let fits = introduction * 4 <= self.most && introduction + part_tokens <= self.cutter.settings.text_tokens();
        let introduces = self.repeated < self.open.len() && header.is_none() && fits;
        let start = self.open.first().filter(|_| introduces).map(|first| first.span.start);
        if start.is_none() {
            self.close(self.open.len());
        }
        self.open.clear();
        self.repeated = 0;
        self.pieces.push(Piece { span: start.unwrap_or(span.start)..span.end, header });
    }

    /// Where to end the open piece, now that `next` has no room in it: before the block that `next` continues if most of the piece lies
    /// before it, and never after a heading.
    fn cut(&self, next: &Unit) -> usize {
        let mut cut = self.open.len();
        if !next.begins_block
            && let Some(block) = self.open.iter().rposition(|unit| unit.begins_block).filter(|block| *block > self.repeated)
            && tokens(&self.open[..block]) * 5 >= self.most * 3
        {
            cut = block;
        }
        while cut > self.repeated + 1 && self.open[cut - 1].kind == UnitKind::Heading {
            cut -= 1;
        }
        cut
    }

    /// Ends the open piece before its unit `cut`; the next begins with its tail, then the units from `cut` on.
    fn close(&mut self, cut: usize) {
        let moved = self.open.split_off(cut);
        if let (Some(first), Some(last)) = (self.open.first(), self.open.last())
            && self.open.len() > self.repeated
        {
            self.pieces.push(Piece { span: first.span.start..last.span.end, header: None });
        }
        let tail = self.tail();
        self.repeated = tail.len();
        self.open = tail.into_iter().chain(moved).collect();
    }

    /// The end of the open piece that the next one repeats: whole sentences of about the overlap's size, or the end of one that is longer.
    fn tail(&self) -> Vec<Unit> {
        let overlap = self.cutter.settings.chunk_overlap.min(self.most / 2);
        let mut tail: Vec<Unit> = Vec::new();
        for unit in self.open.iter().rev().take_while(|unit| unit.kind == UnitKind::Sentence) {
            if tokens(&tail) + unit.tokens > overlap + overlap / 4 {
                break;
            }
            tail.insert(0, unit.clone());
        }
        if tail.is_empty()
            && overlap > 0
            && let Some(last) = self.open.last().filter(|unit| unit.kind == UnitKind::Sentence)
        {
            tail.extend(self.end_of(last, overlap));
        }
        tail
    }

    /// The last words of a sentence, at most `most` tokens.
    fn end_of(&self, unit: &Unit, most: usize) -> Option<Unit> {
        let text = &self.cutter.text[unit.span.clone()];
        let spans = self.cutter.tokenizer.spans(text);
        let from = spans.get(spans.len().checked_sub(most)?)?.start;
        let word = text[from..].find(char::is_whitespace)? + from;
        let span = trimmed(self.cutter.text, unit.span.start + word..unit.span.end);
        let tokens = self.cutter.count(&self.cutter.text[span.clone()]);
        (tokens > 0 && tokens <= most).then_some(Unit { span, tokens, kind: UnitKind::Sentence, begins_block: false })
    }
}

fn tokens(units: &[Unit]) -> usize {
    units.iter().map(|unit| unit.tokens).sum()
}
