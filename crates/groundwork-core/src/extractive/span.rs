//! Spans of numbers, as the rows of a table give them: "5 to 10 years", "up to 2 years", "more than 10".

use crate::words::{Kind, Word};

/// A span with the word that it counts.
#[derive(Debug, PartialEq)]
struct Span<'a> {
    from: f64,
    to: f64,
    unit: Option<&'a str>,
}

/// Whether the question's number lies in a span of the row: `None` when the row has no span of the same unit.
pub(super) fn holds(question: &[Word], row: &[Word], text: &str) -> Option<bool> {
    let spans = spans(row, text);
    let asked = question.iter().enumerate().filter(|(_, word)| word.kind == Kind::Number);
    let verdicts = asked.filter_map(|(at, word)| {
        let value: f64 = word.key.parse().ok()?;
        let unit = question.get(at + 1).map(|word| word.key.as_str());
        let comparable = |span: &&Span<'_>| span.unit.is_some() && span.unit == unit;
        let mut of_unit = spans.iter().filter(comparable).peekable();
        of_unit.peek()?;
        Some(of_unit.any(|span| span.from <= value && value <= span.to))
    });
    verdicts.reduce(|a, b| a || b)
}

/// `text` is what `row` was read from.
fn spans<'a>(row: &'a [Word], text: &str) -> Vec<Span<'a>> {
    let mut spans = Vec::new();
    let unit = |at: usize| row.get(at).filter(|word| word.kind == Kind::Content).map(|word| word.key.as_str());
    for (at, word) in row.iter().enumerate().filter(|(_, word)| word.kind == Kind::Number) {
        let Ok(value) = word.key.parse::<f64>() else { continue };
        let before = text[..word.at.start].trim_end().to_lowercase();
        let ends = |words: &[&str]| words.iter().any(|word| before.ends_with(word));
        let number_before =
            |skip: usize| at.checked_sub(skip).map(|at| &row[at]).filter(|word| word.kind == Kind::Number)?.key.parse().ok();
        // The unit stands after the second number; a dash between the two is no word.
        let (from, to) = if ends(&["up to", "less than", "below", "under", "at most"]) {
            (f64::NEG_INFINITY, value)
        } else if ends(&["more than", "over", "above", "at least", "from"]) && !matches!(row.get(at + 1), Some(next) if next.key == "to") {
            (value, f64::INFINITY)
        } else if ends(&["to"])
            && let Some(from) = number_before(2)
        {
            (from, value)
        } else if ends(&["-", "–"])
            && let Some(from) = number_before(1)
        {
            (from, value)
        } else {
            continue;
        };
        spans.push(Span { from, to, unit: unit(at + 1) });
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    #[test]
    fn a_number_is_found_in_the_span_that_holds_it() {
        for (row, expected) in [
            ("up to 2 years | 4 weeks", Some(false)),
            ("2 to 5 years | 8 weeks", Some(false)),
            ("5 to 10 years | 12 weeks", Some(true)),
            ("5–10 years | 12 weeks", Some(true)),
            ("more than 10 years | 20 weeks", Some(false)),
            ("from 7 years | 20 weeks", Some(true)),
            ("5 to 10 euros | 1", None),
            ("7 years | 1", None),
        ] {
            let mut question = words("How long is notice after seven years?");
            question.retain(Word::is_content);
            assert_eq!(holds(&question, &words(row), row), expected, "{row}");
        }
    }
}
