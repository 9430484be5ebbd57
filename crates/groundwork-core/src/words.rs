//! Words of a text as the checker of citations and the chooser of quotes compare them: stems, numbers, names, negations.

use frostem::{Algorithm, Stemmer};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;
use unicode_segmentation::UnicodeSegmentation;

/// One word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Word {
    /// What it is compared by: the stem of a word, the canonical spelling of a number.
    pub(crate) key: String,
    pub(crate) kind: Kind,
    /// Bytes of the text.
    pub(crate) at: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Carries grammar, not meaning.
    Function,
    /// Turns a statement into its opposite: not, never, without.
    Negation,
    Number,
    /// A year, a month.
    Date,
    /// Written with a capital inside the sentence.
    Name,
    Content,
}

impl Word {
    /// Whether it says something of its own.
    pub(crate) fn is_content(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::Date | Kind::Name | Kind::Content)
    }
}

const FUNCTION: &str = "a an the of in on at to for and or by with from as is was were are be been being am that this these those it its \
    his her hers their theirs our ours your yours my mine which who whom whose what into onto than then also has have had having do does \
    did done so such there here he she they them him us we you i me if but while whereas although though because since when where how why \
    can could may might will would shall should must about per each any some one ones both either between among within upon through \
    during via very just even still only own same other another too s t percent cent et al etc e.g i.e";

const NEGATIONS: &str = "not no never none neither nor without cannot nothing nobody nowhere hardly barely scarcely isn't aren't wasn't weren't \
    don't doesn't didn't hasn't haven't hadn't won't wouldn't can't couldn't shouldn't mustn't needn't \
    nicht kein keine keinen keinem keiner nie niemals ohne pas jamais sans aucun aucune";

/// Where two of these stand, every noun has a capital.
const GERMAN: &str = "der die das den dem des und ist sind nicht ein eine einen mit von zu im auf für wird werden auch bei nach als";

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

const SMALL: [&str; 18] = [
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

static FUNCTION_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| FUNCTION.split_whitespace().collect());
static NEGATION_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| NEGATIONS.split_whitespace().collect());
static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::English));

/// The stem of a lower-case word.
pub(crate) fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
    STEMMER.stem(word).to_string()
}

/// The words of one sentence, in order.
pub(crate) fn words(sentence: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut begins = true;
    for (at, raw) in sentence.unicode_word_indices() {
        for (at, raw) in pieces(at, raw) {
            let range = at..at + raw.len();
            let word = word(sentence, raw, range, begins);
            begins = false;
            if !merge_numbers(sentence, &mut words, &word) && !merge_code(sentence, &mut words, &word) {
                words.push(word);
            }
        }
    }
    mark_dates(sentence, &mut words);
    settle_names(&mut words);
    words
}

/// Unicode keeps `U.S.A` and `3.5` as one word, as wanted, but also `a.b` and `1,a`.
fn pieces(at: usize, raw: &str) -> impl Iterator<Item = (usize, &str)> {
    let splits = raw.contains('_') || (raw.contains(':') && !raw.starts_with(|c: char| c.is_ascii_digit()));
    let separator = move |c: char| splits && matches!(c, '_' | ':');
    raw.split(separator).filter(|piece| !piece.is_empty()).map(move |piece| (at + (piece.as_ptr() as usize - raw.as_ptr() as usize), piece))
}

fn word(sentence: &str, raw: &str, at: Range<usize>, begins: bool) -> Word {
    let lower = raw.to_lowercase().replace('’', "'");
    if let Some(key) = number(&lower) {
        // "May 2" and "may": a number is never anything else.
        return Word { key, kind: Kind::Number, at };
    }
    if let Some(value) = spelled_number(&lower) {
        return Word { key: value.to_string(), kind: Kind::Number, at };
    }
    if NEGATION_WORDS.contains(lower.as_str()) {
        return Word { key: "not".to_owned(), kind: if is_only(sentence, at.end) { Kind::Function } else { Kind::Negation }, at };
    }
    let capital = raw.chars().next().is_some_and(char::is_uppercase);
    let inner_capital = raw.chars().skip(1).any(char::is_uppercase);
    let is_month = capital && !begins && MONTHS.contains(&lower.as_str());
    if FUNCTION_WORDS.contains(lower.as_str()) && !inner_capital && !is_month {
        return Word { key: lower, kind: Kind::Function, at };
    }
    let kind = if inner_capital || (capital && !begins) { Kind::Name } else { Kind::Content };
    Word { key: stem(&lower.replace('.', "")), kind, at }
}

/// "not only" says more, not less.
fn is_only(sentence: &str, end: usize) -> bool {
    let rest = sentence[end..].trim_start();
    rest.starts_with("only ") || rest.starts_with("just ") || rest.starts_with("least ")
}

/// The canonical spelling of a number: no separators, no leading or trailing zeros.
fn number(lower: &str) -> Option<String> {
    if !lower.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &lower[digits.len()..];
    if !suffix.is_empty() && !matches!(suffix, "st" | "nd" | "rd" | "th" | "s") {
        return Some(lower.to_owned());
    }
    let groups: Vec<&str> = digits.split(',').collect();
    let thousands = groups.len() > 1 && groups[1..].iter().all(|group| group.split('.').next().is_some_and(|whole| whole.len() == 3));
    let plain = if thousands { digits.replace(',', "") } else { digits.replace(',', ".") };
    let value: f64 = plain.parse().ok()?;
    Some(if suffix == "s" { format!("{value}s") } else { value.to_string() })
}

fn spelled_number(lower: &str) -> Option<u32> {
    let small = SMALL.iter().zip(2..).find(|(name, _)| **name == lower).map(|(_, value)| value);
    small.or_else(|| TENS.iter().zip(2..).find(|(name, _)| **name == lower).map(|(_, tens)| tens * 10))
}

/// "twenty-five" and "1.5 million" are one number each.
fn merge_numbers(sentence: &str, words: &mut [Word], next: &Word) -> bool {
    let Some(last) = words.last_mut().filter(|last| last.kind == Kind::Number) else { return false };
    let Ok(value) = last.key.parse::<f64>() else { return false };
    let gap = &sentence[last.at.end..next.at.start];
    let merged = match next.key.as_str() {
        "hundr" | "hundred" if gap == " " => value * 1e2,
        "thousand" if gap == " " => value * 1e3,
        "million" if gap == " " => value * 1e6,
        "billion" if gap == " " => value * 1e9,
        "trillion" if gap == " " => value * 1e12,
        unit if gap == "-" && next.kind == Kind::Number && value >= 20.0 && value % 10.0 == 0.0 && value < 100.0 => {
            match unit.parse::<f64>() {
                Ok(unit) if unit < 10.0 && !sentence[last.at.clone()].starts_with(|c: char| c.is_ascii_digit()) => value + unit,
                _ => return false,
            }
        }
        _ => return false,
    };
    last.key = merged.to_string();
    last.at.end = next.at.end;
    true
}

/// "TW-210" is a name, and another than "TW-200"; it may also be written "TW210".
fn merge_code(sentence: &str, words: &mut [Word], next: &Word) -> bool {
    let Some(last) = words.last_mut().filter(|last| matches!(last.kind, Kind::Name | Kind::Content)) else { return false };
    let letters = &sentence[last.at.clone()];
    let is_code = next.kind == Kind::Number
        && &sentence[last.at.end..next.at.start] == "-"
        && letters.len() <= 6
        && letters.chars().all(|c| c.is_uppercase() || c.is_ascii_digit());
    if is_code {
        last.key = format!("{}{}", letters.to_lowercase(), sentence[next.at.clone()].to_lowercase());
        last.kind = Kind::Name;
        last.at.end = next.at.end;
    }
    is_code
}

/// Years and months are dates; `2025-03-01` is a year, a month and a day.
fn mark_dates(sentence: &str, words: &mut [Word]) {
    for index in 0..words.len() {
        let is_year = |word: &Word| word.kind == Kind::Number && word.key.len() == 4 && matches!(word.key.parse(), Ok(1000..=2100));
        let dashed = |a: &Word, b: &Word| &sentence[a.at.end..b.at.start] == "-";
        if is_year(&words[index]) {
            if let [year, month, day, ..] = &words[index..]
                && dashed(year, month)
                && dashed(month, day)
                && let Ok(value @ 1..=12) = month.key.parse::<usize>()
            {
                words[index + 1].key = stem(MONTHS[value - 1]);
                words[index + 1].kind = Kind::Date;
            }
            words[index].kind = Kind::Date;
        } else if words[index].kind == Kind::Name || index == 0 {
            let lower = sentence[words[index].at.clone()].to_lowercase();
            if MONTHS.contains(&lower.as_str()) && (index > 0 || lower != "may") {
                words[index].key = stem(&lower);
                words[index].kind = Kind::Date;
            }
        }
    }
}

/// The first word of a sentence is a name too when a name follows it; where most words have a capital (a title, German) none of them
/// tells a name.
fn settle_names(words: &mut [Word]) {
    if let [first, second, ..] = words
        && first.kind == Kind::Content
        && second.kind == Kind::Name
    {
        first.kind = Kind::Name;
    }
    let plain = words.iter().filter(|word| matches!(word.kind, Kind::Content | Kind::Name)).count();
    let names = words.iter().filter(|word| word.kind == Kind::Name).count();
    let german = words.iter().filter(|word| GERMAN.split_whitespace().any(|german| german == word.key)).count() >= 2;
    if german || (plain >= 4 && names == plain) {
        words.iter_mut().filter(|word| word.kind == Kind::Name).for_each(|word| word.kind = Kind::Content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str, kind: Kind) -> Vec<String> {
        words(text).into_iter().filter(|word| word.kind == kind).map(|word| word.key).collect()
    }

    #[test]
    fn numbers_have_one_spelling() {
        for (text, expected) in [
            ("5,000 or 5000 or 5 000.50", &["5000", "5000", "5", "0.5"][..]),
            ("twenty-five and 25 and twelve", &["25", "25", "12"]),
            ("1.5 million euros, 3 thousand", &["1500000", "3000"]),
            ("5%, 5 percent, 3,5 and 007", &["5", "5", "3.5", "7"]),
            ("the 20th and the 1990s", &["20", "1990s"]),
        ] {
            assert_eq!(keys(text, Kind::Number), expected, "{text}");
        }
    }

    #[test]
    fn dates_names_and_negations_are_told_apart() {
        assert_eq!(keys("On 2025-03-01 and in March 1999, they may", Kind::Date), ["2025", "march", "march", "1999"]);
        assert_eq!(keys("The WHO met Ann Lee, NmU and staff in Kenya", Kind::Name), ["who", "ann", "lee", "nmu", "kenya"]);
        assert_eq!(keys("Ann Lee met staff", Kind::Name), ["ann", "lee"]);
        assert_eq!(keys("The TW-210, the TW210 and MCSS-26", Kind::Name), ["tw210", "tw210", "mcss26"]);
        assert_eq!(keys("It is not so, isn't it? Never, not only here", Kind::Negation).len(), 3);
        assert_eq!(keys("Associated associations", Kind::Content), ["associ", "associ"]);
    }
}
