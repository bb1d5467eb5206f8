//! The data of a run that pictures are drawn from.

use crate::cpu::FusedBackend;
use burn::tensor::{Tensor, TensorData};

use crate::data::{Examples, Preprocessor};
use crate::model::{MlpConfig, ModelConfig, NamedWeights, Net, named_weights};
use crate::tracking::Point;
use crate::training::OutputDecoder;
use crate::training::evaluation::{Evaluation, Prediction, logits};

/// A trained network and its results.
pub struct Subject<'a> {
    /// Names the run.
    pub title: &'a str,
    pub model: &'a ModelConfig,
    pub preprocessor: &'a Preprocessor,
    pub weights: NamedWeights,
    pub network: &'a dyn Network,
    /// The recorded metrics of the epochs.
    pub points: Vec<Point>,
    /// Epoch of the kept weights.
    pub best_epoch: Option<u64>,
    /// `None` without test rows.
    pub evaluation: Option<&'a Evaluation>,
    /// Predictions of the test rows, in the order of `test`.
    pub predictions: &'a [Prediction],
    pub test: &'a Examples,
    /// `None` if the training data are gone, or too many to draw.
    pub train: Option<&'a Examples>,
}

/// The results of training, in addition to the network.
pub struct Results<'a> {
    pub points: Vec<Point>,
    pub best_epoch: Option<u64>,
    pub evaluation: Option<&'a Evaluation>,
    pub predictions: &'a [Prediction],
    pub test: &'a Examples,
    pub train: Option<&'a Examples>,
}

impl<'a> Subject<'a> {
    /// The network of the run `title` and its results.
    pub fn new<B: FusedBackend>(
        title: &'a str,
        network: &'a DeviceNetwork<'a, B>,
        preprocessor: &'a Preprocessor,
        results: Results<'a>,
    ) -> Self {
        let Results { points, best_epoch, evaluation, predictions, test, train } = results;
        let (model, weights) = (network.model, named_weights(network.net));
        Self { title, model, preprocessor, weights, network, points, best_epoch, evaluation, predictions, test, train }
    }

    /// The network, if it is one perceptron whose inputs are scaled numbers and categories: pictures of its units and
    /// weights say nothing about an ensemble, or about bins.
    pub(super) fn perceptron(&self) -> Option<&MlpConfig> {
        self.model.mlp().filter(|mlp| mlp.members == 1 && !self.preprocessor.has_bins())
    }

    pub(super) fn titled(&self, what: &str) -> String {
        format!("{what}: {}", self.title)
    }

    pub(super) fn decoder(&self) -> OutputDecoder {
        OutputDecoder::new(self.preprocessor)
    }
}

/// What pictures need from a network, independent of its backend.
pub trait Network {
    /// Logits of examples, row-major.
    fn logits(&self, examples: &Examples) -> Vec<f32>;
    /// Attention weights for the first of `examples`, block by block; `None` for networks without attention.
    fn attention(&self, examples: &Examples) -> Option<Vec<Shares>>;
    /// Applies the activation function of an mlp's hidden layers.
    fn activate(&self, values: Vec<f32>) -> Vec<f32>;
}

/// A network on its device.
pub struct DeviceNetwork<'a, B: FusedBackend> {
    pub net: &'a Net<B>,
    pub model: &'a ModelConfig,
    pub device: &'a B::Device,
}

impl<B: FusedBackend> Network for DeviceNetwork<'_, B> {
    fn logits(&self, examples: &Examples) -> Vec<f32> {
        logits(self.net, examples, self.device)
    }

    fn attention(&self, examples: &Examples) -> Option<Vec<Shares>> {
        let input = examples.input(0).to_vec();
        let shape = [1, input.len()];
        let blocks = self.net.attention(Tensor::from_data(TensorData::new(input, shape), self.device))?;
        let of_block = |shares: Tensor<B, 4>| {
            let [_, num_heads, num_tokens, _] = shares.dims();
            Shares { num_heads, num_tokens, values: shares.into_data().iter::<f32>().collect() }
        };
        Some(blocks.into_iter().map(of_block).collect())
    }

    fn activate(&self, values: Vec<f32>) -> Vec<f32> {
        let Some(mlp) = self.model.mlp() else { return values };
        let shape = [values.len()];
        let values = Tensor::<B, 1>::from_data(TensorData::new(values, shape), self.device);
        mlp.activation.forward(values).into_data().iter::<f32>().collect()
    }
}

/// Attention weights between tokens, for each head of a block.
pub struct Shares {
    pub num_heads: usize,
    pub num_tokens: usize,
    /// Row-major `[heads, query tokens, key tokens]`.
    pub values: Vec<f32>,
}

impl Shares {
    /// The weights of each head, row-major `[query tokens, key tokens]`.
    pub fn heads(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.num_tokens * self.num_tokens).take(self.num_heads)
    }
}
