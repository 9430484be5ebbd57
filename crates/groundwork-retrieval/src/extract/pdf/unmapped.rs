//! Glyphs whose font has no Unicode map: their meaning from the font's character collection, its encoding or its own character table.

use hayro_font::{GlyphId, OutlineGlyph};
use hayro_interpret::hayro_cmap::{BfString, CMap, CMapName, CidFamily, load_embedded};
use hayro_interpret::hayro_syntax::object::dict::keys::{BASE_FONT, CIDSYSTEMINFO, DESCENDANT_FONTS, ENCODING, ORDERING, REGISTRY};
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, String as PdfString};
use skrifa::MetadataProvider;
use std::collections::HashMap;

/// A published numbering of glyphs: from codes to its numbers, and from those to text.
pub(super) struct Collection {
    encoding: CMap,
    unicode: CMap,
}

/// How codes or glyphs of one font become text without a Unicode map.
pub(super) enum Meaning {
    /// The codes of the font are UTF-16 themselves.
    Utf16,
    /// The font's glyphs are numbered by a published collection.
    Collection(Box<Collection>),
    /// The font program says which characters its glyphs show.
    CharacterTable {
        chars: HashMap<u32, char>,
        symbols: bool,
    },
    Unknown,
}

impl Meaning {
    pub(super) fn of(dict: &Dict<'_>, glyph: &OutlineGlyph) -> Self {
        Self::by_collection(dict).or_else(|| Self::by_character_table(dict, glyph)).unwrap_or(Self::Unknown)
    }

    pub(super) fn text(&self, code: u32, glyph: GlyphId) -> Option<BfString> {
        match self {
            Self::Utf16 => char::from_u32(code).map(BfString::Char),
            Self::Collection(collection) => {
                let cid = (1..=4).find_map(|length| collection.encoding.lookup_cid_code(code, length))?;
                collection.unicode.lookup_bf_string(cid)
            }
            Self::CharacterTable { chars, symbols } => {
                let char = *chars.get(&glyph.to_u32())?;
                // Symbolic subsets number their characters from U+F000; unless the font draws symbols, the rest is the plain character.
                let plain = u32::from(char).checked_sub(0xF000).and_then(char::from_u32);
                match plain {
                    Some(plain) if !symbols && (' '..='~').contains(&plain) => Some(BfString::Char(plain)),
                    _ => Some(BfString::Char(char)),
                }
            }
            Self::Unknown => None,
        }
    }

    fn by_collection(dict: &Dict<'_>) -> Option<Self> {
        let descendant = dict.get::<Array<'_>>(DESCENDANT_FONTS)?.iter::<Dict<'_>>().next()?;
        let encoding = match dict.get::<Object<'_>>(ENCODING)? {
            Object::Name(name) if name.as_str().contains("UTF16") => return Some(Self::Utf16),
            Object::Name(name) => match CMapName::from_bytes(name.as_ref()) {
                CMapName::IdentityH | CMapName::IdentityV => CMap::identity_h(),
                known => CMap::parse(load_embedded(known)?, load_embedded)?,
            },
            Object::Stream(stream) => CMap::parse(stream.decoded_data().ok()?.as_ref(), load_embedded)?,
            _ => return None,
        };
        let system = descendant.get::<Dict<'_>>(CIDSYSTEMINFO)?;
        let family = CidFamily::from_registry_ordering(
            system.get::<PdfString<'_>>(REGISTRY)?.as_bytes(),
            system.get::<PdfString<'_>>(ORDERING)?.as_bytes(),
        );
        let unicode = CMap::parse(load_embedded(family.ucs2_cmap()?)?, load_embedded)?;
        Some(Self::Collection(Box::new(Collection { encoding, unicode })))
    }

    fn by_character_table(dict: &Dict<'_>, glyph: &OutlineGlyph) -> Option<Self> {
        let program = glyph.font_data()?;
        let data = program.data.as_ref().as_ref();
        let font = skrifa::FontRef::from_index(data, 0).ok()?;
        let mut chars = HashMap::new();
        for (code, glyph) in font.charmap().mappings() {
            if let Some(char) = char::from_u32(code) {
                // Of several characters with one glyph the lowest is the plainest.
                chars.entry(glyph.to_u32()).and_modify(|known: &mut char| *known = (*known).min(char)).or_insert(char);
            }
        }
        let symbols = dict.get::<Name<'_>>(BASE_FONT).is_some_and(|name| {
            let name = name.as_str().to_ascii_lowercase();
            ["dings", "symbol", "awesome", "icon"].iter().any(|part| name.contains(part))
        });
        (!chars.is_empty()).then_some(Self::CharacterTable { chars, symbols })
    }
}

/// Whether a character means something in its own font only.
pub(super) fn is_private(char: char) -> bool {
    matches!(char, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..)
}

/// The text of a glyph as readers know it: symbol-font bullets by their common character, nothing for control and private characters.
pub(super) fn readable(text: Option<BfString>) -> Option<BfString> {
    match text? {
        BfString::Char(char) => readable_char(char).map(BfString::Char),
        BfString::String(text) => {
            let text: String = text.chars().filter_map(readable_char).collect();
            (!text.is_empty()).then_some(BfString::String(text))
        }
    }
}

fn readable_char(char: char) -> Option<char> {
    match char {
        '\t' | '\n' | '\r' | '\u{A0}' => Some(' '),
        '\u{FFFD}' | '\u{FEFF}' | '\u{200B}' => None,
        char if char.is_control() => None,
        '\u{F0B7}' | '\u{F09F}' | '\u{F06C}' => Some('•'),
        '\u{F0A7}' | '\u{F06E}' | '\u{F0A8}' | '\u{F071}' => Some('▪'),
        '\u{F0D8}' | '\u{F076}' => Some('‣'),
        '\u{F0FC}' => Some('✓'),
        '\u{F0E0}' => Some('→'),
        '\u{F02D}' => Some('–'),
        char if is_private(char) => None,
        char => Some(char),
    }
}
