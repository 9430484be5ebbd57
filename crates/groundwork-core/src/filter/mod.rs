//! Which documents a search may look at, by their attributes; in the shape of OpenAI's file search.

mod typed;

pub use typed::parse;

use crate::attributes::{InvalidAttributes, Scalar, check_key};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Filters inside filters, and all of them together.
const DEEPEST: usize = 8;
const MOST: usize = 128;
/// Values of one set.
const MOST_VALUES: usize = 1024;

/// A condition on a document's attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a filter is a comparison {type, key, value} with type eq, ne, gt, gte, lt, lte, in or nin, or {type: and|or, filters}"
)]
pub enum Filter {
    Compare(Comparison),
    Compound(Compound),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    #[serde(rename = "type")]
    pub operator: Operator,
    pub key: String,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compound {
    #[serde(rename = "type")]
    pub joined: Joined,
    pub filters: Vec<Filter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    Nin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Joined {
    And,
    Or,
}

/// One value, or the set of `in` and `nin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    One(Scalar),
    Set(Set),
}

/// Values in their order, so that one is found quickly among many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Scalar>", into = "Vec<Scalar>")]
pub struct Set(Vec<Scalar>);

impl From<Vec<Scalar>> for Set {
    fn from(mut values: Vec<Scalar>) -> Self {
        values.sort_by(Scalar::total_cmp);
        Self(values)
    }
}

impl From<Set> for Vec<Scalar> {
    fn from(set: Set) -> Self {
        set.0
    }
}

impl Set {
    fn contains(&self, value: &Scalar) -> bool {
        self.0.binary_search_by(|other| other.total_cmp(value)).is_ok()
    }
}

/// Why a filter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    #[error(transparent)]
    Key(#[from] InvalidAttributes),
    #[error("the comparison of {0:?} needs a set of values: write [\"a\", \"b\"]")]
    NeedsSet(String),
    #[error("the comparison of {0:?} needs one value and not a set: use in or nin")]
    NeedsOne(String),
    #[error("{0:?} is compared with true or false, which is neither more nor less than anything: use eq or ne")]
    NoOrder(String),
    #[error("`and` and `or` need at least one filter")]
    Empty,
    #[error("a filter may have {MOST} comparisons with {MOST_VALUES} values each, in {DEEPEST} levels")]
    TooLarge,
    #[error("{0:?} is no condition: write KEY=VALUE, with =, !=, <, <=, > or >=, or a filter in JSON")]
    Unreadable(String),
}

impl Filter {
    pub fn compare(operator: Operator, key: &str, value: Value) -> Self {
        Self::Compare(Comparison { operator, key: key.to_owned(), value })
    }

    /// All of them; `None` of none.
    pub fn all(mut filters: Vec<Self>) -> Option<Self> {
        match filters.len() {
            0 | 1 => filters.pop(),
            _ => Some(Self::Compound(Compound { joined: Joined::And, filters })),
        }
    }

    /// Whether it makes sense, and is small enough to be asked of every document.
    pub fn check(&self) -> Result<(), InvalidFilter> {
        if self.count(0).is_none_or(|count| count > MOST) {
            return Err(InvalidFilter::TooLarge);
        }
        self.check_parts()
    }

    /// `None` when it is too deep.
    fn count(&self, depth: usize) -> Option<usize> {
        match self {
            _ if depth >= DEEPEST => None,
            Self::Compare(_) => Some(1),
            Self::Compound(compound) => compound.filters.iter().try_fold(1, |sum, filter| Some(sum + filter.count(depth + 1)?)),
        }
    }

    fn check_parts(&self) -> Result<(), InvalidFilter> {
        let Comparison { operator, key, value } = match self {
            Self::Compound(compound) if compound.filters.is_empty() => return Err(InvalidFilter::Empty),
            Self::Compound(compound) => return compound.filters.iter().try_for_each(Self::check_parts),
            Self::Compare(comparison) => comparison,
        };
        check_key(key)?;
        match (operator, value) {
            (Operator::In | Operator::Nin, Value::One(_)) => Err(InvalidFilter::NeedsSet(key.clone())),
            (Operator::In | Operator::Nin, Value::Set(set)) if set.0.len() > MOST_VALUES => Err(InvalidFilter::TooLarge),
            (Operator::In | Operator::Nin, Value::Set(_)) | (Operator::Eq | Operator::Ne, Value::One(_)) => Ok(()),
            (_, Value::Set(_)) => Err(InvalidFilter::NeedsOne(key.clone())),
            (_, Value::One(Scalar::Bool(_))) => Err(InvalidFilter::NoOrder(key.clone())),
            (_, Value::One(_)) => Ok(()),
        }
    }

    /// Which of `count` documents pass, where `compare` says it of each for one comparison.
    pub fn among(&self, count: usize, compare: &impl Fn(&Comparison) -> Vec<bool>) -> Vec<bool> {
        let Compound { joined, filters } = match self {
            Self::Compare(comparison) => return compare(comparison),
            Self::Compound(compound) => compound,
        };
        let mut passing = vec![*joined == Joined::And; count];
        for filter in filters {
            for (passes, other) in passing.iter_mut().zip(filter.among(count, compare)) {
                *passes = if *joined == Joined::And { *passes && other } else { *passes || other };
            }
        }
        passing
    }
}

impl Comparison {
    /// Whether a document passes that has this value. One that lacks the attribute, or has it in another type, equals nothing and is
    /// neither more nor less than anything: it passes `ne` and `nin` only.
    pub fn passes(&self, has: Option<&Scalar>) -> bool {
        let order = |value: &Scalar| has.and_then(|has| order(has, value));
        let is = |value: &Scalar| order(value) == Some(Ordering::Equal);
        match (self.operator, &self.value) {
            (Operator::Eq, Value::One(value)) => is(value),
            (Operator::Ne, Value::One(value)) => !is(value),
            (Operator::Gt, Value::One(value)) => order(value) == Some(Ordering::Greater),
            (Operator::Gte, Value::One(value)) => order(value).is_some_and(Ordering::is_ge),
            (Operator::Lt, Value::One(value)) => order(value) == Some(Ordering::Less),
            (Operator::Lte, Value::One(value)) => order(value).is_some_and(Ordering::is_le),
            (Operator::In, Value::Set(set)) => has.is_some_and(|has| set.contains(has)),
            (Operator::Nin, Value::Set(set)) => !has.is_some_and(|has| set.contains(has)),
            (Operator::In | Operator::Nin, Value::One(_)) | (_, Value::Set(_)) => false,
        }
    }
}

/// Texts go by their characters, so that dates written as 2024-05-31 go by time. Values of two types have no order.
fn order(one: &Scalar, other: &Scalar) -> Option<Ordering> {
    match (one, other) {
        (Scalar::Bool(one), Scalar::Bool(other)) => (one == other).then_some(Ordering::Equal),
        (Scalar::Number(one), Scalar::Number(other)) => one.partial_cmp(other),
        (Scalar::Text(one), Scalar::Text(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Attributes;
    use proptest::prelude::*;
    use serde_json::json;

    fn passes(filter: &Filter, attributes: &Attributes) -> bool {
        filter.among(1, &|comparison| vec![comparison.passes(attributes.get(&comparison.key))]) == [true]
    }

    fn filter(json: serde_json::Value) -> Filter {
        serde_json::from_value(json).unwrap()
    }

    fn attributes() -> Attributes {
        serde_json::from_value(json!({ "region": "us", "year": 2024, "draft": false, "on": "2024-05-31" })).unwrap()
    }

    #[test]
    fn a_document_passes_what_its_attributes_fulfil() {
        for (written, expected) in [
            (json!({ "type": "eq", "key": "region", "value": "us" }), true),
            (json!({ "type": "eq", "key": "region", "value": "eu" }), false),
            (json!({ "type": "ne", "key": "region", "value": "eu" }), true),
            (json!({ "type": "eq", "key": "year", "value": 2024.0 }), true),
            (json!({ "type": "eq", "key": "year", "value": "2024" }), false),
            (json!({ "type": "gt", "key": "year", "value": 2024 }), false),
            (json!({ "type": "gte", "key": "year", "value": 2024 }), true),
            (json!({ "type": "lt", "key": "on", "value": "2024-06" }), true),
            (json!({ "type": "lte", "key": "on", "value": "2024-05-30" }), false),
            (json!({ "type": "eq", "key": "draft", "value": false }), true),
            (json!({ "type": "in", "key": "region", "value": ["eu", "us"] }), true),
            (json!({ "type": "nin", "key": "region", "value": ["eu", "us"] }), false),
            (json!({ "type": "in", "key": "year", "value": [] }), false),
            (json!({ "type": "in", "key": "year", "value": [true, "2024", 2025, 2024, 1, "us"] }), true),
            (json!({ "type": "nin", "key": "year", "value": ["2024", true, 2025] }), true),
            // What is not there.
            (json!({ "type": "eq", "key": "team", "value": "x" }), false),
            (json!({ "type": "ne", "key": "team", "value": "x" }), true),
            (json!({ "type": "nin", "key": "team", "value": ["x"] }), true),
            (json!({ "type": "lt", "key": "team", "value": "x" }), false),
            (
                json!({ "type": "and", "filters": [{ "type": "eq", "key": "region", "value": "us" }, { "type": "or", "filters": [
                    { "type": "gt", "key": "year", "value": 2030 }, { "type": "eq", "key": "draft", "value": false }] }] }),
                true,
            ),
        ] {
            let filter = filter(written.clone());
            assert_eq!(filter.check(), Ok(()), "{written}");
            assert_eq!(passes(&filter, &attributes()), expected, "{written}");
            assert_eq!(serde_json::from_value::<Filter>(serde_json::to_value(&filter).unwrap()).unwrap(), filter);
        }
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_refused_with_its_reason() {
        let key = || "a".to_owned();
        for (written, expected) in [
            (json!({ "type": "in", "key": "a", "value": 1 }), InvalidFilter::NeedsSet(key())),
            (json!({ "type": "gt", "key": "a", "value": [1] }), InvalidFilter::NeedsOne(key())),
            (json!({ "type": "lt", "key": "a", "value": true }), InvalidFilter::NoOrder(key())),
            (json!({ "type": "and", "filters": [] }), InvalidFilter::Empty),
            (json!({ "type": "eq", "key": "", "value": 1 }), InvalidFilter::Key(InvalidAttributes::Key(String::new()))),
        ] {
            assert_eq!(filter(written.clone()).check(), Err(expected), "{written}");
        }
        let mut deep = filter(json!({ "type": "eq", "key": "a", "value": 1 }));
        for _ in 0..DEEPEST {
            deep = Filter::Compound(Compound { joined: Joined::Or, filters: vec![deep] });
        }
        assert_eq!(deep.check(), Err(InvalidFilter::TooLarge));
        for unreadable in [json!({ "type": "like", "key": "a", "value": 1 }), json!({ "type": "eq", "key": "a" }), json!([])] {
            assert!(serde_json::from_value::<Filter>(unreadable).unwrap_err().to_string().contains("a filter is a comparison"));
        }
    }

    proptest! {
        #[test]
        fn an_operator_and_its_opposite_never_both_pass(year in -3i32..3, value in -3i32..3, has in any::<bool>()) {
            let attributes: Attributes = if has { [("y".to_owned(), Scalar::Number(year.into()))].into() } else { Attributes::new() };
            let passes = |operator| passes(&Filter::compare(operator, "y", Value::One(Scalar::Number(value.into()))), &attributes);
            prop_assert!(passes(Operator::Eq) != passes(Operator::Ne));
            prop_assert_eq!(passes(Operator::Gt) != passes(Operator::Lte), has);
            prop_assert_eq!(passes(Operator::Lt) != passes(Operator::Gte), has);
        }
    }
}
