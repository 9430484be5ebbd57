//! Money as whole nano-dollars: sums are exact, an overflow is seen.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A billionth of a US dollar. A price of one dollar per million tokens is 1,000 of these a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoDollars(pub i64);

impl NanoDollars {
    pub const ZERO: Self = Self(0);

    /// `None` past about 9.2 billion dollars.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `None` past about 9.2 billion dollars.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The price of `quantity` units at `self` each; `None` past about 9.2 billion dollars.
    pub fn checked_mul(self, quantity: u64) -> Option<Self> {
        self.0.checked_mul(i64::try_from(quantity).ok()?).map(Self)
    }
}

impl fmt::Display for NanoDollars {
    /// In dollars with all nine decimals, such as `0.000150000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overflow_is_none_and_never_a_wrong_sum() {
        assert_eq!(NanoDollars(i64::MAX).checked_add(NanoDollars(1)), None);
        assert_eq!(NanoDollars(i64::MIN).checked_sub(NanoDollars(1)), None);
        assert_eq!(NanoDollars(3).checked_mul(u64::MAX), None);
        assert_eq!(NanoDollars(150).checked_mul(1_000), Some(NanoDollars(150_000)));
    }

    #[test]
    fn it_is_shown_in_dollars() {
        for (nanos, shown) in
            [(0, "0.000000000"), (-1, "-0.000000001"), (1_500_000_000, "1.500000000"), (i64::MIN, "-9223372036.854775808")]
        {
            assert_eq!(NanoDollars(nanos).to_string(), shown);
        }
    }
}
