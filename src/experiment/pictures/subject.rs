//! The data of a run that pictures are drawn from.

use burn::tensor::{Tensor, TensorData};
use burnlab_cpu::FusedBackend;

use crate::data::{Examples, Preprocessor};
use crate::model::{MlpConfig, ModelConfig, NamedWeights, Net, named_weights};
use crate::tracking::Point;
use crate::training::OutputDecoder;
use crate::training::Predictions;
use crate::training::evaluation::{Evaluation, logits};

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
    pub predictions: &'a Predictions,
    pub test: &'a Examples,
    /// `None` if the training data are gone, or too many to draw.
    pub train: Option<&'a Examples>,
    /// The position in `test` of the row that pictures of one example show.
    pub example: usize,
}

/// The results of training, in addition to the network.
pub struct Results<'a> {
    pub points: Vec<Point>,
    pub best_epoch: Option<u64>,
    pub evaluation: Option<&'a Evaluation>,
    pub predictions: &'a Predictions,
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
        let example = 0;
        Self {
            title,
            model,
            preprocessor,
            weights,
            network,
            points,
            best_epoch,
            evaluation,
            predictions,
            test,
            train,
            example,
        }
    }

    /// The network, if it is one perceptron whose inputs are scaled numbers and categories: pictures of its units and
    /// weights say nothing about an ensemble, or about bins.
    pub(super) fn perceptron(&self) -> Option<&MlpConfig> {
        self.model.mlp().filter(|mlp| mlp.members == 1 && !self.preprocessor.has_bins())
    }

    /// The row of one example in words: ` of row 7 (label 3, prediction 8)`; empty without predictions.
    pub(super) fn example_told(&self) -> String {
        let name = |class: f64| self.preprocessor.class_names().get(class as usize).cloned().unwrap_or_default();
        let told = self.predictions.get(self.example).map(|row| {
            format!(" of row {} (label {}, prediction {})", row.row, name(row.truth()), name(row.answer.first()))
        });
        told.unwrap_or_default()
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
    /// Attention weights for one of `examples`, block by block; `None` for networks without attention.
    fn attention(&self, examples: &Examples, position: usize) -> Option<Vec<Shares>>;
    /// The maps after each convolution for one of `examples`; `None` for networks without one.
    fn feature_maps(&self, examples: &Examples, position: usize) -> Option<Vec<FeatureMaps>>;
    /// Applies the activation function of an mlp's hidden layers.
    fn activate(&self, values: Vec<f32>) -> Vec<f32>;
}

/// A network on its device.
pub struct DeviceNetwork<'a, B: FusedBackend> {
    pub net: &'a Net<B>,
    pub model: &'a ModelConfig,
    pub device: &'a B::Device,
}

impl<B: FusedBackend> DeviceNetwork<'_, B> {
    /// One example, `[1, num_inputs]`.
    fn one(&self, examples: &Examples, position: usize) -> Tensor<B, 2> {
        let input = examples.input(position).to_vec();
        let shape = [1, input.len()];
        Tensor::from_data(TensorData::new(input, shape), self.device)
    }
}

impl<B: FusedBackend> Network for DeviceNetwork<'_, B> {
    fn logits(&self, examples: &Examples) -> Vec<f32> {
        logits(self.net, examples, self.device)
    }

    fn attention(&self, examples: &Examples, position: usize) -> Option<Vec<Shares>> {
        let blocks = self.net.attention(self.one(examples, position))?;
        let of_block = |shares: Tensor<B, 4>| {
            let [_, num_heads, num_tokens, _] = shares.dims();
            Shares { num_heads, num_tokens, values: shares.into_data().iter::<f32>().collect() }
        };
        Some(blocks.into_iter().map(of_block).collect())
    }

    fn feature_maps(&self, examples: &Examples, position: usize) -> Option<Vec<FeatureMaps>> {
        let of_convolution = |maps: Tensor<B, 4>| {
            let [_, height, width, channels] = maps.dims();
            let values: Vec<f32> = maps.into_data().iter::<f32>().collect();
            let map = |channel: usize| values.iter().skip(channel).step_by(channels).copied().collect();
            FeatureMaps { height, width, maps: (0..channels).map(map).collect() }
        };
        Some(self.net.feature_maps(self.one(examples, position))?.into_iter().map(of_convolution).collect())
    }

    fn activate(&self, values: Vec<f32>) -> Vec<f32> {
        let Some(mlp) = self.model.mlp() else { return values };
        let shape = [values.len()];
        let values = Tensor::<B, 1>::from_data(TensorData::new(values, shape), self.device);
        mlp.activation.forward(values).into_data().iter::<f32>().collect()
    }
}

/// The maps after a convolution.
pub struct FeatureMaps {
    pub height: usize,
    pub width: usize,
    /// Of each channel, row by row.
    pub maps: Vec<Vec<f32>>,
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
