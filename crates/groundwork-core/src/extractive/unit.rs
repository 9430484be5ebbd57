//! What of a source may be quoted as one.

use super::Candidate;
use crate::prompt::Source;
use crate::sentence::sentences;
use std::ops::Range;

/// Items of a list that its introduction takes with it.
const ITEMS: usize = 8;

/// Everything in `sources` that may be quoted, in their order. A question that the text asks goes with its answer, an introduction
/// with its list, a row with the header of its table; headings alone say nothing.
pub fn candidates(sources: &[Source]) -> Vec<Candidate> {
    sources.iter().flat_map(of_source).collect()
}

fn of_source(source: &Source) -> Vec<Candidate> {
    let text = &source.passage.text;
    let context = context(source);
    let sentences: Vec<Range<usize>> = sentences(text).into_iter().filter(|at| !is_heading(source, &text[at.clone()])).collect();
    let mut candidates = Vec::new();
    let mut header: Option<Range<usize>> = None;
    for (index, at) in sentences.iter().enumerate() {
        let line = &text[at.clone()];
        if is_row(line) {
            let starts =
                index == 0 || !is_row(&text[sentences[index - 1].clone()]) || text[sentences[index - 1].end..at.start].contains("\n\n");
            if starts {
                let next = sentences.get(index + 1).map(|next| &text[next.clone()]);
                header = next.filter(|next| is_row(next) && is_header(line, next)).map(|_| at.clone());
                if header.is_some() {
                    continue;
                }
            }
            let words = header.as_ref().map_or_else(|| line.to_owned(), |header| labelled(&text[header.clone()], line));
            candidates.push(Candidate { source: source.id, header: header.clone(), at: at.clone(), text: format!("{context}{words}") });
            continue;
        }
        let last = last_of_unit(text, &sentences, index);
        let at = at.start..sentences[last].end;
        candidates.push(Candidate { source: source.id, header: None, text: format!("{context}{}", &text[at.clone()]), at });
    }
    candidates
}

/// Title and innermost heading: without them a sentence does not say what it speaks of.
fn context(source: &Source) -> String {
    let passage = &source.passage;
    let title = passage.title.as_deref().unwrap_or(&passage.name);
    match passage.heading_path.last().filter(|heading| *heading != title) {
        Some(heading) => format!("{title}, {heading}: "),
        None => format!("{title}: "),
    }
}

/// The index of the sentence with which the one at `index` makes sense.
fn last_of_unit(text: &str, sentences: &[Range<usize>], index: usize) -> usize {
    let line = &text[sentences[index].clone()];
    let following = || sentences.iter().enumerate().skip(index + 1);
    if line.ends_with('?') {
        return following().next().filter(|(_, next)| !is_row(&text[(*next).clone()])).map_or(index, |(next, _)| next);
    }
    if line.ends_with(':') {
        let is_item = |at: &Range<usize>| text[at.clone()].starts_with(['-', '*', '•', '–', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        return following().take(ITEMS).take_while(|(_, next)| is_item(next)).last().map_or(index, |(next, _)| next);
    }
    index
}

fn is_heading(source: &Source, line: &str) -> bool {
    let passage = &source.passage;
    let bare = line.trim_start_matches('#').trim();
    let known = passage.heading_path.iter().chain(&passage.title).any(|heading| heading.trim().eq_ignore_ascii_case(bare));
    let shouted = bare.chars().any(char::is_uppercase)
        && !bare.chars().any(char::is_lowercase)
        && bare.split_whitespace().count() >= 2
        && !is_row(bare);
    line.starts_with('#') || known || (shouted && !bare.chars().any(|c| c.is_ascii_digit() || c == '.'))
}

pub(super) fn is_row(line: &str) -> bool {
    line.contains(" | ")
}

/// Whether the first row of a table names its columns: it has as many cells as the next and fewer of them begin with a number.
fn is_header(line: &str, next: &str) -> bool {
    let numbers = |line: &str| line.split('|').filter(|cell| cell.trim().starts_with(|c: char| c.is_ascii_digit())).count();
    let cells = |line: &str| line.split('|').count();
    cells(line) == cells(next) && (numbers(line) < numbers(next) || numbers(line) == 0)
}

/// A row as words: each cell under its column's name.
fn labelled(header: &str, row: &str) -> String {
    let cells = header.split(" | ").zip(row.split(" | "));
    let named = cells.filter(|(_, cell)| !cell.trim().is_empty()).map(|(name, cell)| match name.trim() {
        "" => cell.trim().to_owned(),
        name => format!("{name}: {}", cell.trim()),
    });
    named.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;
    use crate::prompt::Passage;

    fn texts(text: &str) -> Vec<String> {
        let passage = Passage {
            document: "doc_1".parse().unwrap(),
            name: "handbook.pdf".to_owned(),
            title: Some("Handbook".to_owned()),
            version: 1,
            pages: None,
            place: Place::default(),
            heading_path: vec!["Notice".to_owned()],
            span: 0..text.chars().count(),
            text: text.to_owned(),
            score: 1.0,
        };
        let source = Source { id: 1, tokens: 0, passage };
        let found = candidates(std::slice::from_ref(&source));
        found.into_iter().map(|candidate| candidate.text.strip_prefix("Handbook, Notice: ").unwrap().to_owned()).collect()
    }

    #[test]
    fn rows_carry_the_names_of_their_columns_and_headings_are_left_out() {
        let text = "Notice\n\nBoth sides keep it.\n\nService | By us\nup to 2 years | 4 weeks\nmore | 20 weeks\n\nIn writing.";
        assert_eq!(
            texts(text),
            ["Both sides keep it.", "Service: up to 2 years; By us: 4 weeks", "Service: more; By us: 20 weeks", "In writing."]
        );
        assert_eq!(texts("5 | 6\n7 | 8"), ["5 | 6", "7 | 8"]);
    }

    #[test]
    fn a_question_goes_with_its_answer_and_an_introduction_with_its_list() {
        assert_eq!(texts("Who pays? The firm. Always."), ["Who pays? The firm.", "The firm.", "Always."]);
        assert_eq!(texts("You need:\n- a pen\n- ink\nThen sign.")[0], "You need:\n- a pen\n- ink");
    }
}
