//! What goes on from a question, put into it: "And annual leave?" after "How long is parental leave?" asks how long annual leave is.

use super::lexicon::{Class, Language, Token, language_of, tokens};
use std::ops::Range;

/// What somebody goes on with who asks no whole question: a phrase, without "and" and "what about".
pub(super) struct Fragment<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    /// Of what it began with, where that tells.
    pub(super) language: Option<&'static Language>,
}

/// A phrase of a question that may give its place to another.
struct Phrase {
    class: Class,
    /// With its article, without the preposition before it. What follows as its verb is no part of it.
    at: Range<usize>,
    preposition: Option<Token>,
    articled: bool,
    /// Its own words, and their verb.
    words: Vec<Token>,
}

/// The question `text` asked of what `fragment` names. What is of the same kind gives its place: a day to a day, people to people, a name
/// to a name, and a thing to a thing that shares a word or else is the last; where there is none, the fragment is added.
pub(super) fn exchange(text: &str, fragment: &Fragment<'_>) -> String {
    let (line, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let phrases = phrases(line);
    let asked = match fragment.kind() {
        kind @ Class::Value(_) => last(&phrases, |phrase| phrase.class == kind).map(|phrase| fragment.in_place_of(line, phrase)),
        Class::People => last(&phrases, |phrase| phrase.class == Class::People).map(|phrase| fragment.in_place_of(line, phrase)),
        _ => fragment.instead_of_a_thing(line, &phrases),
    };
    let added = || {
        let end = line.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '?' | '.' | '!')).len();
        format!("{} {}{}", &line[..end], fragment.added(), &line[end..])
    };
    asked.unwrap_or_else(added) + rest
}

fn last(phrases: &[Phrase], is: impl Fn(&Phrase) -> bool) -> Option<&Phrase> {
    phrases.iter().rev().find(|phrase| is(phrase))
}

impl Fragment<'_> {
    /// People where it names any; what else it names counts for more than a value.
    fn kind(&self) -> Class {
        let classes = || self.tokens.iter().map(|token| token.class);
        match classes().rfind(|class| matches!(class, Class::Thing | Class::People)) {
            Some(_) if classes().any(|class| class == Class::People) => Class::People,
            Some(thing) => thing,
            None => classes().find(|class| class.names()).unwrap_or(Class::Thing),
        }
    }

    fn preposition(&self) -> Option<&Token> {
        self.tokens.first().filter(|token| matches!(token.class, Class::Place | Class::Preposition))
    }

    /// Without its preposition.
    fn body(&self) -> &[Token] {
        &self.tokens[usize::from(self.preposition().is_some())..]
    }

    fn articled(&self) -> bool {
        self.body().first().is_some_and(|token| token.class == Class::Article)
    }

    fn words(&self, tokens: &[Token]) -> &str {
        match tokens {
            [first, .., last] => &self.text[first.at.start..last.at.end],
            [only] => &self.text[only.at.clone()],
            [] => "",
        }
    }

    fn named(&self) -> impl DoubleEndedIterator<Item = &Token> {
        self.tokens.iter().filter(|token| token.class.names())
    }

    fn instead_of_a_thing(&self, line: &str, phrases: &[Phrase]) -> Option<String> {
        let thing = |phrase: &Phrase| phrase.class == Class::Thing;
        if let Some(asked) = phrases.iter().rev().filter(|phrase| thing(phrase)).find_map(|phrase| self.shared(line, phrase)) {
            return Some(asked);
        }
        let alike = |phrase: &Phrase| thing(phrase) && phrase.articled == self.articled();
        let placed = |phrase: &Phrase| phrase.preposition.as_ref().is_some_and(|before| before.class == Class::Place);
        if let Some(preposition) = self.preposition().filter(|preposition| preposition.class == Class::Place) {
            let same = |phrase: &Phrase| phrase.preposition.as_ref().is_some_and(|before| before.lower == preposition.lower);
            return last(phrases, |phrase| thing(phrase) && same(phrase)).map(|phrase| self.in_place_of(line, phrase));
        }
        let capitals = |tokens: &[Token]| tokens.iter().filter(|token| token.class.names()).all(|token| token.capital);
        let name = |phrase: &Phrase| alike(phrase) && capitals(&phrase.words);
        let is_name = capitals(&self.tokens);
        if is_name && self.language.is_some_and(|language| language.capitals_tell) {
            return last(phrases, name).map(|phrase| self.in_place_of(line, phrase));
        }
        let found = last(phrases, |phrase| alike(phrase) && !placed(phrase))
            .or_else(|| last(phrases, name).filter(|_| is_name))
            .or_else(|| last(phrases, |phrase| thing(phrase) && !placed(phrase)));
        found.map(|phrase| self.in_place_of(line, phrase))
    }

    /// "Dental insurance" for "vision insurance", "le congé maladie" for "le congé parental": from the word that both have.
    fn shared(&self, line: &str, phrase: &Phrase) -> Option<String> {
        let (first, last) = (self.named().next()?, self.named().next_back()?);
        let stands = |token: &Token| phrase.words.iter().find(|word| word.key == token.key);
        let bare = &self.text[first.at.start..last.at.end];
        if let Some(word) = stands(last) {
            let start = phrase.words.first().map_or(word.at.start, |first| first.at.start);
            return Some(put(line, start..word.at.end, bare));
        }
        stands(first).map(|word| put(line, word.at.start..phrase.at.end, bare))
    }

    /// With its own preposition where both have one.
    fn in_place_of(&self, line: &str, phrase: &Phrase) -> String {
        match (&phrase.preposition, self.preposition()) {
            (Some(before), Some(_)) => put(line, before.at.start..phrase.at.end, self.words(&self.tokens)),
            _ => put(line, phrase.at.clone(), self.words(self.body())),
        }
    }

    fn added(&self) -> String {
        let people = self.tokens.iter().find(|token| token.class == Class::People).filter(|_| self.preposition().is_none());
        let before = people.map(|people| format!("{} ", language_of(&people.lower).of_people));
        before.unwrap_or_default() + self.words(&self.tokens)
    }
}

fn put(line: &str, at: Range<usize>, words: &str) -> String {
    format!("{}{words}{}", &line[..at.start], &line[at.end..])
}

/// The phrases of `line`: an article and the words that name something after it, of one kind each.
fn phrases(line: &str) -> Vec<Phrase> {
    let tokens = tokens(line);
    let mut phrases = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let start = at;
        let articled = tokens[at].class == Class::Article;
        at += usize::from(articled);
        let Some(first) = tokens.get(at).filter(|token| token.class.names()) else {
            at = at.max(start + 1);
            continue;
        };
        let end = at + 1 + tokens[at..].windows(2).take_while(|pair| goes_on(line, pair)).count();
        let class = if tokens[end - 1].class == Class::People { Class::People } else { first.class };
        let before = start.checked_sub(1).and_then(|before| tokens.get(before));
        let words = without_verb(&tokens[at..end], before, tokens.get(end));
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            let from = if articled { tokens[start].at.start } else { first.at.start };
            phrases.push(Phrase {
                class,
                at: from..last.at.end,
                preposition: before.filter(|token| matches!(token.class, Class::Place | Class::Preposition)).cloned(),
                articled,
                words: words.to_vec(),
            });
        }
        at = end;
    }
    phrases
}

/// People end a phrase: what follows is what they do. A unit belongs to the name before it.
fn goes_on(line: &str, pair: &[Token]) -> bool {
    let [one, next] = pair else { return false };
    let near = line[one.at.end..next.at.start].chars().all(|c| c.is_whitespace() || matches!(c, '-' | '\'' | '\u{2019}'));
    let same = match one.class {
        Class::Thing | Class::Unit => matches!(next.class, Class::Thing | Class::People | Class::Unit),
        Class::Value(_) => matches!(next.class, Class::Value(_)),
        _ => false,
    };
    near && same
}

/// The verb stands behind its subject after an auxiliary ("does the canteen *open*", "are flights *booked*"), and before everything else
/// after "who".
fn without_verb<'a>(words: &'a [Token], before: Option<&Token>, after: Option<&Token>) -> &'a [Token] {
    let ends = after.is_none_or(|after| matches!(after.class, Class::Place | Class::Preposition));
    match (before, words) {
        (Some(before), [_, rest @ ..]) if !rest.is_empty() && matches!(before.lower.as_str(), "who" | "wer" | "qui" | "quién") => rest,
        (Some(before), [subject @ .., verb]) if !subject.is_empty() && ends => {
            let is_verb = match before.class {
                Class::Auxiliary => verb.class == Class::Thing,
                Class::Asking => verb.lower.ends_with("ed"),
                _ => false,
            };
            if is_verb { subject } else { words }
        }
        _ => words,
    }
}
