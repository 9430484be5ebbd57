//! Which blocks are headings, and of what level: larger or heavier than the document's text, short, and not a sentence.

use super::super::document::{Builder, Kind};
use super::markers::{self, Marker};
use super::paragraphs::{Content, Draft};
use std::collections::BTreeMap;

const MAX_LINES: usize = 4;
const MAX_CHARS: usize = 180;
const MAX_LEVELS: u8 = 6;

/// A way in which headings of a document look: size in tenths of a point, and bold or not. Larger first, then bold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    size: std::cmp::Reverse<u32>,
    weight: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Bold,
    Plain,
    Italic,
}

/// Puts all blocks into the document, with levels for headings.
pub(super) fn build(drafts: Vec<Draft>, title: Option<String>, builder: &mut Builder) {
    let body = Body::of(&drafts);
    let levels = levels(&drafts, &body);
    if let Some(title) = title.or_else(|| largest_heading(&drafts, &body)) {
        builder.title(&title);
    }
    let mut depths = Depths::default();
    for draft in drafts {
        builder.at_pages(Some(draft.pages));
        let level = body.look(&draft).and_then(|look| levels.get(&look)).copied();
        match draft.content {
            Content::Table { rows, header_rows } => builder.table(rows, header_rows),
            Content::Code(text) if !body.is_mono => builder.push(Kind::Code { language: None }, &text),
            Content::Code(text) | Content::Text(text) => match (level, draft.marker) {
                (Some(level), _) => {
                    let deeper = u8::try_from(markers::section_depth(&text).saturating_sub(1)).unwrap_or(0);
                    let extra = if body.numbered_levels_look_alike { deeper } else { 0 };
                    depths.reset();
                    builder.heading((level + extra).min(MAX_LEVELS), &text);
                }
                (None, Some(marker)) => {
                    let depth = depths.of(draft.left);
                    let text = match (marker, markers::split(&text)) {
                        (Marker::Bullet, Some((_, rest))) => rest,
                        _ => &text,
                    };
                    builder.push(Kind::ListItem { depth }, text);
                }
                (None, None) => {
                    depths.reset();
                    builder.paragraph(&text);
                }
            },
        }
    }
}

/// How the running text of a document looks.
struct Body {
    size: f32,
    is_bold: bool,
    is_italic: bool,
    is_mono: bool,
    /// Headings of different section depth have the same look, so the section numbers tell the levels apart.
    numbered_levels_look_alike: bool,
}

impl Body {
    fn of(drafts: &[Draft]) -> Self {
        let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
        let (mut bold, mut italic, mut mono, mut all) = (0, 0, 0, 0);
        for draft in drafts {
            let chars = match &draft.content {
                Content::Text(text) | Content::Code(text) => text.chars().count(),
                Content::Table { .. } => continue,
            };
            *sizes.entry(tenths(draft.size) / 5).or_default() += chars;
            all += chars;
            bold += if draft.style.bold { chars } else { 0 };
            italic += if draft.style.italic { chars } else { 0 };
            mono += if draft.style.mono { chars } else { 0 };
        }
        let usual = sizes.into_iter().max_by_key(|(_, chars)| *chars).map_or(20, |(size, _)| size);
        let mut body = Self {
            #[expect(clippy::cast_precision_loss, reason = "half points of a font size")]
            size: usual as f32 / 2.0,
            is_bold: bold * 2 > all,
            is_italic: italic * 5 > all,
            is_mono: mono * 2 > all,
            numbered_levels_look_alike: false,
        };
        let mut depths: BTreeMap<Look, (usize, usize)> = BTreeMap::new();
        for draft in drafts {
            if let (Some(look), Content::Text(text)) = (body.look(draft), &draft.content) {
                let depth = markers::section_depth(text);
                if depth > 0 {
                    let range = depths.entry(look).or_insert((depth, depth));
                    *range = (range.0.min(depth), range.1.max(depth));
                }
            }
        }
        body.numbered_levels_look_alike = depths.values().any(|(least, most)| least < most);
        body
    }

    /// The look of a heading, or `None` for a block that is not one.
    fn look(&self, draft: &Draft) -> Option<Look> {
        let Content::Text(text) = &draft.content else {
            return None;
        };
        let chars = text.chars().count();
        let letters = text.chars().filter(|char| char.is_alphabetic()).count();
        if !draft.is_main || draft.lines > MAX_LINES || chars > MAX_CHARS || letters < 2 || letters * 3 < chars {
            return None;
        }
        if draft.marker == Some(Marker::Bullet) {
            return None;
        }
        let depth = markers::section_depth(text);
        let is_sentence = text.ends_with(['.', ',', ';']) && depth == 0 || text.ends_with([',', ';']);
        let ratio = draft.size / self.size.max(1.0);
        let is_bold = draft.style.bold && !self.is_bold;
        let is_heading = match (is_bold, is_sentence) {
            (_, true) => ratio >= 1.5 && draft.lines <= 2,
            (true, false) => ratio >= 0.95 && draft.lines <= 3,
            (false, false) => ratio >= 1.15 || self.is_italic_heading(draft, text, ratio),
        };
        let weight = match (is_bold, ratio >= 1.15) {
            (true, _) => Weight::Bold,
            (false, true) => Weight::Plain,
            (false, false) => Weight::Italic,
        };
        is_heading.then(|| Look { size: std::cmp::Reverse(tenths(draft.size) / 5), weight })
    }

    /// One line in italics, in title case, between paragraphs that are not.
    fn is_italic_heading(&self, draft: &Draft, text: &str, ratio: f32) -> bool {
        let is_title_case =
            text.split_whitespace().filter(|word| word.chars().count() > 4).all(|word| word.starts_with(|char: char| !char.is_lowercase()));
        draft.style.italic
            && !self.is_italic
            && draft.lines == 1
            && (0.95..1.15).contains(&ratio)
            && text.chars().count() <= 70
            && text.ends_with(char::is_alphanumeric)
            && text.starts_with(|char: char| char.is_uppercase() || char.is_ascii_digit())
            && is_title_case
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "font sizes are small and not negative")]
fn tenths(size: f32) -> u32 {
    (size.clamp(0.0, 10_000.0) * 10.0).round() as u32
}

fn levels(drafts: &[Draft], body: &Body) -> BTreeMap<Look, u8> {
    let mut looks: BTreeMap<Look, u8> = drafts.iter().filter_map(|draft| body.look(draft)).map(|look| (look, 0)).collect();
    for (level, entry) in (1..).zip(looks.values_mut()) {
        *entry = MAX_LEVELS.min(level);
    }
    looks
}

/// The heading that is larger than all others and stands on the first two pages.
fn largest_heading(drafts: &[Draft], body: &Body) -> Option<String> {
    let mut best: Option<(Look, &Draft)> = None;
    for draft in drafts.iter().filter(|draft| draft.pages.0 <= 2) {
        if let Some(look) = body.look(draft)
            && best.is_none_or(|(known, _)| look < known)
        {
            best = Some((look, draft));
        }
    }
    match best.map(|(_, draft)| &draft.content) {
        Some(Content::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

/// Depths of list items by their left edges.
#[derive(Default)]
struct Depths {
    edges: Vec<f32>,
}

impl Depths {
    fn of(&mut self, left: f32) -> u8 {
        while self.edges.last().is_some_and(|edge| *edge > left + 4.0) {
            self.edges.pop();
        }
        if self.edges.last().is_none_or(|edge| left > *edge + 4.0) {
            self.edges.push(left);
        }
        u8::try_from(self.edges.len().saturating_sub(1)).unwrap_or(u8::MAX)
    }

    fn reset(&mut self) {
        self.edges.clear();
    }
}
