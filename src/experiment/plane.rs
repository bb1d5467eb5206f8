//! Networks of two numeric inputs: the plane of these inputs, as a grid of points.

use crate::data::{Examples, Preprocessor};
use crate::training::OutputDecoder;

/// Margin around the points, as a fraction of their range.
const MARGIN: f64 = 0.05;

/// Whether the inputs form a plane: exactly two columns, both numeric.
pub fn is_planar(preprocessor: &Preprocessor) -> bool {
    preprocessor.columns().len() == 2 && preprocessor.columns().iter().all(|column| column.kind.is_numeric())
}

/// A row's two coordinates, in their own units.
pub fn place(preprocessor: &Preprocessor, examples: &Examples, row: usize) -> (f64, f64) {
    let raw = preprocessor.raw_numbers(examples, row);
    (f64::from(raw[0]), f64::from(raw[1]))
}

/// The probability of each class, for each row of `logits`.
pub fn probabilities(decoder: &OutputDecoder, logits: &[f32]) -> Vec<Vec<f64>> {
    logits.chunks_exact(decoder.task.num_outputs()).map(|row| decoder.probabilities(row)).collect()
}

/// A regular grid of points over the plane, in the columns' own units.
pub struct Grid {
    /// From the first to the last column of points.
    pub x: (f64, f64),
    /// From the first to the last row of points.
    pub y: (f64, f64),
    /// Points per side, at least 2.
    pub size: usize,
}

impl Grid {
    /// A grid that covers all rows of the parts.
    pub fn around(preprocessor: &Preprocessor, parts: &[&Examples], size: usize) -> Self {
        let places: Vec<(f64, f64)> = parts
            .iter()
            .flat_map(|examples| (0..examples.len()).map(move |row| place(preprocessor, examples, row)))
            .collect();
        let around = |values: &dyn Fn(&(f64, f64)) -> f64| {
            let low = places.iter().map(values).fold(f64::INFINITY, f64::min);
            let high = places.iter().map(values).fold(f64::NEG_INFINITY, f64::max);
            if low > high {
                return (-1.0, 1.0);
            }
            let margin = if high > low { MARGIN * (high - low) } else { 1.0 };
            (low - margin, high + margin)
        };
        Self { x: around(&|place| place.0), y: around(&|place| place.1), size }
    }

    /// The points as network inputs, row by row from the lowest y.
    pub fn examples(&self, preprocessor: &Preprocessor) -> Examples {
        let at = |(low, high): (f64, f64), step: usize| low + (high - low) * step as f64 / (self.size - 1) as f64;
        let mut inputs = Vec::with_capacity(2 * self.size * self.size);
        for row in 0..self.size {
            for column in 0..self.size {
                let raw = [at(self.x, column), at(self.y, row)];
                for (column, raw) in preprocessor.columns().iter().zip(raw) {
                    column.kind.encode_number(raw, &mut inputs);
                }
            }
        }
        let num_points = self.size * self.size;
        Examples {
            inputs,
            targets: vec![f32::NAN; num_points],
            rows: (0..num_points as u32).collect(),
            ..Examples::none(preprocessor.num_inputs())
        }
    }
}
