//! How initial weights are drawn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Activation;

/// The distribution of a layer's initial weights; all are uniform on `[-bound, bound]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initializer {
    /// bound = sqrt(6 / (fan_in + fan_out)), biases 0 (Glorot and Bengio 2010)
    Glorot,
    /// bound = sqrt(6 / fan_in), biases 0 (He et al. 2015)
    Kaiming,
    /// like scikit-learn's MLP: Glorot's bound (with 2 instead of 6 for sigmoid), biases drawn from it too
    Sklearn,
}

impl Initializer {
    /// The usual choice for an activation: Kaiming for the ReLU family, else Glorot.
    pub fn default_for(activation: Activation) -> Self {
        match activation {
            Activation::Sigmoid | Activation::Tanh => Self::Glorot,
            Activation::Relu | Activation::LeakyRelu | Activation::Gelu | Activation::Silu => Self::Kaiming,
        }
    }

    /// The bound of the weights `[fan_in, fan_out]`.
    pub(super) fn bound(self, fan_in: usize, fan_out: usize, activation: Activation) -> f64 {
        let (numerator, fan) = match self {
            Self::Glorot => (6.0, fan_in + fan_out),
            Self::Kaiming => (6.0, fan_in),
            Self::Sklearn if activation == Activation::Sigmoid => (2.0, fan_in + fan_out),
            Self::Sklearn => (6.0, fan_in + fan_out),
        };
        (numerator / fan as f64).sqrt()
    }

    /// Whether biases are drawn like weights.
    pub(super) fn draws_biases(self) -> bool {
        self == Self::Sklearn
    }
}
