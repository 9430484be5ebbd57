//! What to search for when a message only makes sense after the one before it: "And in 2023?" is searched together with what it goes on
//! from. By a few rules on words; a message that stands by itself is searched as it is.

use crate::words::{Kind, Word, words};

/// How far back a chain of such messages is followed.
const LONGEST_CHAIN: usize = 4;
/// A message of at most so many words that say something may lean on the one before it; a longer one says itself what it is about.
const SHORT: usize = 3;
const SHORTISH: usize = 6;

/// How a message goes on from another.
const GOING_ON: &[&str] = &[
    "and",
    "or",
    "but",
    "also",
    "what about",
    "how about",
    "what if",
    "what else",
    "anything else",
    "then",
    "und",
    "oder",
    "aber",
    "was ist mit",
];
/// Words that stand for what was named before.
const POINTERS: &[&str] = &[
    "it", "its", "they", "them", "their", "this", "that", "these", "those", "he", "him", "his", "she", "her", "one", "ones", "there",
    "then", "same", "er", "sie", "dies", "diese", "dieser", "dort",
];

/// The text to search for `question`, which came after the user's `earlier` messages, oldest first.
pub fn search_text(earlier: &[&str], question: &str) -> String {
    let mut chain = vec![question];
    for before in earlier.iter().rev().take(LONGEST_CHAIN) {
        if !leans_on_another(chain[chain.len() - 1]) {
            break;
        }
        chain.push(before);
    }
    let joined = |before: String, later: &&str| format!("{}\n{later}", without_what_changes(&before, later));
    let oldest = chain.pop().unwrap_or(question).to_owned();
    chain.iter().rev().fold(oldest, joined)
}

/// Whether a message is short and begins as a continuation, points at something that it does not name, or names no more than one thing.
fn leans_on_another(message: &str) -> bool {
    let words = words(message);
    let says = words.iter().filter(|word| word.is_content()).count();
    if says > SHORTISH {
        return false;
    }
    let lower = message.trim().to_lowercase();
    let begins = |with: &str| lower.strip_prefix(with).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    let points = || lower.split(|c: char| !c.is_alphanumeric()).any(|word| POINTERS.contains(&word));
    says == 0 || GOING_ON.iter().any(|with| begins(with)) || points() || (says <= 1 && words.len() <= SHORT)
}

/// The earlier text without the years, numbers and codes whose place those of the later one take: who goes on from "in 2024?" with
/// "and in 2023?" no longer asks about 2024.
fn without_what_changes(before: &str, later: &str) -> String {
    let changes = |word: &Word| matches!(word.kind, Kind::Date | Kind::Number) || word.key.chars().any(|c| c.is_ascii_digit());
    if !words(later).iter().any(changes) {
        return before.to_owned();
    }
    let mut text = String::with_capacity(before.len());
    let mut end = 0;
    for word in words(before).iter().filter(|word| changes(word)) {
        text.push_str(before.get(end..word.at.start).unwrap_or_default());
        end = word.at.end.max(end);
    }
    text.push_str(before.get(end..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_that_leans_on_another_is_searched_with_it() {
        for (earlier, question, expected) in [
            (&["How many days of leave are there in 2024?"][..], "And in 2023?", "How many days of leave are there in ?\nAnd in 2023?"),
            (&["How much does the TW-200 weigh?"], "What about the TW-210?", "How much does the  weigh?\nWhat about the TW-210?"),
            (&["Who runs the canteen?"], "When does it open?", "Who runs the canteen?\nWhen does it open?"),
            (&["What is the notice period?"], "Why?", "What is the notice period?\nWhy?"),
            (&["Old.", "Parental leave?", "And for interns?"], "How long is it?", "Parental leave?\nAnd for interns?\nHow long is it?"),
            (
                &["How many days of leave?", "Who runs the canteen on Mondays?"],
                "And on Fridays?",
                "Who runs the canteen on Mondays?\nAnd on Fridays?",
            ),
        ] {
            assert_eq!(search_text(earlier, question), expected);
        }
    }

    #[test]
    fn a_message_that_stands_by_itself_is_searched_alone() {
        for question in [
            "How many days of parental leave may employees take?",
            "And how long does the laboratory keep the samples of customers after the end of a project?",
            "Which probe weighs less than 3 kg?",
        ] {
            assert_eq!(search_text(&["Who runs the canteen?"], question), question);
        }
        assert_eq!(search_text(&[], "And in 2023?"), "And in 2023?");
    }

    proptest! {
        #[test]
        fn any_conversation_ends_with_its_question(earlier in prop::collection::vec("\\PC{0,30}", 0..6), question in "\\PC{0,30}") {
            let earlier: Vec<&str> = earlier.iter().map(String::as_str).collect();
            prop_assert!(search_text(&earlier, &question).ends_with(&question));
        }
    }
}
