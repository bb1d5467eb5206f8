//! Values on a grid over two inputs.

use super::axes::{Axis, is_drawable, range};
use super::frame::Frame;
use super::svg::{Element, group};

/// Values on a grid of `size` x `size` cells, whose centres span the ranges of `x` and `y`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub x: (f64, f64),
    pub y: (f64, f64),
    pub size: usize,
    /// Row-major `[size, size]`; row 0 has the lowest y.
    pub values: Vec<f64>,
}

impl Field {
    /// The value of a cell; `None` where it is missing or not finite.
    pub(super) fn value(&self, row: usize, column: usize) -> Option<f64> {
        self.values.get(row * self.size + column).copied().filter(|&value| is_drawable(value))
    }

    pub(super) fn range(&self) -> Option<(f64, f64)> {
        range(self.values.iter().copied())
    }

    /// The centre of a cell.
    pub(super) fn center(&self, row: usize, column: usize) -> (f64, f64) {
        let (width, height) = self.cell();
        (self.x.0 + column as f64 * width, self.y.0 + row as f64 * height)
    }

    /// Axes that hold the whole field, and `points`.
    pub(super) fn axes(&self, names: (&str, &str), points: impl Iterator<Item = (f64, f64)> + Clone) -> (Axis, Axis) {
        let (width, height) = self.cell();
        let axis = |name, (low, high): (f64, f64), half: f64, values: Vec<f64>| {
            let (low, high) = range(values.into_iter().chain([low - half, high + half])).unwrap_or((0.0, 1.0));
            Axis::exact(name, low, high)
        };
        let x = points.clone().map(|point| point.0).collect();
        let y = points.map(|point| point.1).collect();
        (axis(names.0, self.x, width / 2.0, x), axis(names.1, self.y, height / 2.0, y))
    }

    /// A group in whose coordinates the field's top left cell is the unit square.
    pub(super) fn placed(&self, frame: &Frame) -> Element {
        let (width, height) = self.cell();
        let (left, top) = frame.at((self.x.0 - width / 2.0, self.y.1 + height / 2.0));
        let (right, bottom) = frame.at((self.x.1 + width / 2.0, self.y.0 - height / 2.0));
        let count = self.size.max(1) as f64;
        group("field").placed((left, top), ((right - left) / count, (bottom - top) / count))
    }

    /// The value of a cell counted from the top, as images are.
    pub(super) fn value_from_top(&self, row: usize, column: usize) -> Option<f64> {
        self.value(self.size.checked_sub(row + 1)?, column)
    }

    /// Width and height of a cell; 1 where there is only one.
    fn cell(&self) -> (f64, f64) {
        let length = |(low, high): (f64, f64)| match self.size {
            0 | 1 => 1.0,
            size => (high - low) / (size - 1) as f64,
        };
        (length(self.x), length(self.y))
    }
}
