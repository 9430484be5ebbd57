//! Words of a page and where they stand, in few bytes: tenths of points, each measured from the word before.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The words of one page and where they stand, for highlighting.
#[derive(Debug, Clone, PartialEq)]
pub struct PageWords {
    /// Counted from 1.
    pub page: u32,
    /// Points, as the page is shown (its own rotation applied).
    pub width: f32,
    pub height: f32,
    pub words: Vec<Word>,
}

/// One word and its box in points from the top left corner of the shown page.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    pub text: Box<str>,
    pub x0: f32,
    pub y0: f32,
    pub x1: f32,
    pub y1: f32,
}

/// The layout below; another one gets another number.
const LAYOUT: i64 = 1;

impl PageWords {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + self.words.len() * 12);
        for number in [LAYOUT, self.page.into(), tenths(self.width), tenths(self.height), self.words.len() as i64] {
            put(number, &mut bytes);
        }
        let mut last = Place::default();
        for word in &self.words {
            let place = Place::of(word);
            put(word.text.len() as i64, &mut bytes);
            bytes.extend(word.text.as_bytes());
            for number in [place.left - last.right, place.top - last.top, place.right - place.left, place.height() - last.height()] {
                put(number, &mut bytes);
            }
            last = place;
        }
        bytes
    }

    /// `None` for bytes that are not a page's words.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut number = || take(&mut rest);
        let (layout, page, width, height, count) = (number()?, number()?, number()?, number()?, number()?);
        if layout != LAYOUT {
            return None;
        }
        // A word takes at least five bytes.
        let count = usize::try_from(count).ok().filter(|count| *count <= bytes.len())?;
        let mut words = Vec::with_capacity(count);
        let mut last = Place::default();
        for _ in 0..count {
            let length = usize::try_from(take(&mut rest)?).ok()?;
            let (text, after) = rest.split_at_checked(length)?;
            rest = after;
            let mut number = || take(&mut rest);
            let left = last.right.checked_add(number()?)?;
            let top = last.top.checked_add(number()?)?;
            let right = left.checked_add(number()?)?;
            let bottom = top.checked_add(last.height())?.checked_add(number()?)?;
            last = Place { left, top, right, bottom };
            words.push(last.word(std::str::from_utf8(text).ok()?));
        }
        Some(Self { page: u32::try_from(page).ok()?, width: points(width), height: points(height), words })
    }
}

/// A box in tenths of points.
#[derive(Clone, Copy, Default)]
struct Place {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
}

impl Place {
    fn of(word: &Word) -> Self {
        Self { left: tenths(word.x0), top: tenths(word.y0), right: tenths(word.x1), bottom: tenths(word.y1) }
    }

    fn height(self) -> i64 {
        self.bottom.saturating_sub(self.top)
    }

    fn word(self, text: &str) -> Word {
        Word { text: text.into(), x0: points(self.left), y0: points(self.top), x1: points(self.right), y1: points(self.bottom) }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped; no page is a mile wide")]
fn tenths(points: f32) -> i64 {
    (points.clamp(-1e6, 1e6) * 10.0).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "tenths of points")]
fn points(tenths: i64) -> f32 {
    tenths as f32 / 10.0
}

/// Seven bits a byte, the sign in the lowest.
fn put(number: i64, bytes: &mut Vec<u8>) {
    let mut rest = (number.unsigned_abs() << 1) | u64::from(number < 0);
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..56).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let size = (number >> 1).cast_signed();
            return Some(if number & 1 == 1 { -size } else { size });
        }
    }
    None
}

impl Serialize for PageWords {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::as_base64::serialize(&self.to_bytes().into(), serializer)
    }
}

impl<'de> Deserialize<'de> for PageWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = super::as_base64::deserialize(deserializer)?;
        Self::from_bytes(&bytes).ok_or_else(|| serde::de::Error::custom("not a page's words"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(words: Vec<(String, [i32; 4])>) -> PageWords {
        let point = |tenths: i32| tenths as f32 / 10.0;
        let word = |(text, [x0, y0, x1, y1]): (String, [i32; 4])| Word {
            text: text.into(),
            x0: point(x0),
            y0: point(y0),
            x1: point(x1),
            y1: point(y1),
        };
        PageWords { page: 7, width: 595.3, height: 841.9, words: words.into_iter().map(word).collect() }
    }

    #[test]
    fn a_word_takes_few_bytes_more_than_its_letters() {
        let words: Vec<_> =
            (0..400).map(|at| ("word".to_owned(), [at % 20 * 250, at / 20 * 140, at % 20 * 250 + 220, at / 20 * 140 + 100])).collect();
        let bytes = page(words).to_bytes();
        assert!(bytes.len() < 400 * 11, "{}", bytes.len());
    }

    proptest! {
        #[test]
        fn words_come_back_as_they_were(words in prop::collection::vec(("\\PC{0,8}", prop::array::uniform4(-20_000..20_000_i32)), 0..20)) {
            let page = page(words);
            prop_assert_eq!(PageWords::from_bytes(&page.to_bytes()), Some(page));
        }

        #[test]
        fn other_bytes_are_no_words_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = PageWords::from_bytes(&bytes);
        }
    }
}
