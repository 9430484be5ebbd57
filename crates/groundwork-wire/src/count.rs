//! Numbers of tokens as services spell them: `5`, of some `5.0` or `"5"`.

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A whole number that is not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Count(pub u64);

/// For a field that may be missing or null: `#[serde(default, deserialize_with = "count::some")]`.
pub fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<Count>::deserialize(deserializer)?.map(|Count(count)| count))
}

/// For a field that must be there.
pub fn needed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Count::deserialize(deserializer).map(|Count(count)| count)
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visit)
    }
}

struct Visit;

impl Visitor<'_> for Visit {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number that is not negative")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Count, E> {
        Ok(Count(count))
    }

    fn visit_f64<E: Error>(self, count: f64) -> Result<Count, E> {
        /// Up to here every whole number has a spelling of its own.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let whole = count.fract() == 0.0 && (0.0..=EXACT).contains(&count);
        whole.then_some(Count(count as u64)).ok_or_else(|| E::invalid_value(Unexpected::Float(count), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Count, E> {
        let wrong = || E::invalid_value(Unexpected::Str(text), &Visit);
        match text.parse() {
            Ok(count) => Ok(Count(count)),
            Err(_) => text.parse().map_err(|_| wrong()).and_then(|count| self.visit_f64(count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_in_every_spelling_and_nothing_else_is() {
        for (text, count) in
            [("5", 5), ("5.0", 5), ("\"5\"", 5), ("\"5.0\"", 5), ("1e2", 100), ("0.0", 0), ("18446744073709551615", u64::MAX)]
        {
            assert_eq!(serde_json::from_str::<Count>(text).unwrap(), Count(count), "{text}");
        }
        for text in ["-1", "-1.0", "1.5", "1e300", "\"\"", "\"five\"", "\"NaN\"", "\"inf\"", "true", "[]", "null"] {
            assert!(serde_json::from_str::<Count>(text).is_err(), "{text}");
        }
    }
}
