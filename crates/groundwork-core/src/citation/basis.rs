//! What of a source a claim may stand on.

use super::align::{Alignment, align, same};
use super::check::Evidence;
use crate::sentence::sentences;
use crate::words::{Kind, Word, words};
use std::ops::Range;

/// Words of a sentence that are looked at as one: what has no full stop for longer is no sentence, and comparing costs its square.
const LONGEST: usize = 300;
/// Sentences of the source that one claim may stand on.
const SENTENCES: usize = 3;

/// A source, read once for all claims that cite it.
pub(super) struct Reading {
    pub(super) id: u32,
    pub(super) sentences: Vec<Sentence>,
    /// Words of its name, title and headings.
    pub(super) context: Vec<Word>,
}

#[derive(Clone)]
pub(super) struct Sentence {
    /// Bytes of the source's text.
    pub(super) at: Range<usize>,
    pub(super) words: Vec<Word>,
}

impl Reading {
    pub(super) fn of(evidence: &Evidence<'_>) -> Self {
        let read = |at: Range<usize>| {
            let words = words(&evidence.text[at.clone()]);
            words.chunks(LONGEST).map(|words| Sentence { at: at.clone(), words: words.to_vec() }).collect::<Vec<_>>()
        };
        Self { id: evidence.id, sentences: sentences(evidence.text).into_iter().flat_map(read).collect(), context: words(evidence.context) }
    }

    /// Several sources as one; its places mean nothing.
    pub(super) fn joined(readings: &[&Self]) -> Self {
        let sentences = readings.iter().flat_map(|reading| reading.sentences.iter().cloned()).collect();
        let context = readings.iter().flat_map(|reading| reading.context.iter().cloned()).collect();
        Self { id: 0, sentences, context }
    }

    /// The share of the claim's words that one sentence of the source has.
    pub(super) fn share(&self, claim: &[Word]) -> f32 {
        Basis::of(claim, self).map_or(0.0, |basis| basis.foothold)
    }

    pub(super) fn has(&self, word: &Word) -> bool {
        self.context.iter().chain(self.sentences.iter().flat_map(|sentence| &sentence.words)).any(|other| same(word, other))
    }
}

/// What of a source a claim may stand on.
pub(super) struct Basis<'a> {
    /// The sentence that has most of the claim, then those that have of the rest.
    pub(super) sentences: Vec<&'a Sentence>,
    /// With the first of them.
    pub(super) alignment: Alignment,
    /// Share of the claim's words in all of them and the context.
    pub(super) coverage: f32,
    /// Share of the claim's words in the first of them.
    pub(super) foothold: f32,
    pub(super) strange_run: usize,
}

impl<'a> Basis<'a> {
    pub(super) fn of(claim: &[Word], source: &'a Reading) -> Option<Self> {
        let total: f32 = claim.iter().map(weight).sum();
        if total == 0.0 {
            return None;
        }
        let mut covered: Vec<bool> = vec![false; claim.len()];
        let mut chosen: Vec<&'a Sentence> = Vec::new();
        let mut foothold = 0.0;
        while chosen.len() < SENTENCES {
            let new = |sentence: &Sentence| -> Vec<usize> {
                (0..claim.len())
                    .filter(|i| !covered[*i] && claim[*i].is_content() && sentence.words.iter().any(|word| same(&claim[*i], word)))
                    .collect()
            };
            let gain = |found: &[usize]| found.iter().map(|i| weight(&claim[*i])).sum::<f32>() / total;
            let candidates = source.sentences.iter().map(|sentence| (sentence, new(sentence)));
            // Of equal ones the first; a second sentence must add more than a word.
            let best = candidates.map(|(sentence, found)| (gain(&found), found, sentence)).reduce(|a, b| if b.0 > a.0 { b } else { a });
            let Some((gained, found, sentence)) =
                best.filter(|(gained, found, _)| *gained > 0.0 && (chosen.is_empty() || found.len() >= 2))
            else {
                break;
            };
            if chosen.is_empty() {
                foothold = gained;
            }
            chosen.push(sentence);
            found.into_iter().for_each(|i| covered[i] = true);
        }
        let first = chosen.first()?;
        for (covered, word) in covered.iter_mut().zip(claim) {
            *covered |= source.context.iter().any(|other| same(word, other));
        }
        let coverage = claim.iter().zip(&covered).filter(|(_, covered)| **covered).map(|(word, _)| weight(word)).sum::<f32>() / total;
        Some(Self {
            alignment: align(claim, &first.words),
            strange_run: strange_run(claim, &covered),
            sentences: chosen,
            coverage,
            foothold,
        })
    }

    pub(super) fn at(&self) -> Range<usize> {
        self.sentences[0].at.clone()
    }

    pub(super) fn has(&self, word: &Word) -> bool {
        self.sentences.iter().any(|sentence| sentence.words.iter().any(|other| same(word, other)))
    }
}

/// The longest run of content words that the source does not have.
fn strange_run(claim: &[Word], covered: &[bool]) -> usize {
    let (mut run, mut longest) = (0, 0);
    for (word, covered) in claim.iter().zip(covered) {
        if word.is_content() {
            run = if *covered { 0 } else { run + 1 };
            longest = longest.max(run);
        }
    }
    longest
}

fn weight(word: &Word) -> f32 {
    match word.kind {
        Kind::Number | Kind::Date | Kind::Name => 1.5,
        Kind::Content => 1.0,
        Kind::Function | Kind::Negation => 0.0,
    }
}
