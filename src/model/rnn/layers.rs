//! A recurrent network as plain layers.

use super::RnnConfig;
use crate::data::Layout;
use crate::model::NamedWeights;
use crate::model::plain::{Parts, cell};
use crate::network::Layer;

impl RnnConfig {
    pub(super) fn plain_layers<'a>(&self, layout: &Layout, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        let parts = Parts::new(weights, "");
        let is_text = layout.num_characters.is_some();
        let mut layers = Vec::new();
        if is_text {
            layers.push(Layer::Lookup { table: parts.array("embedding") });
        } else {
            let step = self.step_of(layout);
            layers.push(Layer::Reshape { shape: vec![layout.num_inputs() / step, step] });
        }
        for layer in 0..self.layers {
            let is_read_at_ends = !is_text && layer + 1 == self.layers;
            layers.push(self.layer(parts, layer, is_read_at_ends));
        }
        if !is_text && !self.bidirectional {
            layers.push(Layer::Step { is_last: true });
        }
        layers.push(parts.dense("output"));
        layers
    }

    /// A layer in each direction. `is_read_at_ends`: of two directions each is read where it has read the whole sequence.
    fn layer<'a>(&self, parts: Parts<'a, '_>, layer: usize, is_read_at_ends: bool) -> Layer<'a> {
        let read = |direction: &str| {
            let is_reversed = direction == "backward";
            let array = |part: &str| parts.array(&format!("layers.{layer}.{direction}.{part}"));
            let recurrent = Layer::Recurrent {
                cell: cell(self.cell),
                is_reversed,
                input_weight: array("input.weight"),
                input_bias: array("input.bias"),
                state_weight: array("state.weight"),
                state_bias: array("state.bias"),
            };
            let end = (self.bidirectional && is_read_at_ends).then_some(Layer::Step { is_last: !is_reversed });
            [recurrent].into_iter().chain(end).collect::<Vec<_>>()
        };
        let mut directions: Vec<Vec<Layer<'a>>> = self.directions().iter().map(|direction| read(direction)).collect();
        match directions.len() {
            1 => directions.remove(0).remove(0),
            _ => Layer::Branches { branches: directions },
        }
    }
}
