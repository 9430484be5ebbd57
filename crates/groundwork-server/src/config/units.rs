//! Sizes and spans of time as people write them: `64MiB`, `30s`, `1m 30s`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A number of bytes, written as `64MiB`, `10kB` or a plain number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

/// From the largest, so that the first that divides evenly is the shortest to write.
const SIZE_UNITS: [(&str, u64); 7] =
    [("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1_000), ("B", 1)];

impl ByteSize {
    pub const fn from_mib(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    pub fn bytes(self) -> u64 {
        self.0
    }

    /// As a length in memory; a size past the address space is the address space.
    pub fn as_len(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl std::str::FromStr for ByteSize {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let wrong = || format!("{given:?} is not a size; write a whole number with a unit, like \"64MiB\" or \"500kB\"");
        let given_trimmed = given.trim();
        let digits = given_trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(given_trimmed.len());
        let (number, unit) = given_trimmed.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit = unit.trim();
        let factor = match unit {
            "" => 1,
            unit => SIZE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(wrong)?.1,
        };
        number.checked_mul(factor).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIZE_UNITS.iter().find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor)) {
            Some((name, factor)) => write!(f, "{}{name}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// A length of time, written as `500ms`, `30s`, `10m` or `1h 30m`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    pub fn duration(self) -> Duration {
        self.0
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let wrong = || format!("{given:?} is not a length of time; write a number with a unit, like \"500ms\", \"30s\" or \"10m\"");
        let parsed: jiff::SignedDuration = given.parse().map_err(|_| wrong())?;
        let span = Duration::try_from(parsed).map_err(|_| wrong())?;
        if span.is_zero() { Err(format!("{given:?} is no time at all; write at least \"1ms\"")) } else { Ok(Self(span)) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::SignedDuration::try_from(self.0) {
            Ok(span) => write!(f, "{span:#}"),
            Err(_) => write!(f, "{}s", self.0.as_secs()),
        }
    }
}

macro_rules! written_as_text {
    ($type:ident, $expecting:literal, $($visit_number:ident: $number:ty => $from:expr)?) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Written;
                impl Visitor<'_> for Written {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, given: &str) -> Result<$type, E> {
                        given.parse().map_err(E::custom)
                    }

                    $(fn $visit_number<E: de::Error>(self, given: $number) -> Result<$type, E> {
                        $from(given).map_err(E::custom)
                    })?
                }
                deserializer.deserialize_any(Written)
            }
        }
    };
}

written_as_text!(ByteSize, "a size like \"64MiB\" or a number of bytes", visit_i64: i64 => |given: i64| u64::try_from(given).map(ByteSize).map_err(|_| "a size is not negative"));
written_as_text!(Span, "a length of time like \"30s\",",);

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "pattern": "^[0-9]+ *([kKmMgG]?[iI]?[bB])?$", "minimum": 0 })
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["500ms", "30s", "10m", "1h 30m"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them_and_shown_the_same() {
        for (written, bytes, shown) in [
            ("64MiB", 64 << 20, "64MiB"),
            ("10 kb", 10_000, "10kB"),
            ("1024", 1024, "1KiB"),
            ("0", 0, "0B"),
            ("3gib", 3 << 30, "3GiB"),
            ("1500B", 1500, "1500B"),
        ] {
            let size: ByteSize = written.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown));
        }
        for wrong in ["", "MiB", "-1", "1.5GiB", "12 parsecs", "99999999999999999999", "18446744073709551615GiB"] {
            assert!(wrong.parse::<ByteSize>().unwrap_err().contains("64MiB"), "{wrong}");
        }
    }

    #[test]
    fn spans_are_read_as_people_write_them_and_are_never_nothing() {
        for (written, millis) in [("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("1h 30m", 5_400_000)] {
            let span: Span = written.parse().unwrap();
            assert_eq!(span.duration(), Duration::from_millis(millis));
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        for wrong in ["", "30", "-5s", "0s", "soon"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
