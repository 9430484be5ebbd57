//! Joins the lines of a block. A word parted at a line's end becomes whole; a compound keeps its hyphen.

use super::paragraphs::{Content, Draft};
use super::words::is_wide;
use std::collections::HashSet;

/// Joins all lines of all blocks. The document's own words decide which hyphens belong to the word.
pub(super) fn join(drafts: &mut [Draft]) {
    let known = vocabulary(drafts);
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

fn vocabulary(drafts: &[Draft]) -> HashSet<String> {
    let mut known = HashSet::new();
    let mut add = |text: &str| {
        for line in text.split('\n') {
            let mut words = line.split_whitespace().peekable();
            while let Some(word) = words.next() {
                // The last word of a line may be a part only.
                if words.peek().is_some() || !word.ends_with(HYPHENS) {
                    known.insert(core_of(word).to_lowercase());
                }
            }
        }
    };
    for draft in drafts {
        match &draft.content {
            Content::Text(text) => add(text),
            Content::Code(_) => {}
            Content::Table { rows, .. } => rows.iter().flatten().for_each(|cell| add(cell)),
        }
    }
    known
}

const HYPHENS: [char; 3] = ['-', '\u{2010}', '\u{AD}'];

fn core_of(word: &str) -> &str {
    word.trim_matches(|char: char| !char.is_alphanumeric())
}

fn joined(text: &str, known: &HashSet<String>) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.split('\n') {
        let line = line.trim();
        if whole.is_empty() {
            whole.push_str(line);
            continue;
        }
        match seam(&whole, line, known) {
            Seam::Space => whole.push(' '),
            Seam::None => {}
            Seam::DropHyphen => {
                whole.pop();
            }
        }
        whole.push_str(line);
    }
    whole.retain(|char| char != '\u{AD}');
    whole
}

enum Seam {
    Space,
    None,
    DropHyphen,
}

fn seam(before: &str, after: &str, known: &HashSet<String>) -> Seam {
    let mut ends = before.chars().rev();
    let (Some(last), Some(first)) = (ends.next(), after.chars().next()) else {
        return Seam::None;
    };
    if last == '\u{AD}' {
        return Seam::DropHyphen;
    }
    if HYPHENS.contains(&last) && ends.next().is_some_and(char::is_alphanumeric) {
        let left = core_of(before.split_whitespace().next_back().unwrap_or_default()).to_lowercase();
        let right = core_of(after.split_whitespace().next().unwrap_or_default()).to_lowercase();
        let is_letter_before = left.chars().next_back().is_some_and(char::is_alphabetic);
        if !first.is_alphanumeric() {
            return Seam::Space;
        }
        if !first.is_lowercase() || !is_letter_before {
            return Seam::None;
        }
        if known.contains(&format!("{left}{right}")) {
            return Seam::DropHyphen;
        }
        let is_compound = known.contains(&format!("{left}-{right}"))
            || left.contains('-')
            || (known.contains(&left) && known.contains(&right));
        return if is_compound { Seam::None } else { Seam::DropHyphen };
    }
    if is_wide(last.encode_utf8(&mut [0; 4])) && is_wide(first.encode_utf8(&mut [0; 4])) {
        return Seam::None;
    }
    let is_link = last == '/'
        && before.split_whitespace().next_back().is_some_and(|word| word.contains("://"));
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
        check("from 10-\n15 on", "", "from 10-15 on");
        check("in Baden-\nBaden", "", "in Baden-Baden");
    }

    #[test]
    fn lines_of_a_script_without_spaces_join_without_one() {
        check("東京\n都", "", "東京都");
        check("a\nb", "", "a b");
    }
}
