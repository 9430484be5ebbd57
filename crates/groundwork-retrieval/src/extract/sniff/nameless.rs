//! What a text is whose name does not say it: only where its form leaves little doubt, else plain text.

use super::Format;

/// Bytes that are looked at.
const SAMPLE: usize = 64 * 1024;

pub(super) fn guess(bytes: &[u8]) -> Format {
    let Ok(text) = std::str::from_utf8(bytes) else { return Format::Text };
    let sample = &text[..text.floor_char_boundary(SAMPLE)];
    if is_html(sample) {
        Format::Html
    } else if is_json(text) {
        Format::Json
    } else if is_table(sample) {
        Format::Csv
    } else if is_markdown(sample) {
        Format::Markdown
    } else {
        Format::Text
    }
}

/// Begins with an element of HTML: tables of web pages are saved under the names of workbooks.
fn is_html(sample: &str) -> bool {
    let start = sample.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let name = start.strip_prefix('<').map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or(""));
    name.is_some_and(|name| matches!(name, "table" | "div" | "p" | "h1" | "h2" | "h3" | "ul" | "ol" | "meta" | "title" | "style" | "span"))
}

/// One object or array, or one on each line.
fn is_json(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim();
    let is_value = |text: &str| text.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    is_value(text)
        || (text.lines().filter(|line| !line.trim().is_empty()).take(1000).all(|line| is_value(line.trim())) && text.contains('\n'))
}

/// At least three lines, all cut into as many cells, at least two, by the same character; short cells, so that no prose with commas is one.
fn is_table(sample: &str) -> bool {
    const LEAST_LINES: usize = 3;
    let lines: Vec<&str> = sample.lines().filter(|line| !line.trim().is_empty()).take(50).collect();
    let cut_by = |delimiter: char| {
        let count = |line: &&str| line.matches(delimiter).count();
        let first = lines.first().map_or(0, count);
        let is_cut = first > 0 && lines.iter().all(|line| count(line) == first);
        // Prose has a space after its comma.
        is_cut && (delimiter != ',' || !lines.iter().any(|line| line.contains(", ")))
    };
    lines.len() >= LEAST_LINES && lines.iter().all(|line| !line.ends_with(['.', ':'])) && ['\t', ';', ','].into_iter().any(cut_by)
}

/// Two kinds of marks that plain text does not have.
fn is_markdown(sample: &str) -> bool {
    let lines = || sample.lines().map(str::trim_end);
    let heading = lines().any(|line| {
        let marks = line.len() - line.trim_start_matches('#').len();
        (1..=6).contains(&marks) && line[marks..].starts_with(' ')
    });
    let fence = lines().filter(|line| line.starts_with("```")).count() >= 2;
    let table = lines().any(|line| line.contains("---") && line.contains('|') && line.chars().all(|c| "|-: ".contains(c)));
    let link = sample.match_indices("](").any(|(at, _)| sample[..at].rfind('[').is_some_and(|open| at - open < 200));
    let emphasis = sample.matches("**").count() >= 2;
    [heading, fence, table, link, emphasis].into_iter().filter(|found| *found).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_without_doubt_is_taken_for_what_it_is() {
        for (text, format) in [
            ("{\"a\": [1, 2]}", Format::Json),
            ("{\"a\":1}\n{\"a\":2}\n", Format::Json),
            ("[see below]\nand more", Format::Text),
            ("name;size\nnorth;2\nsouth;3\n", Format::Csv),
            ("a\tb\n1\t2\n3\t4\n", Format::Csv),
            ("name,size\nnorth,2\nsouth,3\n", Format::Csv),
            ("Well, yes\nOh, no\nMoss, fern\n", Format::Text),
            ("# Beds\n\nSee [the map](map.png).\n", Format::Markdown),
            ("# a comment of a script\nls -l\n", Format::Text),
            ("One line.", Format::Text),
        ] {
            assert_eq!(guess(text.as_bytes()), format, "{text}");
        }
    }
}
