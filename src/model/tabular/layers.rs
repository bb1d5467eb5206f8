//! A tabular network as plain layers.

use super::{CLIP, LARGEST, Places, TabularConfig};
use crate::data::Layout;
use crate::model::NamedWeights;
use crate::model::plain::{Parts, activation};
use crate::network::Layer;

impl TabularConfig {
    pub(super) fn plain_layers<'a>(&self, layout: &Layout, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        let parts = Parts::new(weights, "");
        let mut layers = vec![self.features(layout, parts), parts.dense("stem")];
        for block in 0..self.blocks {
            let name = |part: &str| format!("blocks.{block}.{part}");
            layers.push(Layer::Residual {
                layers: vec![
                    parts.dense(&name("expand")),
                    parts.layer_norm(&name("norm")),
                    activation(self.activation),
                    parts.dense(&name("contract")),
                ],
            });
        }
        layers.extend([parts.layer_norm("norm"), activation(self.activation), parts.dense("output")]);
        layers
    }

    /// Embedded numbers, numbers, and categories, side by side.
    fn features<'a>(&self, layout: &Layout, parts: Parts<'a, '_>) -> Layer<'a> {
        let Places { numbers, categories } = Places::of(layout);
        let clipped = || {
            let clip = Layer::SmoothClip { largest: LARGEST as f32, limit: CLIP as f32 };
            vec![Layer::Select { places: numbers.clone() }, clip]
        };
        let mut branches = Vec::new();
        if self.has_embeddings(&numbers) {
            let mut embedded = clipped();
            embedded.extend([
                Layer::Waves {
                    frequency: parts.array("embeddings.frequency"),
                    phase: parts.array("embeddings.phase"),
                    weight: parts.array("embeddings.weight"),
                    bias: parts.array("embeddings.bias"),
                },
                activation(self.activation),
                Layer::Reshape { shape: vec![numbers.len() * self.embedding] },
            ]);
            branches.push(embedded);
        }
        if !numbers.is_empty() {
            branches.push(clipped());
        }
        if !categories.is_empty() {
            branches.push(vec![Layer::Select { places: categories }]);
        }
        Layer::Branches { branches }
    }
}
