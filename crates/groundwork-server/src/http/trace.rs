//! W3C trace context: the client's trace goes on to the target, or one begins here.

use axum::http::HeaderMap;
use groundwork_core::clock::Dice;
use std::fmt::Write;

/// The `traceparent` of a call. The span in it is ours, in the client's trace where it named one.
pub(super) fn parent(headers: &HeaderMap, dice: &Dice) -> String {
    let span = (dice.roll() as u64).max(1);
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(trace_and_flags);
    let mut parent = String::with_capacity(55);
    // Writing to a string does not fail.
    let _ = match given {
        Some((trace, flags)) => write!(parent, "00-{trace}-{span:016x}-{flags}"),
        None => write!(parent, "00-{:032x}-{span:016x}-00", dice.roll().max(1)),
    };
    parent
}

/// The trace and the flags of a `traceparent` that is one.
fn trace_and_flags(given: &str) -> Option<(&str, &str)> {
    let mut parts = given.trim().split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let named = |part: &str, length: usize| hex(part, length) && part.bytes().any(|b| b != b'0');
    let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    (known && named(trace, 32) && named(span, 16) && hex(flags, 2)).then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent_of(given: &str) -> String {
        let headers = [("traceparent".parse().unwrap(), given.parse().unwrap())].into_iter().collect();
        parent(&headers, &Dice::counting(5))
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_ours() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(parent_of(&format!("00-{trace}-00f067aa0ba902b7-01")), format!("00-{trace}-0000000000000005-01"));
        assert_eq!(parent_of(&format!("cc-{trace}-00f067aa0ba902b7-01-what-else")), format!("00-{trace}-0000000000000005-01"));
    }

    #[test]
    fn what_is_no_trace_begins_one() {
        let zero = "0".repeat(32);
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for given in [
            String::new(),
            "x".to_owned(),
            format!("00-{zero}-00f067aa0ba902b7-01"),
            format!("00-{trace}-0000000000000000-01"),
            format!("ff-{trace}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            format!("00-{trace}-00f067aa0ba902b7-01-x"),
        ] {
            assert_eq!(parent_of(&given), format!("00-{:032x}-{:016x}-00", 6, 5), "{given}");
        }
    }
}
