//! The choice: which of the candidates answer the question.

use super::edition::retired;
use super::question::{Question, Wanted};
use super::{Candidate, Extract, Quote, span};
use crate::prompt::Source;
use crate::sentence::sentences;
use crate::words::{Kind, Word, words};
use std::collections::HashSet;
use std::ops::Range;

/// Weights of lexical agreement and of the passage's own score beside the similarity, which has 1.
const LEXICAL: f32 = 0.5;
const PASSAGE: f32 = 0.5;
/// What is found in title or heading counts less than in the words themselves; so does, a little, what is found in a table's header.
const NEARBY: f32 = 0.7;
const HEADER: f32 = 0.9;
/// A name counts more than another word, and so does what the question is about.
const NAMED: f32 = 1.5;
const FOCUS: f32 = 1.5;
/// For having, or lacking, the kind of word that the question wants.
const WANTED: f32 = 0.1;
/// For repeating the question and saying nothing new.
const EMPTY: f32 = 0.6;
/// For standing in an edition that no longer holds, or that is not the one asked for.
const RETIRED: f32 = 0.5;
const OTHER_YEAR: f32 = 0.3;
/// For speaking of another article than the one asked for.
const OTHER_CODE: f32 = 0.6;
/// For the row whose span holds the number asked for, as "5 to 10 years" holds seven, and against its neighbors.
const SPAN: f32 = 0.3;
/// A quote with less than this share of the best one's score is left out; set by the questions of `examples/`, where a weaker one adds nothing.
const RELATIVE: f32 = 0.8;
/// Of two quotes that share so much only the better is shown; of an old and a new state of a statement, the new.
const DUPLICATE: f32 = 0.85;
const RESTATED: f32 = 0.4;

struct Scored<'a> {
    candidate: &'a Candidate,
    words: Vec<Word>,
    retired: bool,
    /// How well it fits the question, by itself.
    fit: f32,
    /// What it is ranked by.
    score: f32,
}

/// Chooses at most `limit` quotes. `similarities` are those of the question and each candidate's `text` (cosine), in the order of
/// `candidates`; without an embedding model `None`, then words alone decide.
pub fn choose(question: &str, sources: &[Source], candidates: &[Candidate], similarities: Option<&[f32]>, limit: usize) -> Extract {
    let question = Question::of(question);
    let mut scored = score(&question, sources, candidates, similarities);
    scored.sort_by(|a, b| b.score.total_cmp(&a.score));
    let Some(best) = scored.first().map(|best| best.score) else { return Extract::default() };
    let fit = scored[0].fit.clamp(0.0, 1.0);
    let mut chosen: Vec<Scored<'_>> = Vec::new();
    for one in scored {
        if chosen.len() == limit || (one.score < best * RELATIVE && !chosen.is_empty()) {
            break;
        }
        if !chosen.iter().any(|other| repeats(&one, other)) {
            chosen.push(one);
        }
    }
    let quotes = chosen.iter().filter_map(|one| quote(one, sources)).collect();
    Extract { quotes: joined(quotes, sources), score: fit }
}

fn score<'a>(question: &Question, sources: &[Source], candidates: &'a [Candidate], similarities: Option<&[f32]>) -> Vec<Scored<'a>> {
    let retired = retired(sources);
    let top = sources.iter().map(|source| source.passage.score).fold(f32::MIN_POSITIVE, f32::max);
    let read: Vec<(usize, Vec<Word>)> = candidates
        .iter()
        .filter_map(|candidate| {
            let index = sources.iter().position(|source| source.id == candidate.source)?;
            Some((index, words(sources[index].passage.text.get(candidate.at.clone())?)))
        })
        .collect();
    let rarity = rarity(question, &read);
    let nearby: Vec<Vec<Word>> = sources.iter().map(around).collect();
    let mut scored = Vec::with_capacity(candidates.len());
    for (at, (candidate, (index, words))) in candidates.iter().zip(read).enumerate() {
        let source = &sources[index];
        let header = candidate.header.clone().and_then(|header| source.passage.text.get(header)).map(self::words).unwrap_or_default();
        let context: Vec<&Word> = nearby[index].iter().chain(&header).collect();
        let lexical = lexical(question, &rarity, [(&words, 1.0), (&header, HEADER), (&nearby[index], NEARBY)]);
        let similarity = similarities.and_then(|all| all.get(at).copied()).unwrap_or(lexical);
        let asked_for = asks_for_edition(question, &nearby[index]);
        let mut score = similarity + LEXICAL * lexical + PASSAGE * (source.passage.score / top).clamp(0.0, 1.0);
        if question.wanted != Wanted::Anything {
            score += if question.is_answered_by(&words) { WANTED } else { -WANTED };
        }
        if !says_anything(question, &words) {
            score -= EMPTY;
        }
        if asked_for == Some(false) {
            score -= OTHER_YEAR;
        }
        if retired[index] && asked_for != Some(true) {
            score -= RETIRED;
        }
        match source.passage.text.get(candidate.at.clone()).and_then(|text| span::holds(&question.words, &words, text)) {
            Some(true) => score += SPAN,
            Some(false) => score -= SPAN,
            None => {}
        }
        if is_of_another_code(question, &words, &context) {
            score -= OTHER_CODE;
        }
        let fit = (similarity + LEXICAL * lexical) / (1.0 + LEXICAL);
        scored.push(Scored { candidate, words, retired: retired[index] && asked_for != Some(true), fit, score });
    }
    scored
}

/// Title, name and headings of a source, as words.
fn around(source: &Source) -> Vec<Word> {
    let passage = &source.passage;
    let texts = passage.title.iter().chain([&passage.name]).chain(&passage.heading_path);
    texts.flat_map(|text| words(text)).collect()
}

/// How much each word of the question counts: by its rarity among the candidates, more for names and for what it is about.
fn rarity(question: &Question, read: &[(usize, Vec<Word>)]) -> Vec<f32> {
    let total = read.len() as f32;
    let weight = |asked: &Word| {
        let having = read.iter().filter(|(_, words)| words.iter().any(|word| question.matches(asked, word) > 0.0)).count() as f32;
        let named = if matches!(asked.kind, Kind::Name | Kind::Number | Kind::Date) { NAMED } else { 1.0 };
        let focus = if question.focus.as_ref() == Some(&asked.key) { FOCUS } else { 1.0 };
        named * focus * (1.0 + total / (1.0 + having)).ln()
    };
    question.words.iter().map(weight).collect()
}

/// The share of the question's words that stand in any of the places, weighted by their rarity and by what a place counts.
fn lexical(question: &Question, rarity: &[f32], places: [(&Vec<Word>, f32); 3]) -> f32 {
    let total: f32 = rarity.iter().sum();
    if total == 0.0 {
        return 0.0;
    }
    let best = |asked: &Word, words: &[Word]| words.iter().map(|word| question.matches(asked, word)).fold(0.0, f32::max);
    let found = |asked: &Word| places.iter().map(|(words, counts)| best(asked, words) * counts).fold(0.0, f32::max);
    question.words.iter().zip(rarity).map(|(asked, weight)| weight * found(asked)).sum::<f32>() / total
}

fn says_anything(question: &Question, words: &[Word]) -> bool {
    words.iter().any(|word| word.is_content() && !question.words.iter().any(|asked| asked.key == word.key))
}

/// Whether the question names the year that the source's title has; `None` when one of them names none.
fn asks_for_edition(question: &Question, nearby: &[Word]) -> Option<bool> {
    let years = |words: &[Word]| {
        words.iter().filter(|word| word.kind == Kind::Date && word.key.len() == 4).map(|word| word.key.clone()).collect::<Vec<_>>()
    };
    let (asked, has) = (years(&question.words), years(nearby));
    if asked.is_empty() || has.is_empty() { None } else { Some(asked.iter().any(|year| has.contains(year))) }
}

/// Whether the question names an article such as TW-210 and the candidate speaks of one with the same letters only.
fn is_of_another_code(question: &Question, words: &[Word], context: &[&Word]) -> bool {
    let letters = |word: &Word| {
        let letters = word.key.trim_end_matches(|c: char| c.is_ascii_digit());
        (word.kind == Kind::Name && letters.len() < word.key.len() && !letters.is_empty()).then(|| letters.to_owned())
    };
    question.words.iter().filter_map(|asked| Some((asked, letters(asked)?))).any(|(asked, of)| {
        let here = || words.iter().chain(context.iter().copied());
        !here().any(|word| word.key == asked.key) && here().any(|word| letters(word).as_ref() == Some(&of))
    })
}

/// Whether `one` says again what the better `other` says, or says an older state of it.
fn repeats(one: &Scored<'_>, other: &Scored<'_>) -> bool {
    let keys = |words: &[Word]| words.iter().filter(|word| word.is_content()).map(|word| word.key.clone()).collect::<HashSet<_>>();
    let (a, b) = (keys(&one.words), keys(&other.words));
    let shared = a.intersection(&b).count() as f32 / a.union(&b).count().max(1) as f32;
    let numbers = |words: &[Word]| {
        words.iter().filter(|word| matches!(word.kind, Kind::Number | Kind::Date)).map(|word| word.key.clone()).collect::<HashSet<_>>()
    };
    let same_place = one.candidate.source == other.candidate.source && overlaps(&one.candidate.at, &other.candidate.at);
    let older = one.retired && !other.retired && shared >= RESTATED;
    same_place || older || (shared >= DUPLICATE && numbers(&one.words) == numbers(&other.words))
}

fn overlaps(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

fn quote(one: &Scored<'_>, sources: &[Source]) -> Option<Quote> {
    let source = sources.iter().find(|source| source.id == one.candidate.source)?;
    let at = with_what_it_points_at(&source.passage.text, one.candidate.at.clone());
    Some(made(source.id, one.candidate.header.clone(), at, &source.passage.text, one.score))
}

fn made(source: u32, header: Option<Range<usize>>, at: Range<usize>, text: &str, score: f32) -> Quote {
    let words = match &header {
        Some(header) => format!("{}\n{}", &text[header.clone()], &text[at.clone()]),
        None => text[at.clone()].to_owned(),
    };
    Quote { source, header, at, text: words, marked: None, score }
}

/// A sentence that begins with "It" or "These" takes the one before it along.
fn with_what_it_points_at(text: &str, at: Range<usize>) -> Range<usize> {
    const POINTERS: &[&str] = &["It", "Its", "They", "Their", "This", "These", "That", "Those", "He", "She", "His", "Her", "Such"];
    let first = text[at.clone()].split_whitespace().next().unwrap_or_default();
    if !POINTERS.contains(&first) {
        return at;
    }
    let before = sentences(&text[..at.start]).pop();
    match before.filter(|before| !text[before.end..at.start].contains('\n') && !text[before.clone()].ends_with('?')) {
        Some(before) => before.start..at.end,
        None => at,
    }
}

/// Quotes that overlap, or follow each other in one paragraph or one table, become one in the place of the better.
fn joined(quotes: Vec<Quote>, sources: &[Source]) -> Vec<Quote> {
    let mut whole: Vec<Quote> = Vec::new();
    for quote in quotes {
        let text = sources.iter().find(|source| source.id == quote.source).map_or("", |source| source.passage.text.as_str());
        let touches = |other: &Quote| {
            let gap = quote.at.end.min(other.at.end)..quote.at.start.max(other.at.start);
            let between = text.get(gap).unwrap_or_default();
            other.source == quote.source
                && other.header == quote.header
                && between.chars().all(char::is_whitespace)
                && !between.contains("\n\n")
        };
        match whole.iter_mut().find(|other| touches(other)) {
            Some(other) => {
                let at = quote.at.start.min(other.at.start)..quote.at.end.max(other.at.end);
                *other = made(quote.source, quote.header, at, text, other.score);
            }
            None => whole.push(quote),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extractive::candidates;
    use crate::place::Place;
    use crate::prompt::Passage;
    use proptest::prelude::*;

    fn source(id: u32, title: &str, text: &str) -> Source {
        let passage = Passage {
            document: format!("doc_{id}").parse().unwrap(),
            name: format!("{}.pdf", title.to_lowercase().replace(' ', "-")),
            title: Some(title.to_owned()),
            version: 1,
            pages: None,
            place: Place::default(),
            heading_path: Vec::new(),
            span: 0..text.chars().count(),
            text: text.to_owned(),
            score: 1.0 / (60.0 + id as f32),
        };
        Source { id, tokens: 0, passage }
    }

    fn first(question: &str, sources: &[Source]) -> String {
        let extract = choose(question, sources, &candidates(sources), None, 3);
        for quote in &extract.quotes {
            let text = &sources.iter().find(|source| source.id == quote.source).unwrap().passage.text;
            assert!(quote.text.ends_with(&text[quote.at.clone()]));
        }
        extract.quotes.into_iter().next().map(|quote| quote.text).unwrap_or_default()
    }

    #[test]
    fn the_row_that_answers_is_quoted_under_its_header() {
        let table =
            "Notice depends on service.\n\nService | By you | By us\nup to 2 years | 4 weeks | 4 weeks\n5 to 10 years | 8 weeks | 12 weeks";
        let sources = [source(1, "Handbook", table)];
        assert_eq!(
            first("What notice is given after 5 to 10 years of service?", &sources),
            "Service | By you | By us\n5 to 10 years | 8 weeks | 12 weeks"
        );
    }

    #[test]
    fn the_edition_in_force_answers_unless_the_older_is_asked_for() {
        let sources = [
            source(1, "Leave Policy 2024", "Superseded by a newer policy.\n\nEmployees have 26 days of annual leave."),
            source(2, "Leave Policy 2026", "Employees have 28 days of annual leave."),
        ];
        assert_eq!(first("How many days of annual leave do employees have?", &sources), "Employees have 28 days of annual leave.");
        assert_eq!(first("How many days of annual leave did employees have in 2024?", &sources), "Employees have 26 days of annual leave.");
        let both = choose("How many days of annual leave do employees have?", &sources, &candidates(&sources), None, 3);
        assert!(!both.quotes.iter().any(|quote| quote.text.contains("26")));
    }

    #[test]
    fn twins_are_told_apart_by_the_article_in_their_title() {
        let sources = [
            source(1, "TW-200 Datasheet", "The probe weighs 2.9 kg in air."),
            source(2, "TW-210 Datasheet", "The probe weighs 6.1 kg in air."),
        ];
        assert_eq!(first("How much does the TW-210 weigh in air?", &sources), "The probe weighs 6.1 kg in air.");
        assert_eq!(first("How much does the TW-200 weigh in air?", &sources), "The probe weighs 2.9 kg in air.");
    }

    #[test]
    fn a_sentence_that_points_back_takes_its_reference_along_and_a_repeat_is_left_out() {
        let sources = [
            source(1, "Lab", "The bath holds eighty litres. It is emptied every six weeks by the technician on duty."),
            source(2, "Lab copy", "It is emptied every six weeks by the technician on duty."),
        ];
        let extract = choose("How often does the technician on duty have it emptied?", &sources, &candidates(&sources), None, 3);
        assert_eq!(extract.quotes[0].text, "The bath holds eighty litres. It is emptied every six weeks by the technician on duty.");
        assert!(!extract.quotes.iter().any(|quote| quote.source == 2));
    }

    #[test]
    fn the_score_is_low_when_nothing_fits_and_similarity_decides_when_there_is_one() {
        let sources = [source(1, "Handbook", "Core time is from ten to three. The lease runs for three years.")];
        let all = candidates(&sources);
        let far = choose("Who won the chess cup?", &sources, &all, None, 3);
        let near = choose("When is core time?", &sources, &all, None, 3);
        assert!(far.score < 0.2 && near.score > 0.6, "{} {}", far.score, near.score);
        let by_meaning = choose("Presence required?", &sources, &all, Some(&[0.9, 0.1]), 1);
        assert_eq!(by_meaning.quotes[0].text, "Core time is from ten to three.");
        assert_eq!(choose("Presence?", &[], &[], None, 3), Extract::default());
    }

    proptest! {
        #[test]
        fn any_source_can_be_quoted_without_a_panic(
            question in "\\PC{0,40}",
            texts in prop::collection::vec("(It |# |- |[A-Z][a-zé]{0,6}|[0-9]{1,4}| \\| |\\.|\\?|:|\n| ){0,30}", 1..4),
            limit in 0usize..4,
        ) {
            let sources: Vec<_> = (1..).zip(&texts).map(|(id, text)| source(id, "Notes v2", text)).collect();
            let extract = choose(&question, &sources, &candidates(&sources), None, limit);
            prop_assert!(extract.quotes.len() <= limit && (0.0..=1.0).contains(&extract.score));
            for quote in extract.quotes {
                let text = &sources[quote.source as usize - 1].passage.text;
                let header = quote.header.map(|header| format!("{}\n", &text[header])).unwrap_or_default();
                prop_assert_eq!(quote.text, format!("{header}{}", &text[quote.at]));
            }
        }
    }
}
