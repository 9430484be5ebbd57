//! Where a passage stands in its document, in the words of the document's format.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What a reader of a document counts or names its parts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    #[default]
    Page,
    Slide,
    Chapter,
    /// Of a workbook: it has a name instead of a number.
    Sheet,
}

impl Unit {
    /// The word, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Slide => "slide",
            Self::Chapter => "chapter",
            Self::Sheet => "sheet",
        }
    }
}

/// What is known of a passage's place besides its first and last page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    #[serde(skip_serializing_if = "is_page")]
    pub unit: Unit,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Where each page after the passage's first begins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Turn>,
    /// The language that the passage is written in, by its ISO 639-3 code, where it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// The characters of a document's text from `at` on stand on `page`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Turn {
    pub at: usize,
    pub page: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_page(unit: &Unit) -> bool {
    *unit == Unit::Page
}

impl Place {
    /// First and last page of the characters `span` of a passage that stands on `pages`.
    pub fn pages(&self, pages: Option<(u32, u32)>, span: &Range<usize>) -> Option<(u32, u32)> {
        let (first, _) = pages?;
        let page = |at: usize| self.turns.iter().rev().find(|turn| turn.at <= at).map_or(first, |turn| turn.page);
        if self.turns.is_empty() {
            return pages;
        }
        Some((page(span.start), page(span.end.saturating_sub(1).max(span.start))))
    }

    /// The place of this passage and one that follows it, which begins another page where `turn` says so.
    #[must_use]
    pub fn joined(&self, other: &Self, turn: Option<Turn>) -> Self {
        let mut turns: Vec<Turn> = self.turns.iter().chain(&turn).chain(&other.turns).copied().collect();
        turns.sort_unstable();
        turns.dedup();
        Self { turns, ..self.clone() }
    }
}

/// A place as people write it: `page 3`, `pages 3-4`, `slide 2`, `sheet Prices`; `None` where the format has neither pages nor sheets.
pub fn named(unit: &str, pages: Option<(u32, u32)>, sheet: Option<&str>) -> Option<String> {
    match (pages, sheet) {
        (_, Some(sheet)) => Some(format!("sheet {sheet}")),
        (Some((first, last)), None) if first != last => Some(format!("{unit}s {first}-{last}")),
        (Some((page, _)), None) => Some(format!("{unit} {page}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_stand_on_the_page_that_began_last_before_them() {
        let place = Place { turns: vec![Turn { at: 10, page: 4 }, Turn { at: 20, page: 6 }], ..Place::default() };
        let pages = |span: Range<usize>| place.pages(Some((3, 6)), &span);
        assert_eq!(pages(0..10), Some((3, 3)));
        assert_eq!(pages(9..11), Some((3, 4)));
        assert_eq!(pages(10..20), Some((4, 4)));
        assert_eq!(pages(25..25), Some((6, 6)));
        assert_eq!(place.pages(None, &(0..3)), None);
        assert_eq!(Place::default().pages(Some((3, 6)), &(0..1)), Some((3, 6)));
    }

    #[test]
    fn a_place_is_named_in_the_words_of_its_format() {
        assert_eq!(named("page", Some((12, 12)), None).as_deref(), Some("page 12"));
        assert_eq!(named("slide", Some((2, 3)), None).as_deref(), Some("slides 2-3"));
        assert_eq!(named("sheet", None, Some("Prices")).as_deref(), Some("sheet Prices"));
        assert_eq!(named("page", None, None), None);
    }
}
