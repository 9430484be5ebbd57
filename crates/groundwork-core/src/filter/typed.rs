//! A filter as it is typed on a command line: `year>=2024`, or JSON.

use super::{Filter, InvalidFilter, Operator, Value};
use crate::attributes::parse_scalar;

/// The longer ones first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 6] =
    [("!=", Operator::Ne), (">=", Operator::Gte), ("<=", Operator::Lte), ("=", Operator::Eq), (">", Operator::Gt), ("<", Operator::Lt)];

/// Reads one condition, and checks it.
pub fn parse(text: &str) -> Result<Filter, InvalidFilter> {
    let unreadable = || InvalidFilter::Unreadable(text.to_owned());
    let filter = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|_| unreadable())?
    } else {
        // The operator that stands first: what follows belongs to the value.
        let first = text.find(['!', '<', '>', '=']).ok_or_else(unreadable)?;
        let (key, rest) = text.split_at(first);
        let found = OPERATORS.iter().find_map(|(sign, operator)| Some((operator, rest.strip_prefix(sign)?)));
        let (operator, value) = found.ok_or_else(unreadable)?;
        Filter::compare(*operator, key.trim(), Value::One(parse_scalar(value)))
    };
    filter.check()?;
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Scalar;

    #[test]
    fn a_condition_is_read_as_it_is_typed() {
        let text = |text: &str| Scalar::Text(text.to_owned());
        for (typed, operator, value) in [
            ("team=hr", Operator::Eq, text("hr")),
            ("team != \"hr\"", Operator::Ne, text("hr")),
            ("team>=2024", Operator::Gte, Scalar::Number(2024.0)),
            ("team<2024-05-31", Operator::Lt, text("2024-05-31")),
            ("team=a<=b", Operator::Eq, text("a<=b")),
            ("{\"type\":\"eq\",\"key\":\"team\",\"value\":true}", Operator::Eq, Scalar::Bool(true)),
        ] {
            assert_eq!(parse(typed), Ok(Filter::compare(operator, "team", Value::One(value))), "{typed}");
        }
        for typed in ["team", "", "team!hr", "{\"type\":1}"] {
            assert_eq!(parse(typed), Err(InvalidFilter::Unreadable(typed.to_owned())), "{typed}");
        }
        assert!(matches!(parse("=x"), Err(InvalidFilter::Key(_))));
        assert!(matches!(parse("draft>true"), Err(InvalidFilter::NoOrder(_))));
    }
}
