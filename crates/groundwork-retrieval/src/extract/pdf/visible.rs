//! Which drawn glyphs a reader sees: of those drawn twice one, and of invisible ones those that are the text of a scan.

use super::geometry::Area;
use super::glyphs::{Drawing, Glyph};
use hayro_interpret::hayro_cmap::BfString;
use rustc_hash::{FxHashMap, FxHashSet};

/// Bold imitated by drawing each letter twice, outlines drawn over fills, and shadows: one glyph is kept, and counts as bold.
pub(super) fn without_copies(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    const CELL: f32 = 3.0;
    #[expect(clippy::cast_possible_truncation, reason = "glyphs lie on the page")]
    let cell = |(x, y): (f32, f32)| ((x / CELL).floor() as i32, (y / CELL).floor() as i32);
    let mut kept: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    let mut seen: FxHashMap<(char, i32, i32), usize> = FxHashMap::default();
    for glyph in glyphs {
        let BfString::Char(char) = glyph.text else {
            kept.push(glyph);
            continue;
        };
        if char.is_whitespace() {
            kept.push(glyph);
            continue;
        }
        let tolerance = (glyph.size * 0.12).min(CELL);
        let (x, y) = glyph.origin;
        let (left, top) = cell((x - tolerance, y - tolerance));
        let (right, bottom) = cell((x + tolerance, y + tolerance));
        let is_copy = |at: &&usize| {
            kept.get(**at).is_some_and(|known| {
                (known.origin.0 - glyph.origin.0).abs() <= tolerance
                    && (known.origin.1 - glyph.origin.1).abs() <= tolerance
                    && (known.size - glyph.size).abs() <= glyph.size * 0.1
                    && known.turn == glyph.turn
            })
        };
        let copy = (left..=right)
            .flat_map(|column| (top..=bottom).map(move |row| (char, column, row)))
            .filter_map(|place| seen.get(&place))
            .find(is_copy)
            .copied();
        if let Some(known) = copy.and_then(|at| kept.get_mut(at)) {
            known.style.bold |= !known.invisible && !glyph.invisible;
            known.invisible &= glyph.invisible;
        } else {
            let (column, row) = cell(glyph.origin);
            seen.insert((char, column, row), kept.len());
            kept.push(glyph);
        }
    }
    kept
}

/// The text layer over a scan is text; invisible text over visible text repeats it, and other invisible text is not there for a reader.
pub(super) fn without_hidden(glyphs: Vec<Glyph>, drawing: &Drawing) -> (Vec<Glyph>, usize) {
    if glyphs.iter().all(|glyph| !glyph.invisible) {
        return (glyphs, 0);
    }
    const CELL: f32 = 4.0;
    #[expect(clippy::cast_possible_truncation, reason = "glyphs lie on the page")]
    let cell = |(x, y): (f32, f32)| ((x / CELL).floor() as i32, (y / CELL).floor() as i32);
    let mut covered: FxHashSet<(i32, i32)> = FxHashSet::default();
    let mut visible = 0;
    for glyph in glyphs.iter().filter(|glyph| !glyph.invisible && !is_space(glyph)) {
        visible += 1;
        let area = area_on_page(glyph);
        let ((x0, y0), (x1, y1)) = (cell((area.x0, area.y0)), cell((area.x1, area.y1)));
        for x in x0..=x1.min(x0 + 64) {
            for y in y0..=y1.min(y0 + 64) {
                covered.insert((x, y));
            }
        }
    }
    let is_covered = |glyph: &Glyph| covered.contains(&cell(area_on_page(glyph).center()));
    let layer: Vec<&Glyph> = glyphs.iter().filter(|glyph| glyph.invisible && !is_space(glyph)).collect();
    let repeated = layer.iter().filter(|glyph| is_covered(glyph)).count();
    let repeats = visible > 0 && repeated * 2 > layer.len();
    let mut hidden = 0;
    let kept = glyphs
        .into_iter()
        .filter(|glyph| {
            if !glyph.invisible {
                return true;
            }
            if repeats || is_covered(glyph) {
                return false;
            }
            let middle = area_on_page(glyph).center();
            let on_image = drawing.images.iter().any(|image| image.contains(middle));
            if on_image || visible == 0 {
                return true;
            }
            hidden += usize::from(!is_space(glyph));
            false
        })
        .collect();
    (kept, hidden)
}

pub(super) fn is_space(glyph: &Glyph) -> bool {
    match &glyph.text {
        BfString::Char(char) => char.is_whitespace(),
        BfString::String(text) => text.trim().is_empty(),
    }
}

fn area_on_page(glyph: &Glyph) -> Area {
    let (x, y) = glyph.turn.to_frame(glyph.origin);
    let area = area_in_frame((x, y), glyph);
    area.map(|point| glyph.turn.to_page(point))
}

pub(super) fn area_in_frame((x, y): (f32, f32), glyph: &Glyph) -> Area {
    let (above, below) = if glyph.vertical { (0.5, 0.5) } else { (0.75, 0.22) };
    Area { x0: x, y0: y - glyph.size * above, x1: x + glyph.advance.max(0.0), y1: y + glyph.size * below }
}
