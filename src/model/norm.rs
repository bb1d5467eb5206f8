//! Normalisation layers, and the running statistics of batch normalisation.

use std::sync::Mutex;

use burn::module::{
    AutodiffModule, Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param,
    ParamId,
};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burnlab_cpu::{Activation, BlockOptions, FusedBackend, Kernels, NORM_EPSILON, NormalizedBlock};

use super::parameters::InitializedParams;

/// Weight of a batch's statistics in the running ones, PyTorch's default.
const MOMENTUM: f32 = 0.1;

/// Layer normalisation (Ba et al. 2016): each example, or token, to mean 0 and variance 1 over its `width` values, then
/// scaled and shifted.
#[derive(Module, Debug)]
pub(super) struct LayerNorm<B: Backend> {
    /// `[width]`
    scale: Param<Tensor<B, 1>>,
    /// `[width]`
    shift: Param<Tensor<B, 1>>,
}

impl<B: Backend> LayerNorm<B> {
    pub(super) fn build(params: &mut InitializedParams<B>, name: &str) -> Self {
        Self { scale: params.take(&format!("{name}.scale")), shift: params.take(&format!("{name}.shift")) }
    }
}

impl<B: FusedBackend> LayerNorm<B> {
    /// Each row of `inputs` `[rows, width]`, and the activation that may follow.
    pub(super) fn forward(
        &self,
        inputs: Tensor<B, 2>,
        activation: Option<Activation>,
        kernels: Kernels,
    ) -> Tensor<B, 2> {
        kernels.layer_normalization(inputs, self.scale.val(), self.shift.val(), activation)
    }
}

/// Batch normalisation (Ioffe and Szegedy 2015) of images: each channel to mean 0 and variance 1 over the batch and its
/// pixels in training, with the running statistics at inference; then scaled and shifted.
#[derive(Module, Debug)]
pub(super) struct BatchNorm<B: Backend> {
    /// `[channels]`
    scale: Param<Tensor<B, 1>>,
    /// `[channels]`
    shift: Param<Tensor<B, 1>>,
    mean: Running<B>,
    variance: Running<B>,
}

impl<B: Backend> BatchNorm<B> {
    pub(super) fn build(params: &mut InitializedParams<B>, name: &str) -> Self {
        Self {
            scale: params.take(&format!("{name}.scale")),
            shift: params.take(&format!("{name}.shift")),
            mean: Running::new(params.take(&format!("{name}.mean"))),
            variance: Running::new(params.take(&format!("{name}.variance"))),
        }
    }

    /// Whether a step normalises by its batch. A frozen layer uses its running statistics in training too: otherwise
    /// fine-tuning would change what it computes.
    pub(super) fn follows(&self, is_training: bool) -> bool {
        is_training && (self.scale.is_require_grad() || self.shift.is_require_grad())
    }

    /// Moves the running statistics towards mean and variance `[channels]` of a batch of `count` pixels.
    fn follow(&self, mean: Tensor<B, 1>, variance: Tensor<B, 1>, count: usize) {
        self.mean.follow(mean);
        // The running variance is the unbiased one, as in the paper.
        self.variance.follow(variance * (count as f32 / (count as f32 - 1.0).max(1.0)));
    }

    /// The affine map of each channel that the layer is at inference: factor and shift, both `[channels]`.
    pub(super) fn line(&self) -> (Tensor<B, 1>, Tensor<B, 1>) {
        let factor = self.scale.val() / (self.variance.value() + NORM_EPSILON).sqrt();
        let shift = self.shift.val() - self.mean.value() * factor.clone();
        (factor, shift)
    }
}

impl<B: FusedBackend> BatchNorm<B> {
    /// A convolution by `weight`, normalised by the statistics of its batch, with which the running ones are updated;
    /// `[batch, height, width, in_channels]` to `[batch, height / pool, width / pool, out_channels]`.
    pub(super) fn forward(
        &self,
        images: Tensor<B, 4>,
        weight: Tensor<B, 4>,
        options: BlockOptions,
        kernels: Kernels,
    ) -> Tensor<B, 4> {
        let [batch, height, width, _] = images.dims();
        let (scale, shift) = (self.scale.val(), self.shift.val());
        let NormalizedBlock { images, mean, variance } =
            kernels.normalized_convolution_block(images, weight, scale, shift, options);
        self.follow(mean, variance, batch * height * width);
        images
    }
}

/// A running mean over batches that training updates: saved and loaded like a weight, but without a gradient.
///
/// Clones of Burn's `RunningState` share its value, so that the kept weights of the best epoch would keep changing; a
/// clone of this one is independent.
#[derive(Debug)]
pub(super) struct Running<B: Backend> {
    id: ParamId,
    value: Mutex<Tensor<B, 1>>,
}

impl<B: Backend> Running<B> {
    fn new(param: Param<Tensor<B, 1>>) -> Self {
        let (id, value, _) = param.consume();
        Self { id, value: Mutex::new(value.set_require_grad(false)) }
    }

    fn value(&self) -> Tensor<B, 1> {
        self.value.lock().expect("no panic while held").clone()
    }

    /// Moves towards the value of a batch.
    fn follow(&self, of_batch: Tensor<B, 1>) {
        let mut value = self.value.lock().expect("no panic while held");
        *value = value.clone() * (1.0 - MOMENTUM) + of_batch.detach() * MOMENTUM;
    }

    fn param(&self) -> Param<Tensor<B, 1>> {
        Param::initialized(self.id, self.value())
    }
}

impl<B: Backend> Clone for Running<B> {
    fn clone(&self) -> Self {
        Self { id: self.id, value: Mutex::new(self.value()) }
    }
}

impl<B: Backend> Module<B> for Running<B> {
    type Record = Param<Tensor<B, 1>>;

    fn visit<V: ModuleVisitor<B>>(&self, visitor: &mut V) {
        visitor.visit_float(&self.param());
    }

    fn map<M: ModuleMapper<B>>(self, mapper: &mut M) -> Self {
        Self::new(mapper.map_float(self.param()))
    }

    fn into_record(self) -> Self::Record {
        self.param()
    }

    fn load_record(self, record: Self::Record) -> Self {
        Self::new(record)
    }

    fn to_device(self, device: &B::Device) -> Self {
        Self { id: self.id, value: Mutex::new(self.value().to_device(device)) }
    }

    fn fork(self, device: &B::Device) -> Self {
        self.to_device(device)
    }

    fn collect_devices(&self, mut devices: Devices<B>) -> Devices<B> {
        let device = self.value().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }
}

impl<B: AutodiffBackend> AutodiffModule<B> for Running<B> {
    type InnerModule = Running<B::InnerBackend>;

    fn valid(&self) -> Self::InnerModule {
        Running { id: self.id, value: Mutex::new(self.value().inner()) }
    }

    fn from_inner(module: Self::InnerModule) -> Self {
        Self { id: module.id, value: Mutex::new(Tensor::from_inner(module.value())) }
    }
}

impl<B: Backend> ModuleDisplayDefault for Running<B> {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("running statistics {}", self.id)).optional()
    }
}

impl<B: Backend> ModuleDisplay for Running<B> {}
