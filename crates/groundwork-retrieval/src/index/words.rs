//! The words of a text and of a question as the keyword leg compares them, each by the language that it is written in, and the pairs that
//! they stand in.

use super::language::{Language, is_unspaced, narrow};
use std::collections::HashSet;
use std::sync::LazyLock;
use tantivy::tokenizer::{PreTokenizedString, Token};

/// Words that say nothing of what a question is about; texts keep theirs.
const STOP: &str = "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to \
    was will with what which who how does do did can could should would i you my your we our when where why from has have had its about \
    any some";

static STOP_WORDS: LazyLock<HashSet<String>> =
    LazyLock::new(|| STOP.split(' ').map(|word| Language::ENGLISH.stem(word.to_owned())).collect());

/// Characters of a word; what is longer is none.
const LONGEST: usize = 64;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Text,
    Question,
}

/// A word as it is compared: the stem, or a piece of a script that sets no spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) key: String,
    unspaced: bool,
}

impl Word {
    fn says_something(&self) -> bool {
        !STOP_WORDS.contains(&self.key)
    }
}

/// In their order, repeated ones too. Where no spaces are set, each two neighboring characters are a word, and in texts each one as well,
/// for those who ask with a single character.
pub(super) fn words(language: Language, text: &str, of: Of) -> Vec<Word> {
    let mut words = Vec::new();
    for (unspaced, run) in runs(text) {
        if !unspaced {
            if run.len() <= LONGEST {
                words.push(Word { key: language.stem(run.into_iter().collect()), unspaced });
            }
            continue;
        }
        let piece = |characters: &[char]| Word { key: characters.iter().collect(), unspaced };
        if of == Of::Text || run.len() == 1 {
            words.extend(run.chunks(1).map(piece));
        }
        words.extend(run.windows(2).map(piece));
    }
    words
}

/// Letters and digits that follow one another, in small letters, with whether their script sets spaces.
fn runs(text: &str) -> Vec<(bool, Vec<char>)> {
    let mut runs: Vec<(bool, Vec<char>)> = Vec::new();
    let mut goes_on = false;
    for c in text.chars().map(narrow) {
        if !c.is_alphanumeric() {
            goes_on = false;
            continue;
        }
        let unspaced = is_unspaced(c);
        match runs.last_mut().filter(|(of, _)| goes_on && *of == unspaced) {
            Some((_, run)) => run.extend(c.to_lowercase()),
            None => runs.push((unspaced, c.to_lowercase().collect())),
        }
        goes_on = true;
    }
    runs
}

/// The words of a question that tell what it is about; all of them when none does.
pub(super) fn telling(words: &[Word]) -> Vec<&str> {
    let keys = |telling: bool| words.iter().filter(move |word| !telling || word.says_something()).map(|word| word.key.as_str());
    let some: Vec<&str> = keys(true).collect();
    if some.is_empty() { keys(false).collect() } else { some }
}

/// Each two neighbors among the words that say something: `notice period` tells more than both words somewhere. The pieces of unspaced
/// scripts are neighbors already.
pub(super) fn pairs(words: &[Word]) -> Vec<String> {
    let said: Vec<&Word> = words.iter().filter(|word| word.says_something()).collect();
    let spaced = said.windows(2).filter(|pair| !pair[0].unspaced && !pair[1].unspaced);
    spaced.map(|pair| format!("{} {}", pair[0].key, pair[1].key)).collect()
}

/// What a field takes.
pub(super) fn indexed(keys: impl IntoIterator<Item = String>) -> PreTokenizedString {
    let token = |(position, text): (usize, String)| Token { offset_from: 0, offset_to: 0, position, text, position_length: 1 };
    PreTokenizedString { text: String::new(), tokens: keys.into_iter().enumerate().map(token).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Word> {
        words(Language::ENGLISH, text, Of::Text)
    }

    fn keys(language: &str, text: &str, of: Of) -> Vec<String> {
        words(Language::of(Some(language)), text, of).into_iter().map(|word| word.key).collect()
    }

    #[test]
    fn what_a_question_is_about_is_told_by_its_telling_words() {
        assert_eq!(telling(&of("What is the notice period of the interns?")), ["notic", "period", "intern"]);
        assert_eq!(telling(&of("Who is it?")), ["who", "is", "it"]);
    }

    #[test]
    fn pairs_are_neighbors_but_for_the_words_that_say_nothing() {
        assert_eq!(pairs(&of("The role of the manager in sales.")), ["role manag", "manag sale"]);
        assert_eq!(pairs(&of("Notice periods")), pairs(&of("the notice period")));
        assert!(pairs(&of("of the")).is_empty() && pairs(&of("notice")).is_empty() && pairs(&of("有給休暇")).is_empty());
    }

    #[test]
    fn words_are_those_of_their_language() {
        assert_eq!(keys("deu", "Kündigungsfristen und Häuser", Of::Question), keys("deu", "Kündigungsfrist und Haus", Of::Question));
        assert_eq!(keys("fra", "les employées", Of::Text), keys("fra", "Les EMPLOYÉE", Of::Text));
        assert_eq!(keys("rus", "отпуска", Of::Text), keys("rus", "отпуску", Of::Text));
        assert_eq!(keys("jpn", "有給休暇 ＡＢＣ", Of::Question), ["有給", "給休", "休暇", "abc"]);
        assert_eq!(keys("cmn", "年假", Of::Text), ["年", "假", "年假"]);
        assert_eq!(keys("cmn", "假", Of::Question), ["假"]);
        assert_eq!(keys("eng", &"x".repeat(65), Of::Text), Vec::<String>::new());
    }
}
