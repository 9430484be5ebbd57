//! The marks of an answer: `[1]`, `[1][2]`, `[1, 2]`, `[1-3]`, found while the text streams.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The longest text between the brackets of one mark; what is longer is no mark.
const LONGEST: usize = 40;
/// A number with more digits is a year or a price, not a source.
const DIGITS: usize = 3;

/// One citation in the cleaned text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// `prompt::Source::id`.
    pub id: u32,
    /// Characters (not bytes) of the cleaned text that its mark `[n]` covers.
    pub at: Range<usize>,
}

/// What the whole answer's marks amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    pub valid: u32,
    /// Marks that named no source; they were dropped.
    pub invented: u32,
}

/// Text ready to be sent on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleaned {
    pub text: String,
    pub citations: Vec<Located>,
}

/// The streaming parser. Every mark in the cleaned text is of the form `[n]` with an id that was in the prompt; code is left alone,
/// and so is a link such as `[1](url)`.
#[derive(Debug, Clone)]
pub struct Marks {
    sources: u32,
    /// What may become a mark: white space, then a bracket and what stands in it. The white space is held too, because it goes with a
    /// mark that is dropped.
    held: String,
    code: Code,
    /// Backticks seen in a row just now.
    ticks: usize,
    /// Whether only white space precedes on this line.
    at_line_start: bool,
    /// Characters sent on so far.
    sent: usize,
    tally: Tally,
}

/// Markdown code, by the number of backticks that opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    No,
    Inline(usize),
    Fenced(usize),
}

impl Marks {
    /// A parser for an answer to a prompt with the sources 1 to `sources`.
    pub fn new(sources: u32) -> Self {
        Self { sources, held: String::new(), code: Code::No, ticks: 0, at_line_start: true, sent: 0, tally: Tally::default() }
    }

    /// All of an answer at once.
    pub fn whole(answer: &str, sources: u32) -> (Cleaned, Tally) {
        let mut marks = Self::new(sources);
        let mut cleaned = marks.push(answer);
        let (rest, tally) = marks.finish();
        cleaned.text.push_str(&rest.text);
        cleaned.citations.extend(rest.citations);
        (cleaned, tally)
    }

    /// Takes the next piece of the answer, split anywhere, and gives what is certain by now. Only what may become a mark is held back.
    pub fn push(&mut self, delta: &str) -> Cleaned {
        let mut out = Cleaned::default();
        for c in delta.chars() {
            self.take(c, &mut out);
        }
        out
    }

    /// Gives what was held back.
    pub fn finish(mut self) -> (Cleaned, Tally) {
        let mut out = Cleaned::default();
        if self.held.ends_with(']') {
            self.settle(None, &mut out);
        }
        self.release(&mut out);
        (out, self.tally)
    }

    fn take(&mut self, c: char, out: &mut Cleaned) {
        if self.held.ends_with(']') {
            self.settle(Some(c), out);
        }
        if c == '`' {
            self.release(out);
            self.ticks += 1;
            return self.send(c, out);
        }
        if self.ticks > 0 {
            self.turn_code();
        }
        if c == '\n' && matches!(self.code, Code::Inline(_)) {
            // Nobody closed it: it was no code but a lone backtick.
            self.code = Code::No;
        }
        if self.code != Code::No {
            return self.send(c, out);
        }
        let may_be_mark = match (c, self.held.find('[')) {
            (' ', None) => self.held.len() < LONGEST,
            ('[', None) => true,
            ('0'..='9' | ' ' | ',' | ';' | '-' | '–', Some(open)) => self.held.len() - open <= LONGEST,
            (']', Some(_)) => self.numbers().is_some(),
            _ => false,
        };
        if may_be_mark {
            return self.held.push(c);
        }
        self.release(out);
        if matches!(c, '[' | ' ') { self.held.push(c) } else { self.send(c, out) }
    }

    /// A run of backticks has ended: it opens or closes code.
    fn turn_code(&mut self) {
        let ticks = std::mem::take(&mut self.ticks);
        self.code = match self.code {
            Code::No if ticks >= 3 && self.at_line_start => Code::Fenced(ticks),
            Code::No => Code::Inline(ticks),
            Code::Inline(open) if ticks == open => Code::No,
            Code::Fenced(open) if ticks >= open && self.at_line_start => Code::No,
            unchanged => unchanged,
        };
    }

    /// The ids in the held bracket, ranges written out; `None` when it is no list of numbers.
    fn numbers(&self) -> Option<Vec<u32>> {
        let inside = self.held.trim_start().strip_prefix('[')?;
        let inside = inside.strip_suffix(']').unwrap_or(inside);
        let number = |text: &str| -> Option<u32> {
            let text = text.trim();
            if text.is_empty() || text.len() > DIGITS { None } else { text.parse().ok() }
        };
        let mut ids = Vec::new();
        for part in inside.split([',', ';']) {
            match part.split_once(['-', '–']) {
                Some((first, last)) => {
                    let (first, last) = (number(first)?, number(last)?);
                    if first > last || last - first > 20 {
                        return None;
                    }
                    ids.extend(first..=last);
                }
                None => ids.push(number(part)?),
            }
        }
        Some(ids)
    }

    /// Decides about a whole mark, now that it is known what follows it.
    fn settle(&mut self, next: Option<char>, out: &mut Cleaned) {
        if next == Some('(') {
            return self.release(out);
        }
        let Some(ids) = self.numbers() else { return self.release(out) };
        let held = std::mem::take(&mut self.held);
        let space = &held[..held.find('[').unwrap_or(0)];
        let mut valid: Vec<u32> = Vec::new();
        for id in ids {
            if id == 0 || id > self.sources {
                self.tally.invented += 1;
            } else if !valid.contains(&id) {
                valid.push(id);
            }
        }
        if valid.is_empty() {
            // With nothing or a punctuation after it the space would stand in the air; before another bracket that one decides.
            let keep = match next {
                None | Some(' ' | '\n' | '.' | ',' | ';' | ':' | '!' | '?' | ')') => "",
                Some(_) => space,
            };
            self.held.push_str(keep);
            if next != Some('[') {
                self.release(out);
            }
            return;
        }
        space.chars().for_each(|c| self.send(c, out));
        for id in valid {
            let start = self.sent;
            format!("[{id}]").chars().for_each(|c| self.send(c, out));
            out.citations.push(Located { id, at: start..self.sent });
            self.tally.valid += 1;
        }
    }

    fn release(&mut self, out: &mut Cleaned) {
        let held = std::mem::take(&mut self.held);
        held.chars().for_each(|c| self.send(c, out));
    }

    fn send(&mut self, c: char, out: &mut Cleaned) {
        out.text.push(c);
        self.sent += 1;
        if c != '`' {
            self.at_line_start = c == '\n' || (self.at_line_start && c == ' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(pieces: &[&str], sources: u32) -> (Cleaned, Tally) {
        let mut marks = Marks::new(sources);
        let mut all = Cleaned::default();
        for piece in pieces {
            let out = marks.push(piece);
            all.text.push_str(&out.text);
            all.citations.extend(out.citations);
        }
        let (out, tally) = marks.finish();
        all.text.push_str(&out.text);
        all.citations.extend(out.citations);
        (all, tally)
    }

    #[test]
    fn marks_of_every_form_become_single_ones() {
        for (text, cleaned, ids) in [
            ("27 days [1].", "27 days [1].", &[1][..]),
            ("a[1][3] b", "a[1][3] b", &[1, 3]),
            ("a [1, 3].", "a [1][3].", &[1, 3]),
            ("a [1;2] [ 3 ]", "a [1][2] [3]", &[1, 2, 3]),
            ("a [1-3] [2–3]", "a [1][2][3] [2][3]", &[1, 2, 3, 2, 3]),
            ("a [1, 1]", "a [1]", &[1]),
            ("[1]", "[1]", &[1]),
            ("[[2]]", "[[2]]", &[2]),
        ] {
            let (out, tally) = parse(&[text], 3);
            assert_eq!(out.text, cleaned, "{text:?}");
            assert_eq!(out.citations.iter().map(|one| one.id).collect::<Vec<_>>(), ids, "{text:?}");
            assert_eq!(tally, Tally { valid: ids.len() as u32, invented: 0 }, "{text:?}");
        }
    }

    #[test]
    fn invented_ids_are_dropped_with_the_space_before_them() {
        for (text, cleaned, invented) in [
            ("27 days [9].", "27 days.", 1),
            ("27 days [9][1].", "27 days [1].", 1),
            ("27 days [9] [8]", "27 days", 2),
            ("27 days [0] and", "27 days and", 1),
            ("27 days [9](1)", "27 days [9](1)", 0),
            ("a [1, 7].", "a [1].", 1),
            ("[9]", "", 1),
            ("see [9]x", "see x", 1),
        ] {
            let (out, tally) = parse(&[text], 3);
            assert_eq!((out.text.as_str(), tally.invented), (cleaned, invented), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_mark_is_left_alone() {
        for text in [
            "`a[1]` and ``b ` [2]``",
            "```rust\nlet x = a[1];\n```",
            "[1](http://a)",
            "[see 1]",
            "[2024] and [1,] and [,] and [] and [3-1]",
            "[ ]  [",
            "a [1",
            "- [ ] open",
            "tab\t[x] [1.5]",
        ] {
            let (out, tally) = parse(&[text], 3);
            assert_eq!((out.text.as_str(), tally), (text, Tally::default()), "{text:?}");
        }
        let (out, _) = parse(&["a lone ` here\nthen [1] and ```\ncode [1]\n``` no"], 3);
        assert_eq!(out.citations.len(), 2, "{out:?}");
    }

    #[test]
    fn text_is_held_back_only_while_it_may_become_a_mark() {
        let mut marks = Marks::new(3);
        assert_eq!(marks.push("27 days").text, "27 days");
        assert_eq!(marks.push(" [1").text, "");
        assert_eq!(marks.push("x").text, " [1x");
        assert_eq!(marks.push(" [2]").text, "");
        assert_eq!(marks.push(" ").text, " [2]");
    }

    #[test]
    fn citations_are_located_in_characters_of_the_cleaned_text() {
        let (out, _) = parse(&["Über [9] 27 ", "[1", "]."], 3);
        let at = out.citations[0].at.clone();
        assert_eq!(out.text.chars().skip(at.start).take(at.len()).collect::<String>(), "[1]");
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_stream_is_split(
            parts in prop::collection::vec(prop::sample::select(vec!["[", "]", "1", "2", "9", ", ", "-", " ", "  ", "`", "```", "\n", "(", ".", "ä", "word"]), 0..40),
            cuts in prop::collection::vec(any::<bool>(), 40),
        ) {
            let mut pieces = vec![String::new()];
            for (part, cut) in parts.iter().flat_map(|part| part.chars()).zip(cuts.into_iter().cycle()) {
                if cut {
                    pieces.push(String::new());
                }
                pieces.last_mut().unwrap().push(part);
            }
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let whole = parse(&[&parts.concat()], 3);
            prop_assert_eq!(&parse(&pieces, 3), &whole);
            for citation in &whole.0.citations {
                prop_assert!((1..=3).contains(&citation.id));
                let mark: String = whole.0.text.chars().skip(citation.at.start).take(citation.at.len()).collect();
                prop_assert_eq!(mark, format!("[{}]", citation.id));
            }
        }
    }
}
