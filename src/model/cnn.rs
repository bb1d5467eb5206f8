//! The convolutional network: blocks of convolutions and pooling over an image, then linear layers.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burnlab_cpu::{BlockOptions, FusedBackend, Kernels};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::norm::BatchNorm;
use super::parameters::{InitializedParams, ParameterSpecs, Start};
use super::{Activation, DropoutRng, Initializer, Kind, Mlp, MlpConfig, NamedWeights, in_range};
use crate::data::{Layout, Task};
use crate::invalid::Invalid;
use crate::network::Layer;

mod layers;

/// Name prefix of the linear layers.
const LINEAR: &str = "linear.";

/// `[model] kind = "cnn"`: for images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CnnConfig {
    /// Output channels of each block, in order; 1 to 16 blocks, each 1 to 4096.
    pub channels: Vec<usize>,
    /// Convolutions per block, 1 to 8.
    pub convolutions: usize,
    /// Kernel size in both dimensions; odd, 1 to 31. Images are zero-padded to keep their size.
    pub kernel: usize,
    /// Size and stride of the max pooling after each block; 1 = no pooling, up to 16.
    pub pool: usize,
    /// Batch normalisation after each convolution.
    pub batch_norm: bool,
    /// Units of each linear layer between the last block and the output; each 1 to 65536.
    pub hidden: Vec<usize>,
    /// Activation after each convolution and each hidden layer.
    pub activation: Activation,
    /// Probability that a value is dropped before each linear layer in a training step; 0 <= p < 1, 0 = off.
    pub dropout: f64,
}

impl Default for CnnConfig {
    fn default() -> Self {
        Self {
            channels: vec![32, 64],
            convolutions: 1,
            kernel: 3,
            pool: 2,
            batch_norm: true,
            hidden: vec![128],
            activation: Activation::Relu,
            dropout: 0.25,
        }
    }
}

impl Kind for CnnConfig {
    fn validate(&self) -> Result<(), Invalid> {
        in_range("channels", "blocks", &[self.channels.len()], 1..=16)?;
        in_range("channels", "channels of a block", &self.channels, 1..=4096)?;
        in_range("convolutions", "convolutions", &[self.convolutions], 1..=8)?;
        in_range("kernel", "rows of the kernel", &[self.kernel], 1..=31)?;
        Invalid::unless(self.kernel % 2 == 1, "model.kernel", || {
            format!("kernel must be odd, so that it has a middle, found {}", self.kernel)
        })?;
        in_range("pool", "pixels pooled", &[self.pool], 1..=16)?;
        in_range("hidden", "layers", &[self.hidden.len()], 0..=64)?;
        in_range("hidden", "units of a layer", &self.hidden, 1..=65_536)?;
        DropoutRng::check(self.dropout)
    }

    fn check(&self, layout: &Layout, _task: Task) -> Result<(), Invalid> {
        let Some(shape) = layout.pixels() else {
            let message = "`cnn` needs images: name their size with data.image_shape, or choose another kind";
            return Err(Invalid::at("model.kind", message));
        };
        let [height, width] = self.size_after(self.channels.len(), shape);
        Invalid::unless(height > 0 && width > 0, "model.channels", || {
            format!(
                "{} blocks with pooling by {} leave nothing of an image of {} x {}: take fewer \
                 channels, or a smaller pool",
                self.channels.len(),
                self.pool,
                shape[0],
                shape[1]
            )
        })
    }

    fn parameter_specs(&self, layout: &Layout, num_outputs: usize) -> ParameterSpecs {
        let mut specs = ParameterSpecs::default();
        let initializer = Initializer::default_for(self.activation);
        let window = self.kernel * self.kernel;
        for (index, [in_channels, out_channels]) in self.pairs(layout).into_iter().enumerate() {
            let name = format!("convolutions.{index}");
            let bound = initializer.bound(in_channels * window, out_channels * window, self.activation);
            specs.weight(
                format!("{name}.weight"),
                &[out_channels, in_channels, self.kernel, self.kernel],
                Start::Uniform(bound),
            );
            match self.batch_norm {
                true => specs.batch_norm(&format!("{name}.norm"), out_channels),
                false => specs.weight(format!("{name}.bias"), &[out_channels], Start::Constant(0.0)),
            }
        }
        self.linear().add_layers(&mut specs, LINEAR, self.num_features(layout), num_outputs);
        specs
    }

    fn head(&self) -> String {
        format!("{LINEAR}{}", self.linear().head())
    }

    fn layers<'a>(&self, layout: &Layout, task: Task, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        self.plain_layers(layout, task, weights)
    }

    fn describe(&self, layout: &Layout, num_outputs: usize) -> String {
        let Self { channels, kernel, .. } = self;
        let [height, width] = layout.pixels().unwrap_or_default();
        let blocks: Vec<String> = channels.iter().map(usize::to_string).collect();
        let linear = self.linear().describe(&Layout::of_numbers(self.num_features(layout)), num_outputs);
        format!("cnn {height}x{width}, {kernel}x{kernel} to {} channels, {linear}", blocks.join("-"))
    }

    fn larger(&self) -> (&'static str, String) {
        let wider: Vec<String> = self.channels.iter().map(|width| (width * 2).to_string()).collect();
        ("try more channels", format!("model.channels=[{}]", wider.join(",")))
    }
}

impl CnnConfig {
    /// Input and output channels of each convolution.
    fn pairs(&self, layout: &Layout) -> Vec<[usize; 2]> {
        let mut in_channels = layout.num_channels;
        let of_blocks = self.channels.iter().flat_map(|&channels| std::iter::repeat_n(channels, self.convolutions));
        of_blocks.map(|out_channels| [std::mem::replace(&mut in_channels, out_channels), out_channels]).collect()
    }

    /// Height and width of an image after `num_blocks` blocks.
    fn size_after(&self, num_blocks: usize, shape: [usize; 2]) -> [usize; 2] {
        shape.map(|size| (0..num_blocks).fold(size, |size, _| size / self.pool))
    }

    /// Number of features that the blocks extract from an image.
    fn num_features(&self, layout: &Layout) -> usize {
        let [height, width] = self.size_after(self.channels.len(), layout.pixels().unwrap_or_default());
        height * width * self.channels.last().copied().unwrap_or(1)
    }

    /// The layers between the last block and the output.
    fn linear(&self) -> MlpConfig {
        let Self { hidden, activation, dropout, .. } = self;
        MlpConfig { hidden: hidden.clone(), activation: *activation, dropout: *dropout, members: 1, initializer: None }
    }

    pub(super) fn build<B: Backend>(&self, layout: &Layout, params: &mut InitializedParams<B>) -> Cnn<B> {
        let convolution = |index: usize, params: &mut InitializedParams<B>| {
            let name = format!("convolutions.{index}");
            Convolution {
                weight: params.take(&format!("{name}.weight")),
                bias: (!self.batch_norm).then(|| params.take(&format!("{name}.bias"))),
                norm: self.batch_norm.then(|| BatchNorm::build(params, &format!("{name}.norm"))),
            }
        };
        Cnn {
            convolutions: (0..self.pairs(layout).len()).map(|index| convolution(index, params)).collect(),
            linear: self.linear().build_layers(params, LINEAR),
            image_shape: layout.pixels().unwrap_or_default(),
            block: self.convolutions,
            pool: self.pool,
            activation: self.activation,
            dropout: self.dropout,
            kernels: Kernels::default(),
        }
    }
}

/// Convolutions, then linear layers.
#[derive(Module, Debug)]
pub struct Cnn<B: Backend> {
    convolutions: Vec<Convolution<B>>,
    linear: Mlp<B>,
    image_shape: [usize; 2],
    /// Convolutions per block.
    block: usize,
    pool: usize,
    #[module(skip)]
    activation: Activation,
    dropout: f64,
    #[module(skip)]
    kernels: Kernels,
}

/// A convolution that preserves the image size.
#[derive(Module, Debug)]
struct Convolution<B: Backend> {
    /// `[out_channels, in_channels, kernel, kernel]`
    weight: Param<Tensor<B, 4>>,
    /// `[out_channels]`; none before a normalisation, which would subtract it again.
    bias: Option<Param<Tensor<B, 1>>>,
    norm: Option<BatchNorm<B>>,
}

impl<B: FusedBackend> Convolution<B> {
    /// `[batch, height, width, in_channels]` to `[batch, height / pool, width / pool, out_channels]`.
    fn forward(
        &self,
        images: Tensor<B, 4>,
        options: BlockOptions,
        kernels: Kernels,
        is_training: bool,
    ) -> Tensor<B, 4> {
        let weight = self.weight.val();
        match &self.norm {
            Some(norm) if norm.follows(is_training) => norm.forward(images, weight, options, kernels),
            Some(norm) => {
                let [out_channels, _, _, _] = weight.dims();
                let (factor, shift) = norm.line();
                let weight = weight * factor.reshape([out_channels, 1, 1, 1]);
                kernels.convolution_block(images, weight, shift, options)
            }
            None => {
                let bias = self.bias.as_ref().expect("a convolution has a bias or a normalisation");
                kernels.convolution_block(images, weight, bias.val(), options)
            }
        }
    }
}

impl<B: Backend> Cnn<B> {
    pub(super) fn with_kernels(self, kernels: Kernels) -> Self {
        Self { linear: self.linear.with_kernels(kernels), kernels, ..self }
    }
}

impl<B: Backend> Cnn<B> {
    /// See [`Net::largest_tensor`](super::Net::largest_tensor).
    pub(super) fn largest_tensor(&self, num_inputs: usize) -> usize {
        let mut shape = self.image_shape;
        let of_layer = |(index, convolution): (usize, &Convolution<B>)| {
            let values = convolution.weight.dims()[0] * shape[0] * shape[1];
            if (index + 1).is_multiple_of(self.block) {
                shape = shape.map(|size| size / self.pool);
            }
            values
        };
        let largest = self.convolutions.iter().enumerate().map(of_layer).max();
        largest.unwrap_or(0).max(self.linear.largest_tensor(num_inputs))
    }
}

impl<B: FusedBackend> Cnn<B> {
    /// `[batch, num_inputs]` to the maps after the last convolution, `[batch, height, width, channels]`; `visit` sees those
    /// after each one, pooled where pooling follows it.
    fn convolve(&self, inputs: Tensor<B, 2>, is_training: bool, mut visit: impl FnMut(&Tensor<B, 4>)) -> Tensor<B, 4> {
        let [batch, num_inputs] = inputs.dims();
        let [height, width] = self.image_shape;
        let mut images = inputs.reshape([batch, height, width, num_inputs / (height * width)]);
        for (index, convolution) in self.convolutions.iter().enumerate() {
            let pool = if (index + 1).is_multiple_of(self.block) { self.pool } else { 1 };
            let options = BlockOptions { activation: self.activation, pool };
            images = convolution.forward(images, options, self.kernels, is_training);
            visit(&images);
        }
        images
    }

    /// See [`Net::feature_maps`](super::Net::feature_maps).
    pub(super) fn feature_maps(&self, inputs: Tensor<B, 2>) -> Vec<Tensor<B, 4>> {
        let mut maps = Vec::with_capacity(self.convolutions.len());
        self.convolve(inputs, false, |images| maps.push(images.clone()));
        maps
    }

    pub(super) fn forward(&self, inputs: Tensor<B, 2>, mut rng: Option<&mut DropoutRng>) -> Tensor<B, 2> {
        let images = self.convolve(inputs, rng.is_some(), |_| {});
        let features = images.permute([0, 3, 1, 2]).flatten(1, 3); // [batch, channels x height x width]
        let features = DropoutRng::drop(&mut rng, self.dropout, features);
        self.linear.forward(features, rng)
    }
}
