//! Ways in which a claim and its source can disagree: a number, a date, a name, a negation, an opposite.

use super::align::same;
use super::basis::{Basis, Reading, Sentence};
use super::opposites::{are_opposite, has_opposite};
use super::verify::Reason;
use crate::words::{Kind, Word};

impl Basis<'_> {
    /// The first thing in which claim and source do not agree, and how sure that is.
    pub(super) fn contradiction(&self, claim: &[Word], source: &Reading) -> Option<(Reason, f32)> {
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
