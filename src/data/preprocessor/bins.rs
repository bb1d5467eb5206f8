//! Numbers as bins: the piecewise-linear encoding of Gorishniy et al. 2022, "On embeddings for numerical features in
//! tabular deep learning", section 3.2.
//!
//! Between the edges `b0 < b1 < ... < bn`, a number x becomes n inputs: 1 for each bin below x, 0 for each above, and in
//! its own bin the part `(x - b[t]) / (b[t + 1] - b[t])`. A linear layer on them is a piecewise linear function of x, so
//! that a network need not build each bend of a target from its units. Unlike there, a number outside the edges counts
//! as the nearest edge: no cell, however far off, gives an input that training has not seen.

use super::PreparedKind;

/// Appends the inputs of `number`, which is in the column's own units, like `edges`.
pub(super) fn encode(number: f64, edges: &[f64], inputs: &mut Vec<f32>) {
    // Subtracted first: the difference of two edges is far above the rounding error of f64.
    let part = |&[low, high]: &[f64; 2]| ((number - low) / (high - low)).clamp(0.0, 1.0) as f32;
    inputs.extend(edges.array_windows().map(part));
}

/// The number that [`encode`] turned into `inputs`, exact up to rounding within the edges.
pub(super) fn decode(inputs: &[f32], edges: &[f64]) -> f64 {
    let parts = edges.array_windows().zip(inputs).map(|([low, high], &part)| f64::from(part) * (high - low));
    edges.first().copied().unwrap_or(0.0) + parts.sum::<f64>()
}

/// Edges of at most `num_bins` bins of `cells`, which are sorted: quantiles, so that the bins hold about equally many
/// cells, or where the cells have few values, all of them. Empty for a constant, or `num_bins = 0`.
pub(super) fn edges(sorted: &[f32], num_bins: usize) -> Vec<f64> {
    let mut distinct = sorted.to_vec();
    distinct.dedup();
    let edges: Vec<f64> = match distinct.len() {
        _ if num_bins == 0 => Vec::new(),
        0 | 1 => Vec::new(),
        few if few <= num_bins + 1 => distinct.into_iter().map(f64::from).collect(),
        _ => {
            let last = sorted.len() - 1;
            let mut edges: Vec<f64> = (0..=num_bins).map(|bin| f64::from(sorted[bin * last / num_bins])).collect();
            edges.dedup();
            edges
        }
    };
    if edges.len() < 2 { Vec::new() } else { edges }
}

/// The input of a number without bins.
#[inline]
pub(super) fn scaled(number: f64, center: f64, spread: f64) -> f32 {
    // With a tiny spread an outlier may exceed the range of f32; inputs must be finite.
    let input = ((number - center) / spread) as f32;
    input.clamp(f32::MIN, f32::MAX)
}

impl PreparedKind {
    /// Appends the inputs of a `number` in the column's own units; nothing for a categorical column.
    pub fn encode_number(&self, number: f64, inputs: &mut Vec<f32>) {
        match self {
            Self::Numeric { center, spread, edges, .. } if edges.is_empty() => {
                inputs.push(scaled(number, *center, *spread));
            }
            Self::Numeric { edges, .. } => encode(number, edges, inputs),
            Self::Categorical { .. } | Self::Text { .. } => {}
        }
    }

    /// The inverse of [`encode_number`](Self::encode_number); `None` for a categorical column.
    pub fn decode_number(&self, inputs: &[f32]) -> Option<f64> {
        match self {
            Self::Numeric { center, spread, edges, .. } if edges.is_empty() => {
                let number = f64::from(inputs[0]) * spread + center;
                // A cell of 0 comes back as what rounding in float32 has left of it.
                let is_rest = number.abs() < 1e-6 * (center.abs() + spread.abs());
                Some(if is_rest { 0.0 } else { number })
            }
            Self::Numeric { edges, .. } => Some(decode(inputs, edges)),
            Self::Categorical { .. } | Self::Text { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(number: f64, edges: &[f64]) -> Vec<f32> {
        let mut inputs = Vec::new();
        encode(number, edges, &mut inputs);
        inputs
    }

    #[test]
    fn a_number_fills_the_bins_below_it_and_part_of_its_own() {
        let edges = [0.0, 1.0, 3.0, 4.0];
        assert_eq!(encoded(2.0, &edges), [1.0, 0.5, 0.0]);
        assert_eq!(encoded(1.0, &edges), [1.0, 0.0, 0.0]);
        assert_eq!(encoded(3.75, &edges), [1.0, 1.0, 0.75]);
        // Beyond the edges: like the nearest one.
        assert_eq!(encoded(1e300, &edges), [1.0, 1.0, 1.0]);
        assert_eq!(encoded(f64::NEG_INFINITY, &edges), [0.0, 0.0, 0.0]);
        for number in [0.0, 0.25, 1.0, 2.5, 4.0] {
            assert_eq!(decode(&encoded(number, &edges), &edges), number);
        }
        assert_eq!(decode(&encoded(9.0, &edges), &edges), 4.0);
    }

    #[test]
    fn bins_hold_about_equally_many_cells() {
        let sorted: Vec<f32> = (0..=1000).map(|i| (i * i) as f32).collect();
        assert_eq!(edges(&sorted, 4), [0.0, 62_500.0, 250_000.0, 562_500.0, 1_000_000.0]);
        // Few values: an edge at each.
        assert_eq!(edges(&[1.0, 1.0, 1.0, 5.0, 7.0, 7.0], 4), [1.0, 5.0, 7.0]);
        // Most cells are the same: their quantiles are one edge.
        let zeros: Vec<f32> = std::iter::repeat_n(0.0, 90).chain((1..=10).map(|i| i as f32)).collect();
        assert_eq!(edges(&zeros, 8), [0.0, 10.0]);
        for none in [&[][..], &[3.0, 3.0]] {
            assert!(edges(none, 4).is_empty());
        }
        assert!(edges(&sorted, 0).is_empty());
    }
}
