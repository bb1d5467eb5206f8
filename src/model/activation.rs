//! Activation functions between layers.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Slope of [`Activation::LeakyRelu`] below zero, PyTorch's default.
const LEAKY_SLOPE: f64 = 0.01;

/// The non-linearity after each hidden layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// (exp(x) - exp(-x)) / (exp(x) + exp(-x))
    Tanh,
    /// max(x, 0)
    #[default]
    Relu,
    /// x above zero, 0.01 x below
    LeakyRelu,
    /// x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016), not its tanh approximation
    Gelu,
    /// x sigmoid(x), also called swish
    Silu,
}

impl Activation {
    pub const ALL: [Self; 6] = [Self::Sigmoid, Self::Tanh, Self::Relu, Self::LeakyRelu, Self::Gelu, Self::Silu];

    /// Applies the function to each element.
    pub fn forward<B: Backend, const D: usize>(self, inputs: Tensor<B, D>) -> Tensor<B, D> {
        match self {
            Self::Sigmoid => activation::sigmoid(inputs),
            Self::Tanh => activation::tanh(inputs),
            Self::Relu => activation::relu(inputs),
            Self::LeakyRelu => activation::leaky_relu(inputs, LEAKY_SLOPE),
            Self::Gelu => activation::gelu(inputs),
            Self::Silu => activation::silu(inputs),
        }
    }
}
