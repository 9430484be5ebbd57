//! List markers: bullets, and numbers or letters with a full stop or bracket.

/// What stands before a list item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Bullet,
    /// A number or letter; kept in the text, since other text may refer to it.
    Number,
}

/// Whether a word alone is a list marker.
fn is_marker(word: &str) -> bool {
    is_bullet(word) || is_number(word)
}

/// Whether a word at the start of a line numbers what follows after a gap: a marker, an initial, or a section number before words.
pub(super) fn leads(word: &str, next: &str) -> bool {
    let is_section = word.contains('.')
        && word.chars().all(|char| char.is_ascii_digit() || char == '.')
        && word.chars().any(|char| char.is_ascii_digit())
        && word.len() <= 8;
    let is_capital = word.len() == 2 && word.ends_with('.') && word.starts_with(|char: char| char.is_ascii_uppercase());
    is_marker(word) || (is_section || is_capital) && next.starts_with(char::is_alphabetic)
}

/// The marker that a line starts with, and the text after it.
pub(super) fn split(line: &str) -> Option<(Marker, &str)> {
    let (first, rest) = line.split_once(' ')?;
    if is_bullet(first) {
        return Some((Marker::Bullet, rest.trim_start()));
    }
    is_number(first).then_some((Marker::Number, line))
}

fn is_bullet(word: &str) -> bool {
    let mut chars = word.chars();
    let (Some(char), None) = (chars.next(), chars.next()) else {
        return false;
    };
    matches!(
        char,
        '•' | '◦'
            | '▪'
            | '▫'
            | '■'
            | '□'
            | '●'
            | '○'
            | '‣'
            | '➢'
            | '➤'
            | '►'
            | '◆'
            | '◇'
            | '❖'
            | '✓'
            | '✔'
            | '∙'
            | '·'
            | '–'
            | '—'
            | '-'
            | '*'
            | '⁃'
    )
}

fn is_number(word: &str) -> bool {
    let inner = match word.strip_suffix(')') {
        Some(rest) => rest.strip_prefix('(').unwrap_or(rest),
        None => match word.strip_suffix('.') {
            Some(rest) => rest,
            None => return false,
        },
    };
    let is_roman = inner.len() <= 5 && inner.chars().all(|char| matches!(char, 'i' | 'v' | 'x'));
    let is_digits = inner.len() <= 3 && inner.chars().all(|char| char.is_ascii_digit());
    // A capital with a full stop is an initial more often than a marker.
    let is_letter =
        inner.len() == 1 && inner.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_uppercase() && word.ends_with(')'));
    !inner.is_empty() && (is_roman || is_digits || is_letter)
}

/// How deep a section number such as `3.1.2` at the start of a heading goes; 0 without one.
pub(super) fn section_depth(text: &str) -> usize {
    let Some(first) = text.split_whitespace().next() else {
        return 0;
    };
    let parts: Vec<&str> = first.trim_end_matches('.').split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.len() <= 3 && part.chars().all(|char| char.is_ascii_digit());
    let is_section =
        parts.first().is_some_and(|part| is_number(part) || (parts.len() > 1 && part.len() == 1 && part.chars().all(char::is_alphabetic)))
            && parts.iter().skip(1).all(is_number);
    if is_section { parts.len() } else { 0 }
}
