//! Values of form fields that have no drawn appearance: they are put where the field stands.

use super::fonts::Style;
use super::geometry::Turn;
use super::glyphs::{Drawing, Glyph};
use super::metadata::decode;
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::object::dict::keys::{ANNOTS, AP, F, FT, PARENT, RECT, SUBTYPE, V};
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, Rect};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::kurbo::{Affine, Point};

const MAX_FIELDS: usize = 2_000;
const MAX_PARENTS: usize = 8;
const HIDDEN: u32 = (1 << 1) | (1 << 5);

pub(super) fn add_values(page: &Page<'_>, to_shown: Affine, drawing: &mut Drawing) {
    let Some(annotations) = page.raw().get::<Array<'_>>(ANNOTS) else {
        return;
    };
    for field in annotations.iter::<Dict<'_>>().take(MAX_FIELDS) {
        let is_field = field.get::<Name<'_>>(SUBTYPE).is_some_and(|kind| kind.as_ref() == b"Widget");
        if !is_field || field.contains_key(AP) || field.get::<u32>(F).unwrap_or(0) & HIDDEN != 0 {
            continue;
        }
        if let (Some(value), Some(rect)) = (value(&field), field.get::<Rect>(RECT)) {
            add(drawing, &value, rect, to_shown);
        }
    }
}

/// The value of a text or choice field, its own or that of the field it is a part of.
fn value(field: &Dict<'_>) -> Option<String> {
    let mut level = field.clone();
    let (mut kind, mut value) = (None, None);
    for _ in 0..MAX_PARENTS {
        kind = kind.or_else(|| level.get::<Name<'_>>(FT).map(|name| name.as_ref().to_vec()));
        value = value.or_else(|| match level.get::<Object<'_>>(V) {
            Some(Object::String(text)) => Some(decode(text.as_bytes())),
            _ => None,
        });
        match level.get::<Dict<'_>>(PARENT) {
            Some(parent) => level = parent,
            None => break,
        }
    }
    let is_text = kind.is_some_and(|kind| kind == b"Tx" || kind == b"Ch");
    value.filter(|value| is_text && !value.trim().is_empty())
}

#[expect(clippy::cast_possible_truncation, reason = "places on a page")]
fn add(drawing: &mut Drawing, value: &str, rect: Rect, to_shown: Affine) {
    let corner = to_shown * Point::new(rect.x0, rect.y0);
    let opposite = to_shown * Point::new(rect.x1, rect.y1);
    let (left, width) = (corner.x.min(opposite.x) as f32, (corner.x - opposite.x).abs() as f32);
    let (top, height) = (corner.y.min(opposite.y) as f32, (corner.y - opposite.y).abs() as f32);
    let lines: Vec<&str> = value.lines().collect();
    let size = (height / (lines.len().max(1) as f32) * 0.8).clamp(4.0, 12.0);
    for (row, line) in lines.into_iter().enumerate() {
        let baseline = top + size * (row as f32 + 1.0);
        let step = (width / line.chars().count().max(1) as f32).min(size * 0.5);
        for (at, char) in line.chars().enumerate() {
            drawing.glyphs.push(Glyph {
                text: BfString::Char(char),
                origin: (left + step * at as f32, baseline),
                turn: Turn::UPRIGHT,
                advance: step,
                size,
                style: Style::default(),
                invisible: false,
                furniture: false,
                vertical: false,
            });
        }
    }
}
