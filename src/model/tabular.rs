//! A network for tables: embedded columns, then residual blocks with layer normalisation.
//!
//! A perceptron needs many units to learn a target that depends on a column in steps or waves (a longitude, an hour).
//! Here each number is first mapped to waves of several learned frequencies, and those to a few features of its own:
//! the periodic embeddings of Gorishniy et al. 2022, "On embeddings for numerical features in tabular deep learning"
//! (PLR: periodic, linear, ReLU), with one cosine and a learned phase instead of sine and cosine, and smooth clipping,
//! as in Holzmueller et al. 2024, "Better by default". The blocks are those of the ResNet of Gorishniy et al. 2021,
//! "Revisiting deep learning models for tabular data", normalised inside.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burnlab_cpu::{FusedBackend, Kernels, Waves, concatenate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dense::dense;
use super::norm::LayerNorm;
use super::parameters::{InitializedParams, ParameterSpecs, Start};
use super::{Activation, DropoutRng, Initializer, Kind, NamedWeights, in_range, kind_reads_no_text};
use crate::data::{InputColumn, Layout, Task};
use crate::figures::counted;
use crate::invalid::Invalid;
use crate::network::Layer;

mod layers;

/// The limit of smooth clipping, in units of the scaled column.
const CLIP: f64 = 3.0;
/// Larger numbers are cut off first, so that their square does not overflow; smooth clipping has long levelled off.
const LARGEST: f64 = 1e6;

/// `[model] kind = "tabular"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TabularConfig {
    /// Units of the first layer and of the blocks, 1 to 4096.
    pub width: usize,
    /// Residual blocks after the first layer, 0 to 64.
    pub blocks: usize,
    /// Waves per number, 0 to 256; 0 = numbers are not embedded.
    pub frequencies: usize,
    /// Standard deviation of the initial frequencies, in waves per unit of the scaled column; above 0, at most 100.
    /// Higher values learn finer steps sooner, but need more rows to avoid fitting noise.
    pub frequency_scale: f64,
    /// Features per embedded number, 1 to 256.
    pub embedding: usize,
    /// Activation of embeddings and blocks.
    pub activation: Activation,
    /// Probability that a unit is dropped in a training step, in the blocks and before the output layer; 0 <= p < 1,
    /// 0 = off.
    pub dropout: f64,
}

impl Default for TabularConfig {
    fn default() -> Self {
        Self {
            width: 128,
            blocks: 2,
            frequencies: 16,
            frequency_scale: 0.3,
            embedding: 8,
            activation: Activation::Relu,
            dropout: 0.1,
        }
    }
}

impl Kind for TabularConfig {
    fn validate(&self) -> Result<(), Invalid> {
        in_range("width", "units", &[self.width], 1..=4096)?;
        in_range("blocks", "blocks", &[self.blocks], 0..=64)?;
        in_range("frequencies", "waves", &[self.frequencies], 0..=256)?;
        in_range("embedding", "features of a number", &[self.embedding], 1..=256)?;
        let scale = self.frequency_scale;
        Invalid::unless(scale > 0.0 && scale <= 100.0, "model.frequency_scale", || {
            format!("frequency_scale must be above 0 and at most 100, found {scale}")
        })?;
        DropoutRng::check(self.dropout)
    }

    fn check(&self, layout: &Layout, _task: Task) -> Result<(), Invalid> {
        kind_reads_no_text("tabular", layout)
    }

    fn parameter_specs(&self, layout: &Layout, num_outputs: usize) -> ParameterSpecs {
        let Places { numbers, categories } = Places::of(layout);
        let (columns, waves, width) = (numbers.len(), self.frequencies, self.width);
        let initializer = Initializer::default_for(self.activation);
        let mut specs = ParameterSpecs::default();
        let mut num_features = columns + categories.len();
        if self.has_embeddings(&numbers) {
            specs.weight("embeddings.frequency", &[columns, 1, waves], Start::Normal(self.frequency_scale));
            specs.weight("embeddings.phase", &[columns, 1, waves], Start::Uniform(0.5));
            let bound = Start::Uniform(initializer.bound(waves, self.embedding, self.activation));
            specs.weight("embeddings.weight", &[columns, waves, self.embedding], bound);
            specs.weight("embeddings.bias", &[columns, 1, self.embedding], Start::Constant(0.0));
            num_features += columns * self.embedding;
        }
        specs.linear("stem", [num_features, width], initializer, self.activation);
        for block in 0..self.blocks {
            specs.linear(&format!("blocks.{block}.expand"), [width, width], initializer, self.activation);
            specs.layer_norm(&format!("blocks.{block}.norm"), width);
            specs.linear(&format!("blocks.{block}.contract"), [width, width], Initializer::Glorot, self.activation);
        }
        specs.layer_norm("norm", width);
        specs.linear("output", [width, num_outputs], Initializer::Glorot, self.activation);
        specs
    }

    fn head(&self) -> String {
        "output.".into()
    }

    fn layers<'a>(&self, layout: &Layout, _task: Task, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        self.plain_layers(layout, weights)
    }

    fn describe(&self, layout: &Layout, num_outputs: usize) -> String {
        let Places { numbers, categories } = Places::of(layout);
        let waves =
            if self.has_embeddings(&numbers) { format!(" in {} waves", self.frequencies) } else { String::new() };
        format!(
            "{} numbers{waves} and {} categories, {} of {} {}, {}",
            numbers.len(),
            categories.len(),
            counted(self.blocks, "block"),
            self.width,
            self.activation,
            counted(num_outputs, "output")
        )
    }

    fn larger(&self) -> (&'static str, String) {
        ("try a wider net", format!("model.width={}", self.width * 2))
    }
}

impl TabularConfig {
    fn has_embeddings(&self, numbers: &[usize]) -> bool {
        self.frequencies > 0 && !numbers.is_empty()
    }

    pub(super) fn build<B: Backend>(&self, layout: &Layout, params: &mut InitializedParams<B>) -> Tabular<B> {
        let Places { numbers, categories } = Places::of(layout);
        let embeddings = self.has_embeddings(&numbers).then(|| Embeddings {
            frequency: params.take("embeddings.frequency"),
            phase: params.take("embeddings.phase"),
            weight: params.take("embeddings.weight"),
            bias: params.take("embeddings.bias"),
        });
        let blocks = (0..self.blocks).map(|block| Block {
            expand: params.linear(&format!("blocks.{block}.expand")),
            norm: LayerNorm::build(params, &format!("blocks.{block}.norm")),
            contract: params.linear(&format!("blocks.{block}.contract")),
        });
        let blocks = blocks.collect();
        Tabular {
            embeddings,
            stem: params.linear("stem"),
            blocks,
            norm: LayerNorm::build(params, "norm"),
            output: params.linear("output"),
            numbers,
            categories,
            activation: self.activation,
            dropout: self.dropout,
            kernels: Kernels::default(),
        }
    }
}

/// Positions of the numeric inputs of a layout, and of those of categories.
struct Places {
    numbers: Vec<usize>,
    categories: Vec<usize>,
}

impl Places {
    fn of(layout: &Layout) -> Self {
        let mut places = Self { numbers: Vec::new(), categories: Vec::new() };
        let mut next = 0;
        for column in &layout.columns {
            let same_kind = match column {
                InputColumn::Number => &mut places.numbers,
                InputColumn::Bins(_) | InputColumn::Categories(_) | InputColumn::Terms(_) => &mut places.categories,
            };
            same_kind.extend(next..next + column.width());
            next += column.width();
        }
        places
    }
}

/// Embedded columns, a linear layer, residual blocks, and an output layer.
#[derive(Module, Debug)]
pub struct Tabular<B: Backend> {
    embeddings: Option<Embeddings<B>>,
    /// Its rows for the inputs of a categorical column are the categories' embeddings, since one of these inputs is 1
    /// and the rest are 0.
    stem: Linear<B>,
    blocks: Vec<Block<B>>,
    norm: LayerNorm<B>,
    output: Linear<B>,
    #[module(skip)]
    numbers: Vec<usize>,
    #[module(skip)]
    categories: Vec<usize>,
    #[module(skip)]
    activation: Activation,
    dropout: f64,
    #[module(skip)]
    kernels: Kernels,
}

impl<B: Backend> Tabular<B> {
    /// See [`Net::largest_tensor`](super::Net::largest_tensor).
    pub(super) fn largest_tensor(&self, _: usize) -> usize {
        let embedded = self.embeddings.as_ref().map_or(0, |embeddings| {
            let [columns, waves, embedding] = embeddings.weight.dims();
            columns * waves.max(embedding)
        });
        let [inputs, width] = self.stem.weight.dims();
        embedded.max(inputs).max(4 * width)
    }
}

/// Turns each number x into `activation(weight cos(2 pi (frequency x + phase)) + bias)`; all columns in one operation.
#[derive(Module, Debug)]
struct Embeddings<B: Backend> {
    /// `[columns, 1, waves]`, in waves per unit of the column.
    frequency: Param<Tensor<B, 3>>,
    /// `[columns, 1, waves]`, in waves.
    phase: Param<Tensor<B, 3>>,
    /// `[columns, waves, embedding]`.
    weight: Param<Tensor<B, 3>>,
    /// `[columns, 1, embedding]`.
    bias: Param<Tensor<B, 3>>,
}

impl<B: FusedBackend> Embeddings<B> {
    /// `[batch, columns]` to `[batch, columns x embedding]`.
    fn forward(&self, numbers: Tensor<B, 2>, activation: Activation, kernels: Kernels) -> Tensor<B, 2> {
        let waves = Waves {
            frequency: self.frequency.val(),
            phase: self.phase.val(),
            weight: self.weight.val(),
            bias: self.bias.val(),
        };
        kernels.periodic(numbers, waves, activation)
    }
}

/// `x + contract(dropout(activation(norm(expand(x)))))`.
#[derive(Module, Debug)]
struct Block<B: Backend> {
    expand: Linear<B>,
    norm: LayerNorm<B>,
    contract: Linear<B>,
}

impl<B: Backend> Tabular<B> {
    pub(super) fn with_kernels(self, kernels: Kernels) -> Self {
        Self { kernels, ..self }
    }
}

impl<B: FusedBackend> Tabular<B> {
    pub(super) fn forward(&self, inputs: Tensor<B, 2>, mut rng: Option<&mut DropoutRng>) -> Tensor<B, 2> {
        let mut dropout = |values| DropoutRng::drop(&mut rng, self.dropout, values);
        let features = self.features(inputs); // [batch, features]
        let layer = |layer, inputs| dense(layer, inputs, None, self.kernels);
        let mut values = layer(&self.stem, features); // [batch, width]
        for block in &self.blocks {
            let expanded = layer(&block.expand, values.clone());
            let inner = block.norm.forward(expanded, Some(self.activation), self.kernels);
            values = values + layer(&block.contract, dropout(inner));
        }
        let values = dropout(self.norm.forward(values, Some(self.activation), self.kernels));
        layer(&self.output, values) // [batch, num_outputs]
    }

    /// The first layer's features of `inputs` `[batch, num_inputs]`: embedded numbers, numbers, categories.
    fn features(&self, inputs: Tensor<B, 2>) -> Tensor<B, 2> {
        let mut features = Vec::with_capacity(3);
        if !self.numbers.is_empty() {
            let numbers = smoothly_clipped(select(&inputs, &self.numbers));
            if let Some(embeddings) = &self.embeddings {
                features.push(embeddings.forward(numbers.clone(), self.activation, self.kernels));
            }
            features.push(numbers);
        }
        if !self.categories.is_empty() {
            features.push(select(&inputs, &self.categories));
        }
        concatenate(features, 1)
    }
}

/// x / sqrt(1 + (x / 3)^2): close to x near 0, and always between -3 and 3.
fn smoothly_clipped<B: Backend>(numbers: Tensor<B, 2>) -> Tensor<B, 2> {
    let numbers = numbers.clamp(-LARGEST, LARGEST);
    let part = numbers.clone().div_scalar(CLIP);
    numbers / (part.clone() * part).add_scalar(1.0).sqrt()
}

/// The columns of `inputs` at `places`, ascending.
fn select<B: Backend>(inputs: &Tensor<B, 2>, places: &[usize]) -> Tensor<B, 2> {
    let [_, num_inputs] = inputs.dims();
    if places.len() == num_inputs {
        return inputs.clone();
    }
    let places: Vec<i32> = places.iter().map(|&place| place as i32).collect();
    inputs.clone().select(1, Tensor::from_ints(&places[..], &inputs.device()))
}
