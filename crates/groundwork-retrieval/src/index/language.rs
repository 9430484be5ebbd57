//! Languages as the keyword leg knows them.

use frostem::{Algorithm, Stemmer};

/// How the words of a language are stemmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Language(usize);

/// By ISO 639-3 code. The last one is for all others, whose words are compared as they are.
const LANGUAGES: [(&str, Option<Algorithm>); 19] = [
    ("eng", Some(Algorithm::English)),
    ("ara", Some(Algorithm::Arabic)),
    ("dan", Some(Algorithm::Danish)),
    ("deu", Some(Algorithm::German)),
    ("ell", Some(Algorithm::Greek)),
    ("fin", Some(Algorithm::Finnish)),
    ("fra", Some(Algorithm::French)),
    ("hun", Some(Algorithm::Hungarian)),
    ("ita", Some(Algorithm::Italian)),
    ("nld", Some(Algorithm::Dutch)),
    ("nob", Some(Algorithm::Norwegian)),
    ("por", Some(Algorithm::Portuguese)),
    ("ron", Some(Algorithm::Romanian)),
    ("rus", Some(Algorithm::Russian)),
    ("spa", Some(Algorithm::Spanish)),
    ("swe", Some(Algorithm::Swedish)),
    ("tam", Some(Algorithm::Tamil)),
    ("tur", Some(Algorithm::Turkish)),
    ("other", None),
];

impl Language {
    pub(super) const ENGLISH: Self = Self(0);

    /// A passage that does not tell its language is taken for English.
    pub(super) fn of(code: Option<&str>) -> Self {
        let Some(code) = code else { return Self::ENGLISH };
        Self(LANGUAGES.iter().position(|(known, _)| *known == code).unwrap_or(LANGUAGES.len() - 1))
    }

    pub(super) fn name(self) -> &'static str {
        LANGUAGES[self.0].0
    }

    /// What a word in small letters is compared by.
    pub(super) fn stem(self, word: String) -> String {
        match LANGUAGES[self.0].1 {
            Some(algorithm) => Stemmer::new(algorithm).stem(&word).into_owned(),
            None => word,
        }
    }
}

/// Whether a character is of a script that sets no spaces between words, or, as Korean does, hangs endings on them: Thai, Lao, Burmese,
/// Khmer, Hangul, kana and Han.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3134f}')
}

/// A letter that is written as wide as a Han character is the same letter.
pub(super) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}
