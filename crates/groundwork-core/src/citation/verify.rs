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
    pub(super) id: u32,
    sentences: Vec<Sentence>,
    /// Words of its name, title and headings.
    context: Vec<Word>,
}

#[derive(Clone)]
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
        let mut others = false;
        for Sentence { words, .. } in &self.sentences {
            for (j, _) in words.iter().enumerate().filter(|(_, word)| same(unit, word)) {
                match j.checked_sub(1).map(|before| &words[before]) {
                    Some(before) if before.kind == Kind::Number && !same(before, &claim[i]) => others = true,
                    _ => return false,
                }
            }
        }
        others
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

/// The counterpart of what the negation at `at` negates: the first of the next three words with content that has one, in its clause.
fn target(words: &[Word], map: &[Option<usize>], at: usize) -> Option<usize> {
    const NEW_CLAUSE: &[&str] = &["and", "but", "or", "while", "whereas", "although", "though", "because", "which", "who", "that", "if"];
    let clause = words.iter().enumerate().skip(at + 1).take_while(|(_, word)| !NEW_CLAUSE.contains(&word.key.as_str()));
    let said = clause.filter(|(_, word)| word.is_content() || has_opposite(&word.key));
    said.take(3).find_map(|(next, _)| map[next])
}

/// Whether a negation stands shortly before the word, or after it as in "files may never be sent".
fn is_negated(words: &[Word], at: usize) -> bool {
    words[at.saturating_sub(7)..words.len().min(at + 5)].iter().any(|word| word.kind == Kind::Negation)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HANDBOOK: &str = "The Atlas probe was launched on 3 March 2021 by Ann Lee in Port Ellery. It weighs 2.9 kg and has not been \
        repaired since. Sales rose by twelve percent in the northern region before the merger. Secret files may never be sent by e-mail. \
        The team did not find a leak in the hull. After five years employees get one more day of leave, but interns do not.\n\n\
        Length of service | Notice\nup to 2 years | 4 weeks\n5 to 10 years | 12 weeks";

    fn verdict(claim: &str) -> Verdict {
        verify(claim, &Evidence { id: 7, text: HANDBOOK, context: "Tidewell Handbook, Field Work" }, None)
    }

    #[test]
    fn what_the_source_says_is_supported() {
        for (claim, reason) in [
            ("The Atlas probe was launched on 3 March 2021 by Ann Lee in Port Ellery.", Reason::Quoted),
            ("It weighs 2.9 kg", Reason::Quoted),
            ("On 2021-03-03 Ann Lee launched the Atlas probe in Port Ellery.", Reason::Restated),
            ("Before the merger, sales in the northern region rose 12 %.", Reason::Restated),
            ("It has not been fixed since and it weighs 2.90 kg.", Reason::Restated),
            ("Never may secret files be sent by e-mail.", Reason::Restated),
            ("No leak was found in the hull.", Reason::Restated),
            ("With 5 to 10 years of service the notice is 12 weeks.", Reason::Restated),
            ("At Tidewell, employees get one more day of leave after five years.", Reason::Restated),
        ] {
            let verdict = verdict(claim);
            assert_eq!((verdict.support, verdict.reason), (Support::Supported, reason), "{claim} {verdict:?}");
        }
    }

    #[test]
    fn what_the_source_says_otherwise_is_not() {
        for (claim, reason) in [
            ("The Atlas probe was launched on 3 March 2022 by Ann Lee in Port Ellery.", Reason::Date),
            ("The Atlas probe was launched on 3 May 2021 by Ann Lee in Port Ellery.", Reason::Date),
            ("It weighs 3.9 kg and has not been repaired since.", Reason::Number),
            ("Sales rose by fifteen percent in the northern region before the merger.", Reason::Number),
            ("With 5 to 10 years of service the notice is 4 months.", Reason::Number),
            ("The Atlas probe was launched on 3 March 2021 by Marta Oye in Port Ellery.", Reason::Name),
            ("The TW-200 probe was launched on 3 March 2021 by Ann Lee.", Reason::Name),
            ("The Atlas probe was not launched on 3 March 2021 by Ann Lee.", Reason::Negation),
            ("It weighs 2.9 kg and has been repaired since.", Reason::Negation),
            ("The team did find a leak in the hull.", Reason::Negation),
            ("Secret files may be sent by e-mail.", Reason::Negation),
            ("Sales fell by twelve percent in the northern region before the merger.", Reason::Opposite),
            ("Sales rose by twelve percent in the southern region before the merger.", Reason::Opposite),
            ("Sales rose by twelve percent in the northern region after the merger.", Reason::Opposite),
            ("Bicycles are leased through the company.", Reason::NotFound),
            ("The Atlas probe was launched by Ann Lee, and canteen meals cost little for every guest.", Reason::NotFound),
            ("", Reason::NotFound),
        ] {
            let verdict = verdict(claim);
            assert_eq!((verdict.support, verdict.reason), (Support::Unsupported, reason), "{claim} {verdict:?}");
        }
    }

    #[test]
    fn the_place_of_a_quote_is_told() {
        let at = verdict("Secret files may never be sent").quote.unwrap();
        assert_eq!(&HANDBOOK[at], "Secret files may never be sent");
    }

    #[test]
    fn meaning_helps_where_words_differ_and_never_against_a_number() {
        let evidence = Evidence { id: 1, text: "Staff members receive 28 days of paid vacation annually.", context: "" };
        let claim = "Employees have 28 days of annual holiday.";
        assert_eq!(verify(claim, &evidence, Some(0.4)).support, Support::Unsupported);
        assert_eq!(verify(claim, &evidence, Some(0.9)).support, Support::Supported);
        assert_eq!(verify("Staff members receive 30 days of paid vacation annually.", &evidence, Some(0.99)).reason, Reason::Number);
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_a_panic(claim in "\\PC{0,60}", text in "\\PC{0,120}", similarity in prop::option::of(-1.0f32..1.0)) {
            let verdict = verify(&claim, &Evidence { id: 1, text: &text, context: &claim }, similarity);
            prop_assert!((0.0..=1.0).contains(&verdict.confidence));
            if let Some(at) = verdict.quote {
                prop_assert!(text.get(at).is_some());
            }
        }

        #[test]
        fn a_sentence_supports_itself(text in "[A-Z][a-z]{2,8}( [a-zA-Z0-9]{1,9}){2,9}\\.") {
            let evidence = Evidence { id: 1, text: &text, context: "" };
            let verdict = verify(&text, &evidence, None);
            let says_something = words(&text).iter().any(Word::is_content);
            prop_assert_eq!(verdict.support == Support::Supported, says_something);
        }
    }
}
