//! How initial weights are drawn.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
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
    /// as scikit-learn's MLP: Glorot's bound (with 2 in place of 6 for sigmoid), biases drawn from it too
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

    /// Draws weights `[fan_in, fan_out]` (row-major) and biases `[fan_out]`.
    pub fn draw(
        self,
        fan_in: usize,
        fan_out: usize,
        activation: Activation,
        rng: &mut ChaCha8Rng,
    ) -> (Vec<f32>, Vec<f32>) {
        let (numerator, fan) = match self {
            Self::Glorot => (6.0, fan_in + fan_out),
            Self::Kaiming => (6.0, fan_in),
            Self::Sklearn if activation == Activation::Sigmoid => (2.0, fan_in + fan_out),
            Self::Sklearn => (6.0, fan_in + fan_out),
        };
        let bound = (numerator / fan as f64).sqrt();
        let mut draw = |count: usize| -> Vec<f32> {
            // 53 random bits make a uniform f64 in [0, 1).
            (0..count)
                .map(|_| {
                    let unit = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                    ((2.0 * unit - 1.0) * bound) as f32
                })
                .collect()
        };
        let weights = draw(fan_in * fan_out);
        let biases = if self == Self::Sklearn { draw(fan_out) } else { vec![0.0; fan_out] };
        (weights, biases)
    }
}
