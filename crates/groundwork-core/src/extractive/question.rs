//! What a question asks for.

use crate::words::{Kind, Word, stem, words};
use std::collections::{HashMap, HashSet};

/// Different words of a question that are looked for.
const LONGEST: usize = 64;
/// What an akin word counts beside the same word.
const AKIN_COUNTS: f32 = 0.8;

/// Words that ask for the same thing as another: whoever asks what it costs is answered by a price.
const AKIN: &str = "
    cost price fee charge pay paid euro dollar
    weigh weight heavy kg
    deep depth
    tall height high
    long length duration
    wide width
    far distance
    old age
    fast speed quick quickly
    buy purchase order
    salary pay wage
    holiday vacation leave
    car vehicle
    phone call telephone extension
    accurate accuracy
    frequent often every interval
    die death dead
    move moving relocation relocate transfer
    birth born
    stolen lost theft
    begin start
    end stop
    boss manager lead
    responsible contact owner
    forbidden prohibited allowed may must
    today now current currently
";

/// What kind of word must stand in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Anything,
    /// A number: how many, how much, how often.
    Number,
    /// A number with a unit of time.
    Duration,
    /// A number, a date or a weekday.
    Time,
    /// A name.
    Name,
}

/// A question, read.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) words: Vec<Word>,
    pub(super) wanted: Wanted,
    /// The key of the word that the question is about: the batteries of "Which batteries does it need?"
    pub(super) focus: Option<String>,
    /// For each content word its akin ones.
    akin: HashMap<String, Vec<String>>,
}

impl Question {
    pub(super) fn of(text: &str) -> Self {
        let mut words = words(text);
        let asks =
            words.iter().position(|word| matches!(text[word.at.clone()].to_lowercase().as_str(), "which" | "what" | "many" | "much"));
        let focus = asks.and_then(|at| words.get(at + 1)).filter(|word| word.is_content()).map(|word| word.key.clone());
        words.retain(Word::is_content);
        words.retain(|word| !ASKING.contains(&word.key.as_str()));
        let mut seen = HashSet::new();
        words.retain(|word| seen.insert(word.key.clone()));
        if words.len() > LONGEST {
            // Whoever pastes a text asks before it or after it.
            words.drain(LONGEST / 2..words.len() - LONGEST / 2);
        }
        let groups: Vec<Vec<String>> = AKIN.lines().map(|line| line.split_whitespace().map(stem).collect()).collect();
        let akin = |word: &Word| groups.iter().filter(|group| group.contains(&word.key)).flatten().cloned().collect::<Vec<_>>();
        let akin = words.iter().map(|word| (word.key.clone(), akin(word))).collect();
        Self { wanted: wanted(&text.to_lowercase()), words, focus, akin }
    }

    /// How far `other` stands for the question's `word`: 1 for the same, less for akin.
    pub(super) fn matches(&self, word: &Word, other: &Word) -> f32 {
        if word.key == other.key {
            1.0
        } else if self.akin.get(&word.key).is_some_and(|akin| akin.contains(&other.key)) {
            AKIN_COUNTS
        } else {
            0.0
        }
    }

    /// Whether words that may answer have what is wanted, apart from what the question itself says.
    pub(super) fn is_answered_by(&self, words: &[Word]) -> bool {
        let mut new = words.iter().filter(|word| !self.words.iter().any(|asked| asked.key == word.key));
        match self.wanted {
            Wanted::Anything => true,
            Wanted::Number => new.any(|word| word.kind == Kind::Number),
            Wanted::Duration => new.any(|word| word.kind == Kind::Number) && words.iter().any(|word| UNITS.contains(&word.key.as_str())),
            Wanted::Time => new.any(|word| matches!(word.kind, Kind::Number | Kind::Date) || ORDINALS.contains(&word.key.as_str())),
            Wanted::Name => new.any(|word| word.kind == Kind::Name),
        }
    }
}

/// Stems that only ask.
const ASKING: &[&str] = &["mani", "much", "get", "give", "given", "long", "often", "quick", "tell", "pleas", "doe"];

/// Stems of units of time.
const UNITS: &[&str] = &["second", "minut", "hour", "day", "week", "month", "year", "decad", "centuri"];

/// Stems that tell a time without a number.
const ORDINALS: &[&str] = &[
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "last",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "daili",
    "week",
    "month",
    "annual",
    "immedi",
    "onc",
];

fn wanted(question: &str) -> Wanted {
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| question.contains(phrase));
    let unit = || ["second", "minute", "hour", "day", "week", "month", "year"].iter().any(|unit| question.contains(unit));
    if has(&[
        "how many",
        "how much",
        "how large",
        "how high",
        "how deep",
        "how far",
        "how big",
        "how heavy",
        "how accurate",
        "what percent",
        "which price",
        "what price",
        "cost",
    ]) {
        if question.contains("how many") && unit() { Wanted::Duration } else { Wanted::Number }
    } else if has(&["how long", "how quickly", "how soon", "how fast", "how often", "how old"]) {
        Wanted::Duration
    } else if has(&[
        "when ",
        "what year",
        "which year",
        "what date",
        "which date",
        "which day",
        "what time",
        "which hours",
        "by when",
        "since when",
        "until when",
    ]) {
        Wanted::Time
    } else if question.starts_with("who ") || has(&[" who ", "whose ", "where ", "which person", "whom "]) {
        Wanted::Name
    } else {
        Wanted::Anything
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_tells_what_its_answer_must_hold() {
        for (question, answer, expected) in [
            ("How many days of leave are there?", "There are 28 days.", true),
            ("How many days of leave are there?", "Leave is requested ahead.", false),
            ("How long does the lease run?", "It runs for 36 months.", true),
            ("How long does the lease run?", "It costs 36 euros.", false),
            ("When was Tidewell founded?", "It was founded in 2009.", true),
            ("When was Tidewell founded?", "Tidewell makes sensors.", false),
            ("Who is called first?", "The team calls Sofia Brandt.", true),
            ("Why was it stopped?", "It drifted.", true),
            ("How much does the TW-200 weigh?", "The TW-200 is heavy.", false),
        ] {
            assert_eq!(Question::of(question).is_answered_by(&words(answer)), expected, "{question} {answer}");
        }
    }
}
