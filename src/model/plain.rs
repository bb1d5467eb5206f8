//! Weights as the arrays of plain layers, which each kind describes its network with; see [`crate::network`].

use super::{Activation, Cell, NamedWeights};
use crate::network::{self, Array, Layer};

/// Weights whose names begin with a common prefix.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a, 'p> {
    weights: &'a NamedWeights,
    prefix: &'p str,
}

impl<'a, 'p> Parts<'a, 'p> {
    pub(super) fn new(weights: &'a NamedWeights, prefix: &'p str) -> Self {
        Self { weights, prefix }
    }

    /// # Panics
    /// Without such a weight: they are checked when a model is opened.
    pub(super) fn array(&self, name: &str) -> Array<'a> {
        let name = format!("{}{name}", self.prefix);
        let weight = self.weights.get(&name).unwrap_or_else(|| panic!("the network has a weight `{name}`"));
        Array::new(&weight.shape, &weight.values[..])
    }

    pub(super) fn dense(&self, name: &str) -> Layer<'a> {
        Layer::Dense { weight: self.array(&format!("{name}.weight")), bias: self.array(&format!("{name}.bias")) }
    }

    pub(super) fn layer_norm(&self, name: &str) -> Layer<'a> {
        Layer::LayerNorm {
            scale: self.array(&format!("{name}.scale")),
            shift: self.array(&format!("{name}.shift")),
            epsilon: burnlab_cpu::NORM_EPSILON,
        }
    }
}

pub(super) fn activation(activation: Activation) -> Layer<'static> {
    let function = match activation {
        Activation::Sigmoid => network::Activation::Sigmoid,
        Activation::Tanh => network::Activation::Tanh,
        Activation::Relu => network::Activation::Relu,
        Activation::LeakyRelu => network::Activation::LeakyRelu,
        Activation::Gelu => network::Activation::Gelu,
        Activation::Silu => network::Activation::Silu,
    };
    Layer::Activation { function }
}

pub(super) fn cell(cell: Cell) -> network::Cell {
    match cell {
        Cell::Lstm => network::Cell::Lstm,
        Cell::Gru => network::Cell::Gru,
    }
}
