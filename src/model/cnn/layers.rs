//! A convolutional network as plain layers.

use burnlab_cpu::NORM_EPSILON;

use super::{CnnConfig, LINEAR};
use crate::data::{Layout, Task};
use crate::model::NamedWeights;
use crate::model::plain::{Parts, activation};
use crate::network::{Array, Layer};

impl CnnConfig {
    pub(super) fn plain_layers<'a>(&self, layout: &Layout, task: Task, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        let [height, width] = layout.pixels().unwrap_or_default();
        let mut layers = vec![
            Layer::Reshape { shape: vec![height, width, layout.num_channels] },
            Layer::Transpose { order: vec![2, 0, 1] },
        ];
        for index in 0..self.pairs(layout).len() {
            let prefix = format!("convolutions.{index}.");
            let parts = Parts::new(weights, &prefix);
            layers.extend([self.convolution(parts), activation(self.activation)]);
            if self.pool > 1 && (index + 1).is_multiple_of(self.convolutions) {
                layers.push(Layer::MaxPool { size: self.pool });
            }
        }
        layers.push(Layer::Reshape { shape: vec![self.num_features(layout)] });
        layers.extend(self.linear().plain_layers(Parts::new(weights, LINEAR), task));
        layers
    }

    /// A convolution with the normalisation that follows folded in: at inference it is an affine map of each channel.
    fn convolution<'a>(&self, parts: Parts<'a, '_>) -> Layer<'a> {
        let mut weight = parts.array("weight");
        if !self.batch_norm {
            return Layer::Convolution { weight, bias: parts.array("bias") };
        }
        let [scale, shift, mean, variance] =
            ["scale", "shift", "mean", "variance"].map(|name| parts.array(&format!("norm.{name}")).values);
        let factors: Vec<f32> =
            scale.iter().zip(&*variance).map(|(scale, variance)| scale / (variance + NORM_EPSILON).sqrt()).collect();
        let shifts = shift.iter().zip(&*mean).zip(&factors).map(|((shift, mean), factor)| shift - mean * factor);
        let bias = Array::new(&[factors.len()], shifts.collect::<Vec<f32>>());
        let of_channel = weight.values.len() / factors.len();
        for (weights, factor) in weight.values.to_mut().chunks_mut(of_channel).zip(&factors) {
            weights.iter_mut().for_each(|weight| *weight *= factor);
        }
        Layer::Convolution { weight, bias }
    }
}
