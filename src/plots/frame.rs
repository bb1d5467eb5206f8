//! A rectangle with two axes: places values in it and draws its grid and labels.

use super::axes::Axis;
use super::svg::{Anchor, Element, group, line, rectangle, text};
use super::words::{shortened, text_width};

const TICK_SIZE: f64 = 13.0;
/// The least distance between ticks of each axis.
const ROOM_ABOVE: f64 = 34.0;
const ROOM_BESIDE: f64 = 56.0;

/// A part of the page.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

pub(super) struct Frame {
    pub x: Axis,
    pub y: Axis,
    /// Where values are drawn; the labels lie outside it.
    pub inner: Area,
}

impl Frame {
    /// Fits the axes with their labels into an area.
    pub fn within(x: Axis, y: Axis, area: Area) -> Self {
        let above = if y.name.is_empty() { 6.0 } else { 24.0 };
        let below = if x.name.is_empty() { 20.0 } else { 40.0 };
        let height = area.height - above - below;
        let labels = y.ticks(tick_count(height, ROOM_ABOVE));
        let beside = 8.0 + labels.iter().map(|(_, label)| text_width(label, TICK_SIZE)).fold(0.0, f64::max);
        let inner = Area { left: area.left + beside, top: area.top + above, width: area.width - beside - 12.0, height };
        Self { x, y, inner }
    }

    pub fn x_at(&self, value: f64) -> f64 {
        self.inner.left + self.x.share(value) * self.inner.width
    }

    pub fn y_at(&self, value: f64) -> f64 {
        self.inner.bottom() - self.y.share(value) * self.inner.height
    }

    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x_at(x), self.y_at(y))
    }

    /// The rectangle between two values of each axis.
    pub fn rectangle(&self, class: &str, x: (f64, f64), y: (f64, f64)) -> Element {
        let (left, right) = (self.x_at(x.0.min(x.1)), self.x_at(x.0.max(x.1)));
        let (bottom, top) = (self.y_at(y.0.min(y.1)), self.y_at(y.0.max(y.1)));
        rectangle(class, left, top, right - left, bottom - top)
    }

    pub fn vertical(&self, class: &str, x: f64) -> Element {
        line(class, (self.x_at(x), self.inner.top), (self.x_at(x), self.inner.bottom()))
    }

    pub fn horizontal(&self, class: &str, y: f64) -> Element {
        line(class, (self.inner.left, self.y_at(y)), (self.inner.right(), self.y_at(y)))
    }

    /// Grid, ticks with labels and axis names; the name of the vertical axis stands above it, so that it is horizontal.
    pub fn axes(&self) -> Element {
        let Area { left, top, width, .. } = self.inner;
        let bottom = self.inner.bottom();
        let mut axes = group("axes");
        for (value, label) in self.y.ticks(tick_count(self.inner.height, ROOM_ABOVE)) {
            let y = self.y_at(value);
            axes.add(self.horizontal("grid", value));
            axes.add(text("muted tick", (left - 6.0, y + 4.5), Anchor::End, &label));
        }
        let mut free_from = f64::NEG_INFINITY;
        for (value, label) in self.x.ticks(tick_count(width, ROOM_BESIDE)) {
            let (x, half) = (self.x_at(value), text_width(&label, TICK_SIZE) / 2.0);
            axes.add(self.vertical("grid", value));
            if x - half > free_from {
                axes.add(text("muted tick", (x, bottom + 17.0), Anchor::Middle, &label));
                free_from = x + half + 4.0;
            }
        }
        axes.add(line("axis", (left, bottom), (left + width, bottom)));
        axes.add(line("axis", (left, top), (left, bottom)));
        if !self.x.name.is_empty() {
            let name = shortened(&self.x.name, width, 14.0);
            axes.add(text("text x-name", (left + width / 2.0, bottom + 36.0), Anchor::Middle, &name));
        }
        if !self.y.name.is_empty() {
            let name = shortened(&self.y.name, width, 14.0);
            axes.add(text("text y-name", (left, top - 9.0), Anchor::Start, &name));
        }
        axes
    }
}

/// How many ticks fit into a length when each takes `room`.
fn tick_count(length: f64, room: f64) -> usize {
    ((length / room) as usize).clamp(3, 10)
}
