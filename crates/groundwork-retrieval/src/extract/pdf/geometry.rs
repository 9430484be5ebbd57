//! Boxes and turns on a page. The y axis points down, as on the shown page; lengths are points.

/// An upright box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) x0: f32,
    pub(super) y0: f32,
    pub(super) x1: f32,
    pub(super) y1: f32,
}

impl Area {
    pub(super) fn of(corners: [(f32, f32); 2]) -> Self {
        let [(ax, ay), (bx, by)] = corners;
        Self { x0: ax.min(bx), y0: ay.min(by), x1: ax.max(bx), y1: ay.max(by) }
    }

    pub(super) fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    pub(super) fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    pub(super) fn center(&self) -> (f32, f32) {
        ((self.x0 + self.x1) / 2.0, (self.y0 + self.y1) / 2.0)
    }

    pub(super) fn contains(&self, (x, y): (f32, f32)) -> bool {
        x >= self.x0 && x <= self.x1 && y >= self.y0 && y <= self.y1
    }

    pub(super) fn holds(&self, other: &Self) -> bool {
        self.contains((other.x0, other.y0)) && self.contains((other.x1, other.y1))
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self { x0: self.x0.min(other.x0), y0: self.y0.min(other.y0), x1: self.x1.max(other.x1), y1: self.y1.max(other.y1) }
    }

    pub(super) fn grown(&self, by: f32) -> Self {
        Self { x0: self.x0 - by, y0: self.y0 - by, x1: self.x1 + by, y1: self.y1 + by }
    }

    pub(super) fn overlap(&self, other: &Self) -> f32 {
        let width = self.x1.min(other.x1) - self.x0.max(other.x0);
        let height = self.y1.min(other.y1) - self.y0.max(other.y0);
        width.max(0.0) * height.max(0.0)
    }

    /// The smallest upright box around this box after a turn.
    pub(super) fn map(&self, turn: impl Fn((f32, f32)) -> (f32, f32)) -> Self {
        let first = Self::of([turn((self.x0, self.y0)), turn((self.x1, self.y1))]);
        let second = Self::of([turn((self.x1, self.y0)), turn((self.x0, self.y1))]);
        first.union(&second)
    }
}

/// The union of all boxes.
pub(super) fn hull(areas: impl IntoIterator<Item = Area>) -> Option<Area> {
    areas.into_iter().reduce(|all, area| all.union(&area))
}

/// A direction of writing, in whole degrees clockwise from left-to-right. Text is laid out in a frame turned so that it runs to the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Turn(u16);

impl Turn {
    pub(super) const UPRIGHT: Self = Self(0);

    /// Directions within four degrees of an axis count as that axis: a scan is never quite straight.
    pub(super) fn of(dx: f32, dy: f32) -> Self {
        let degrees = dy.atan2(dx).to_degrees();
        let axis = (degrees / 90.0).round() * 90.0;
        let nearest = if (degrees - axis).abs() <= 4.0 { axis } else { degrees.round() };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rem_euclid keeps it between 0 and 360")]
        Self(nearest.rem_euclid(360.0) as u16 % 360)
    }

    /// Whether the text runs along an edge of the page.
    pub(super) fn is_straight(self) -> bool {
        self.0.is_multiple_of(90)
    }

    fn sine_cosine(self) -> (f32, f32) {
        match self.0 {
            0 => (0.0, 1.0),
            90 => (1.0, 0.0),
            180 => (0.0, -1.0),
            270 => (-1.0, 0.0),
            other => f32::from(other).to_radians().sin_cos(),
        }
    }

    pub(super) fn to_frame(self, (x, y): (f32, f32)) -> (f32, f32) {
        let (sine, cosine) = self.sine_cosine();
        (x * cosine + y * sine, y * cosine - x * sine)
    }

    pub(super) fn to_page(self, (x, y): (f32, f32)) -> (f32, f32) {
        let (sine, cosine) = self.sine_cosine();
        (x * cosine - y * sine, x * sine + y * cosine)
    }
}

/// The value in the middle; the slice is sorted on the way.
pub(super) fn median(values: &mut [f32]) -> Option<f32> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let (_, value, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    Some(*value)
}
