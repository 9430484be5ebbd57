//! Does the source say what the sentence says? Quote, numbers, dates, names, negation and opposites first, then words and meaning.

use super::align::{Alignment, align, same};
use super::check::Evidence;
use super::opposites::{are_opposite, has_opposite};
use crate::sentence::sentences;
use crate::words::{Kind, Word, words};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Share of the claim's words that the source must have, when nothing is known of the meaning.
const COVERAGE: f32 = 0.55;
/// Share of the claim's words that one sentence of the source must have.
const FOOTHOLD: f32 = 0.34;
/// So many words in a row that the source does not have are a statement of their own.
const STRANGE_RUN: usize = 4;
/// The cosine that neither helps nor hurts, and how much of its distance counts as coverage.
const SIMILAR: f32 = 0.6;
const SIMILARITY_COUNTS: f32 = 0.5;
/// Sentences of the source that one claim may stand on.
const SENTENCES: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    Supported,
    Unsupported,
}

/// Why a sentence is or is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The source has the sentence word for word.
    Quoted,
    /// The source says it in other words.
    Restated,
    /// A number of the sentence is not where the source speaks of it.
    Number,
    /// A date of the sentence is not where the source speaks of it.
    Date,
    /// A name of the sentence is not in the source.
    Name,
    /// One of the two says that it is so, the other that it is not.
    Negation,
    /// The source has the opposite: increased for decreased, before for after.
    Opposite,
    /// The source does not speak of it.
    NotFound,
    /// There is no source with this id.
    NoSuchSource,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quoted => "quoted",
            Self::Restated => "restated",
            Self::Number => "number",
            Self::Date => "date",
            Self::Name => "name",
            Self::Negation => "negation",
            Self::Opposite => "opposite",
            Self::NotFound => "not_found",
            Self::NoSuchSource => "no_such_source",
        }
    }
}

/// What the checker says about one sentence and one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub source: u32,
    pub support: Support,
    pub reason: Reason,
    /// 0 to 1: how sure the checker is of `support`.
    pub confidence: f32,
    /// Bytes of the source's text where the sentence, or what is nearest to it, stands.
    pub quote: Option<Range<usize>>,
}

/// Checks one sentence against one source. `similarity` is the largest cosine of the sentence and a sentence of the source; without an
/// embedding model `None`, then words alone decide.
pub fn verify(sentence: &str, evidence: &Evidence<'_>, similarity: Option<f32>) -> Verdict {
    judge(&words(without_list_mark(sentence)), &Reading::of(evidence), similarity)
}

/// A source, read once for all claims that cite it.
pub(super) struct Reading {
    id: u32,
    sentences: Vec<Sentence>,
    /// Words of its name, title and headings.
    context: Vec<Word>,
}

struct Sentence {
    /// Bytes of the source's text.
    at: Range<usize>,
    words: Vec<Word>,
}

impl Reading {
    pub(super) fn of(evidence: &Evidence<'_>) -> Self {
        let sentences = sentences(evidence.text).into_iter().map(|at| Sentence { words: words(&evidence.text[at.clone()]), at });
        Self { id: evidence.id, sentences: sentences.collect(), context: words(evidence.context) }
    }

    fn has(&self, word: &Word) -> bool {
        self.context.iter().chain(self.sentences.iter().flat_map(|sentence| &sentence.words)).any(|other| same(word, other))
    }
}

pub(super) fn judge(claim: &[Word], source: &Reading, similarity: Option<f32>) -> Verdict {
    let verdict = |support, reason, confidence: f32, quote| Verdict {
        source: source.id,
        support,
        reason,
        confidence: confidence.clamp(0.0, 1.0),
        quote,
    };
    if let Some(at) = quoted(claim, source) {
        return verdict(Support::Supported, Reason::Quoted, 0.99, Some(at));
    }
    let Some(basis) = Basis::of(claim, source) else {
        return verdict(Support::Unsupported, Reason::NotFound, 0.9, None);
    };
    let at = Some(basis.at());
    if basis.foothold < FOOTHOLD {
        return verdict(Support::Unsupported, Reason::NotFound, 1.0 - basis.coverage / 2.0, at);
    }
    if let Some((reason, confidence)) = basis.contradiction(claim, source) {
        return verdict(Support::Unsupported, reason, confidence, at);
    }
    let lift = similarity.map_or(0.0, |similarity| (similarity - SIMILAR) * SIMILARITY_COUNTS);
    let score = basis.coverage + lift;
    if score >= COVERAGE && basis.strange_run < STRANGE_RUN {
        return verdict(Support::Supported, Reason::Restated, 0.5 + score / 2.0 * 0.9, at);
    }
    verdict(Support::Unsupported, Reason::NotFound, 1.0 - score / 2.0, at)
}

/// Where the claim stands word for word, in stems; not when a "no" before it turns it around.
fn quoted(claim: &[Word], source: &Reading) -> Option<Range<usize>> {
    if !claim.iter().any(Word::is_content) {
        return None;
    }
    let all: Vec<(usize, &Word)> =
        source.sentences.iter().enumerate().flat_map(|(at, sentence)| sentence.words.iter().map(move |word| (at, word))).collect();
    let start = (0..(all.len() + 1).saturating_sub(claim.len())).find(|start| {
        let here = &all[*start..start + claim.len()];
        let turned = *start > 0 && all[start - 1].0 == here[0].0 && all[start - 1].1.kind == Kind::Negation;
        !turned && claim.iter().zip(here).all(|(word, (_, other))| word.key == other.key)
    })?;
    let (first, last) = (all[start], all[start + claim.len() - 1]);
    let absolute = |(sentence, byte): (usize, usize)| source.sentences[sentence].at.start + byte;
    Some(absolute((first.0, first.1.at.start))..absolute((last.0, last.1.at.end)))
}

/// What of a source a claim may stand on.
struct Basis<'a> {
    /// The sentence that has most of the claim, then those that have of the rest.
    sentences: Vec<&'a Sentence>,
    /// With the first of them.
    alignment: Alignment,
    /// Share of the claim's words in all of them and the context.
    coverage: f32,
    /// Share of the claim's words in the first of them.
    foothold: f32,
    strange_run: usize,
}

impl<'a> Basis<'a> {
    fn of(claim: &[Word], source: &'a Reading) -> Option<Self> {
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

    fn at(&self) -> Range<usize> {
        self.sentences[0].at.clone()
    }

    fn has(&self, word: &Word) -> bool {
        self.sentences.iter().any(|sentence| sentence.words.iter().any(|other| same(word, other)))
    }

    /// The first thing in which claim and source do not agree, and how sure that is.
    fn contradiction(&self, claim: &[Word], source: &Reading) -> Option<(Reason, f32)> {
        self.number(claim, source).or_else(|| self.name(claim, source)).or_else(|| self.negation(claim)).or_else(|| self.opposite(claim))
    }

    fn number(&self, claim: &[Word], source: &Reading) -> Option<(Reason, f32)> {
        let numbers = claim.iter().enumerate().filter(|(_, word)| matches!(word.kind, Kind::Number | Kind::Date));
        for (i, word) in numbers {
            let reason = if word.kind == Kind::Date { Reason::Date } else { Reason::Number };
            let in_context = source.context.iter().any(|other| same(word, other));
            if !self.has(word) && !in_context {
                return Some((reason, if source.has(word) { 0.75 } else { 0.97 }));
            }
            if word.kind == Kind::Number && self.counts_something_else(claim, i) {
                return Some((reason, 0.8));
            }
        }
        None
    }

    /// Whether what the claim's number counts is counted by another number only: "10 days" against "27 days and 10 weeks".
    fn counts_something_else(&self, claim: &[Word], i: usize) -> bool {
        let Some(unit) = claim.get(i + 1).filter(|word| word.kind == Kind::Content) else { return false };
        let source = &self.sentences[0].words;
        let mut others = 0;
        for (j, _) in source.iter().enumerate().filter(|(_, word)| same(unit, word)) {
            match j.checked_sub(1).map(|before| &source[before]) {
                Some(before) if before.kind == Kind::Number && !same(before, &claim[i]) => others += 1,
                _ => return false,
            }
        }
        others > 0
    }

    fn name(&self, claim: &[Word], source: &Reading) -> Option<(Reason, f32)> {
        for (i, word) in claim.iter().enumerate().filter(|(_, word)| word.kind == Kind::Name) {
            if !source.has(word) && !is_acronym(word, source) {
                return Some((Reason::Name, 0.95));
            }
            // Known to the source, but another name stands in its place.
            let known = |other: &Word| claim.iter().any(|word| same(word, other));
            let first = &self.sentences[0].words;
            if self.alignment.to_source[i].is_none()
                && !self.has(word)
                && first[self.alignment.gap(i)].iter().any(|other| other.kind == Kind::Name && !known(other))
            {
                return Some((Reason::Name, 0.75));
            }
        }
        None
    }

    /// A "not" on one side before a word that both have must have its like on the other.
    fn negation(&self, claim: &[Word]) -> Option<(Reason, f32)> {
        let source = &self.sentences[0].words;
        let turned = |one: &[Word], other: &[Word], map: &[Option<usize>]| {
            (0..one.len()).filter(|at| one[*at].kind == Kind::Negation).any(|at| match target(one, map, at) {
                Some(counterpart) => !is_negated(other, counterpart),
                None => false,
            })
        };
        if turned(source, claim, &self.alignment.to_claim) || turned(claim, source, &self.alignment.to_source) {
            return Some((Reason::Negation, 0.9));
        }
        let negates = |words: &[Word]| words.iter().any(|word| word.kind == Kind::Negation);
        let opposed = self.opposite_pairs(claim).next().is_some();
        // The claim denies something that no sentence of its basis denies.
        (negates(claim) && !opposed && !self.sentences.iter().any(|sentence| negates(&sentence.words))).then_some((Reason::Negation, 0.8))
    }

    fn opposite(&self, claim: &[Word]) -> Option<(Reason, f32)> {
        let source = &self.sentences[0].words;
        self.opposite_pairs(claim).any(|(i, j)| is_negated(claim, i) == is_negated(source, j)).then_some((Reason::Opposite, 0.85))
    }

    /// Words without a counterpart that say the opposite of each other.
    fn opposite_pairs(&self, claim: &[Word]) -> impl Iterator<Item = (usize, usize)> {
        let source = &self.sentences[0].words;
        let pair = move |i: usize| {
            let opposed = |j: &usize| self.alignment.to_claim[*j].is_none() && are_opposite(&claim[i].key, &source[*j].key);
            (0..source.len()).find(opposed).map(|j| (i, j))
        };
        (0..claim.len()).filter(|i| self.alignment.to_source[*i].is_none() && !self.has(&claim[*i])).filter_map(pair)
    }
}

/// The counterpart of what the negation at `at` negates: the first of the next three words with content that has one.
fn target(words: &[Word], map: &[Option<usize>], at: usize) -> Option<usize> {
    let next = (at + 1..words.len()).filter(|next| words[*next].is_content() || has_opposite(&words[*next].key));
    next.take(3).find_map(|next| map[next])
}

/// Whether a negation stands shortly before the word, or right after it.
fn is_negated(words: &[Word], at: usize) -> bool {
    words[at.saturating_sub(7)..words.len().min(at + 3)].iter().any(|word| word.kind == Kind::Negation)
}

/// Whether the source has names with these initials, as World Health Organization has WHO.
fn is_acronym(word: &Word, source: &Reading) -> bool {
    let letters = word.key.chars().count();
    (2..=6).contains(&letters)
        && source.sentences.iter().any(|sentence| {
            let initials: String =
                sentence.words.iter().filter(|word| word.is_content()).filter_map(|word| word.key.chars().next()).collect();
            initials.contains(&word.key)
        })
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

/// "2. Interns have ten days" counts its line, not the days.
pub(super) fn without_list_mark(sentence: &str) -> &str {
    let digits = sentence.trim_start_matches(|c: char| c.is_ascii_digit());
    let marked = sentence.len() - digits.len();
    match digits.strip_prefix([')', '.']) {
        Some(rest) if (1..=3).contains(&marked) && rest.starts_with(' ') => rest,
        _ => sentence,
    }
}
