//! Sentences of a text: where one claim ends and the next begins.

use std::ops::Range;

/// Words whose full stop does not end a sentence.
const ABBREVIATIONS: &[&str] = &[
    "al", "approx", "apt", "assoc", "ave", "bros", "bzw", "ca", "capt", "cf", "co", "col", "corp", "dept", "dr", "e.g", "ed", "eds", "est",
    "ex", "gen", "gov", "hon", "i.e", "inc", "incl", "jr", "lt", "ltd", "mr", "mrs", "ms", "mt", "prof", "rep", "rev", "sen", "sgt", "sr",
    "st", "u.a", "u.k", "u.n", "u.s", "univ", "v", "viz", "vs", "z.b",
];

/// Words whose full stop does not end a sentence when a number follows.
const NUMBERED: &[&str] =
    &["art", "ch", "eq", "eqs", "fig", "figs", "no", "nos", "nr", "p", "par", "pp", "ref", "refs", "s", "sec", "vol", "vols"];

/// The byte ranges of the sentences of `text`, ascending, trimmed of white space, never empty. A line of its own (a heading, a list
/// item, a row of a table) is a sentence too; a citation mark such as `[1]` after the full stop belongs to the sentence before it.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for block in blocks(text) {
        let mut start = block.start;
        while start < block.end {
            let end = sentence_end(text, start, block.end);
            let trimmed = trim(text, start..end);
            if !trimmed.is_empty() {
                found.push(trimmed);
            }
            start = end;
        }
    }
    found
}

/// Runs of lines that belong together: a paragraph whose lines were wrapped, or a line that stands alone.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        match blocks.last_mut() {
            Some(block) if continues(&text[block.clone()], line) => block.end = range.end,
            _ => blocks.push(range),
        }
    }
    blocks
}

/// Whether `line` goes on with the sentence that `before` ends in.
fn continues(before: &str, line: &str) -> bool {
    let last = before.trim_end_matches('\n').rsplit('\n').next().unwrap_or_default().trim();
    let line = line.trim();
    if last.is_empty() || line.is_empty() || last.contains(" | ") || line.contains(" | ") || is_item(line) || last.starts_with('#') {
        return false;
    }
    let open = !last.ends_with(['.', '!', '?', ':', ';', ']', '。', '！', '？']);
    let goes_on =
        line.chars().next().is_some_and(|first| first.is_lowercase() || first.is_ascii_digit() || matches!(first, '(' | ',' | '.'));
    // A wrapped line is long; a heading or an entry of a list without marks is short.
    open && (goes_on || last.chars().count() >= 60)
}

/// Whether a line begins as an item of a list, a heading, a quotation or a row of a table.
fn is_item(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < line.len() && line.len() - rest.len() <= 3 && (rest.starts_with(". ") || rest.starts_with(") "));
    numbered || ["- ", "* ", "+ ", "• ", "– ", "#", "> ", "|"].iter().any(|mark| line.starts_with(mark))
}

/// The end of the sentence that begins at `start`, with the marks and white space after it.
fn sentence_end(text: &str, start: usize, limit: usize) -> usize {
    for (offset, c) in text[start..limit].char_indices() {
        let at = start + offset;
        let after = at + c.len_utf8();
        let wide = matches!(c, '。' | '！' | '？');
        if !wide && !matches!(c, '.' | '!' | '?' | '…') {
            continue;
        }
        let closed = after + prefix(&text[after..limit], |c| matches!(c, '.' | '!' | '?' | '"' | '\'' | '”' | '’' | '»' | ')'));
        let marked = closed + marks(&text[closed..limit]);
        let spaced = marked + prefix(&text[marked..limit], char::is_whitespace);
        if spaced == limit {
            return limit;
        }
        let next = text[spaced..limit].chars().find(|c| !matches!(c, '"' | '\'' | '“' | '‘' | '«' | '(' | '[' | '*'));
        let begins = next.is_some_and(|next| !next.is_lowercase());
        if wide || (spaced > marked && begins && !(c == '.' && is_abbreviation(&text[start..at], next))) {
            return spaced;
        }
    }
    limit
}

/// How many bytes of `text` the citation marks at its front take, with the white space before each.
fn marks(text: &str) -> usize {
    let mut taken = 0;
    loop {
        let space = taken + prefix(&text[taken..], |c| c == ' ');
        let Some(inside) = text[space..].strip_prefix('[') else { return taken };
        let length = prefix(inside, |c| c.is_ascii_digit() || matches!(c, ',' | ' ' | '-' | '–'));
        if length == 0 || !inside[length..].starts_with(']') {
            return taken;
        }
        taken = space + 1 + length + 1;
    }
}

fn is_abbreviation(before: &str, next: Option<char>) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '“')).next().unwrap_or_default();
    // An initial, as in "J. Dewar".
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    let word = word.to_lowercase();
    let numbered = next.is_some_and(|next| next.is_ascii_digit()) && NUMBERED.contains(&word.as_str());
    initial || numbered || ABBREVIATIONS.contains(&word.as_str())
}

fn prefix(text: &str, matches: impl Fn(char) -> bool) -> usize {
    text.find(|c| !matches(c)).unwrap_or(text.len())
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn sentences_end_where_a_reader_ends_them() {
        for (text, expected) in [
            ("One. Two! Three? Four", &["One.", "Two!", "Three?", "Four"][..]),
            (
                "Dr. Smith met J. Dewar, e.g. in Room No. 7 at 3.5 p.m. on Monday.",
                &["Dr. Smith met J. Dewar, e.g. in Room No. 7 at 3.5 p.m. on Monday."],
            ),
            ("He said \"No.\" Then he left.", &["He said \"No.\"", "Then he left."]),
            ("Staff have 27 days. [1] Interns have ten [2]. Done", &["Staff have 27 days. [1]", "Interns have ten [2].", "Done"]),
            ("All of it. [1][2] [3, 4]\n\nMore.", &["All of it. [1][2] [3, 4]", "More."]),
            ("A. schaalii was found. It grew.", &["A. schaalii was found.", "It grew."]),
            (
                "# Leave\nStaff have\n27 days.\n- one\n- two. Three\n\nA | B\n1 | 2",
                &["# Leave", "Staff have\n27 days.", "- one", "- two.", "Three", "A | B", "1 | 2"],
            ),
            ("これは一つ。これは二つ。", &["これは一つ。", "これは二つ。"]),
            (" \n\n ", &[]),
        ] {
            assert_eq!(split(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_wrapped_line_goes_on_and_a_heading_does_not() {
        let text = "Opening hours\nThe office in the north is open on every working day of the week from\nMonday to Friday.";
        assert_eq!(
            split(text),
            ["Opening hours", "The office in the north is open on every working day of the week from\nMonday to Friday."]
        );
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "[a-zA-ZäÖ0-9 .!?\\n\\[\\]()|。-]{0,80}") {
            let found = sentences(&text);
            prop_assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start));
            let kept: String = found.iter().map(|range| &text[range.clone()]).collect();
            let squeeze = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(squeeze(&kept), squeeze(&text));
        }
    }
}
