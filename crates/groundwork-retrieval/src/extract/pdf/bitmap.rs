//! The pictures of one page, as a recognizer of text reads them: gray, upright, at a resolution near that of the scan.

use crate::extract::{Bitmap, Limits, ReadError};
use hayro_interpret::font::GlyphRun;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps, InterpreterCache, InterpreterSettings,
    LumaData, Paint, SoftMask, TransformExt, interpret_page,
};

/// Letters need no more, and with less they are lost.
const DOTS_PER_INCH: std::ops::RangeInclusive<f64> = 150.0..=300.0;
/// Larger pages are drawn coarser.
const MOST_PIXELS: f64 = 40_000_000.0;

/// Draws the pictures of the page of this number, counted from 1.
pub(in crate::extract) fn draw(bytes: &[u8], number: u32, limits: &Limits) -> Result<Bitmap, ReadError> {
    let pdf = super::open(bytes, limits)?;
    let page = pdf.pages().get(number.saturating_sub(1) as usize).ok_or_else(|| ReadError::Damaged("a page is missing".to_owned()))?;
    let (width, height) = page.render_dimensions();
    let (width, height) = (f64::from(width), f64::from(height));
    let to_shown = page.initial_transform(true).to_kurbo();
    let cache = InterpreterCache::new();
    let bounds = Rect::new(0.0, 0.0, width, height);
    let context = || Context::new(to_shown, bounds, &cache, pdf.xref(), InterpreterSettings::default());
    let mut finest = Finest(0.0);
    interpret_page(page, &mut context(), &mut finest);
    let finest = finest.0.clamp(*DOTS_PER_INCH.start(), *DOTS_PER_INCH.end());
    let dots = finest.min((MOST_PIXELS / (width * height).max(1.0)).sqrt() * 72.0);
    let mut canvas = Canvas::new(width, height, dots / 72.0);
    interpret_page(page, &mut context(), &mut canvas);
    Ok(Bitmap { width: canvas.width, height: canvas.height, dots_per_inch: whole(dots), gray: canvas.gray.into() })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn whole(number: f64) -> u32 {
    number.round().clamp(1.0, 100_000.0) as u32
}

/// The resolution of the finest large picture.
struct Finest(f64);

/// White until something is drawn.
struct Canvas {
    width: u32,
    height: u32,
    scale: f64,
    gray: Vec<u8>,
}

/// A decoded picture: how dark it is, and how much it covers, at each of its pixels.
struct Picture<'a> {
    width: u32,
    height: u32,
    /// Pixels of the picture as the page places it to those that were decoded.
    scale: (f32, f32),
    gray: &'a dyn Fn(usize) -> u8,
    cover: &'a dyn Fn(f64, f64) -> u8,
}

impl Canvas {
    fn new(width: f64, height: f64, scale: f64) -> Self {
        let (width, height) = (whole(width * scale), whole(height * scale));
        Self { width, height, scale, gray: vec![255; width as usize * height as usize] }
    }

    fn paint(&mut self, picture: &Picture<'_>, transform: Affine, size: (u32, u32)) {
        let place = Affine::scale(self.scale) * transform;
        if place.determinant().abs() < 1e-12 || !place.is_finite() {
            return;
        }
        let bounds = place.transform_rect_bbox(Rect::new(0.0, 0.0, size.0.into(), size.1.into()));
        let back = place.inverse();
        let (left, top) = (whole_from(bounds.x0, self.width), whole_from(bounds.y0, self.height));
        let (right, bottom) = (whole_from(bounds.x1.ceil(), self.width), whole_from(bounds.y1.ceil(), self.height));
        // A finer picture is sampled in several places within each pixel.
        let fine = whole(back.determinant().abs().sqrt()).min(4);
        for y in top..bottom {
            for x in left..right {
                if let Some((gray, cover)) = picture.sample(&back, (x, y), fine) {
                    let at = y as usize * self.width as usize + x as usize;
                    let under = u32::from(self.gray[at]);
                    self.gray[at] = u8::try_from((gray * cover + under * (255 - cover)) / 255).unwrap_or(255);
                }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the canvas")]
fn whole_from(edge: f64, most: u32) -> u32 {
    edge.clamp(0.0, most.into()) as u32
}

impl Picture<'_> {
    /// Mean of what lies under a pixel of the canvas.
    fn sample(&self, back: &Affine, (x, y): (u32, u32), fine: u32) -> Option<(u32, u32)> {
        let (mut gray, mut cover, mut count) = (0, 0, 0);
        for step in 0..fine * fine {
            let offset = |step: u32| (f64::from(step) + 0.5) / f64::from(fine);
            let point = *back * Point::new(f64::from(x) + offset(step % fine), f64::from(y) + offset(step / fine));
            let (u, v) = (point.x / f64::from(self.scale.0), point.y / f64::from(self.scale.1));
            if u < 0.0 || v < 0.0 || u >= self.width.into() || v >= self.height.into() {
                continue;
            }
            let at = whole_from(v, self.height) as usize * self.width as usize + whole_from(u, self.width) as usize;
            gray += u32::from((self.gray)(at));
            cover += u32::from((self.cover)(u / f64::from(self.width), v / f64::from(self.height)));
            count += 1;
        }
        (count > 0).then(|| (gray / count, cover / count))
    }
}

impl<'a> Device<'a> for Canvas {
    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let size = (image.width(), image.height());
        match image {
            Image::Raster(raster) => raster.with_rgba(
                |image, alpha| {
                    let cover = |u: f64, v: f64| alpha.as_ref().map_or(255, |alpha| at_share(alpha, u, v));
                    let (width, height, scale) = (image.width(), image.height(), image.scale_factors());
                    let gray = |at: usize| match &image {
                        ImageData::Luma(luma) => luma.data.get(at).copied().unwrap_or(255),
                        ImageData::Rgb(rgb) => rgb.data.get(at * 3..at * 3 + 3).map_or(255, |rgb| luma_of([rgb[0], rgb[1], rgb[2]])),
                    };
                    self.paint(&Picture { width, height, scale, gray: &gray, cover: &cover }, props.transform, size);
                },
                None,
            ),
            Image::Stencil(stencil) => stencil.with_stencil(
                |mask, paint| {
                    let ink = match paint {
                        Paint::Color(color) => {
                            let [red, green, blue, _] = color.to_rgba().to_rgba8();
                            luma_of([red, green, blue])
                        }
                        Paint::Pattern(_) => 0,
                    };
                    let (gray, cover) = (|_: usize| ink, |u: f64, v: f64| at_share(&mask, u, v));
                    let (width, height, scale) = (mask.width, mask.height, mask.scale_factors);
                    self.paint(&Picture { width, height, scale, gray: &gray, cover: &cover }, props.transform, size);
                },
                None,
            ),
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

impl<'a> Device<'a> for Finest {
    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = Rect::new(0.0, 0.0, image.width().into(), image.height().into());
        let place = props.transform.transform_rect_bbox(pixels);
        // Both measured along the diagonal, so that a turned picture counts as well.
        let dots = pixels.width().hypot(pixels.height()) / place.width().hypot(place.height()).max(1.0) * 72.0;
        const LARGE: f64 = 100.0 * 100.0;
        if place.area() >= LARGE && dots.is_finite() {
            self.0 = self.0.max(dots);
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

/// The value of a mask at a share of its width and height.
fn at_share(mask: &LumaData, u: f64, v: f64) -> u8 {
    let (x, y) = (whole_from(u * f64::from(mask.width), mask.width - 1), whole_from(v * f64::from(mask.height), mask.height - 1));
    mask.data.get(y as usize * mask.width as usize + x as usize).copied().unwrap_or(255)
}

fn luma_of([red, green, blue]: [u8; 3]) -> u8 {
    u8::try_from((u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29) >> 8).unwrap_or(255)
}
