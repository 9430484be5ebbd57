//! The fonts of a document: which one drew a glyph, how heavy and slanted it is, how wide its glyphs are, and what they mean.
//!
//! The interpreter hands out glyphs without their font dictionary, so the dictionaries that a page can use are loaded here too, and a glyph's
//! font is the one whose glyph of the same number comes from the same font program with the same width.

use super::unmapped;
use hayro_font::{Font, FontCache, FontGlyph, GlyphId, GlyphIdentifier, OutlineGlyph};
use hayro_interpret::InterpreterSettings;
use hayro_interpret::font::Glyph as Drawn;
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::object::dict::keys::{
    ANNOTS, AP, BASE_FONT, DESCENDANT_FONTS, FLAGS, FONT, FONT_BBOX, FONT_DESC, FONT_MATRIX, FONT_WEIGHT, N, RESOURCES, SUBTYPE, TYPE3,
    XOBJECT,
};
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, Stream};
use hayro_interpret::hayro_syntax::page::Page;
use rustc_hash::FxHasher;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

/// Font dictionaries and resource dictionaries that are looked at for one page.
const MAX_RESOURCES: usize = 300;
const MAX_FONTS: usize = 1_000;

/// How a font looks, as far as it tells headings and code from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Style {
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) mono: bool,
}

/// What is known of one drawn glyph.
#[derive(Debug, Clone)]
pub(super) struct Face {
    pub(super) text: Option<BfString>,
    /// Shows nothing, so that a missing text is no loss.
    pub(super) blank: bool,
    pub(super) style: Style,
    /// Width in thousandths of the em.
    pub(super) advance: f64,
    /// How much the glyph's transform is stretched beyond the text's own.
    pub(super) stretch: f64,
    /// The em's height in units of the font size; other than 1 only for fonts drawn by content streams.
    pub(super) em: f64,
}

impl Face {
    fn plain(advance: f32) -> Self {
        Self { text: None, blank: false, style: Style::default(), advance: f64::from(advance), stretch: 1.0, em: 1.0 }
    }
}

pub(super) struct Fonts<'a> {
    settings: InterpreterSettings,
    cache: FontCache<'a>,
    known: Vec<KnownFont<'a>>,
    /// Font and resource dictionaries that were looked at, by their place in the file.
    visited: HashSet<usize>,
    /// Faces by glyph, code and width; emptied when a page brings new fonts.
    faces: HashMap<(GlyphIdentifier, u32, u32), Face, BuildHasherDefault<FxHasher>>,
}

struct KnownFont<'a> {
    font: Font<'a>,
    dict: Dict<'a>,
    style: Style,
    em: f64,
    meaning: Option<unmapped::Meaning>,
}

impl<'a> Fonts<'a> {
    pub(super) fn new(settings: &InterpreterSettings) -> Self {
        Self { settings: settings.clone(), cache: FontCache::new(), known: Vec::new(), visited: HashSet::new(), faces: HashMap::default() }
    }

    /// Loads the fonts that a page, the forms it draws and its annotations name.
    pub(super) fn enter_page(&mut self, page: &Page<'a>) {
        self.add_fonts(&page.resources().fonts);
        let mut open = form_resources(&page.resources().x_objects);
        open.extend(appearance_resources(page));
        let mut seen = 0;
        while let Some(resources) = open.pop() {
            seen += 1;
            if seen > MAX_RESOURCES || !self.visited.insert(address(&resources)) {
                continue;
            }
            if let Some(fonts) = resources.get::<Dict<'a>>(FONT) {
                self.add_fonts(&fonts);
            }
            if let Some(x_objects) = resources.get::<Dict<'a>>(XOBJECT) {
                open.extend(form_resources(&x_objects));
            }
        }
    }

    /// Finds out what can be known of a glyph.
    pub(super) fn identify(&mut self, glyph: &Drawn<'a>) -> Face {
        match glyph {
            Drawn::Outline(outline) => {
                let advance = outline.advance_width().unwrap_or(0.0);
                let key = (outline.identifier(), outline.char_code(), advance.to_bits());
                if let Some(face) = self.faces.get(&key) {
                    return face.clone();
                }
                let (face, is_certain) = self.outline_face(outline, advance);
                if is_certain {
                    self.faces.insert(key, face.clone());
                }
                face
            }
            Drawn::Type3(drawn) => {
                let advance = drawn.advance_width().unwrap_or(0.0);
                Face {
                    text: unmapped::readable(drawn.as_unicode()),
                    em: self.drawn_font_em(drawn.char_code(), advance),
                    ..Face::plain(advance)
                }
            }
        }
    }

    /// The face of a glyph, and whether glyphs of the same program, code and width always have it: fonts that share a program may give the same
    /// code different meanings.
    fn outline_face(&mut self, outline: &OutlineGlyph, advance: f32) -> (Face, bool) {
        let mut face = Face::plain(advance);
        let mut text = outline.as_unicode();
        let code = outline.char_code();
        let (found, candidates) = self.find(outline, advance);
        if let Some(known) = found.and_then(|at| self.known.get_mut(at)) {
            face.style = known.style;
            let stretch = known.font.glyph_stretch(outline.glyph_id(), code);
            if stretch.is_finite() && stretch > 0.0 {
                face.stretch = stretch;
            }
            if needs_meaning(text.as_ref()) {
                let dict = &known.dict;
                let meaning = known.meaning.get_or_insert_with(|| unmapped::Meaning::of(dict, outline));
                text = meaning.text(code, outline.glyph_id()).or(text);
            }
        }
        face.text = unmapped::readable(text);
        face.blank = face.text.is_none() && outline.outline().is_empty();
        (face, candidates <= 1)
    }

    /// The font that drew a glyph, and how many fonts could have.
    fn find(&self, glyph: &OutlineGlyph, advance: f32) -> (Option<usize>, usize) {
        let identifier = glyph.identifier();
        let unicode = glyph.as_unicode();
        let (mut best, mut second_best, mut candidates) = (None, None, 0);
        for (at, known) in self.known.iter().enumerate().rev() {
            let FontGlyph::Outline(own) = known.font.glyph(glyph.glyph_id(), glyph.char_code()) else {
                continue;
            };
            if own.advance_width().unwrap_or(0.0).to_bits() == advance.to_bits() && own.identifier() == identifier {
                candidates += 1;
                if best.is_none() && own.as_unicode() == unicode {
                    best = Some(at);
                }
                second_best = Some(at);
            }
        }
        (best.or(second_best), candidates)
    }

    /// A font drawn by content streams may have any unit; the one whose width fits tells how high its em is.
    fn drawn_font_em(&self, code: u32, advance: f32) -> f64 {
        let fits = |known: &&KnownFont<'a>| {
            let FontGlyph::Type3(own) = known.font.glyph(GlyphId::NOTDEF, code) else {
                return false;
            };
            (own.advance_width() - advance).abs() <= advance.abs() * 0.001
        };
        self.known.iter().rev().find(fits).map_or(1.0, |known| known.em)
    }

    fn add_fonts(&mut self, fonts: &Dict<'a>) {
        for name in fonts.keys() {
            if self.known.len() >= MAX_FONTS {
                return;
            }
            let Some(dict) = fonts.get::<Dict<'a>>(name.as_ref()) else {
                continue;
            };
            if !self.visited.insert(address(&dict)) {
                continue;
            }
            let loaded = self.cache.font(&dict, &self.settings.font_resolver, &self.settings.cmap_resolver);
            if let Some(font) = loaded {
                self.faces.clear();
                self.known.push(KnownFont { font, style: style_of(&dict), em: em_of(&dict), dict, meaning: None });
            }
        }
    }
}

fn form_resources<'a>(x_objects: &Dict<'a>) -> Vec<Dict<'a>> {
    let mut found = Vec::new();
    for name in x_objects.keys().take(MAX_RESOURCES) {
        if let Some(form) = x_objects.get::<Stream<'a>>(name.as_ref()) {
            found.extend(form.dict().get::<Dict<'a>>(RESOURCES));
        }
    }
    found
}

/// Dictionaries borrow from the file's bytes, so their address names them.
fn address(dict: &Dict<'_>) -> usize {
    dict.data().as_ptr().addr()
}

fn appearance_resources<'a>(page: &Page<'a>) -> Vec<Dict<'a>> {
    let mut found = Vec::new();
    let Some(annotations) = page.raw().get::<Array<'a>>(ANNOTS) else {
        return found;
    };
    for annotation in annotations.iter::<Dict<'a>>().take(MAX_RESOURCES) {
        let normal = annotation.get::<Dict<'a>>(AP).and_then(|appearance| appearance.get::<Object<'a>>(N));
        match normal {
            Some(Object::Stream(stream)) => found.extend(stream.dict().get::<Dict<'a>>(RESOURCES)),
            Some(Object::Dict(states)) => {
                for name in states.keys().take(8) {
                    if let Some(stream) = states.get::<Stream<'a>>(name.as_ref()) {
                        found.extend(stream.dict().get::<Dict<'a>>(RESOURCES));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn style_of(dict: &Dict<'_>) -> Style {
    const FIXED_PITCH: u32 = 1;
    const ITALIC: u32 = 1 << 6;
    const FORCE_BOLD: u32 = 1 << 18;
    let name = dict.get::<Name<'_>>(BASE_FONT).map(|name| name.as_str().to_ascii_lowercase()).unwrap_or_default();
    let descendant = dict.get::<Array<'_>>(DESCENDANT_FONTS).and_then(|fonts| fonts.iter::<Dict<'_>>().next());
    let descriptor =
        dict.get::<Dict<'_>>(FONT_DESC).or_else(|| descendant.and_then(|font| font.get::<Dict<'_>>(FONT_DESC))).unwrap_or_default();
    let flags = descriptor.get::<u32>(FLAGS).unwrap_or(0);
    let weight = descriptor.get::<f32>(FONT_WEIGHT).unwrap_or(400.0);
    let named = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    Style {
        bold: flags & FORCE_BOLD != 0 || weight >= 600.0 || named(&["bold", "black", "heavy", "demi", "cmbx", "-bd"]),
        italic: flags & ITALIC != 0 || named(&["italic", "oblique"]),
        mono: flags & FIXED_PITCH != 0 || named(&["courier", "mono", "consolas", "menlo", "typewriter", "cmtt"]),
    }
}

/// See [`Face::em`].
fn em_of(dict: &Dict<'_>) -> f64 {
    if dict.get::<Name<'_>>(SUBTYPE).is_none_or(|kind| kind.as_ref() != TYPE3) {
        return 1.0;
    }
    let matrix = dict.get::<[f64; 6]>(FONT_MATRIX).unwrap_or([0.001, 0.0, 0.0, 0.001, 0.0, 0.0]);
    let bounds = dict.get::<[f64; 4]>(FONT_BBOX).unwrap_or_default();
    // A font's bounding box is a little higher than its em.
    let height = ((bounds[3] - bounds[1]) * matrix[3]).abs() / 1.2;
    if height.is_finite() && height > 0.0 && !(0.4..2.5).contains(&height) { height } else { 1.0 }
}

fn needs_meaning(text: Option<&BfString>) -> bool {
    match text {
        None => true,
        Some(BfString::Char(char)) => unmapped::is_private(*char) || char.is_control(),
        Some(BfString::String(text)) => text.is_empty(),
    }
}
