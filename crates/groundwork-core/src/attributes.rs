//! What people say about a document beside its text: a few named values, by which a search can be narrowed.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The most that one document may have, as OpenAI's API has it.
pub const MOST: usize = 16;
/// Characters of a name, and of a text.
pub const LONGEST_KEY: usize = 64;
pub const LONGEST_TEXT: usize = 512;

/// By name.
pub type Attributes = BTreeMap<String, Scalar>;

/// A value of one of three types, which are never taken for each other: the text `"5"` is not the number 5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Scalar {
    /// An order of all values, one type after the other; those are equal that a filter takes for equal.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => one.cmp(other),
            // Zero has two signs, which are not told apart.
            (Self::Number(one), Self::Number(other)) => (one + 0.0).total_cmp(&(other + 0.0)),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => self.kind().cmp(&other.kind()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

/// Why attributes cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttributes {
    #[error("there are {0} attributes; a document may have {MOST}")]
    TooMany(usize),
    #[error("the attribute name {0:?} is empty or longer than {LONGEST_KEY} characters")]
    Key(String),
    #[error("the attribute {0:?} has a text longer than {LONGEST_TEXT} characters")]
    TooLong(String),
    #[error("the attribute {0:?} is not a number that can be compared")]
    NotANumber(String),
}

/// Whether all of them are within the limits.
pub fn check(attributes: &Attributes) -> Result<(), InvalidAttributes> {
    if attributes.len() > MOST {
        return Err(InvalidAttributes::TooMany(attributes.len()));
    }
    for (key, value) in attributes {
        check_key(key)?;
        match value {
            Scalar::Text(text) if text.chars().count() > LONGEST_TEXT => return Err(InvalidAttributes::TooLong(key.clone())),
            Scalar::Number(number) if !number.is_finite() => return Err(InvalidAttributes::NotANumber(key.clone())),
            Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) => {}
        }
    }
    Ok(())
}

pub(crate) fn check_key(key: &str) -> Result<(), InvalidAttributes> {
    if key.is_empty() || key.chars().count() > LONGEST_KEY {
        return Err(InvalidAttributes::Key(key.chars().take(LONGEST_KEY).collect()));
    }
    Ok(())
}

/// Reads `KEY=VALUE` as it is typed: `true` and `false`, a number, or a text; in double quotes always a text.
pub fn parse_pair(pair: &str) -> Option<(String, Scalar)> {
    let (key, value) = pair.split_once('=')?;
    Some((key.trim().to_owned(), parse_scalar(value)))
}

pub(crate) fn parse_scalar(text: &str) -> Scalar {
    let text = text.trim();
    if let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Scalar::Text(quoted.to_owned());
    }
    match (text, text.parse::<f64>()) {
        ("true", _) => Scalar::Bool(true),
        ("false", _) => Scalar::Bool(false),
        (_, Ok(number)) if number.is_finite() => Scalar::Number(number),
        _ => Scalar::Text(text.to_owned()),
    }
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_has_the_type_that_it_looks_like_and_in_quotes_it_is_a_text() {
        let text = |text: &str| Scalar::Text(text.to_owned());
        for (pair, expected) in [
            ("year=2024", Some(("year", Scalar::Number(2024.0)))),
            ("year = \"2024\"", Some(("year", text("2024")))),
            ("draft=true", Some(("draft", Scalar::Bool(true)))),
            ("formula=a=b", Some(("formula", text("a=b")))),
            ("rate=inf", Some(("rate", text("inf")))),
            ("none", None),
        ] {
            assert_eq!(parse_pair(pair), expected.map(|(key, value)| (key.to_owned(), value)), "{pair}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let one = |key: &str, value| Attributes::from([(key.to_owned(), value)]);
        assert_eq!(check(&one("a", Scalar::Number(1.0))), Ok(()));
        assert_eq!(check(&one("", Scalar::Bool(true))), Err(InvalidAttributes::Key(String::new())));
        assert_eq!(check(&one("a", Scalar::Text("ä".repeat(513)))), Err(InvalidAttributes::TooLong("a".to_owned())));
        assert_eq!(check(&one("a", Scalar::Number(f64::NAN))), Err(InvalidAttributes::NotANumber("a".to_owned())));
        let many = (0..17).map(|at| (at.to_string(), Scalar::Bool(true))).collect();
        assert_eq!(check(&many), Err(InvalidAttributes::TooMany(17)));
    }
}
