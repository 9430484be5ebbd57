//! What to search for when a message only makes sense after the one before it. "And annual leave?" after "How long is parental leave?"
//! is searched as "How long is annual leave?": what is named anew takes the place of what was asked of. "How long does it take?" names
//! nothing and is searched together with what it goes on from. By a few rules on words; a message that stands by itself is searched as
//! it is.

mod exchange;
mod lexicon;
#[cfg(test)]
mod tests;

use crate::smalltalk::smalltalk;
use crate::words::{Kind, Word, words};
use exchange::{Fragment, exchange};
use lexicon::{Class, LANGUAGES, Language, Token, tokens};

/// How far back a chain of such messages is followed.
const LONGEST_CHAIN: usize = 4;
/// A message that names more says itself what it is about.
const MOST_NAMED: usize = 6;
/// The same of one that asks no whole question.
const MOST_OF_FRAGMENT: usize = 4;
/// Words of a message that is so short that it may lean on another by that alone.
const SHORT: usize = 3;
/// Bytes of a question that another phrase is put into; into a longer text nothing is put.
const LONGEST: usize = 400;

/// How a message is to be understood after another.
enum Way<'a> {
    Alone,
    /// With all that it goes on from: it names nothing, or points at what was named.
    With,
    /// The same question of something else.
    Fragment(Fragment<'a>),
}

/// The text to search for `question`, which came after the user's `earlier` messages, oldest first.
pub fn search_text(earlier: &[&str], question: &str) -> String {
    let mut chain = vec![question];
    for before in earlier.iter().rev().filter(|message| smalltalk(message).is_none()).take(LONGEST_CHAIN) {
        if matches!(way(chain[chain.len() - 1]), Way::Alone) {
            break;
        }
        chain.push(before);
    }
    let oldest = chain.pop().unwrap_or(question).to_owned();
    chain.iter().rev().fold(oldest, |before, later| match way(later) {
        Way::Fragment(fragment) if before.len() <= LONGEST => exchange(&before, &fragment),
        _ => format!("{}\n{later}", without_what_changes(&before, later)),
    })
}

fn way(message: &str) -> Way<'_> {
    let (text, language) = without_lead(message);
    let mut tokens = tokens(text);
    while tokens.last().is_some_and(|token| token.class == Class::Other) {
        tokens.pop();
    }
    let has = |class: &[Class]| tokens.iter().any(|token| class.contains(&token.class));
    let named = tokens.iter().filter(|token| token.class.names()).count();
    let things = tokens.iter().filter(|token| token.class == Class::Thing).count();
    if named > MOST_NAMED {
        return Way::Alone;
    }
    // "What if I am sick?" is half a question.
    let half = things <= 2 && tokens.iter().take(2).any(|token| matches!(token.lower.as_str(), "if" | "wenn" | "falls" | "si"));
    if named == 0 || half || has(&[Class::Pointer]) {
        return Way::With;
    }
    if has(&[Class::Asking, Class::Auxiliary]) {
        // Who asks of people or a day, or has a verb alone, has named no thing.
        let leads = usize::from(language.is_some());
        let leans = things == 0 || (things == 1 && named == 1 && tokens.len() <= SHORT + leads && !has(&[Class::Article]));
        return if leans { Way::With } else { Way::Alone };
    }
    let placed = |token: &Token| matches!(token.class, Class::Place | Class::Preposition);
    let begins = language.is_some() || tokens.first().is_some_and(placed);
    if named <= MOST_OF_FRAGMENT && (begins || (named == 1 && tokens.len() <= SHORT)) {
        return Way::Fragment(Fragment { text, tokens, language });
    }
    Way::Alone
}

/// What follows "and", "what about" and their like, and the language that it begins in.
fn without_lead(message: &str) -> (&str, Option<&'static Language>) {
    let begins =
        |text: &str| LANGUAGES.iter().find_map(|language| Some((language, language.leads.iter().find_map(|lead| after(text, lead))?)));
    let trimmed = |text: &'_ str| text.trim_start_matches(|c: char| !c.is_alphanumeric()).len();
    let mut from = message.len() - trimmed(message);
    let mut language = None;
    while let Some((found, left)) = begins(&message[from..]) {
        language = language.or(Some(found));
        from = message.len() - trimmed(&message[message.len() - left..]);
    }
    (&message[from..], language)
}

/// Bytes of `text` behind `lead`, if it begins with those words.
fn after(text: &str, lead: &str) -> Option<usize> {
    let mut rest = text.chars();
    for expected in lead.chars() {
        let said = rest.next().map(|c| if c == '\u{2019}' { '\'' } else { c })?;
        if !said.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    let rest = rest.as_str();
    (!rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '\'' | '\u{2019}'))).then_some(rest.len())
}

/// The earlier text without the years, numbers and codes whose place those of the later one take: who goes on from "in 2024?" with
/// "and how was it in 2023?" no longer asks about 2024.
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
