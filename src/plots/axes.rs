//! An axis: its range, its scale and round tick values.

use super::words::{figure, scientific};

/// Numbers beyond it are left out, so that the difference of any two is finite.
const LARGEST: f64 = 1e300;

/// Whether a number can be drawn.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

#[derive(Clone, Copy, PartialEq)]
enum Scale {
    Linear,
    /// Linear, with ticks at whole numbers only.
    Whole,
    Logarithmic,
    /// Linear, without ticks.
    Unmarked,
}

#[derive(Clone)]
pub(super) struct Axis {
    pub name: String,
    low: f64,
    high: f64,
    scale: Scale,
    fixed_ticks: Vec<f64>,
}

impl Axis {
    /// From `low` to `high`; a range of no width is widened around its number.
    pub fn exact(name: &str, low: f64, high: f64) -> Self {
        let size = low.abs().max(high.abs());
        let (low, high) = match high - low {
            span if span.is_nan() => (0.0, 1.0),
            span if span > size * 1e-9 => (low, high),
            _ if size == 0.0 => (-1.0, 1.0),
            _ => (low - size * 0.05, high + size * 0.05),
        };
        Self { name: name.into(), low, high, scale: Scale::Linear, fixed_ticks: Vec::new() }
    }

    /// Holds all `values`, with a little room at both ends.
    pub fn around(name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        let room = (high - low) * 0.04;
        Self::exact(name, low - room, high + room)
    }

    /// Whole numbers from 0 to a little more than `largest`.
    pub fn counts(name: &str, largest: usize) -> Self {
        Self::exact(name, 0.0, largest.max(1) as f64 * 1.08).whole()
    }

    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    pub fn whole(mut self) -> Self {
        self.scale = Scale::Whole;
        self
    }

    /// For rows labelled by names instead of numbers.
    pub fn without_ticks(mut self) -> Self {
        self.scale = Scale::Unmarked;
        self
    }

    /// Logarithmic from `low` to `high`, both above 0, with ticks at `ticks` where they are few.
    pub fn logarithmic(name: &str, low: f64, high: f64, ticks: Vec<f64>) -> Self {
        let fixed_ticks = if ticks.len() <= 12 { ticks } else { Vec::new() };
        Self { name: name.into(), low: low / 1.25, high: high * 1.25, scale: Scale::Logarithmic, fixed_ticks }
    }

    /// The position of a value: 0 at the low end, 1 at the high end.
    pub fn share(&self, value: f64) -> f64 {
        let place = |value: f64| if self.scale == Scale::Logarithmic { value.ln() } else { value };
        (place(value) - place(self.low)) / (place(self.high) - place(self.low))
    }

    /// Values and their labels, about `wanted` of them.
    pub fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Logarithmic => self.logarithmic_ticks().into_iter().map(|value| (value, figure(value))).collect(),
            Scale::Unmarked => Vec::new(),
            Scale::Linear | Scale::Whole => self.linear_ticks(wanted),
        }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let least = if self.scale == Scale::Whole { 1.0 } else { 0.0 };
        let step = nice_step((self.high - self.low) / wanted.max(1) as f64).max(least);
        let tolerance = 1e-6;
        let first = (self.low / step - tolerance).ceil();
        let count = ((self.high / step + tolerance).floor() - first).clamp(-1.0, 30.0) as i64 + 1;
        let largest = self.low.abs().max(self.high.abs());
        (0..count)
            .map(|index| (first + index as f64) * step)
            .map(|value| (value, tick_label(value, step, largest)))
            .collect()
    }

    fn logarithmic_ticks(&self) -> Vec<f64> {
        if !self.fixed_ticks.is_empty() {
            return self.fixed_ticks.clone();
        }
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let at = |factors: &[f64]| -> Vec<f64> {
            let values = decades.clone().flat_map(|decade| factors.iter().map(move |f| f * 10f64.powi(decade)));
            values.filter(|value| (self.low..=self.high).contains(value)).collect()
        };
        let powers = at(&[1.0]);
        if powers.len() >= 4 { powers } else { at(&[1.0, 2.0, 5.0]) }
    }
}

/// The least and the largest of the values that can be drawn.
pub(super) fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let widen = |range: Option<(f64, f64)>, value: f64| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    };
    values.into_iter().filter(|&value| is_drawable(value)).fold(None, widen)
}

/// 1, 2 or 5 times a power of ten, the next above `step`.
pub(super) fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|&nice| nice >= step * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// With as many digits as distinguish a tick from its neighbours.
fn tick_label(value: f64, step: f64, largest: f64) -> String {
    let order = |value: f64| (value * (1.0 + 1e-9)).log10().floor() as i32;
    let places = (-order(step)).max(0) as usize;
    if value.abs() < step / 2.0 {
        "0".into()
    } else if largest >= 1e6 || (places > 4 && largest < 1e-2) {
        scientific(value, (order(value.abs()) - order(step)).clamp(0, 12) as usize)
    } else {
        format!("{value:.places$}")
    }
}
