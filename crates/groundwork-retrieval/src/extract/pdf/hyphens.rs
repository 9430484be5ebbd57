//! Joins the lines of a block. A word parted at a line's end becomes whole; a compound keeps its hyphen.

use super::super::document::PAGE_END;
use super::paragraphs::{Content, Draft};
use super::words::is_wide;
use std::collections::HashSet;

/// Joins all lines of all blocks. The document's own words decide which hyphens belong to the word.
pub(super) fn join(drafts: &mut [Draft]) {
    let known = Known::of(drafts);
    for draft in drafts {
        match &mut draft.content {
            Content::Text(text) => *text = joined(text, &known),
            Content::Code(_) => {}
            Content::Table { rows, .. } => {
                for cell in rows.iter_mut().flatten() {
                    *cell = joined(cell, &known);
                }
            }
        }
    }
}

/// What the document itself tells about its words.
struct Known {
    words: HashSet<String>,
    /// Words are parted at line ends. Where none is, every hyphen at a line's end belongs to its word.
    parts_words: bool,
}

impl Known {
    fn of(drafts: &[Draft]) -> Self {
        let texts = || {
            drafts.iter().flat_map(|draft| match &draft.content {
                Content::Text(text) => vec![text],
                Content::Code(_) => Vec::new(),
                Content::Table { rows, .. } => rows.iter().flatten().collect(),
            })
        };
        let mut words = HashSet::new();
        let (mut lines, mut hyphens) = (0_usize, 0_usize);
        for line in texts().flat_map(|text| text.split(LINE_ENDS)) {
            lines += 1;
            let mut rest = line.split_whitespace().peekable();
            let mut is_first = lines > 1;
            while let Some(word) = rest.next() {
                // The last word of a line may be a part only, and so may the first.
                if rest.peek().is_some() && !is_first || !word.ends_with(HYPHENS) {
                    words.insert(core_of(word).to_lowercase());
                }
                is_first = false;
            }
            hyphens += usize::from(line.ends_with(HYPHENS));
        }
        let has_parted_word = texts().any(|text| {
            let lines: Vec<&str> = text.split(LINE_ENDS).collect();
            lines.windows(2).any(|pair| {
                pair[0].ends_with(HYPHENS) && {
                    let (left, right) = parts(pair[0], pair[1]);
                    !left.is_empty() && words.contains(&format!("{left}{right}"))
                }
            })
        });
        Self { words, parts_words: has_parted_word || hyphens * 40 > lines }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

/// The last word of one line and the first of the next, in lower case.
fn parts(before: &str, after: &str) -> (String, String) {
    (
        core_of(before.split_whitespace().next_back().unwrap_or_default()).to_lowercase(),
        core_of(after.split_whitespace().next().unwrap_or_default()).to_lowercase(),
    )
}

/// The last line of a page ends with the mark of its end.
const LINE_ENDS: [char; 2] = ['\n', PAGE_END];

/// Words that compounds begin with and that are no syllables of longer words.
const OFTEN_JOINED: &[&str] = &[
    "well", "self", "non", "half", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "long", "short", "high", "cross",
];

/// Words in the middle of compounds: `state-of-the-art`.
const LINKS: &[&str] = &["and", "by", "down", "for", "in", "of", "off", "on", "or", "out", "over", "the", "to", "up"];

const HYPHENS: [char; 3] = ['-', '\u{2010}', '\u{AD}'];

fn core_of(word: &str) -> &str {
    word.trim_matches(|char: char| !char.is_alphanumeric())
}

fn joined(text: &str, known: &Known) -> String {
    let mut whole = String::with_capacity(text.len());
    for (at, page) in text.split(PAGE_END).enumerate() {
        for (line_at, line) in page.split('\n').map(str::trim).enumerate() {
            let turns = at > 0 && line_at == 0;
            if !whole.is_empty() {
                match seam(&whole, line, known) {
                    Seam::Space => whole.push(' '),
                    Seam::None => {}
                    Seam::DropHyphen => {
                        whole.pop();
                    }
                }
            }
            whole.extend(turns.then_some(PAGE_END));
            whole.push_str(line);
        }
    }
    whole.retain(|char| char != '\u{AD}');
    without_leaders(whole)
}

/// Dots that lead the eye to a page number become one ellipsis.
fn without_leaders(text: String) -> String {
    const SHORTEST: usize = 5;
    if !text.contains(". .") && !text.contains("....") {
        return text;
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find('.') {
        let (before, leader) = rest.split_at(start);
        let end = leader.find(|char| !matches!(char, '.' | ' ')).unwrap_or(leader.len());
        let (leader, after) = leader.split_at(end);
        kept.push_str(before);
        if leader.matches('.').count() >= SHORTEST {
            kept.truncate(kept.trim_end().len());
            kept.push_str(" … ");
        } else {
            kept.push_str(leader);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept.truncate(kept.trim_end().len());
    kept
}

enum Seam {
    Space,
    None,
    DropHyphen,
}

fn seam(before: &str, after: &str, known: &Known) -> Seam {
    let mut ends = before.chars().rev();
    let (Some(last), Some(first)) = (ends.next(), after.chars().next()) else {
        return Seam::None;
    };
    if last == '\u{AD}' {
        return Seam::DropHyphen;
    }
    if HYPHENS.contains(&last) && ends.next().is_some_and(char::is_alphanumeric) {
        let (left, right) = parts(before, after);
        let is_letter_before = left.chars().next_back().is_some_and(char::is_alphabetic);
        if !first.is_alphanumeric() {
            return Seam::Space;
        }
        if !first.is_lowercase() || !is_letter_before {
            return Seam::None;
        }
        if known.has(&format!("{left}{right}")) {
            return Seam::DropHyphen;
        }
        let is_compound = (OFTEN_JOINED.contains(&left.as_str()) && right.chars().nth(3).is_some())
            || !known.parts_words
            || known.has(&format!("{left}-{right}"))
            || left.contains('-')
            || right.split_once('-').is_some_and(|(link, _)| LINKS.contains(&link))
            || (known.has(&left) && known.has(&right));
        return if is_compound { Seam::None } else { Seam::DropHyphen };
    }
    if is_wide(last.encode_utf8(&mut [0; 4])) && is_wide(first.encode_utf8(&mut [0; 4])) {
        return Seam::None;
    }
    let is_link = last == '/' && before.split_whitespace().next_back().is_some_and(|word| word.contains("://"));
    if is_link { Seam::None } else { Seam::Space }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, elsewhere: &str, expected: &str) {
        let mut drafts = [Draft::text(elsewhere), Draft::text(text)];
        join(&mut drafts);
        assert_eq!(drafts[1].content, Content::Text(expected.to_owned()));
    }

    #[test]
    fn a_word_parted_at_the_line_end_becomes_whole() {
        check("the infor-\nmation is", "", "the information is");
        check("the soft\u{AD}\nware", "", "the software");
    }

    #[test]
    fn a_compound_keeps_its_hyphen() {
        check("a self-\nlocking nut", "the nut is self-locking", "a self-locking nut");
        check("a self-\nlocking nut", "locking by itself, or self made", "a self-locking nut");
        check("the infor-\nmation on well-\nknown beds", "information", "the information on well-known beds");
        check("the infor-\nmation on state-\nof-the-art beds", "information", "the information on state-of-the-art beds");
        check("from 10-\n15 on", "", "from 10-15 on");
        check("in Baden-\nBaden", "", "in Baden-Baden");
    }

    #[test]
    fn a_word_parted_at_the_end_of_a_page_is_whole_and_keeps_the_place() {
        check("the infor-\u{c}mation is\u{c}here", "", "the infor\u{c}mation is \u{c}here");
    }

    #[test]
    fn dots_that_lead_to_a_page_number_become_one_ellipsis() {
        check("2.1 Naming . . . . . . . . 3", "", "2.1 Naming … 3");
        check("Wait ... no. Yes.", "", "Wait ... no. Yes.");
    }

    #[test]
    fn lines_of_a_script_without_spaces_join_without_one() {
        check("東京\n都", "", "東京都");
        check("a\nb", "", "a b");
    }
}
