//! The parameters of a network: names, shapes and initial values.
//!
//! A kind specifies its parameters once; both the shapes that a saved model is checked against and the initial weights
//! come from this specification.

use std::collections::BTreeMap;

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{Activation, Initializer};

/// How a weight is initialised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Start {
    /// Uniform on `[-bound, bound]`.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// 1 or -1, equally likely.
    Sign,
    /// All the same.
    Constant(f32),
}

impl Start {
    fn draw(self, count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let values = 0..count;
        match self {
            // 53 random bits give a uniform f64 in [0, 1).
            Self::Uniform(bound) => values
                .map(|_| ((2.0 * ((rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64) - 1.0) * bound) as f32)
                .collect(),
            Self::Normal(deviation) => {
                values.map(|_| (deviation * Distribution::<f64>::sample(&StandardNormal, rng)) as f32).collect()
            }
            Self::Sign => values.map(|_| if rng.next_u32() & 1 == 0 { 1.0 } else { -1.0 }).collect(),
            Self::Constant(value) => vec![value; count],
        }
    }
}

struct ParameterSpec {
    name: String,
    shape: Vec<usize>,
    start: Start,
}

/// The specifications of a network's weights, in the order in which they are drawn.
#[derive(Default)]
pub(super) struct ParameterSpecs(Vec<ParameterSpec>);

impl ParameterSpecs {
    pub(super) fn weight(&mut self, name: impl Into<String>, shape: &[usize], start: Start) {
        self.0.push(ParameterSpec { name: name.into(), shape: shape.to_vec(), start });
    }

    /// `NAME.weight [fan_in, fan_out]` and `NAME.bias [fan_out]`.
    pub(super) fn linear(
        &mut self,
        name: &str,
        [fan_in, fan_out]: [usize; 2],
        initializer: Initializer,
        activation: Activation,
    ) {
        let bound = Start::Uniform(initializer.bound(fan_in, fan_out, activation));
        self.weight(format!("{name}.weight"), &[fan_in, fan_out], bound);
        self.weight(
            format!("{name}.bias"),
            &[fan_out],
            if initializer.draws_biases() { bound } else { Start::Constant(0.0) },
        );
    }

    /// A layer normalisation of `width` values.
    pub(super) fn layer_norm(&mut self, name: &str, width: usize) {
        self.weight(format!("{name}.scale"), &[width], Start::Constant(1.0));
        self.weight(format!("{name}.shift"), &[width], Start::Constant(0.0));
    }

    /// A batch normalisation of `channels`.
    pub(super) fn batch_norm(&mut self, name: &str, channels: usize) {
        self.layer_norm(name, channels);
        self.weight(format!("{name}.mean"), &[channels], Start::Constant(0.0));
        self.weight(format!("{name}.variance"), &[channels], Start::Constant(1.0));
    }

    /// Shapes by name.
    pub(super) fn shapes(self) -> BTreeMap<String, Vec<usize>> {
        self.0.into_iter().map(|weight| (weight.name, weight.shape)).collect()
    }

    /// Draws the weights from `seed`.
    pub(super) fn draw<B: Backend>(self, seed: u64, device: &B::Device) -> InitializedParams<B> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let draw = |ParameterSpec { name, shape, start }: ParameterSpec| {
            let values = start.draw(shape.iter().product(), &mut rng);
            (name, TensorData::new(values, shape))
        };
        InitializedParams { weights: self.0.into_iter().map(draw).collect(), device: device.clone() }
    }
}

/// Initial weights, to be moved into a Burn module by name.
pub(super) struct InitializedParams<B: Backend> {
    weights: BTreeMap<String, TensorData>,
    device: B::Device,
}

impl<B: Backend> InitializedParams<B> {
    pub(super) fn take<const D: usize>(&mut self, name: &str) -> Param<Tensor<B, D>> {
        let data = self.weights.remove(name).unwrap_or_else(|| panic!("`{name}` is specified, and it is taken once"));
        Param::from_data(data, &self.device)
    }

    pub(super) fn linear(&mut self, name: &str) -> Linear<B> {
        let bias = self.take(&format!("{name}.bias"));
        Linear { weight: self.take(&format!("{name}.weight")), bias: Some(bias) }
    }
}
