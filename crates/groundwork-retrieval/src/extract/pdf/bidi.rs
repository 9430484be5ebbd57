//! From the order in which text stands on the page to the order in which it is read, for right-to-left scripts.

use unicode_normalization::UnicodeNormalization;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Left,
    Right,
    /// Digits run left to right, also inside right-to-left text.
    Digit,
    Neutral,
}

fn direction_of(char: char) -> Direction {
    match char {
        '0'..='9' | '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' => Direction::Digit,
        '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}' => Direction::Right,
        char if char.is_alphabetic() => Direction::Left,
        _ => Direction::Neutral,
    }
}

fn direction_of_text(text: &str) -> Direction {
    let mut found = Direction::Neutral;
    for char in text.chars() {
        match direction_of(char) {
            Direction::Right => return Direction::Right,
            Direction::Left => found = Direction::Left,
            Direction::Digit if found == Direction::Neutral => found = Direction::Digit,
            _ => {}
        }
    }
    found
}

/// Whether a text has any letter of a right-to-left script.
pub(super) fn is_right_to_left(text: &str) -> bool {
    direction_of_text(text) == Direction::Right
}

/// How many characters of each direction a text has: left-to-right, right-to-left.
pub(super) fn letters(text: &str) -> (usize, usize) {
    text.chars().fold((0, 0), |(left, right), char| match direction_of(char) {
        Direction::Left => (left + 1, right),
        Direction::Right => (left, right + 1),
        _ => (left, right),
    })
}

/// Joins the glyphs of one word, given from left to right on the page, into the word as it is read.
pub(super) fn word(glyphs: &[&str]) -> String {
    let has_right = glyphs.iter().any(|glyph| is_right_to_left(glyph));
    if !has_right {
        return plain(&glyphs.concat());
    }
    let directions: Vec<Direction> = glyphs.iter().map(|glyph| direction_of_text(glyph)).collect();
    let order = logical_order(&directions, true);
    let text: String = order.into_iter().filter_map(|at| glyphs.get(at).copied()).collect();
    with_brackets_turned(&plain(&text))
}

/// No word begins with a closing bracket or ends with an opening one: turned round with its word, a bracket is the other one.
fn with_brackets_turned(text: &str) -> String {
    const PAIRS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];
    let mut chars: Vec<char> = text.chars().collect();
    if let Some(first) = chars.first_mut() {
        *first = PAIRS.iter().find(|(_, close)| first == close).map_or(*first, |(open, _)| *open);
    }
    if let Some(last) = chars.last_mut() {
        *last = PAIRS.iter().find(|(open, _)| last == open).map_or(*last, |(_, close)| *close);
    }
    chars.into_iter().collect()
}

/// The reading order of a line's words, given from left to right on the page.
pub(super) fn line(words: &[&str]) -> Vec<usize> {
    let directions: Vec<Direction> = words.iter().map(|word| direction_of_text(word)).collect();
    if !directions.contains(&Direction::Right) {
        return (0..words.len()).collect();
    }
    let count = |wanted| directions.iter().filter(|direction| **direction == wanted).count();
    logical_order(&directions, count(Direction::Right) >= count(Direction::Left))
}

/// A mark at the end of a run that goes against its line was read as its beginning: in a right-to-left line it stands left of a left-to-right
/// run, in a left-to-right line right of a right-to-left one. For each such run the word that begins with the mark, how many bytes of it that is,
/// and the word that it belongs behind.
pub(super) fn misplaced_marks(words: &[&str]) -> Vec<(usize, usize, usize)> {
    let directions: Vec<Direction> = words.iter().map(|word| direction_of_text(word)).collect();
    let count = |wanted| directions.iter().filter(|direction| **direction == wanted).count();
    if count(Direction::Right) == 0 {
        return Vec::new();
    }
    let right_to_left = count(Direction::Right) >= count(Direction::Left);
    let is_run = |at: usize| {
        directions.get(at).is_some_and(|direction| match direction {
            Direction::Left | Direction::Digit => right_to_left,
            Direction::Right => !right_to_left,
            Direction::Neutral => false,
        })
    };
    let begins = (0..words.len()).filter(|at| is_run(*at) && (*at == 0 || !is_run(*at - 1)));
    let marked = begins.filter_map(|left| {
        let right = (left..words.len()).take_while(|at| is_run(*at)).last()?;
        let (first, last) = if right_to_left { (left, right) } else { (right, left) };
        let marks = words[first].len() - words[first].trim_start_matches(['.', ',', ':', ';', '!', '?']).len();
        (marks > 0).then_some((first, marks, last))
    });
    marked.collect()
}

/// Undoes the visual reordering: in a right-to-left line everything turns round and left-to-right runs turn back; in a left-to-right line only
/// the right-to-left runs turn round.
fn logical_order(directions: &[Direction], right_to_left: bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..directions.len()).collect();
    let direction = |at: usize| directions.get(at).copied().unwrap_or(Direction::Neutral);
    if right_to_left {
        order.reverse();
        reverse_runs(
            &mut order,
            |at| matches!(direction(at), Direction::Left | Direction::Digit),
            |at| direction(at) == Direction::Neutral,
        );
    } else {
        reverse_runs(
            &mut order,
            |at| direction(at) == Direction::Right,
            |at| matches!(direction(at), Direction::Neutral | Direction::Digit),
        );
        // Numbers among right-to-left words keep their own order.
        reverse_runs(&mut order, |at| direction(at) == Direction::Digit && is_turned(at, directions), |_| false);
    }
    order
}

/// Whether a number stands inside a right-to-left run of a left-to-right line.
fn is_turned(at: usize, directions: &[Direction]) -> bool {
    let strong = |direction: &&Direction| matches!(direction, Direction::Left | Direction::Right);
    let before = directions.get(..at).and_then(|part| part.iter().rev().find(strong));
    let after = directions.get(at + 1..).and_then(|part| part.iter().find(strong));
    before == Some(&Direction::Right) && after == Some(&Direction::Right)
}

/// Reverses each longest run that starts and ends with a member and otherwise holds members and `bridge`s only.
fn reverse_runs(order: &mut [usize], member: impl Fn(usize) -> bool, bridge: impl Fn(usize) -> bool) {
    let mut start = 0;
    while start < order.len() {
        if !member(order[start]) {
            start += 1;
            continue;
        }
        let mut end = start;
        let mut at = start;
        while at < order.len() && (member(order[at]) || bridge(order[at])) {
            if member(order[at]) {
                end = at;
            }
            at += 1;
        }
        order[start..=end].reverse();
        start = end + 1;
    }
}

/// Ligatures and presentation forms become the letters they stand for.
pub(super) fn plain(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let is_form = |char: char| matches!(char, '\u{FB00}'..='\u{FB4F}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}');
    if !text.contains(is_form) {
        return text.nfc().collect();
    }
    let mut decomposed = String::with_capacity(text.len() + 4);
    for char in text.chars() {
        if is_form(char) {
            decomposed.extend(std::iter::once(char).nfkc());
        } else {
            decomposed.push(char);
        }
    }
    decomposed.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_to_left_word_is_turned_round_and_its_number_is_not() {
        assert_eq!(word(&["ג", "ב", "א"]), "אבג");
        assert_eq!(word(&["2", "4", "ב", "א"]), "אב24");
        assert_eq!(word(&["(", "ב", "א", ")"]), "(אב)");
        assert_eq!(word(&["a", "b", "c"]), "abc");
    }

    #[test]
    fn a_ligature_becomes_its_letters_in_reading_order() {
        assert_eq!(word(&["o", "ﬃ", "ce"]), "office");
        // Lam-alef is one glyph of two letters.
        assert_eq!(word(&["م", "\u{FEFC}", "س"]), "سلام");
    }

    #[test]
    fn words_of_a_right_to_left_line_are_read_from_the_right_and_latin_runs_from_the_left() {
        let read = |words: &[&'static str]| line(words).into_iter().map(|at| words[at]).collect::<Vec<_>>().join(" ");
        assert_eq!(read(&["ד", "visual", "basic", "ב", "א"]), "א ב visual basic ד");
        assert_eq!(read(&["the", "word", "ב", "א", "means"]), "the word א ב means");
        assert_eq!(read(&["12", "ב", "א"]), "א ב 12");
        assert_eq!(misplaced_marks(&["ב", ".visual", "basic", "א"]), [(1, 1, 2)]);
        assert_eq!(misplaced_marks(&["the", "word", "means", "ב", ".א"]), [(4, 1, 3)]);
        assert_eq!(misplaced_marks(&["the", "means", "basic"]), []);
    }
}
