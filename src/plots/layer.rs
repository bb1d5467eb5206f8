//! The weights of a fully connected layer, as the picture of a network needs them.

/// A fully connected layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Row-major `[num_inputs, num_outputs]`.
    pub weights: Vec<f32>,
    /// `[num_outputs]`.
    pub biases: Vec<f32>,
    /// Nodes of the layer below.
    pub num_inputs: usize,
    /// Nodes of this layer.
    pub num_outputs: usize,
}

impl Layer {
    /// The weight between two nodes; 0 where it is not finite, or missing because layers do not fit each other.
    pub(super) fn weight(&self, from: usize, to: usize) -> f64 {
        let place = from * self.num_outputs + to;
        let weight = self.weights.get(place).copied().filter(|weight| weight.is_finite() && to < self.num_outputs);
        weight.map_or(0.0, f64::from)
    }

    /// The largest finite weight by size, 0 without one.
    pub(super) fn largest_weight(&self) -> f64 {
        self.weights
            .iter()
            .filter(|weight| weight.is_finite())
            .fold(0.0, |limit, &weight| limit.max(f64::from(weight).abs()))
    }
}
