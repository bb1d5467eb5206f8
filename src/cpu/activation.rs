//! Activation functions: as Burn operations, and as loops that compute the derivatives in the same pass.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::math;

/// Negative slope of [`Activation::LeakyRelu`], PyTorch's default.
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
    /// x Phi(x), where Phi is the normal distribution function (Hendrycks and Gimpel 2016); not the tanh approximation
    Gelu,
    /// x sigmoid(x), also called swish
    Silu,
}

impl std::fmt::Display for Activation {
    /// Its name in the config file.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

impl Activation {
    /// All of them.
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

    /// The slope at a sum z with the value a, as textbooks write it.
    pub fn slope_rule(self) -> &'static str {
        match self {
            Self::Sigmoid => "a (1 - a)",
            Self::Tanh => "1 - a^2",
            Self::Relu => "1 if z > 0, else 0",
            Self::LeakyRelu => "1 if z > 0, else 0.01",
            Self::Gelu => "Phi(z) + z phi(z)",
            Self::Silu => "s (1 + z (1 - s)) with s = sigmoid(z)",
        }
    }

    /// Replaces each of `values` by the function's value, and each of `slopes` by its derivative there.
    #[inline(always)]
    pub(super) fn apply(self, values: &mut [f32], slopes: &mut [f32]) {
        /// 1 / sqrt(2 pi)
        const NORMAL_DENSITY_AT_0: f32 = 0.398_942_3;
        #[inline(always)]
        fn each(values: &mut [f32], slopes: &mut [f32], function: impl Fn(f32) -> (f32, f32)) {
            for (value, slope) in values.iter_mut().zip(slopes) {
                (*value, *slope) = function(*value);
            }
        }
        match self {
            Self::Sigmoid => each(values, slopes, |x| {
                let value = math::sigmoid(x);
                (value, value * (1.0 - value))
            }),
            Self::Tanh => each(values, slopes, |x| {
                let value = math::tanh(x);
                (value, 1.0 - value * value)
            }),
            // Not max, so that NaN propagates to the loss.
            Self::Relu => each(values, slopes, |x| if x <= 0.0 { (0.0, 0.0) } else { (x, 1.0) }),
            Self::LeakyRelu => {
                let low = LEAKY_SLOPE as f32;
                each(values, slopes, |x| if x < 0.0 { (low * x, low) } else { (x, 1.0) });
            }
            Self::Gelu => each(values, slopes, |x| {
                let (below, power) = math::normal_distribution(x);
                (x * below, below + x * (NORMAL_DENSITY_AT_0 * power))
            }),
            Self::Silu => each(values, slopes, |x| {
                let share = math::sigmoid(x);
                (x * share, share * (1.0 + x * (1.0 - share)))
            }),
        }
    }
}
