//! The words of a text and of a question as the keyword leg compares them, and the pairs that they stand in.

use std::collections::HashSet;
use std::sync::LazyLock;
use tantivy::tokenizer::{
    Language, LowerCaser, PreTokenizedString, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer, Token, TokenStream,
};

/// Words that say nothing of what a question is about; texts keep theirs.
const STOP: &str = "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to \
    was will with what which who how does do did can could should would i you my your we our when where why from has have had its about \
    any some";

static STOP_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| words(&mut analyzer(), STOP).into_iter().collect());

/// Lower-case stems of all words that are not absurdly long.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(40))
        .filter(LowerCaser)
        .filter(Stemmer::new(Language::English))
        .build()
}

/// In their order, repeated ones too.
pub(super) fn words(analyzer: &mut TextAnalyzer, text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut stream = analyzer.token_stream(text);
    while let Some(token) = stream.next() {
        words.push(token.text.clone());
    }
    words
}

/// The words of a question that tell what it is about; all of them when none does.
pub(super) fn telling(words: &[String]) -> Vec<String> {
    let telling: Vec<String> = words.iter().filter(|word| !STOP_WORDS.contains(*word)).cloned().collect();
    if telling.is_empty() { words.to_vec() } else { telling }
}

/// Each two neighbors among the words that say something: `notice period` tells more than both words somewhere.
pub(super) fn pairs(words: &[String]) -> Vec<String> {
    let said: Vec<&String> = words.iter().filter(|word| !STOP_WORDS.contains(*word)).collect();
    said.windows(2).map(|pair| format!("{} {}", pair[0], pair[1])).collect()
}

/// What the field of pairs takes of a text.
pub(super) fn indexed_pairs(analyzer: &mut TextAnalyzer, text: &str) -> PreTokenizedString {
    let token = |(position, text): (usize, String)| Token { offset_from: 0, offset_to: 0, position, text, position_length: 1 };
    let tokens = pairs(&words(analyzer, text)).into_iter().enumerate().map(token).collect();
    PreTokenizedString { text: String::new(), tokens }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        words(&mut analyzer(), text)
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
        assert!(pairs(&of("of the")).is_empty() && pairs(&of("notice")).is_empty());
    }
}
