//! Fused CPU kernels, as a Burn backend extension.
//!
//! Each elementwise operation of Burn reads its inputs from memory and writes a new tensor; burn-flex also copies what
//! it broadcasts. [`FusedBackend`] fuses the operations where this costs most: a layer with everything between two
//! matrix products, a loss with its gradient, an optimizer's update. Each is in its own file with
//! - its form in Burn's operations (`plain`), the trait's default, which wgpu uses, and every backend with `[training]
//!   kernels = "plain"`;
//! - its loops over slices, which are not generic, and compiled once for each instruction set (`vectorized!`; `fused` calls
//!   them with the tensors of a [`CpuBackend`]);
//! - its node in the graph of `Autodiff` (`tracked`): what its forward pass saves, with the gradients (`autodiff::Saved`).
//!
//! To add one, write its file, and a method of the trait, of its two implementations (`fused.rs`), and of [`Kernels`].

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod activation;
mod adam;
mod attention;
mod autodiff;
mod backends;
mod concatenate;
mod convolution;
mod dense;
mod embedding;
mod fused;
mod images;
mod layer_norm;
mod loss;
mod math;
mod members;
mod memory;
mod parallel;
mod periodic;
mod product;
mod recurrence;
mod vectorized;

pub use activation::Activation;
pub use adam::AdamStep;
pub use attention::{Heads, attention_of_last, attention_weights};
pub use concatenate::concatenate;
pub use convolution::{BlockOptions, NormalizedBlock};
pub use fused::{FusedBackend, TrainingBackend};
pub use loss::{Labels, LossFunction, log_loss};
pub use memory::CpuBackend;
pub use periodic::Waves;
pub use product::{Matrix, product};
pub use recurrence::{Cell, Recurrence};

/// Added to variances before taking their root, as in the reference implementations of normalisation.
pub const NORM_EPSILON: f32 = 1e-5;

/// The implementation of the operations of [`FusedBackend`] that a network uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kernels {
    /// burnlab's own, where the backend has them
    #[default]
    Fused,
    /// Burn's tensor operations alone
    Plain,
}

impl Kernels {
    /// The kernels actually used on the backend `B`.
    pub fn on<B: FusedBackend>(self) -> Self {
        if B::HAS_FUSED_KERNELS { self } else { Self::Plain }
    }

    /// Its name in the config file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Plain => "plain",
        }
    }

    /// `activation(inputs x weight + bias)`; see [`FusedBackend::dense`].
    pub fn dense<B: FusedBackend>(
        self,
        inputs: Tensor<B, 2>,
        weight: Tensor<B, 2>,
        bias: Tensor<B, 1>,
        activation: Option<Activation>,
    ) -> Tensor<B, 2> {
        match self {
            Self::Fused => B::dense(inputs, weight, bias, activation),
            Self::Plain => dense::plain(inputs, weight, bias, activation),
        }
    }

    /// Rows scaled by each member of an ensemble; see [`FusedBackend::member_inputs`].
    pub fn member_inputs<B: FusedBackend>(self, inputs: Tensor<B, 2>, scale: Tensor<B, 2>) -> Tensor<B, 2> {
        match self {
            Self::Fused => B::member_inputs(inputs, scale),
            Self::Plain => members::plain_scaled(inputs, scale),
        }
    }

    /// A linear layer for each member of an ensemble; see [`FusedBackend::member_layers`].
    pub fn member_layers<B: FusedBackend>(
        self,
        inputs: Tensor<B, 2>,
        weight: Tensor<B, 3>,
        bias: Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        match self {
            Self::Fused => B::member_layers(inputs, weight, bias),
            Self::Plain => members::plain_dense(inputs, weight, bias),
        }
    }

    /// A convolution with its activation and pooling; see [`FusedBackend::convolution_block`].
    pub fn convolution_block<B: FusedBackend>(
        self,
        images: Tensor<B, 4>,
        weight: Tensor<B, 4>,
        bias: Tensor<B, 1>,
        options: BlockOptions,
    ) -> Tensor<B, 4> {
        match self {
            Self::Fused => B::convolution_block(images, weight, bias, options),
            Self::Plain => convolution::plain(images, weight, bias, options),
        }
    }

    /// The same with batch normalisation; see [`FusedBackend::normalized_convolution_block`].
    pub fn normalized_convolution_block<B: FusedBackend>(
        self,
        images: Tensor<B, 4>,
        weight: Tensor<B, 4>,
        scale: Tensor<B, 1>,
        shift: Tensor<B, 1>,
        options: BlockOptions,
    ) -> NormalizedBlock<B> {
        match self {
            Self::Fused => B::normalized_convolution_block(images, weight, scale, shift, options),
            Self::Plain => convolution::plain_normalized(images, weight, scale, shift, options),
        }
    }

    /// See [`FusedBackend::multi_head_attention`].
    pub fn multi_head_attention<B: FusedBackend>(self, inputs: Tensor<B, 3>, heads: Heads) -> Tensor<B, 3> {
        match self {
            Self::Fused => B::multi_head_attention(inputs, heads),
            Self::Plain => attention::plain(inputs, heads),
        }
    }

    /// See [`FusedBackend::layer_normalization`].
    pub fn layer_normalization<B: FusedBackend>(
        self,
        inputs: Tensor<B, 2>,
        scale: Tensor<B, 1>,
        shift: Tensor<B, 1>,
        activation: Option<Activation>,
    ) -> Tensor<B, 2> {
        match self {
            Self::Fused => B::layer_normalization(inputs, scale, shift, activation),
            Self::Plain => layer_norm::plain(inputs, scale, shift, activation),
        }
    }

    /// See [`FusedBackend::lookup`].
    pub fn lookup<B: FusedBackend>(self, indices: Tensor<B, 1>, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        match self {
            Self::Fused => B::lookup(indices, rows),
            Self::Plain => embedding::plain_lookup(indices, rows),
        }
    }

    /// See [`FusedBackend::add_to_examples`].
    pub fn add_to_examples<B: FusedBackend>(self, examples: Tensor<B, 2>, row: Tensor<B, 1>) -> Tensor<B, 2> {
        match self {
            Self::Fused => B::add_to_examples(examples, row),
            Self::Plain => embedding::plain_add(examples, row),
        }
    }

    /// See [`FusedBackend::recurrent_layer`].
    pub fn recurrent_layer<B: FusedBackend>(
        self,
        from_inputs: Tensor<B, 3>,
        weight: Tensor<B, 2>,
        bias: Tensor<B, 1>,
        recurrence: Recurrence,
    ) -> Tensor<B, 3> {
        match self {
            Self::Fused => B::recurrent_layer(from_inputs, weight, bias, recurrence),
            Self::Plain => recurrence::plain(from_inputs, weight, bias, recurrence),
        }
    }

    /// See [`FusedBackend::periodic`].
    pub fn periodic<B: FusedBackend>(
        self,
        numbers: Tensor<B, 2>,
        waves: Waves<B>,
        activation: Activation,
    ) -> Tensor<B, 2> {
        match self {
            Self::Fused => B::periodic(numbers, waves, activation),
            Self::Plain => periodic::plain(numbers, waves, activation),
        }
    }

    /// Mean loss of a batch; see [`FusedBackend::loss`].
    pub fn loss<B: FusedBackend>(self, function: LossFunction, logits: Tensor<B, 2>, labels: &Labels) -> Tensor<B, 1> {
        match self {
            Self::Fused => B::loss(function, logits, labels),
            Self::Plain => loss::plain(function, logits, labels),
        }
    }

    /// An Adam update; see [`FusedBackend::adam`].
    pub fn adam<B: FusedBackend, const D: usize>(
        self,
        step: AdamStep,
        weights: Tensor<B, D>,
        gradient: Tensor<B, D>,
        moments: [Tensor<B, D>; 2],
    ) -> (Tensor<B, D>, [Tensor<B, D>; 2]) {
        match self {
            Self::Fused => B::adam(step, weights, gradient, moments),
            Self::Plain => adam::plain(step, weights, gradient, moments),
        }
    }
}
