//! What a page draws: glyphs with their Unicode, place and style, straight lines, and images. A `hayro` device that draws nothing.

use super::fonts::{Fonts, Style};
use super::geometry::{Area, Turn};
use hayro_interpret::font::{Glyph as Drawn, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::{Dict, Name, String as PdfString};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache, InterpreterSettings, Paint,
    SoftMask, TransformExt, interpret_page,
};

/// Beyond these a page is a drawing, not a text; what comes after is left out with a warning.
const MAX_GLYPHS: usize = 200_000;
const MAX_RULES: usize = 20_000;
/// A path with more segments than this is a picture.
const MAX_PATH_SEGMENTS: usize = 500;
/// Filled shapes up to this thickness count as lines, in points.
const RULE_THICKNESS: f32 = 3.0;

/// Stands for a visible glyph that no Unicode text is known for.
pub(super) const UNMAPPED: char = char::REPLACEMENT_CHARACTER;

/// One drawn glyph, in the coordinates of the shown page.
#[derive(Debug, Clone)]
pub(super) struct Glyph {
    pub(super) text: BfString,
    /// Start of the glyph on its baseline.
    pub(super) origin: (f32, f32),
    pub(super) turn: Turn,
    /// Length along the baseline.
    pub(super) advance: f32,
    /// Height of the em.
    pub(super) size: f32,
    pub(super) style: Style,
    /// Drawn without being seen: the text layer over a scan, or hidden text.
    pub(super) invisible: bool,
    /// Marked by the producer as a running header, footer or page number.
    pub(super) furniture: bool,
    /// Written top to bottom; `origin` is then the middle of the top edge.
    pub(super) vertical: bool,
}

/// A straight horizontal or vertical line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) area: Area,
}

/// All that one page draws and that matters for reading.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    pub(super) number: u32,
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) glyphs: Vec<Glyph>,
    pub(super) rules: Vec<Rule>,
    pub(super) images: Vec<Area>,
    /// The page draws more than is read of one page.
    pub(super) overfull: bool,
}

/// Interprets pages one after the other, sharing fonts.
pub(super) struct Interpreter<'a> {
    pdf: &'a Pdf,
    cache: InterpreterCache<'a>,
    settings: InterpreterSettings,
    fonts: Fonts<'a>,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(pdf: &'a Pdf) -> Self {
        let settings = InterpreterSettings::default();
        Self { pdf, cache: InterpreterCache::new(), fonts: Fonts::new(&settings), settings }
    }

    pub(super) fn draw(&mut self, page: &'a Page<'a>, number: u32) -> Drawing {
        let (width, height) = page.render_dimensions();
        let to_shown = page.initial_transform(true).to_kurbo();
        let bounds = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        self.fonts.enter_page(page);
        let mut context = Context::new(to_shown, bounds, &self.cache, self.pdf.xref(), self.settings.clone());
        let mut collector = Collector {
            drawing: Drawing { number, width, height, ..Drawing::default() },
            fonts: &mut self.fonts,
            clips: vec![area_of(bounds)],
            marks: Vec::new(),
            groups: Vec::new(),
        };
        interpret_page(page, &mut context, &mut collector);
        let mut drawing = collector.drawing;
        super::forms::add_values(page, to_shown, &mut drawing);
        drawing
    }
}

/// An open marked-content sequence.
struct Mark {
    furniture: bool,
    /// Text that stands for all glyphs drawn since the one at this index.
    actual: Option<(usize, String)>,
}

struct Collector<'f, 'a> {
    drawing: Drawing,
    fonts: &'f mut Fonts<'a>,
    /// Boxes of the open clips, each within the one before.
    clips: Vec<Area>,
    marks: Vec<Mark>,
    /// Whether each open transparency group shows nothing.
    groups: Vec<bool>,
}

impl<'a> Device<'a> for Collector<'_, 'a> {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        if path.elements().len() > MAX_PATH_SEGMENTS || is_transparent(&props.paint) {
            return;
        }
        let path = props.transform * path;
        match mode {
            DrawMode::Stroke(_) => self.add_segments(&path),
            DrawMode::Fill(_) => self.add_filled(&path),
            DrawMode::FillAndStroke(..) | DrawMode::Invisible => {}
        }
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        self.push_clip_rect(&clip.path.bounding_box());
    }

    fn push_clip_rect(&mut self, rect: &Rect) {
        let clip = area_of(*rect);
        let outer = self.clip();
        self.clips.push(Area {
            x0: clip.x0.max(outer.x0),
            y0: clip.y0.max(outer.y0),
            x1: clip.x1.min(outer.x1),
            y1: clip.y1.min(outer.y1),
        });
        self.reveal_clip_text(&clip);
    }

    fn push_transparency_group(&mut self, opacity: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.groups.push(opacity <= 0.0);
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        let invisible = matches!(mode, DrawMode::Invisible) || is_transparent(&props.paint) || self.groups.contains(&true);
        let vertical = run.writing_mode() == WritingMode::Vertical;
        for glyph in run.glyphs() {
            let place = props.transform * glyph.transform();
            self.add_glyph(glyph, place, invisible, vertical);
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = Rect::new(0.0, 0.0, image.width().into(), image.height().into());
        let area = area_of(props.transform.transform_rect_bbox(pixels));
        if area.width() * area.height() > 16.0 {
            self.drawing.images.push(area);
        }
    }

    fn pop_clip(&mut self) {
        if self.clips.len() > 1 {
            self.clips.pop();
        }
    }

    fn pop_transparency_group(&mut self) {
        self.groups.pop();
    }

    fn begin_marked_content(&mut self, tag: &[u8], properties: Option<&Dict<'_>>) {
        let is_artifact = tag == b"Artifact"
            && properties.is_some_and(|properties| properties.get::<Name<'_>>(b"Type").is_some_and(|kind| kind.as_ref() == b"Pagination"));
        let actual = properties
            .and_then(|properties| properties.get::<PdfString<'_>>(b"ActualText"))
            .map(|text| super::metadata::decode(text.as_bytes()));
        self.marks
            .push(Mark { furniture: is_artifact || self.in_furniture(), actual: actual.map(|text| (self.drawing.glyphs.len(), text)) });
    }

    fn end_marked_content(&mut self) {
        if let Some(Mark { actual: Some((start, text)), .. }) = self.marks.pop() {
            self.replace_text(start, text);
        }
    }
}

impl<'a> Collector<'_, 'a> {
    fn clip(&self) -> Area {
        self.clips.last().copied().unwrap_or(Area { x0: 0.0, y0: 0.0, x1: self.drawing.width, y1: self.drawing.height })
    }

    fn in_furniture(&self) -> bool {
        self.marks.last().is_some_and(|mark| mark.furniture)
    }

    fn add_glyph(&mut self, glyph: &Drawn<'a>, place: Affine, invisible: bool, vertical: bool) {
        if self.drawing.glyphs.len() >= MAX_GLYPHS {
            self.drawing.overfull = true;
            return;
        }
        let face = self.fonts.identify(glyph);
        let Some(cast) = Cast::new(place, &face, vertical) else {
            return;
        };
        let clip = self.clip().grown(1.0);
        if !clip.contains(cast.middle()) {
            return;
        }
        let text = match face.text {
            Some(text) => text,
            None if invisible || face.blank => return,
            None => BfString::Char(UNMAPPED),
        };
        self.drawing.glyphs.push(Glyph {
            text,
            origin: cast.origin,
            turn: cast.turn,
            advance: cast.advance,
            size: cast.size,
            style: face.style,
            invisible,
            furniture: self.in_furniture(),
            vertical,
        });
    }

    /// Puts the producer's own text in place of the glyphs that show it. A long passage keeps its glyphs, or its place would be lost.
    fn replace_text(&mut self, start: usize, text: String) {
        const LONGEST: usize = 32;
        let glyphs = self.drawing.glyphs.get_mut(start..).unwrap_or_default();
        let Some((first, rest)) = glyphs.split_first_mut() else {
            return;
        };
        let same_line = rest.iter().all(|glyph| {
            glyph.turn == first.turn && (glyph.turn.to_frame(glyph.origin).1 - first.turn.to_frame(first.origin).1).abs() < first.size / 2.0
        });
        if rest.len() >= LONGEST || !same_line || text.chars().any(char::is_whitespace) {
            return;
        }
        if let Some(last) = rest.last() {
            let end = last.turn.to_frame(last.origin).0 + last.advance;
            first.advance = end - first.turn.to_frame(first.origin).0;
        }
        first.text = BfString::String(text);
        self.drawing.glyphs.truncate(start + 1);
    }

    /// Glyphs that only cut out a clip (a heading filled with a gradient) are seen, though they arrive as invisible.
    fn reveal_clip_text(&mut self, clip: &Area) {
        let clip = clip.grown(1.0);
        for glyph in self.drawing.glyphs.iter_mut().rev() {
            if !glyph.invisible {
                break;
            }
            if clip.height() < glyph.size * 1.5 && clip.contains(glyph.origin) {
                glyph.invisible = false;
            } else {
                break;
            }
        }
    }

    fn add_rule(&mut self, area: Area) {
        if self.drawing.rules.len() < MAX_RULES && self.clip().grown(2.0).contains(area.center()) {
            self.drawing.rules.push(Rule { area });
        }
    }

    fn add_segments(&mut self, path: &BezPath) {
        let mut start = Point::ZERO;
        let mut here = Point::ZERO;
        for element in path.elements() {
            let end = match *element {
                PathEl::MoveTo(point) => {
                    start = point;
                    here = point;
                    continue;
                }
                PathEl::LineTo(point) => point,
                PathEl::ClosePath => start,
                PathEl::QuadTo(_, point) | PathEl::CurveTo(_, _, point) => {
                    here = point;
                    continue;
                }
            };
            let area = Area::of([narrow(here), narrow(end)]);
            if area.width().min(area.height()) < 1.0 && area.width().max(area.height()) >= 1.0 {
                self.add_rule(area);
            }
            here = end;
        }
    }

    /// Thin filled shapes are lines, and so is what lies between two frames of which one is in the other: the border of a cell.
    fn add_filled(&mut self, path: &BezPath) {
        let shapes: Vec<Area> = subpaths(path).map(|shape| area_of(shape.bounding_box())).collect();
        for pair in shapes.windows(2) {
            let (inner, outer) = if pair[0].width() < pair[1].width() { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
            let borders = [
                Area { y1: inner.y0, ..outer },
                Area { y0: inner.y1, ..outer },
                Area { x1: inner.x0, ..outer },
                Area { x0: inner.x1, ..outer },
            ];
            if outer.grown(0.01).holds(&inner) && borders.iter().all(|border| border.width().min(border.height()) <= RULE_THICKNESS) {
                borders.into_iter().for_each(|border| self.add_thin(border));
            }
        }
        for shape in shapes {
            self.add_thin(shape);
        }
    }

    fn add_thin(&mut self, area: Area) {
        if is_thin(&area) {
            self.add_rule(area);
        }
    }
}

fn is_thin(area: &Area) -> bool {
    let (thin, long) = (area.width().min(area.height()), area.width().max(area.height()));
    thin <= RULE_THICKNESS && long > thin * 2.0
}

/// The shapes that one path draws.
fn subpaths(path: &BezPath) -> impl Iterator<Item = BezPath> {
    let elements = path.elements();
    let starts: Vec<usize> = (0..elements.len()).filter(|at| matches!(elements[*at], PathEl::MoveTo(_))).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([elements.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| BezPath::from_vec(elements[start..end].to_vec()))
}

/// A glyph's place and extent on the shown page.
struct Cast {
    origin: (f32, f32),
    turn: Turn,
    advance: f32,
    size: f32,
    direction: (f32, f32),
}

impl Cast {
    /// `None` for a glyph without extent, or with one that no page has.
    fn new(place: Affine, face: &super::fonts::Face, vertical: bool) -> Option<Self> {
        const UNITS: f64 = 1000.0;
        let [a, b, c, d, e, f] = place.as_coeffs();
        let stretch = face.stretch;
        let (along, across) = ((a / stretch, b / stretch), (c, d));
        let width = along.0.hypot(along.1) * UNITS;
        // The em's height, measured at right angles to the baseline, so that slanted text is not taken for larger text.
        let height = if width > 0.0 { ((along.0 * across.1 - along.1 * across.0) * UNITS * UNITS / width).abs() } else { 0.0 };
        let sane = |value: f64| value.is_finite() && value.abs() < 1e5;
        if ![e, f, width, height].into_iter().all(sane) || height < 0.1 || width < 0.1 {
            return None;
        }
        let origin = Point::new(e, f);
        if vertical {
            let down = (-across.0 * UNITS / height, -across.1 * UNITS / height);
            let middle =
                Point::new(e + along.0 * face.advance / 2.0 + across.0 * 880.0, f + along.1 * face.advance / 2.0 + across.1 * 880.0);
            let direction = narrow(Point::new(down.0, down.1));
            return Some(Self {
                origin: narrow(middle),
                turn: Turn::of(direction.0, direction.1),
                advance: narrow_length(height),
                size: narrow_length(width),
                direction,
            });
        }
        let direction = narrow(Point::new(along.0 * UNITS / width, along.1 * UNITS / width));
        Some(Self {
            origin: narrow(origin),
            turn: Turn::of(direction.0, direction.1),
            advance: narrow_length(width * face.advance / UNITS),
            size: narrow_length(height * face.em),
            direction,
        })
    }

    fn middle(&self) -> (f32, f32) {
        let half = self.advance / 2.0;
        (self.origin.0 + self.direction.0 * half, self.origin.1 + self.direction.1 * half)
    }
}

fn is_transparent(paint: &Paint<'_>) -> bool {
    match paint {
        Paint::Color(color) => color.to_rgba().components()[3] <= 0.01,
        Paint::Pattern(_) => false,
    }
}

fn area_of(rect: Rect) -> Area {
    Area::of([narrow(Point::new(rect.x0, rect.y0)), narrow(Point::new(rect.x1, rect.y1))])
}

#[expect(clippy::cast_possible_truncation, reason = "a page's coordinates fit, and a saturated one lies outside the page")]
fn narrow(point: Point) -> (f32, f32) {
    (point.x as f32, point.y as f32)
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be below 1e5 by the caller")]
fn narrow_length(length: f64) -> f32 {
    length as f32
}
