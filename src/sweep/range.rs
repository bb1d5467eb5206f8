//! Numbers from `min` to `max`, uniform on a linear or a logarithmic scale.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Numbers from `min` to `max`, both included.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    pub min: Number,
    pub max: Number,
    pub scale: Scale,
    /// Number of points in a grid.
    pub points: Option<usize>,
}

/// A number as written in TOML: `4` is an integer, `4.0` is not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "min and max are numbers")]
pub enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// The scale on which the numbers of a range are uniform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Uniform in the numbers themselves
    #[default]
    Linear,
    /// Uniform in their logarithms: as many between 0.001 and 0.01 as between 0.01 and 0.1
    Log,
}

impl Scale {
    fn apply(self, number: f64) -> f64 {
        match self {
            Self::Linear => number,
            Self::Log => number.ln(),
        }
    }

    fn invert(self, scaled: f64) -> f64 {
        match self {
            Self::Linear => scaled,
            Self::Log => scaled.exp(),
        }
    }
}

impl Range {
    /// Both ends, if the numbers between them are integers.
    pub(super) fn integers(&self) -> Option<(i64, i64)> {
        match (self.min, self.max) {
            (Number::Integer(min), Number::Integer(max)) => Some((min, max)),
            _ => None,
        }
    }

    pub(super) fn first(&self) -> Value {
        self.integers().map_or_else(|| self.min.as_f64().into(), |(min, _)| min.into())
    }

    pub(super) fn last(&self) -> Value {
        self.integers().map_or_else(|| self.max.as_f64().into(), |(_, max)| max.into())
    }

    /// The value at `position`, 0 <= position < 1: uniform positions give numbers uniform on the scale. An integer
    /// covers the positions of the numbers that round to it, from 0.5 below `min` to 0.5 above `max`.
    pub(super) fn at(&self, position: f64) -> Value {
        let (low, high) = self.ends(self.half_step());
        self.nearest(low + position * (high - low))
    }

    /// The position of a number of the range, 0 <= position < 1.
    pub(super) fn position(&self, number: f64) -> f64 {
        let (low, high) = self.ends(self.half_step());
        let position = (self.scale.apply(number) - low) / (high - low);
        position.clamp(0.0, 1.0 - f64::EPSILON)
    }

    /// The `points` numbers of a grid, without repeated integers; without `points`, all integers, or nothing if the
    /// range is not of integers.
    pub(super) fn grid(&self) -> Vec<Value> {
        let Some(points) = self.points else {
            return self.integers().map_or_else(Vec::new, |(min, max)| (min..=max).map(Value::from).collect());
        };
        let (low, high) = self.ends(0.0);
        let step = (high - low) / points.saturating_sub(1).max(1) as f64;
        let inner = (1..points.saturating_sub(1)).map(|i| self.nearest(low + i as f64 * step));
        let mut values: Vec<_> = [self.first()].into_iter().chain(inner).chain([self.last()]).collect();
        values.dedup();
        values
    }

    fn half_step(&self) -> f64 {
        if self.integers().is_some() { 0.5 } else { 0.0 }
    }

    /// `min - margin` and `max + margin`, on the scale.
    fn ends(&self, margin: f64) -> (f64, f64) {
        (self.scale.apply(self.min.as_f64() - margin), self.scale.apply(self.max.as_f64() + margin))
    }

    /// The value of the range nearest to a number on the scale.
    fn nearest(&self, scaled: f64) -> Value {
        // Rounding may move a number slightly beyond the ends.
        let number = self.scale.invert(scaled);
        match self.integers() {
            Some((min, max)) => (number.round() as i64).max(min).min(max).into(),
            None => number.max(self.min.as_f64()).min(self.max.as_f64()).into(),
        }
    }
}
