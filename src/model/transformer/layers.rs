//! A transformer as plain layers.

use super::{TransformerConfig, grid};
use crate::data::Layout;
use crate::model::NamedWeights;
use crate::model::plain::{Parts, activation};
use crate::network::Layer;

impl TransformerConfig {
    pub(super) fn plain_layers<'a>(&self, layout: &Layout, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        let parts = Parts::new(weights, "");
        let is_text = layout.num_characters.is_some();
        let mut layers = Vec::new();
        if is_text {
            layers.push(Layer::Lookup { table: parts.array("embedding") });
        } else {
            let ([height, width], [rows, columns]) = (grid(layout), self.patch_of(layout));
            let (down, across) = (height / rows, width / columns);
            layers.extend([
                Layer::Reshape { shape: vec![down, rows, across, columns] },
                Layer::Transpose { order: vec![0, 2, 1, 3] },
                Layer::Reshape { shape: vec![down * across, rows * columns] },
                parts.dense("patches"),
            ]);
        }
        if self.has_class_token(layout) {
            layers.push(Layer::Prepend { step: parts.array("class_token") });
        }
        layers.push(Layer::AddPositions { positions: parts.array("positions") });
        for block in 0..self.depth {
            layers.extend(self.block(Parts::new(weights, &format!("blocks.{block}.")), is_text));
        }
        layers.push(parts.layer_norm("norm"));
        match (is_text, self.has_class_token(layout)) {
            (true, _) => {}
            (false, true) => layers.push(Layer::Step { is_last: false }),
            (false, false) => layers.push(Layer::MeanStep),
        }
        layers.push(parts.dense("output"));
        layers
    }

    fn block<'a>(&self, parts: Parts<'a, '_>, is_causal: bool) -> [Layer<'a>; 2] {
        let attention = vec![
            parts.layer_norm("attention_norm"),
            parts.dense("attention.inputs"),
            Layer::Attention { heads: self.heads, is_causal },
            parts.dense("attention.output"),
        ];
        let feed_forward = vec![
            parts.layer_norm("feed_forward_norm"),
            parts.dense("feed_forward.0"),
            activation(self.activation),
            parts.dense("feed_forward.1"),
        ];
        [Layer::Residual { layers: attention }, Layer::Residual { layers: feed_forward }]
    }
}
