//! A perceptron as plain layers.

use super::MlpConfig;
use crate::data::Task;
use crate::model::plain::{Parts, activation};
use crate::network::{Layer, Mean};

impl MlpConfig {
    /// The layers of such a network, whose logits are those of `task`.
    pub(in crate::model) fn plain_layers<'a>(&self, parts: Parts<'a, '_>, task: Task) -> Vec<Layer<'a>> {
        let mut layers = Vec::new();
        if self.members > 1 {
            layers.push(Layer::ScaleMembers { scale: parts.array("members.scale") });
        }
        for layer in 0..self.hidden.len() {
            layers.extend([parts.dense(&format!("layers.{layer}")), activation(self.activation)]);
        }
        if self.members == 1 {
            layers.push(parts.dense(&format!("layers.{}", self.hidden.len())));
            return layers;
        }
        let (weight, bias) = (parts.array("members.weight"), parts.array("members.bias"));
        let mean = match task {
            // As `members::average`.
            Task::Binary | Task::Labels { .. } | Task::Ordered { .. } => Mean::Sigmoid,
            Task::MultiClass { .. } | Task::LanguageModel { .. } => Mean::Softmax,
            Task::Regression | Task::Numbers { .. } => Mean::Number,
            Task::Quantiles { .. } => Mean::Quantiles,
        };
        layers.extend([Layer::MemberDense { weight, bias }, Layer::AverageMembers { mean }]);
        layers
    }
}
